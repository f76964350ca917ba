// A body's graph with its states as a picture, in Mermaid's or Graphviz's language: a box a block, its code above and the states that reach it below.

namespace KAlloc.Analyzers.Host;

internal static class StatePicture
{
    internal static string Mermaid(WatchedBody body)
    {
        var text = new System.Text.StringBuilder($"%% {body.Name}\nflowchart TD\n");
        foreach (WatchedBlock block in body.Blocks)
        {
            text.Append($"    B{block.Ordinal}[\"{string.Join("<br/>", Lines(block).Select(EscapeMarkup))}\"]\n");
            foreach ((int target, string label) in block.Edges)
                text.Append($"    B{block.Ordinal} -->{(label.Length == 0 ? "" : $"|{label}|")} {(target < 0 ? $"X{block.Ordinal}([out])" : "B" + target)}\n");
        }

        return text.ToString();
    }

    internal static string Graphviz(WatchedBody body)
    {
        var text = new System.Text.StringBuilder($"digraph \"{EscapeText(body.Name)}\" {{\n    node [shape=box, fontname=monospace];\n");
        foreach (WatchedBlock block in body.Blocks)
        {
            // \l ends a line and sets it to the left.
            text.Append($"    B{block.Ordinal} [label=\"{string.Concat(Lines(block).Select(line => EscapeText(line) + "\\l"))}\"];\n");
            foreach ((int target, string label) in block.Edges)
                text.Append($"    B{block.Ordinal} -> {(target < 0 ? "out" + block.Ordinal : "B" + target)}{(label.Length == 0 ? "" : $" [label=\"{label}\"]")};\n");
        }

        return text.Append("}\n").ToString();
    }

    private static IEnumerable<string> Lines(WatchedBlock block) => [$"B{block.Ordinal}", .. block.Code, .. block.States.Select(state => "· " + state)];

    private static string EscapeMarkup(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;").Replace(">", "&gt;").Replace("\"", "&quot;");

    private static string EscapeText(string text) => text.Replace("\\", "\\\\").Replace("\"", "\\\"");
}
