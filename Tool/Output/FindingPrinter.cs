// How a finding reads:
//
//   Device.cs:41:9  error KA4007  Freed by the wrong deallocator
//
//     41 │     Marshal.FreeHGlobal((nint)p);
//        │     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
//
//     'p' comes from NativeMemory.Alloc, which Marshal.FreeHGlobal cannot free
//     → NativeMemory.Free(p)
//
//     1. Device.cs:38:15  allocated here by NativeMemory.Alloc
//        void* p = NativeMemory.Alloc(64);
//
// The same words in a file and on a terminal; the first line can be clicked in most editors.

using KAlloc.Tool.Findings;
using Spectre.Console;

namespace KAlloc.Tool.Output;

/// <summary>Prints findings, and the count of each rule.</summary>
internal sealed class FindingPrinter(Screen screen, string currentFolder)
{
    private const string Indent = "  ";

    private readonly SourceLines _source = new();

    internal void Print(Finding finding)
    {
        screen.Line(
            (At(finding.Place), Styles.Place), ("  ", Style.Plain), (Name(finding.Level), Styles.Of(finding.Level)), (" ", Style.Plain),
            (finding.Rule, Styles.Strong), ("  ", Style.Plain), (finding.Title, Styles.Strong));
        screen.Line();
        PrintSource(finding);
        screen.Wrapped(finding.Problem, Indent, Indent, Style.Plain);
        if (finding.Remedy is { } remedy) screen.Wrapped(remedy, Indent + "→ ", Indent + Indent, Styles.Remedy);
        screen.Line();
        PrintPath(finding);
    }

    /// <summary>The number of findings, and of each rule: most serious and most frequent first.</summary>
    internal void PrintCounts(IReadOnlyList<Finding> findings)
    {
        var counts = findings.GroupBy(f => f.Rule, StringComparer.Ordinal)
            .Select(g => (Rule: g.Key, Count: g.Count(), Level: g.Min(f => f.Level), g.First().Title))
            .OrderBy(c => c.Level).ThenByDescending(c => c.Count).ThenBy(c => c.Rule, StringComparer.Ordinal).ToArray();
        int width = counts.Max(c => c.Count.ToString().Length);

        screen.Line((Plural(findings.Count, "finding"), Styles.Strong), ($" in {Plural(findings.Select(f => f.Place.File).Distinct().Count(), "file")}", Style.Plain));
        screen.Line();
        foreach (var c in counts)
        {
            screen.Line(
                ($"{Indent}{c.Count.ToString().PadLeft(width)}  ", Styles.Strong), (c.Rule, Styles.Strong), ("  ", Style.Plain),
                (Name(c.Level).PadRight(7), Styles.Of(c.Level)), ($"  {c.Title}", Style.Plain));
        }
    }

    internal static string Plural(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    private void PrintSource(Finding finding)
    {
        string number = finding.Place.Line.ToString();
        string gutter = Indent + new string(' ', number.Length) + " │ ";
        if (_source.Read(finding.Place, screen.SourceWidth - gutter.Length) is not { } line) return;
        screen.Line(
            ($"{Indent}{number} │ ", Styles.Quiet), (line.Text[..line.MarkStart], Style.Plain),
            (line.Text.Substring(line.MarkStart, line.MarkLength), Styles.Strong), (line.Text[(line.MarkStart + line.MarkLength)..], Style.Plain));
        screen.Line((gutter, Styles.Quiet), (new string(' ', line.MarkStart) + new string('^', Math.Max(1, line.MarkLength)), Styles.Of(finding.Level)));
        screen.Line();
    }

    private void PrintPath(Finding finding)
    {
        if (finding.Path.Count == 0) return;
        string[] places = [.. finding.Path.Select(s => AtFrom(finding.Place.File, s.Place))];
        int wide = places.Max(p => p.Length), digits = finding.Path.Count.ToString().Length;
        for (int i = 0; i < places.Length; i++)
        {
            PathStep step = finding.Path[i];
            string number = (i + 1).ToString().PadLeft(digits);
            screen.Line(($"{Indent}{number}. ", Styles.Quiet), (places[i].PadRight(wide), Styles.Place), ($"  {step.Text}", Style.Plain));
            string indent = Indent + new string(' ', digits + 2);
            if (_source.Read(step.Place, screen.SourceWidth - indent.Length, trimmed: true) is not { } line) continue;
            screen.Line(
                (indent, Style.Plain), (line.Text[..line.MarkStart], Styles.Quiet),
                (line.Text.Substring(line.MarkStart, line.MarkLength), Style.Plain), (line.Text[(line.MarkStart + line.MarkLength)..], Styles.Quiet));
        }

        screen.Line();
    }

    private string At(SourceSpan span) => $"{Shown(span.File)}:{span.Line}:{span.Column}";

    // Most steps lie in the finding's own file, whose folder the reader has just seen.
    private string AtFrom(string mainFile, SourceSpan span) =>
        span.File == mainFile ? $"{Path.GetFileName(span.File)}:{span.Line}:{span.Column}" : At(span);

    private string Shown(string file)
    {
        string relative = Path.GetRelativePath(currentFolder, file);
        return relative.StartsWith("..", StringComparison.Ordinal) ? file : relative;
    }

    private static string Name(Level level) => level switch
    {
        Level.Error => "error",
        Level.Warning => "warning",
        _ => "info",
    };
}
