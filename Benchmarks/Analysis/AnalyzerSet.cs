// Who is measured: KAlloc's analyzers, an analyzer that registers one empty action (the floor of any live analyzer), and the SDK's own.

using System.Collections.Immutable;
using System.Reflection;
using KAlloc.Analyzers.Host;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Benchmarks.Analysis;

/// <summary>Analyzers run together, with the rules that are switched on for them.</summary>
internal sealed record AnalyzerSet(string Name, ImmutableArray<DiagnosticAnalyzer> Analyzers, string? OnlyRule = null)
{
    internal static AnalyzerSet KAlloc { get; } = new("KAlloc", [.. Instances(typeof(FlowAnalyzer).Assembly)]);

    internal static AnalyzerSet Empty { get; } = new("empty action", [new EmptySemanticModelAction()]);

    /// <summary>The analyzers of the SDK this process runs on, as a new project has them, and its one rule on lost disposables alone.</summary>
    internal static IReadOnlyList<AnalyzerSet> OfSdk()
    {
        string? folder = SdkAnalyzerFolder();
        if (folder is null) return [];
        ImmutableArray<DiagnosticAnalyzer> all =
        [
            .. from file in Directory.EnumerateFiles(folder, "*.NetAnalyzers.dll").Order(StringComparer.Ordinal)
               where !file.Contains("VisualBasic", StringComparison.Ordinal)
               from analyzer in Instances(Assembly.LoadFrom(file))
               select analyzer,
        ];
        return
        [
            new AnalyzerSet("NetAnalyzers", all),
            new AnalyzerSet("CA2000", [.. all.Where(analyzer => analyzer.SupportedDiagnostics.Any(rule => rule.Id == "CA2000"))], OnlyRule: "CA2000"),
        ];
    }

    /// <summary>The analyzers on a compilation, with the severities that make exactly this set's rules run.</summary>
    internal CompilationWithAnalyzers On(Compilation compilation)
    {
        if (OnlyRule is not null)
        {
            var severities = Analyzers.SelectMany(analyzer => analyzer.SupportedDiagnostics).Select(rule => rule.Id).Distinct()
                .ToImmutableDictionary(id => id, id => id == OnlyRule ? ReportDiagnostic.Warn : ReportDiagnostic.Suppress);
            compilation = compilation.WithOptions(compilation.Options.WithSpecificDiagnosticOptions(severities));
        }

        return compilation.WithAnalyzers(Analyzers, new CompilationWithAnalyzersOptions(
            new AnalyzerOptions([]), onAnalyzerException: null, concurrentAnalysis: true, logAnalyzerExecutionTime: false));
    }

    private static IEnumerable<DiagnosticAnalyzer> Instances(Assembly assembly) =>
        from type in LoadableTypes(assembly)
        where !type.IsAbstract && type.IsSubclassOf(typeof(DiagnosticAnalyzer))
        where type.GetCustomAttribute<DiagnosticAnalyzerAttribute>() is { } marked && marked.Languages.Contains(LanguageNames.CSharp)
        orderby type.FullName
        select (DiagnosticAnalyzer)Activator.CreateInstance(type)!;

    /// <summary>The SDK keeps its code fixes in the same assemblies, and what those need is not here.</summary>
    private static IEnumerable<Type> LoadableTypes(Assembly assembly)
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException partly)
        {
            return partly.Types.OfType<Type>();
        }
    }

    private static string? SdkAnalyzerFolder()
    {
        string root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..", "sdk"));
        return Directory.Exists(root)
            ? Directory.EnumerateDirectories(root).Where(sdk => Path.GetFileName(sdk).StartsWith("10.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
                .Select(sdk => Path.Combine(sdk, "Sdks", "Microsoft.NET.Sdk", "analyzers")).LastOrDefault(Directory.Exists)
            : null;
    }
}

#pragma warning disable RS1036, RS1038, RS1041, RS2008 // measured, never shipped
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class EmptySemanticModelAction : DiagnosticAnalyzer
{
    private static readonly DiagnosticDescriptor s_nothing = new("NONE", "Nothing", "Nothing", "Benchmark", DiagnosticSeverity.Warning, isEnabledByDefault: true);

    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [s_nothing];

    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterSemanticModelAction(_ => { });
    }
}
