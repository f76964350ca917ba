using KAlloc.Tests.Verifier;
using Xunit;

namespace KAlloc.Meta.Tests.Rules;

/// <summary>Each rule has a page that opens with its title.</summary>
public sealed class RuleCompletenessTests
{
    public static TheoryData<string> Ids => [.. KernelSetup.Rules.Keys];

    [Theory]
    [MemberData(nameof(Ids))]
    public void Rule_Page_OpensWithItsTitle(string id)
    {
        string page = Path.Combine(Repository.Root, "docs", "rules", id + ".md");
        Assert.True(File.Exists(page), $"docs/rules/{id}.md is missing");
        Assert.StartsWith($"# {id}: {KernelSetup.Rules[id].Title}\n", File.ReadAllText(page), StringComparison.Ordinal);
    }
}
