// `findings FOLDER…`: what KAlloc says of checked-out code, to be judged by hand, with what must never be: crashes and bodies that take long.

using System.CommandLine;
using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Benchmarks.Analysis;

internal static class FindingsCommand
{
    private const int SlowestTold = 10;

    internal static Command Create()
    {
        Argument<string[]> folders = new("folder") { Description = "Folders of checked-out repositories.", Arity = ArgumentArity.OneOrMore };
        Command command = new("findings", "Every finding in public code with its path, and the slowest bodies.") { folders };
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
            var slowest = new List<BodyCost>();
            double cpu = 0;
            foreach (SourceProject project in projects)
            {
                // All files at once, as the compiler does it: what they call is walked once for all.
                CompilationWithAnalyzers ready = AnalyzerSet.KAlloc.On(project.Compile());
                using var costs = new BodyCosts();
                IEnumerable<Diagnostic> found = [];
                cpu += Cost.Of(() => found = ready.GetAnalyzerDiagnosticsAsync(CancellationToken.None).GetAwaiter().GetResult(), collect: false).CpuMs;
                foreach (Diagnostic diagnostic in found.OrderBy(diagnostic => diagnostic.Location.SourceTree?.FilePath, StringComparer.Ordinal).ThenBy(diagnostic => diagnostic.Location.SourceSpan.Start))
                {
                    if (diagnostic.Id == "AD0001") crashes++;
                    // A file that several projects compile is told once.
                    string text = Describe(diagnostic, folder);
                    if (seen.Add(text)) Console.Out.Write(text);
                }

                slowest = [.. slowest.Concat(costs.All()).OrderByDescending(body => body.Total).Take(SlowestTold)];
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Path.GetFileName(folder.TrimEnd('/'))}: {projects.Count} projects, {projects.Sum(project => project.Lines):N0} lines, {seen.Count} findings, {cpu / 1000:N1} s of CPU with binding; the slowest bodies:"));
            foreach (BodyCost body in slowest) Console.WriteLine($"  {body}");
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
