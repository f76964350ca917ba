// What is in the packages, entry by entry: nothing is missing, and nothing comes in by accident.

using System.IO.Compression;
using System.Xml.Linq;
using Xunit;

namespace KAlloc.Package.Tests;

[Collection("feed")]
public sealed class ContentsTests(LocalFeed feed)
{
    [Fact]
    public void Analyzers_HoldExactlyThis() => Assert.Equal(
        [
            "KAlloc.Analyzers.nuspec",
            "LICENSE",
            "README.md",
            "analyzers/dotnet/cs/KAlloc.Analyzers.dll",
            "analyzers/dotnet/cs/KAlloc.Analyzers.pdb",
            "analyzers/dotnet/cs/KAlloc.CodeFixes.dll",
            "analyzers/dotnet/cs/KAlloc.CodeFixes.pdb",
            "buildTransitive/KAlloc.Analyzers.props",
            "buildTransitive/KAlloc.Analyzers.targets",
            "buildTransitive/config/KAlloc.kernel.globalconfig",
            "buildTransitive/config/KAlloc.none.globalconfig",
            "buildTransitive/config/KAlloc.recommended.globalconfig",
            "buildTransitive/config/KAlloc.strict.globalconfig",
            .. Directory.GetFiles(Path.Combine(Repository.Root, "docs", "rules"), "KA*.md").Select(page => "docs/rules/" + Path.GetFileName(page)).Order(StringComparer.Ordinal),
            "icon.png",
        ],
        Entries(feed.Package("KAlloc.Analyzers")));

    [Fact]
    public void Runtime_HoldsExactlyThis() => Assert.Equal(
        [
            "KAlloc.nuspec",
            "LICENSE",
            "README.md",
            "buildTransitive/KAlloc.targets",
            "icon.png",
            "lib/net10.0/KAlloc.dll",
            "lib/net10.0/KAlloc.pdb",
            "lib/net10.0/KAlloc.xml",
            "names/KAlloc.LinuxNames.props",
        ],
        Entries(feed.Package("KAlloc")));

    [Fact]
    public void AspNetCore_HoldsExactlyThis() => Assert.Equal(
        [
            "KAlloc.AspNetCore.nuspec",
            "LICENSE",
            "README.md",
            "icon.png",
            "lib/net10.0/KAlloc.AspNetCore.dll",
            "lib/net10.0/KAlloc.AspNetCore.pdb",
            "lib/net10.0/KAlloc.AspNetCore.xml",
        ],
        Entries(feed.Package("KAlloc.AspNetCore")));

    [Fact]
    public void AspNetCore_DependsOnTheAllocatorAndTheFramework()
    {
        XDocument nuspec = Nuspec(feed.Package("KAlloc.AspNetCore"));
        Assert.Equal("KAlloc", Assert.Single(nuspec.Descendants(), e => e.Name.LocalName == "dependency").Attribute("id")!.Value);
        Assert.Equal("Microsoft.AspNetCore.App", Assert.Single(nuspec.Descendants(), e => e.Name.LocalName == "frameworkReference").Attribute("name")!.Value);
    }

    [Fact]
    public void Runtime_DependsOnExactlyTheSameAnalyzers_WithAllTheirAssets()
    {
        XElement dependency = Assert.Single(Nuspec(feed.Package("KAlloc")).Descendants(), e => e.Name.LocalName == "dependency");
        Assert.Equal("KAlloc.Analyzers", dependency.Attribute("id")!.Value);
        Assert.Equal($"[{feed.Version}]", dependency.Attribute("version")!.Value);
        Assert.Equal("All", dependency.Attribute("include")?.Value);
        Assert.Null(dependency.Attribute("exclude"));
    }

    [Fact]
    public void Analyzers_AreADevelopmentDependencyWithoutDependencies()
    {
        XDocument nuspec = Nuspec(feed.Package("KAlloc.Analyzers"));
        Assert.Equal("true", Assert.Single(nuspec.Descendants(), e => e.Name.LocalName == "developmentDependency").Value);
        Assert.DoesNotContain(nuspec.Descendants(), e => e.Name.LocalName == "dependency");
    }

    // Without what every package has: its relations, its content types and its core properties.
    private static string[] Entries(string package)
    {
        using ZipArchive zip = ZipFile.OpenRead(package);
        return
        [
            .. zip.Entries.Select(e => e.FullName)
                .Where(n => n != "[Content_Types].xml" && !n.StartsWith("_rels/", StringComparison.Ordinal) && !n.StartsWith("package/", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];
    }

    private static XDocument Nuspec(string package)
    {
        using ZipArchive zip = ZipFile.OpenRead(package);
        using Stream stream = zip.Entries.Single(e => e.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        return XDocument.Load(stream);
    }
}
