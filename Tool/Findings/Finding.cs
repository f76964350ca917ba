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
    private const string RemedyMark = " → ";

    /// <summary>What is wrong: the message without its remedy.</summary>
    internal string Problem => Message.IndexOf(RemedyMark, StringComparison.Ordinal) is > 0 and var mark ? Message[..mark] : Message;

    /// <summary>What to do about it; null if the message names no remedy.</summary>
    internal string? Remedy => Message.IndexOf(RemedyMark, StringComparison.Ordinal) is > 0 and var mark ? Message[(mark + RemedyMark.Length)..] : null;
}
