// Public code as compilations, straight from its folders: most repositories do not build on any one machine, and what is compared here is the
// work of the compiler against the work of analyzers on the same syntax trees. Names from packages that are not given stay unresolved.

using System.Xml.Linq;
using Basic.Reference.Assemblies;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Benchmarks.Analysis;

/// <summary>The sources of one C# project: parsed anew for each measurement, so that nothing cached on a syntax tree survives from the last.</summary>
internal sealed class SourceProject(string name, IReadOnlyList<(string Path, SourceText Text)> files, IReadOnlyList<SourceProject> dependencies)
{
    private static readonly CSharpParseOptions s_parse = CSharpParseOptions.Default
        .WithLanguageVersion(LanguageVersion.Preview)
        .WithPreprocessorSymbols(Symbols());

    private static readonly MetadataReference[] s_references = [.. Net100.References.All, .. OwnReferences()];

    private Compilation? _asReference;

    internal string Name { get; } = name;

    internal int Lines { get; } = files.Sum(file => file.Text.Lines.Count);

    internal int Files => files.Count;

    /// <summary>The projects under <paramref name="root"/>, each with the files of its folder, largest first.</summary>
    internal static IReadOnlyList<SourceProject> Under(string root)
    {
        string[] paths = [.. Directory.EnumerateFiles(root, "*.csproj", SearchOption.AllDirectories).Where(IsSource).Order(StringComparer.Ordinal)];
        var folders = paths.Select(path => Path.GetDirectoryName(path)!).ToHashSet(StringComparer.Ordinal);
        var made = new Dictionary<string, SourceProject?>(StringComparer.Ordinal);
        foreach (string path in paths) Make(path);
        return [.. made.Values.OfType<SourceProject>().Where(project => project.Lines > 0).OrderByDescending(project => project.Lines).ThenBy(project => project.Name, StringComparer.Ordinal)];

        SourceProject? Make(string path)
        {
            if (made.TryGetValue(path, out SourceProject? known)) return known;
            made[path] = null;
            if (!File.Exists(path)) return null;
            string folder = Path.GetDirectoryName(path)!;
            var description = XDocument.Load(path);
            var dependencies = new List<SourceProject>();
            foreach (XElement reference in description.Descendants().Where(element => element.Name.LocalName == "ProjectReference"))
                if (reference.Attribute("Include")?.Value is { } include && !include.Contains('$')
                    && Make(Path.GetFullPath(Path.Combine(folder, include.Replace('\\', '/')))) is { } dependency)
                    dependencies.Add(dependency);
            var files = new List<(string, SourceText)> { ("GlobalUsings.g.cs", SourceText.From(ImplicitUsings)) };
            foreach (string file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Where(IsSource).Order(StringComparer.Ordinal))
                if (!BelongsToNested(file, folder))
                    files.Add((file, SourceText.From(File.ReadAllText(file))));
            return made[path] = new SourceProject($"{Path.GetFileName(root.TrimEnd('/'))}/{Path.GetFileNameWithoutExtension(path)}", files, dependencies);
        }

        bool BelongsToNested(string file, string folder)
        {
            for (string? at = Path.GetDirectoryName(file); at is not null && at.Length > folder.Length; at = Path.GetDirectoryName(at))
                if (folders.Contains(at)) return true;
            return false;
        }

        bool IsSource(string path) => !path.AsSpan(root.Length).ToString().Split('/').Any(part => part is "bin" or "obj" or ".git");
    }

    /// <summary>A compilation that shares nothing with any earlier one but the texts and the references.</summary>
    internal CSharpCompilation Compile(CancellationToken cancellation = default)
    {
        var trees = new SyntaxTree[files.Count];
        Parallel.For(0, files.Count, i => trees[i] = CSharpSyntaxTree.ParseText(files[i].Text, s_parse, files[i].Path, cancellation));
        return CSharpCompilation.Create(
            Name.Replace('/', '.'),
            trees,
            [.. s_references, .. Closure().Select(project => project.AsReference().ToMetadataReference())],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, concurrentBuild: true)
                .WithNullableContextOptions(NullableContextOptions.Enable));
    }

    internal static SyntaxTree Parse(string text, string path) => CSharpSyntaxTree.ParseText(text, s_parse, path);

    private Compilation AsReference() => _asReference ??= Compile();

    private HashSet<SourceProject> Closure()
    {
        var all = new HashSet<SourceProject>();
        var pending = new Stack<SourceProject>(dependencies);
        while (pending.TryPop(out SourceProject? next))
            if (all.Add(next))
                foreach (SourceProject further in next.Dependencies) pending.Push(further);
        return all;
    }

    private IReadOnlyList<SourceProject> Dependencies => dependencies;

    private const string ImplicitUsings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;
        """;

    private static IEnumerable<string> Symbols()
    {
        yield return "NET";
        yield return "NETCOREAPP";
        yield return "RELEASE";
        yield return "NET10_0";
        for (int version = 5; version <= 10; version++) yield return $"NET{version}_0_OR_GREATER";
        foreach (string core in (string[])["2_0", "2_1", "3_0", "3_1"]) yield return $"NETCOREAPP{core}_OR_GREATER";
    }

    /// <summary>The compiler's own assemblies, which much public code about analyzers uses, and KAlloc, which the generated code uses.</summary>
    private static IEnumerable<MetadataReference> OwnReferences() =>
        from type in (Type[])[typeof(Compilation), typeof(CSharpCompilation), typeof(Linux)]
        select MetadataReference.CreateFromFile(type.Assembly.Location);
}
