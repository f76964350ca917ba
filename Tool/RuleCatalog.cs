// The rules, as the analyzers beside the tool declare them: the one list that severities, `--rule` and the printed counts come from.

using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Tool;

/// <summary>The analyzers, their rules and their quick fixes, loaded from the folder <c>analyzers</c> beside the tool.</summary>
internal sealed class RuleCatalog
{
    internal RuleCatalog(string folder, IReadOnlyList<DiagnosticAnalyzer> analyzers, IReadOnlyList<CodeFixProvider> fixes)
    {
        Folder = folder;
        Analyzers = analyzers;
        Fixes = fixes;
        Rules = analyzers.SelectMany(a => a.SupportedDiagnostics).GroupBy(d => d.Id).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        FixableRules = fixes.SelectMany(f => f.FixableDiagnosticIds).ToHashSet(StringComparer.Ordinal);
    }

    /// <summary>The folder that holds the analyzers' assemblies.</summary>
    internal string Folder { get; }

    internal IReadOnlyList<DiagnosticAnalyzer> Analyzers { get; }

    internal IReadOnlyList<CodeFixProvider> Fixes { get; }

    internal IReadOnlyDictionary<string, DiagnosticDescriptor> Rules { get; }

    internal IReadOnlySet<string> FixableRules { get; }

    internal static RuleCatalog Load() => Load(Path.Combine(AppContext.BaseDirectory, "analyzers"));

    internal static RuleCatalog Load(string folder)
    {
        return new RuleCatalog(
            folder,
            Create<DiagnosticAnalyzer>(Path.Combine(folder, "KAlloc.Analyzers.dll"), typeof(DiagnosticAnalyzerAttribute)),
            Create<CodeFixProvider>(Path.Combine(folder, "KAlloc.CodeFixes.dll"), typeof(ExportCodeFixProviderAttribute)));
    }

    private static List<T> Create<T>(string assembly, Type marker)
    {
        if (!File.Exists(assembly)) throw new ToolException($"this copy of kalloc is incomplete: '{assembly}' is missing");
        return
        [
            .. Assembly.LoadFrom(assembly).GetTypes()
                .Where(t => !t.IsAbstract && typeof(T).IsAssignableFrom(t) && t.IsDefined(marker, inherit: false))
                .OrderBy(t => t.FullName, StringComparer.Ordinal)
                .Select(t => (T)Activator.CreateInstance(t, nonPublic: true)!),
        ];
    }
}
