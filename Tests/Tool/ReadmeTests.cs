// The README's example is run, and its commands are the ones that the continuous build runs.

using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Xunit;

namespace KAlloc.Tool.Tests;

public sealed partial class ReadmeTests
{
    [Fact]
    public async Task Example_PrintsWhatTheReadmeShows()
    {
        string readme = Read("README.md");
        string code = Block(readme, "csharp"), output = Block(readme, "text");
        using Workplace work = new Workplace()
            .With("Demo.csproj", Workplace.Library(properties: "<ImplicitUsings>enable</ImplicitUsings>"))
            .With("Pixels.cs", code);

        Run run = await work.ToolAsync("check", ".");

        Assert.True(run.ExitCode == 1, run.ToString());
        string findings = run.Output.Split("\n\nWhere there is a quick fix")[0].TrimEnd() + "\n";
        Assert.Equal(output, findings);
    }

    [Fact]
    public void RuleTable_NamesEveryRuleWithLevelAndTitle()
    {
        string[] rows = [.. RuleRow().Matches(Read("README.md")).Select(m => m.Value)];
        string[] expected =
        [
            .. RuleCatalog.Load(Path.Combine(Path.GetDirectoryName(Workplace.ToolPath())!, "analyzers")).Rules.Values
                .Where(r => r.DefaultSeverity != DiagnosticSeverity.Hidden)
                .OrderBy(r => r.Id, StringComparer.Ordinal)
                .Select(r => $"| {r.Id} | {(r.DefaultSeverity == DiagnosticSeverity.Info ? "info" : r.DefaultSeverity.ToString().ToLowerInvariant())} | {r.Title} |"),
        ];
        Assert.Equal(expected, rows);
    }

    [Fact]
    public void TestCommand_IsTheOneThatTheBuildRuns()
    {
        const string Command = "dotnet test KAlloc.Analyzers.sln";
        Assert.Equal(Command, Assert.Single(Blocks().Matches(Read("README.md")), m => m.Groups["code"].Value.StartsWith("dotnet test", StringComparison.Ordinal)).Groups["code"].Value.Trim());
        Assert.Contains($"\n{Command} ", Read(".ci/run"), StringComparison.Ordinal);
    }

    private static string Block(string text, string language) => Blocks().Matches(text).First(m => m.Groups["language"].Value == language).Groups["code"].Value;

    private static string Read(string file) => File.ReadAllText(Path.Combine(Workplace.Repository, file));

    [GeneratedRegex(@"^\| KA\d{4} \|.*\|$", RegexOptions.Multiline)]
    private static partial Regex RuleRow();

    [GeneratedRegex(@"^```(?<language>\w+)\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
