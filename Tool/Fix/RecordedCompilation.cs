// Opens the user's projects exactly as their own build compiled them.
//
// The injected build left each compiler's command line (NAME.args) and what the source generators wrote (NAME.generated) in the cache. Those
// make a workspace without evaluating a project a second time, so `fix` sees the same code, options and references as `check` did.

using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Tool.Fix;

/// <summary>Reads the recorded compilations into a workspace.</summary>
internal static class RecordedCompilation
{
    internal static Solution OpenAll(string logs)
    {
        Solution solution = new AdhocWorkspace().CurrentSolution;
        foreach (string file in Directory.EnumerateFiles(logs, "*.args").Order(StringComparer.Ordinal))
            solution = solution.AddProject(Open(file));
        return solution;
    }

    private static ProjectInfo Open(string argsFile)
    {
        string[] lines = File.ReadAllLines(argsFile);
        string project = lines[0], framework = lines[1], folder = Path.GetDirectoryName(project)!;
        string generated = Path.ChangeExtension(argsFile, ".generated");
        CSharpCommandLineArguments arguments = CSharpCommandLineParser.Default.Parse(lines.Skip(2), folder, sdkDirectory: null);
        if (arguments.Errors.FirstOrDefault(e => e.Severity == DiagnosticSeverity.Error) is { } error)
            throw new ToolException($"this kalloc does not understand how '{Path.GetFileName(project)}' is compiled: {error.GetMessage()}");

        ProjectId id = ProjectId.CreateNewId(project);
        string name = $"{Path.GetFileNameWithoutExtension(project)} ({framework})";
        return ProjectInfo.Create(
                id, VersionStamp.Create(), name, arguments.CompilationName ?? Path.GetFileNameWithoutExtension(project), LanguageNames.CSharp, project,
                compilationOptions: arguments.CompilationOptions
                    .WithStrongNameProvider(new DesktopStrongNameProvider(arguments.KeyFileSearchPaths))
                    .WithXmlReferenceResolver(new XmlFileResolver(folder)),
                parseOptions: arguments.ParseOptions,
                documents: arguments.SourceFiles.Select(f => Document(id, f.Path, arguments.Encoding, isGenerated: false))
                    .Concat(GeneratedFiles(generated).Select(f => Document(id, f, null, isGenerated: true))),
                metadataReferences: arguments.MetadataReferences.Select(r => MetadataReference.CreateFromFile(Path.Combine(folder, r.Reference), r.Properties)),
                additionalDocuments: arguments.AdditionalFiles.Select(f => Document(id, f.Path, arguments.Encoding, isGenerated: false)))
            .WithAnalyzerConfigDocuments(arguments.AnalyzerConfigPaths.Select(p => Document(id, p, null, isGenerated: false)));
    }

    private static DocumentInfo Document(ProjectId project, string path, Encoding? encoding, bool isGenerated)
    {
        path = Path.GetFullPath(path); // "../Shared/A.cs" of one project and "Shared/A.cs" of another are the same file
        SourceText text = SourceFile.Read(path, encoding);
        TextLoader loader = TextLoader.From(TextAndVersion.Create(text, VersionStamp.Create(), path));
        return DocumentInfo.Create(DocumentId.CreateNewId(project, path), Path.GetFileName(path), loader: loader, filePath: path, isGenerated: isGenerated);
    }

    private static IEnumerable<string> GeneratedFiles(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [];
}
