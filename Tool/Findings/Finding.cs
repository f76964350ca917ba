namespace KAlloc.Tool.Findings;

/// <summary>A place in a source file; lines and columns count from 1, the end column is the one after the last.</summary>
internal readonly record struct SourceSpan(string File, int Line, int Column, int EndLine, int EndColumn);

/// <summary>One step of the path that leads to a finding.</summary>
internal sealed record PathStep(SourceSpan Place, string Text);

/// <summary>A finding's level, worst first.</summary>
internal enum Level
{
    Error,
    Warning,
    Info,
}

/// <summary>One finding of one rule, as all compilations of its file agree on it.</summary>
internal sealed record Finding(string Rule, string Title, Level Level, string Message, string? HelpLink, SourceSpan Place, IReadOnlyList<PathStep> Path)
{
    /// <summary>What is wrong: the message without its remedy.</summary>
    internal string Problem => RemedyAt() is { Start: > 0 } mark ? Message[..mark.Start] : Message;

    /// <summary>What to do about it; null if the message names no remedy.</summary>
    internal string? Remedy => RemedyAt() is { Start: > 0 } mark ? Message[mark.End..] : null;

    // Messages say "what is wrong; what to do", or lead to the remedy with an arrow.
    private (int Start, int End) RemedyAt()
    {
        int arrow = Message.IndexOf(" → ", StringComparison.Ordinal);
        if (arrow > 0) return (arrow, arrow + 3);
        int semicolon = Message.LastIndexOf("; ", StringComparison.Ordinal);
        return (semicolon, semicolon + 2);
    }
}
