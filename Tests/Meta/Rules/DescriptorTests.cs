using System.Reflection;
using System.Text.RegularExpressions;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace KAlloc.Meta.Tests.Rules;

/// <summary>Each rule's descriptor: its texts, its link, its release row, its options.</summary>
public sealed class DescriptorTests
{
    public static TheoryData<string> Ids => [.. KernelSetup.Rules.Keys];

    [Fact]
    public void Rules_OfAllAnalyzers_HaveUniqueIds()
    {
        var owners =
            from analyzer in KernelSetup.CreateAnalyzers()
            from id in analyzer.SupportedDiagnostics.Select(rule => rule.Id).Distinct()
            group analyzer.GetType().Name by id into owner
            where owner.Count() > 1
            select $"{owner.Key}: {string.Join(", ", owner)}";
        Assert.Empty(owners);
        Assert.NotEmpty(KernelSetup.Rules);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Rule_Texts_FollowTheStyle(string id)
    {
        DiagnosticDescriptor rule = KernelSetup.Rules[id];
        string title = rule.Title.ToString(), message = rule.MessageFormat.ToString();

        Assert.Matches(@"^KA\d{4}$", id);
        Assert.InRange(title.Length, 10, 60);
        Assert.False(title.EndsWith('.'), $"the title ends with a period: {title}");
        Assert.False(message.EndsWith('.'), $"the message ends with a period: {message}");

        // The remedy follows what is wrong: a message of one clause has none.
        Assert.True(message.Contains("; ", StringComparison.Ordinal) || message.Contains("{", StringComparison.Ordinal) && message.Split(", ").Length > 1, $"the message names no remedy: {message}");
        Assert.StartsWith("KAlloc.", rule.Category, StringComparison.Ordinal);
        Assert.NotEmpty(rule.Description.ToString());
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Rule_HelpLink_LeadsToItsPage(string id) => Assert.EndsWith($"/docs/rules/{id}.md", KernelSetup.Rules[id].HelpLinkUri, StringComparison.Ordinal);

    [Theory]
    [MemberData(nameof(Ids))]
    public void Rule_ReleaseRow_NamesCategoryAndSeverity(string id)
    {
        DiagnosticDescriptor rule = KernelSetup.Rules[id];
        string rows = Read("Analyzers/AnalyzerReleases.Shipped.md") + Read("Analyzers/AnalyzerReleases.Unshipped.md");
        string severity = rule.IsEnabledByDefault ? rule.DefaultSeverity.ToString() : "Disabled";
        Assert.Matches($@"(?m)^{id} \| {Regex.Escape(rule.Category)} \| {severity} \| \S", rows);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Rule_Page_MentionsEveryOptionOfItsSource(string id)
    {
        string page = Path.Combine(Repository.Root, "docs", "rules", id + ".md");
        string[] sources = Directory.GetFiles(Path.Combine(Repository.Root, "Analyzers", "Rules"), id + "*.cs", SearchOption.AllDirectories);
        var options = sources.SelectMany(file => Regex.Matches(File.ReadAllText(file), "\"(kalloc\\.[a-z_]+)\"")).Select(match => match.Groups[1].Value).Distinct();
        if (!options.Any()) return;
        string text = File.ReadAllText(page);
        Assert.All(options, option => Assert.Contains(option, text, StringComparison.Ordinal));
    }

    [Fact]
    public void Pages_EachBelongsToARule()
    {
        string folder = Path.Combine(Repository.Root, "docs", "rules");
        IEnumerable<string?> pages = Directory.Exists(folder) ? Directory.GetFiles(folder, "KA*.md").Select(Path.GetFileNameWithoutExtension) : [];
        Assert.All(pages, page => Assert.Contains(page!, KernelSetup.Rules.Keys));
    }

    [Fact]
    public void AnalyzerAssembly_References_NoWorkspaces()
    {
        Assert.DoesNotContain(KernelSetup.AnalyzerAssembly.GetReferencedAssemblies(), name => name.Name!.Contains("Workspaces", StringComparison.Ordinal));
    }

    [Fact]
    public void Analyzers_KeepNoState()
    {
        IEnumerable<string> state =
            from type in KernelSetup.AnalyzerTypes
            from field in type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)
            where !field.IsInitOnly
            select $"{type.Name}.{field.Name}";
        Assert.Empty(state);
    }

    private static string Read(string path)
    {
        string full = Path.Combine(Repository.Root, path);
        return File.Exists(full) ? File.ReadAllText(full) : "";
    }
}
