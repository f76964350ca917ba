// Source lines to show beside a finding. Files are read as they are on disk now; a line that is no longer there is simply not shown.

using KAlloc.Tool.Findings;

namespace KAlloc.Tool.Output;

/// <summary>A source line cut to what fits, with the columns of the marked part in it.</summary>
internal readonly record struct Excerpt(string Text, int MarkStart, int MarkLength);

/// <summary>Reads each file once.</summary>
internal sealed class SourceLines
{
    private const int TabWidth = 4;
    private const string Cut = "…";

    private readonly Dictionary<string, string[]> _files = new(StringComparer.Ordinal);

    /// <summary>The line that <paramref name="span"/> starts on, tabs widened, at most <paramref name="width"/> characters long.</summary>
    internal Excerpt? Read(SourceSpan span, int width, bool trimmed = false)
    {
        string[] lines = Lines(span.File);
        if (span.Line < 1 || span.Line > lines.Length) return null;
        string raw = lines[span.Line - 1];
        int start = Math.Clamp(span.Column - 1, 0, raw.Length);
        int end = span.EndLine > span.Line ? raw.TrimEnd().Length : Math.Clamp(span.EndColumn - 1, 0, raw.Length);
        end = Math.Max(end, Math.Min(start + 1, raw.Length));

        string before = Widen(raw[..start], 0), marked = Widen(raw[start..end], before.Length);
        string after = Widen(raw[end..], before.Length + marked.Length).TrimEnd();
        if (trimmed)
        {
            before = before.TrimStart();
            if (before.Length == 0) marked = marked.TrimStart();
        }

        return Fit(before, marked, after, width);
    }

    // The marked part matters most, then what stands before it, then the rest.
    private static Excerpt Fit(string before, string marked, string after, int width)
    {
        if (before.Length + marked.Length + after.Length <= width) return new Excerpt(before + marked + after, before.Length, marked.Length);
        if (marked.Length > width - 2) marked = marked[..Math.Max(1, width - 3)] + Cut;
        int room = Math.Max(0, width - marked.Length);
        if (before.Length > room) before = Cut + before[^Math.Max(0, Math.Min(before.Length, room - 1))..];
        room = Math.Max(0, width - marked.Length - before.Length);
        if (after.Length > room) after = room > 0 ? after[..(room - 1)] + Cut : "";
        return new Excerpt(before + marked + after, before.Length, marked.Length);
    }

    private static string Widen(string text, int column)
    {
        if (!text.Contains('\t')) return text;
        System.Text.StringBuilder wide = new();
        foreach (char c in text)
        {
            if (c == '\t') wide.Append(' ', TabWidth - (column + wide.Length) % TabWidth);
            else wide.Append(c);
        }

        return wide.ToString();
    }

    private string[] Lines(string file)
    {
        if (_files.TryGetValue(file, out string[]? lines)) return lines;
        try
        {
            lines = File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            lines = [];
        }

        _files[file] = lines;
        return lines;
    }
}
