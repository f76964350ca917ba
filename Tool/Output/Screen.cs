// The one place that knows whether a person watches: colour, wrapping and a spinner on a terminal; plain text and whole lines when the output goes
// to a file or another program. What is done meanwhile then goes to standard error, a line a step: a build takes a minute, and silence looks like a hang.

using Spectre.Console;

namespace KAlloc.Tool.Output;

/// <summary>Where results go.</summary>
internal sealed class Screen
{
    private const int WidestText = 120;
    private const int WidestSource = 160;
    private const int UnboundedWidth = 100_000;

    private readonly IAnsiConsole _console;

    internal Screen(IAnsiConsole console, bool watched)
    {
        _console = console;
        IsWatched = watched;
        TextWidth = watched ? Math.Clamp(console.Profile.Width, 40, WidestText) : WidestText;
        SourceWidth = watched ? Math.Clamp(console.Profile.Width, 40, WidestSource) : WidestSource;
        _console.Profile.Width = UnboundedWidth; // lines are broken here, by meaning; the library would break them anywhere
    }

    /// <summary>A person watches on a terminal.</summary>
    internal bool IsWatched { get; }

    /// <summary>The number of characters that a line of text should not exceed.</summary>
    internal int TextWidth { get; }

    /// <summary>The number of characters at which a source line is cut.</summary>
    internal int SourceWidth { get; }

    internal static Screen ForStandardOutput()
    {
        bool watched = !Console.IsOutputRedirected;
        return new Screen(AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = watched ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = watched ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = watched ? InteractionSupport.Detect : InteractionSupport.No,
        }), watched);
    }

    /// <summary>Writes one line of styled parts.</summary>
    internal void Line(params ReadOnlySpan<(string Text, Style Style)> parts)
    {
        Paragraph line = new();
        foreach ((string text, Style style) in parts) line.Append(text, style);
        _console.Write(line);
        _console.WriteLine();
    }

    internal void Line() => _console.WriteLine();

    internal void Line(string text) => Line((text, Style.Plain));

    /// <summary>Writes text broken at words, each line indented.</summary>
    internal void Wrapped(string text, string firstIndent, string indent, Style style)
    {
        foreach ((string line, bool first) in Break(text, TextWidth - indent.Length).Select((l, i) => (l, i == 0)))
            Line((first ? firstIndent : indent, Style.Plain), (line, style));
    }

    /// <summary>Shows that long work goes on, and which step it is at.</summary>
    internal Task<T> BusyAsync<T>(string what, Func<Action<string>, Task<T>> work)
    {
        if (!IsWatched || !_console.Profile.Capabilities.Interactive)
        {
            Console.Error.WriteLine($"kalloc: {what} …");
            return work(static step => Console.Error.WriteLine($"kalloc: {step}"));
        }

        _console.Profile.Width = TextWidth;
        return Show();

        async Task<T> Show()
        {
            try
            {
                return await _console.Status().Spinner(Spinner.Known.Dots).SpinnerStyle(Styles.Quiet)
                    .StartAsync(Markup.Escape(what), context => work(step => context.Status(Markup.Escape(step))));
            }
            finally
            {
                _console.Profile.Width = UnboundedWidth;
            }
        }
    }

    private static IEnumerable<string> Break(string text, int width)
    {
        string line = "";
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = "";
            }

            line = line.Length == 0 ? word : $"{line} {word}";
        }

        yield return line;
    }
}
