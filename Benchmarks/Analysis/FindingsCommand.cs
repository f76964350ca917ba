// `findings FOLDER…`: what KAlloc says of checked-out code, to be judged by hand, with what must never be: crashes and files that take long.

using System.CommandLine;
using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Benchmarks.Analysis;

internal static class FindingsCommand
{
    internal static Command Create()
    {
        Argument<string[]> folders = new("folder") { Description = "Folders of checked-out repositories.", Arity = ArgumentArity.OneOrMore };
        Command command = new("findings", "Every finding in public code with its path, and the slowest file.") { folders };
        command.SetAction(parsed => Run(parsed.GetValue(folders)!));
        return command;
    }

    private static int Run(string[] folders)
    {
        if (folders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing)
        {
            Console.Error.WriteLine($"There is no folder {missing}.");
            return 2;
        }

        int crashes = 0;
        foreach (string folder in folders)
        {
            IReadOnlyList<SourceProject> projects = SourceProject.Under(folder);
            var seen = new HashSet<string>(StringComparer.Ordinal);
            (double CpuMs, string Path) slowest = default;
            foreach (SourceProject project in projects)
            {
                CompilationWithAnalyzers ready = AnalyzerSet.KAlloc.On(project.Compile());
                foreach (SyntaxTree tree in ready.Compilation.SyntaxTrees)
                {
                    // Binding is the compiler's work and done before. What all files share, and what a file's callees cost, is charged to the first that asks.
                    SemanticModel model = ready.Compilation.GetSemanticModel(tree);
                    model.GetDiagnostics();
                    IEnumerable<Diagnostic> found = [];
                    Cost cost = Cost.Of(() => found = ready.GetAnalyzerSemanticDiagnosticsAsync(model, filterSpan: null, CancellationToken.None).GetAwaiter().GetResult(), collect: false);
                    if (cost.CpuMs > slowest.CpuMs) slowest = (cost.CpuMs, tree.FilePath);
                    foreach (Diagnostic diagnostic in found.OrderBy(diagnostic => diagnostic.Location.SourceSpan.Start))
                    {
                        if (diagnostic.Id == "AD0001") crashes++;
                        // A file that several projects compile is told once.
                        string text = Describe(diagnostic, folder);
                        if (seen.Add(text)) Console.Out.Write(text);
                    }
                }
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Path.GetFileName(folder.TrimEnd('/'))}: {projects.Count} projects, {projects.Sum(project => project.Lines):N0} lines, {seen.Count} findings, slowest file {slowest.CpuMs:N0} ms of CPU ({Relative(slowest.Path, folder)})"));
        }

        if (crashes > 0) Console.Error.WriteLine($"{crashes} crashes (AD0001)");
        return crashes > 0 ? 1 : 0;
    }

    private static string Describe(Diagnostic diagnostic, string folder)
    {
        var text = new StringBuilder();
        FileLinePositionSpan place = diagnostic.Location.GetLineSpan();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Relative(place.Path, folder)}({place.StartLinePosition.Line + 1}): {diagnostic.Id} {diagnostic.GetMessage(CultureInfo.InvariantCulture)}");
        for (int step = 0; step < diagnostic.AdditionalLocations.Count; step++)
        {
            FileLinePositionSpan at = diagnostic.AdditionalLocations[step].GetLineSpan();
            text.AppendLine(CultureInfo.InvariantCulture, $"    {Relative(at.Path, folder)}({at.StartLinePosition.Line + 1}): {diagnostic.Properties.GetValueOrDefault($"path.{step}")}");
        }

        return text.ToString();
    }

    private static string Relative(string? path, string folder) => Path.IsPathRooted(path) ? Path.GetRelativePath(folder, path) : path ?? "";
}
