// kalloc explain ID: the rule's page of docs/rules, which travels inside the tool. What a build prints names the rule; this needs no network.

using KAlloc.Tool.Output;

namespace KAlloc.Tool;

/// <summary>The <c>explain</c> command.</summary>
internal static class ExplainCommand
{
    internal static int Run(string rule, Screen screen)
    {
        using Stream? page = typeof(ExplainCommand).Assembly.GetManifestResourceStream($"rules/{rule.ToUpperInvariant()}.md");
        if (page is null) throw new ToolException($"there is no rule '{rule}'; the rules are {string.Join(", ", Rules())}");
        using StreamReader text = new(page);
        while (text.ReadLine() is { } line) screen.Line(line);
        return ExitCode.Clean;
    }

    private static IEnumerable<string> Rules() =>
        typeof(ExplainCommand).Assembly.GetManifestResourceNames().Where(name => name.StartsWith("rules/", StringComparison.Ordinal)).Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal)!;
}
