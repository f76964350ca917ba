// The severity sets in Package/Analyzers/config are made from the rules themselves. This test holds them up to date, and writes them anew when
// it is told to:  KALLOC_UPDATE=1 dotnet test Tests/Package --filter SeveritySets

using System.Reflection;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace KAlloc.Package.Tests;

public sealed class SeveritySetTests
{
    [Theory]
    [InlineData("none")]
    [InlineData("recommended")]
    [InlineData("strict")]
    [InlineData("kernel")]
    public void SeveritySets_NameEveryRule(string mode)
    {
        string file = Path.Combine(Repository.Root, "Package/Analyzers/config", $"KAlloc.{mode}.globalconfig");
        string expected = Generate(mode);
        if (Environment.GetEnvironmentVariable("KALLOC_UPDATE") == "1") File.WriteAllText(file, expected);
        string actual = File.Exists(file) ? File.ReadAllText(file) : "";
        Assert.True(expected == actual, $"{file} is out of date; run: KALLOC_UPDATE=1 dotnet test Tests/Package --filter SeveritySets\n{expected}");
    }

    private static string Generate(string mode)
    {
        StringBuilder text = new();
        text.Append($"# KAllocAnalysisMode={mode}: {Purpose(mode)} Made from the rules by a test; do not edit.\n");
        text.Append("is_global = true\n");
        text.Append("global_level = -1\n\n");
        foreach (DiagnosticDescriptor rule in Rules()) text.Append($"dotnet_diagnostic.{rule.Id}.severity = {Severity(rule, mode)}\n");
        return text.ToString();
    }

    private static string Purpose(string mode) => mode switch
    {
        "none" => "no rule.",
        "recommended" => "each rule at its own level.",
        "strict" => "every rule, at least as a warning.",
        _ => "code that keeps to the kernel's rules: what would be a bug there is an error.",
    };

    private static string Severity(DiagnosticDescriptor rule, string mode) => (mode, rule.DefaultSeverity) switch
    {
        ("none", _) => "none",
        (_, DiagnosticSeverity.Hidden) => "silent", // a remark of the engine's, not a finding
        ("recommended", _) when !rule.IsEnabledByDefault => "none",
        ("kernel", DiagnosticSeverity.Warning) when IsKernelRule(rule) => "error",
        ("strict" or "kernel", DiagnosticSeverity.Info or DiagnosticSeverity.Warning) => "warning",
        (_, DiagnosticSeverity.Error) => "error",
        (_, DiagnosticSeverity.Warning) => "warning",
        _ => "suggestion",
    };

    private static bool IsKernelRule(DiagnosticDescriptor rule) => rule.Category is "KAlloc.Context" or "KAlloc.Gfp" or "KAlloc.Size" or "KAlloc.Lifetime" or "KAlloc.Stack";

    private static IEnumerable<DiagnosticDescriptor> Rules() => Assembly.Load("KAlloc.Analyzers").GetTypes()
        .Where(t => !t.IsAbstract && typeof(DiagnosticAnalyzer).IsAssignableFrom(t))
        .SelectMany(t => ((DiagnosticAnalyzer)Activator.CreateInstance(t, nonPublic: true)!).SupportedDiagnostics)
        .DistinctBy(r => r.Id)
        .OrderBy(r => r.Id, StringComparer.Ordinal);
}
