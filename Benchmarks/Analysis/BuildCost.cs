// What analyzers add to a build: bind everything alone, then bind and analyse, in turns, on compilations that share no syntax tree.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Benchmarks.Analysis;

/// <param name="Added">CPU of each set over binding alone, as a share of binding; in the order of the sets.</param>
internal sealed record BuildCost(SourceProject Project, Cost Bind, IReadOnlyList<Cost> With, IReadOnlyList<int> Findings, IReadOnlyList<string> Crashes)
{
    internal double Added(int set) => (With[set].CpuMs - Bind.CpuMs) / Bind.CpuMs;

    /// <summary>More turns than these to warm up would only hide that something is compiled again and again.</summary>
    internal const int MostWarmUps = 12;

    /// <summary>
    /// Measures in <paramref name="rounds"/> turns; within a turn each competitor runs once. The turns before that warm up.
    /// </summary>
    internal static BuildCost Measure(SourceProject project, IReadOnlyList<AnalyzerSet> sets, int rounds, int mostWarmUps)
    {
        var bind = new List<Cost>();
        var with = sets.Select(_ => new List<Cost>()).ToArray();
        int[] findings = new int[sets.Count];
        var crashes = new List<string>();
        Warmth.Reach(mostWarmUps, () => Turn(isCounted: false));
        for (int round = 0; round < rounds; round++) Turn(isCounted: true);

        return new BuildCost(project, Cost.Median(bind), [.. with.Select(Cost.Median)], findings, [.. crashes.Distinct()]);

        void Turn(bool isCounted)
        {
            Record(bind, () => Bound(project));
            for (int set = 0; set < sets.Count; set++)
            {
                int at = set;
                Record(with[at], () => Analysed(project, sets[at]));
            }

            void Record(List<Cost> costs, Func<Action> prepare)
            {
                Cost cost = Cost.Of(prepare(), collect: isCounted);
                if (isCounted) costs.Add(cost);
            }
        }

        Action Analysed(SourceProject source, AnalyzerSet set)
        {
            CompilationWithAnalyzers ready = set.On(source.Compile());
            return () =>
            {
                int found = 0;
                foreach (Diagnostic diagnostic in ready.GetAllDiagnosticsAsync(CancellationToken.None).GetAwaiter().GetResult())
                {
                    if (diagnostic.Id == "AD0001") crashes.Add($"{set.Name} on {source.Name}: {diagnostic.GetMessage().Split('\n')[0]}");
                    else if (!diagnostic.Id.StartsWith("CS", StringComparison.Ordinal)) found++;
                }

                for (int i = 0; i < sets.Count; i++)
                    if (ReferenceEquals(sets[i], set)) findings[i] = found;
            };
        }
    }

    private static Action Bound(SourceProject project)
    {
        CSharpCompilation compilation = project.Compile();
        return () => compilation.GetDiagnostics();
    }
}
