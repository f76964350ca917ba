using System.Text.RegularExpressions;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace KAlloc.Meta.Tests.Layers;

/// <summary>
/// The runtime's folders are its layers, and a layer uses only itself and the ones below. All sources share a namespace, so the graph is made
/// by symbols: the folder of the file that uses a type or member against the folder of the files that declare it.
/// </summary>
public sealed class RuntimeLayerTests
{
    /// <summary>Lowest first. The kernel-named face and KernelMemory lie in the root folder, above all of them.</summary>
    private static readonly string[] s_layers =
    [
        "Contracts", "Reports", "Platform", "Machine", "Pages", "Slab", "Kmalloc", "Vmalloc", "HighMemory", "PerCpu", "Context", "Stack",
        "Debugging", "Observability", "Buffers", "",
    ];

    /// <summary>Uses upwards that carry no behaviour, each with its reason. One that is no longer there must go from the list.</summary>
    private static readonly string[] s_allowed =
    [
        // The kernel's vocabulary of request bits: an enum without code, which scopes and might_alloc below the page allocator must name.
        "Machine/ExecutionState.cs uses GfpFlags",
        "Machine/MightSleep.cs uses GfpFlags",

        // typeof(Linux), to leave the face's own frames out of a report's list of callers.
        "Machine/ContextReport.cs uses Linux",
    ];

    [Fact]
    public void Folders_AreAllKnownLayers()
    {
        IEnumerable<string> folders = Sources().Select(file => LayerOf(file)).Distinct();
        Assert.All(folders, folder => Assert.Contains(folder, s_layers));
    }

    [Fact]
    public void Layers_UseOnlyWhatLiesBelow()
    {
        CSharpCompilation compilation = Compile();
        var upward = new SortedSet<string>(StringComparer.Ordinal);
        var needed = new HashSet<string>(StringComparer.Ordinal);
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            if (!tree.FilePath.StartsWith(RuntimeFolder, StringComparison.Ordinal)) continue;
            int user = Array.IndexOf(s_layers, LayerOf(tree.FilePath));
            SemanticModel model = compilation.GetSemanticModel(tree);
            foreach (SimpleNameSyntax name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                ISymbol? symbol = model.GetSymbolInfo(name).Symbol;
                if (symbol is null or INamespaceSymbol or ILocalSymbol or IParameterSymbol or ITypeParameterSymbol) continue;
                int used = LowestLayerOf(symbol);
                if (used <= user) continue;
                string use = $"{Relative(tree.FilePath)} uses {(symbol as INamedTypeSymbol ?? symbol.ContainingType).Name}";
                if (s_allowed.Contains(use)) needed.Add(use);
                else upward.Add($"{Relative(tree.FilePath)} ({s_layers[user]}) uses {symbol.ContainingType?.Name}.{symbol.Name} ({(s_layers[used].Length == 0 ? "root" : s_layers[used])})");
            }
        }

        Assert.True(upward.Count == 0, string.Join('\n', upward));
        Assert.Equal(s_allowed.Order(StringComparer.Ordinal), needed.Order(StringComparer.Ordinal));
    }

    /// <summary>A partial type may be spread over layers: the lowest that declares the symbol counts.</summary>
    private static int LowestLayerOf(ISymbol symbol)
    {
        int lowest = int.MaxValue;
        foreach (SyntaxReference declaration in symbol.OriginalDefinition.DeclaringSyntaxReferences)
        {
            string path = declaration.SyntaxTree.FilePath;
            if (path.StartsWith(RuntimeFolder, StringComparison.Ordinal)) lowest = Math.Min(lowest, Array.IndexOf(s_layers, LayerOf(path)));
        }

        return lowest == int.MaxValue ? -1 : lowest;
    }

    private static CSharpCompilation Compile()
    {
        const string ImplicitUsings = """
            global using System; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Threading;
            global using System.Threading.Tasks; global using System.Collections.Generic;
            """;
        string project = File.ReadAllText(Path.Combine(RuntimeFolder, "KAlloc.Runtime.csproj"));
        IEnumerable<string> aliases =
            from file in new[] { project, File.ReadAllText(Path.Combine(RuntimeFolder, "build", "KAlloc.LinuxNames.props")) }
            from Match use in Regex.Matches(file, "<Using Include=\"([^\"]+)\" Alias=\"([^\"]+)\"")
            select $"global using {use.Groups[2].Value} = {use.Groups[1].Value};";
        SyntaxTree global = CSharpSyntaxTree.ParseText(ImplicitUsings + string.Join('\n', aliases.Distinct()), KernelSetup.ParseOptions, "/Global.cs");
        IEnumerable<SyntaxTree> trees = Sources().Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), KernelSetup.ParseOptions, file));
        return CSharpCompilation.Create("Runtime", [global, .. trees], Basic.Reference.Assemblies.Net100.References.All, KernelSetup.CompilationOptions());
    }

    private static string RuntimeFolder => Path.Combine(Repository.Root, "Runtime");

    private static IEnumerable<string> Sources() =>
        Directory.GetFiles(RuntimeFolder, "*.cs", SearchOption.AllDirectories).Where(file => Relative(file).Split('/')[0] is not ("bin" or "obj")).Order(StringComparer.Ordinal);

    private static string Relative(string file) => Path.GetRelativePath(RuntimeFolder, file).Replace('\\', '/');

    private static string LayerOf(string file) => Relative(file).Split('/') is [var folder, _, ..] ? folder : "";
}
