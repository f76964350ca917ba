// What every test compilation is made of, said once: the references, the language, and all rules that ship.

using System.Collections.Immutable;
using System.Reflection;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Tests.Verifier;

/// <summary>The parts that test compilations share.</summary>
public static class KernelSetup
{
    private const string LinuxNamesResource = "KAlloc.LinuxNames.props";

    /// <summary>Preview: the compiler that the analyzers are built against knows C# 14's syntax under no other name.</summary>
    public static CSharpParseOptions ParseOptions { get; } = new(LanguageVersion.Preview, DocumentationMode.Diagnose);

    /// <summary>net10.0's reference assemblies and KAlloc.dll.</summary>
    public static ImmutableArray<MetadataReference> References { get; } =
        [.. Basic.Reference.Assemblies.Net100.References.All, MetadataReference.CreateFromFile(typeof(KernelStackAttribute).Assembly.Location)];

    /// <summary>The assembly whose analyzers ship.</summary>
    public static Assembly AnalyzerAssembly { get; } = Assembly.Load("KAlloc.Analyzers");

    /// <summary>The types of all analyzers that ship.</summary>
    public static ImmutableArray<Type> AnalyzerTypes { get; } =
        [.. AnalyzerAssembly.GetTypes().Where(type => type.IsDefined(typeof(DiagnosticAnalyzerAttribute)) && !type.IsAbstract).OrderBy(type => type.FullName, StringComparer.Ordinal)];

    /// <summary>The descriptors of all rules that ship, by ID.</summary>
    public static ImmutableSortedDictionary<string, DiagnosticDescriptor> Rules { get; } =
        CreateAnalyzers().SelectMany(analyzer => analyzer.SupportedDiagnostics).DistinctBy(rule => rule.Id)
            .ToImmutableSortedDictionary(rule => rule.Id, rule => rule, StringComparer.Ordinal);

    /// <summary>The kernel's type names (<c>gfp_t</c>, <c>page</c> …) as a source file, made from the package's own props.</summary>
    public static string LinuxNamesSource { get; } = ReadLinuxNames();

    /// <summary>New instances of all analyzers that ship.</summary>
    public static ImmutableArray<DiagnosticAnalyzer> CreateAnalyzers() =>
        [.. AnalyzerTypes.Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!)];

    public static CSharpCompilationOptions CompilationOptions(OutputKind outputKind = OutputKind.DynamicallyLinkedLibrary, bool nullable = false) =>
        new(outputKind, allowUnsafe: true, nullableContextOptions: nullable ? NullableContextOptions.Enable : NullableContextOptions.Disable);

    public static CSharpCompilation CreateCompilation(params string[] sources) => CreateCompilation(OutputKind.DynamicallyLinkedLibrary, sources);

    public static CSharpCompilation CreateCompilation(OutputKind outputKind, params string[] sources) =>
        CSharpCompilation.Create(
            "TestProject",
            sources.Select((source, index) => CSharpSyntaxTree.ParseText(source, ParseOptions, $"/0/Test{index}.cs")),
            References,
            CompilationOptions(outputKind));

    private static string ReadLinuxNames()
    {
        using Stream? stream = typeof(KernelSetup).Assembly.GetManifestResourceStream(LinuxNamesResource);
        if (stream is null) return "";
        IEnumerable<string> lines =
            from use in XDocument.Load(stream).Descendants()
            where use.Name.LocalName == "Using"
            let name = (string?)use.Attribute("Include")
            where name is not null
            let alias = (string?)use.Attribute("Alias")
            let isStatic = string.Equals((string?)use.Attribute("Static"), "true", StringComparison.OrdinalIgnoreCase)
            select alias is not null ? $"global using {alias} = {name};" : $"global using {(isStatic ? "static " : "")}{name};";
        return "#pragma warning disable CS8981\n" + string.Join('\n', lines) + "\n";
    }
}
