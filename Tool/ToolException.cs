namespace KAlloc.Tool;

/// <summary>
/// The tool could not do its work, and the message tells the user why: the program ends with exit code 2. <see cref="Details"/> are lines of
/// evidence, such as the compiler's errors.
/// </summary>
internal sealed class ToolException(string message, IReadOnlyList<string>? details = null) : Exception(message)
{
    public IReadOnlyList<string> Details { get; } = details ?? [];
}

/// <summary>What the program's exit code says.</summary>
internal static class ExitCode
{
    internal const int Clean = 0;
    internal const int Findings = 1;
    internal const int CouldNotRun = 2;
}
