// What one changed file costs in a large project: the editor asks for the diagnostics of that file on a new compilation, all other trees the same.

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Benchmarks.Analysis;

internal static class Keystroke
{
    /// <summary>Edits between two looks at whether the JIT is done.</summary>
    private const int EditsToWarmUp = 20;

    /// <summary>Median CPU of the diagnostics of a file after an edit, for each set, edits taken in turns, in an editor that has run for a while.</summary>
    internal static IReadOnlyList<Cost> Measure(SourceProject project, string path, IReadOnlyList<AnalyzerSet> sets, int edits)
    {
        CSharpCompilation[] current = [.. sets.Select(_ => project.Compile())];
        var costs = sets.Select(_ => new List<Cost>()).ToArray();
        int edit = 0;
        if (edits > 1) Warmth.Reach(BuildCost.MostWarmUps, () => Edit(EditsToWarmUp, isCounted: false));
        Edit(edits, isCounted: true);
        return [.. costs.Select(Cost.Median)];

        void Edit(int times, bool isCounted)
        {
            for (int end = edit + times; edit < end; edit++)
            {
                for (int set = 0; set < sets.Count; set++)
                {
                    SyntaxTree old = current[set].SyntaxTrees.First(tree => tree.FilePath == path);
                    SyntaxTree changed = SourceProject.Parse($"{old.GetText()}\n// {edit}", path);
                    current[set] = current[set].ReplaceSyntaxTree(old, changed);
                    CompilationWithAnalyzers ready = sets[set].On(current[set]);
                    ImmutableArray<Diagnostic> found = [];
                    Cost cost = Cost.Of(() => found = Ask(ready, changed), collect: isCounted);
                    if (isCounted) costs[set].Add(cost);
                }
            }
        }
    }

    private static ImmutableArray<Diagnostic> Ask(CompilationWithAnalyzers ready, SyntaxTree tree)
    {
        SemanticModel model = ready.Compilation.GetSemanticModel(tree);
        ImmutableArray<Diagnostic> errors = model.GetDiagnostics();
        return errors.AddRange(ready.GetAnalyzerSemanticDiagnosticsAsync(model, filterSpan: null, CancellationToken.None).GetAwaiter().GetResult());
    }
}
