using KAlloc.Tests.Verifier;
using Xunit;

namespace KAlloc.Meta.Tests.Rules;

/// <summary>Each rule has a page that opens with its title, and tests of its own.</summary>
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

    [Theory]
    [MemberData(nameof(Ids))]
    public void Rule_Tests_Exist(string id)
    {
        string[] files = Directory.GetFiles(Path.Combine(Repository.Root, "Tests", "Analyzers"), id + "*Tests.cs", SearchOption.AllDirectories);
        Assert.True(files.Length > 0, $"Tests/Analyzers has no {id}…Tests.cs");
        Assert.Contains(files, file => File.ReadAllText(file).Contains("_StaysSilent", StringComparison.Ordinal));
    }
}
