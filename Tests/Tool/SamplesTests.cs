// The faulty samples say at the end of a line what is wrong with it; check says the same, no more and no less, and each path leads from where
// the story begins.

using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Xunit;

namespace KAlloc.Tool.Tests;

public sealed partial class SamplesTests
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<Run>>> s_runs = new();

    [Theory]
    [InlineData("Samples/CharDriver/Faulty")]
    [InlineData("Samples/ImageBuffers")]
    public async Task FaultySample_IsReportedWhereItSays(string sample)
    {
        string folder = Path.Combine(Workplace.Repository, sample);

        Run run = await CheckOnce(folder);

        Assert.True(run.ExitCode == 1, run.ToString());
        Assert.Equal(Expected(folder), Actual(run.Output));
    }

    [Theory]
    [InlineData("Samples/CharDriver/Faulty")]
    [InlineData("Samples/ImageBuffers")]
    public async Task FaultySample_ShowsWhereEachStoryBegins(string sample)
    {
        string folder = Path.Combine(Workplace.Repository, sample);

        Run run = await CheckOnce(folder);

        foreach (string finding in FindingStart().Split(run.Output).Skip(1))
        {
            string rule = Rule().Match(finding).Value;
            Match first = Step().Match(finding);
            // A handler is atomic from its first line on: there is no step to show.
            if (rule is "KA1001" or "KA1002" && !first.Success) Assert.Matches("handler|tasklet|softirq", finding);
            else Assert.True(first.Success && Beginnings().IsMatch(first.Value), finding);
        }
    }

    // The driver brings the runtime with it: one build serves both tests.
    private static Task<Run> CheckOnce(string folder) => s_runs.GetOrAdd(folder, f => new Lazy<Task<Run>>(async () =>
    {
        using var work = new Workplace();
        return await work.ToolAsync("check", f);
    })).Value;

    private static List<string> Expected(string folder)
    {
        var expected = new List<string>();
        foreach (string file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
        {
            if (file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)) continue;
            string[] lines = File.ReadAllLines(file);
            for (int i = 0; i < lines.Length; i++)
                if (Expectation().Match(lines[i]) is { Success: true } match)
                    foreach (string rule in match.Groups["rules"].Value.Split(',', StringSplitOptions.TrimEntries)) expected.Add($"{Path.GetFileName(file)}:{i + 1} {rule}");
        }

        expected.Sort(StringComparer.Ordinal);
        return expected;
    }

    private static List<string> Actual(string output)
    {
        List<string> actual = [.. FindingHead().Matches(output).Select(match => $"{Path.GetFileName(match.Groups["file"].Value)}:{match.Groups["line"].Value} {match.Groups["rule"].Value}")];
        actual.Sort(StringComparer.Ordinal);
        return actual;
    }

    [GeneratedRegex(@"// expect: (?<rules>.+)$")]
    private static partial Regex Expectation();

    [GeneratedRegex(@"^(?<file>\S.*?):(?<line>\d+):\d+  (?:error|warning|info)\s+(?<rule>KA\d{4})", RegexOptions.Multiline)]
    private static partial Regex FindingHead();

    [GeneratedRegex(@"^(?=\S.*:\d+:\d+  (?:error|warning|info)\s+KA\d{4})", RegexOptions.Multiline)]
    private static partial Regex FindingStart();

    [GeneratedRegex(@"KA\d{4}")]
    private static partial Regex Rule();

    [GeneratedRegex(@"^  1\. .*$", RegexOptions.Multiline)]
    private static partial Regex Step();

    [GeneratedRegex("is allocated here by|must not sleep|bytes")]
    private static partial Regex Beginnings();
}
