// What one changed file costs in a large project: the editor asks for the diagnostics of that file on a new compilation, all other trees the same.

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Benchmarks.Analysis;

internal static class Keystroke
{
    /// <summary>Median CPU of the diagnostics of a file after an edit, for each set, edits taken in turns.</summary>
    internal static IReadOnlyList<Cost> Measure(SourceProject project, string path, IReadOnlyList<AnalyzerSet> sets, int edits)
    {
        CSharpCompilation[] current = [.. sets.Select(_ => project.Compile())];
        var costs = sets.Select(_ => new List<Cost>()).ToArray();
        for (int edit = -2; edit < edits; edit++)
        {
            for (int set = 0; set < sets.Count; set++)
            {
                SyntaxTree old = current[set].SyntaxTrees.First(tree => tree.FilePath == path);
                SyntaxTree changed = SourceProject.Parse($"{old.GetText()}\n// {edit}", path);
                current[set] = current[set].ReplaceSyntaxTree(old, changed);
                CompilationWithAnalyzers ready = sets[set].On(current[set]);
                ImmutableArray<Diagnostic> found = [];
                Cost cost = Cost.Of(() => found = Ask(ready, changed));
                if (edit >= 0) costs[set].Add(cost);
            }
        }

        return [.. costs.Select(Cost.Median)];
    }

    private static ImmutableArray<Diagnostic> Ask(CompilationWithAnalyzers ready, SyntaxTree tree)
    {
        SemanticModel model = ready.Compilation.GetSemanticModel(tree);
        ImmutableArray<Diagnostic> errors = model.GetDiagnostics();
        return errors.AddRange(ready.GetAnalyzerSemanticDiagnosticsAsync(model, filterSpan: null, CancellationToken.None).GetAwaiter().GetResult());
    }
}
