namespace KAlloc.Tool.Output;

/// <summary>Splits text at line feeds only, so that carriage returns and a missing last line end are seen.</summary>
internal static class TextLines
{
    /// <summary>The lines with their line ends; joined they are the text again.</summary>
    internal static string[] Split(string text)
    {
        List<string> lines = [];
        for (int start = 0; start < text.Length;)
        {
            int end = text.IndexOf('\n', start);
            int next = end < 0 ? text.Length : end + 1;
            lines.Add(text[start..next]);
            start = next;
        }

        return [.. lines];
    }

    internal static string[] SplitWithoutLineEnds(string text) => [.. Split(text).Select(l => l.TrimEnd('\n', '\r'))];
}
