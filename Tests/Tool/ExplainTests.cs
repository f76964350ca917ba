// `kalloc explain`: every rule's page, without a network and without a repository at hand.

using Xunit;

namespace KAlloc.Tool.Tests;

public sealed class ExplainTests
{
    [Theory]
    [InlineData("KA4001")]
    [InlineData("ka4001")]
    public async Task Rule_ShowsItsPage(string id)
    {
        using var work = new Workplace();
        Run run = await work.ToolAsync("explain", id);
        Assert.Equal(new Run(0, File.ReadAllText(Path.Combine(Workplace.Repository, "docs", "rules", "KA4001.md")), ""), run);
    }

    [Fact]
    public void EveryPage_TravelsWithTheTool() => Assert.Equal(
        Directory.EnumerateFiles(Path.Combine(Workplace.Repository, "docs", "rules"), "KA*.md").Select(file => $"rules/{Path.GetFileName(file)}").Order(StringComparer.Ordinal),
        typeof(ExplainCommand).Assembly.GetManifestResourceNames().Where(name => name.StartsWith("rules/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
}
