// `analyzers FOLDER…`: what KAlloc's analyzers cost a build, a keystroke and the compiler's memory, beside the analyzers of the SDK.

using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using KAlloc.Benchmarks.Core;
using Microsoft.CodeAnalysis.CSharp;
using Spectre.Console;

namespace KAlloc.Benchmarks.Analysis;

internal static class AnalyzersCommand
{
    /// <summary>A share of a very short bind is noise; projects below this take part in the total only.</summary>
    private const double JudgedFromCpuMs = 200;

    /// <summary>The hidden command of the process whose memory is measured.</summary>
    private const string PeakCommand = "analyzers-peak";

    internal static Command Create()
    {
        Argument<string[]> folders = new("folder") { Description = "Folders of checked-out repositories; none: generated code only.", Arity = ArgumentArity.ZeroOrMore };
        Option<int> lines = new("--lines") { Description = "Leave out projects with fewer lines.", DefaultValueFactory = _ => 2000 };
        Option<bool> alone = new("--kalloc-only") { Description = "Leave the SDK's analyzers out: many times faster." };
        Option<bool> memory = new("--memory") { Description = "Also the peak working set, on the largest project of each folder." };
        Option<int> warmUps = new("--warm-ups") { Description = "At most as many turns before the first that counts, for each project.", DefaultValueFactory = _ => BuildCost.MostWarmUps };
        Command command = new("analyzers", "The analyzers' cost over binding: CPU of a build, of a keystroke, memory.") { folders, lines, alone, memory, warmUps };
        return RunSettings.AddTo(command, (settings, parsed) =>
            Run(settings, parsed.GetValue(folders)!, parsed.GetValue(lines), parsed.GetValue(alone), parsed.GetValue(memory), parsed.GetValue(warmUps)));
    }

    internal static Command CreatePeak()
    {
        Argument<string> folder = new("folder");
        Argument<string> project = new("project");
        Argument<string> analyzers = new("analyzers");
        Command command = new(PeakCommand) { folder, project, analyzers };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            CSharpCompilation compilation = SourceProject.Under(parsed.GetValue(folder)!).First(source => source.Name == parsed.GetValue(project)).Compile();
            AnalyzerSet? set = new[] { AnalyzerSet.KAlloc, AnalyzerSet.Empty }.FirstOrDefault(set => set.Name == parsed.GetValue(analyzers));
            if (set is not null) set.On(compilation).GetAllDiagnosticsAsync(CancellationToken.None).GetAwaiter().GetResult();
            else compilation.GetDiagnostics();
            using var self = Process.GetCurrentProcess();
            Console.Out.Write(self.PeakWorkingSet64.ToString(CultureInfo.InvariantCulture));
        });
        return command;
    }

    private static int Run(RunSettings settings, string[] folders, int lines, bool alone, bool memory, int warmUps)
    {
        if (folders.FirstOrDefault(folder => !Directory.Exists(folder)) is { } missing)
        {
            Console.Error.WriteLine($"There is no folder {missing}.");
            return 2;
        }

        double scale = settings.Quick ? 0.02 : 1;
        AnalyzerSet[] sets = alone || settings.Quick ? [AnalyzerSet.Empty, AnalyzerSet.KAlloc] : [AnalyzerSet.Empty, AnalyzerSet.KAlloc, .. AnalyzerSet.OfSdk()];
        List<BuildCost> costs = MeasureBuilds([.. folders.SelectMany(SourceProject.Under).Where(project => project.Lines >= lines)], sets, settings.Rounds, warmUps, "Public code");
        if (costs.Count > 0) Total(costs, sets);
        costs.AddRange(MeasureBuilds(
            [GeneratedSources.KernelStyle((int)(20_000 * scale)), GeneratedSources.LongMethod((int)(3_000 * scale)), GeneratedSources.LongSwitch((int)(10_000 * scale))],
            sets[..2], settings.Rounds, BuildCost.MostWarmUps, "Generated code"));
        MeasureKeystrokes(GeneratedSources.Large((int)(200_000 * scale)), settings.Quick ? 1 : 5 * settings.Rounds);
        if (memory) MeasureMemory(folders);
        if (settings.Csv is { } csv) File.WriteAllText(csv, BuildCostReport.Csv(costs, sets));
        if (settings.Svg is { } svg) File.WriteAllText(svg, BuildCostReport.Svg(costs, sets));
        return costs.Any(cost => cost.Crashes.Count > 0) ? 1 : 0;
    }

    private static List<BuildCost> MeasureBuilds(IReadOnlyList<SourceProject> projects, AnalyzerSet[] sets, int rounds, int warmUps, string title)
    {
        var costs = new List<BuildCost>();
        if (projects.Count == 0) return costs;
        AnsiConsole.WriteLine($"{title}: CPU over binding alone, medians of {rounds}");
        AnsiConsole.WriteLine($"{"project",-40} {"lines",8} {"bind ms",9} {string.Concat(sets.Select(set => $" {set.Name,12}"))} {"found",6} {"KAlloc MB",10}");
        foreach (SourceProject project in projects)
        {
            BuildCost cost = BuildCost.Measure(project, sets, rounds, warmUps);
            costs.Add(cost);
            int own = Array.IndexOf(sets, AnalyzerSet.KAlloc);

            // Line by line: a large repository takes minutes.
            AnsiConsole.WriteLine($"{project.Name,-40} {Number(project.Lines),8} {Number(cost.Bind.CpuMs),9} {string.Concat(sets.Select((_, i) => $" {Share(cost.Added(i)),12}"))} "
                + $"{Number(cost.Findings[own]),6} {Number(cost.With[own].Megabytes - cost.Bind.Megabytes),10}");
            foreach (string crash in cost.Crashes) AnsiConsole.MarkupLineInterpolated($"[red]{crash}[/]");
        }

        return costs;
    }

    private static void Total(List<BuildCost> costs, AnalyzerSet[] sets)
    {
        double bind = costs.Sum(cost => cost.Bind.CpuMs);
        AnsiConsole.WriteLine($"{costs.Count} projects, {Number(costs.Sum(cost => cost.Project.Lines))} lines, bind {Number(bind)} ms of CPU.");
        for (int set = 0; set < sets.Length; set++)
        {
            int at = set;
            BuildCost worst = costs.Where(cost => cost.Bind.CpuMs >= JudgedFromCpuMs).DefaultIfEmpty(costs[0]).MaxBy(cost => cost.Added(at))!;
            AnsiConsole.WriteLine($"  {sets[set].Name,-14} {Share((costs.Sum(cost => cost.With[at].CpuMs) - bind) / bind),7}   worst {Share(worst.Added(at)),7} ({worst.Project.Name})");
        }
    }

    private static void MeasureKeystrokes(SourceProject project, int edits)
    {
        AnalyzerSet[] sets = [AnalyzerSet.Empty, AnalyzerSet.KAlloc];
        AnsiConsole.WriteLine($"Keystroke in {Number(project.Lines)} lines ({Number(project.Files)} files), medians of {edits}, CPU of one file's diagnostics:");
        foreach (string path in (string[])["Plain1.cs", "Kernel0.cs"])
        {
            IReadOnlyList<Cost> costs = Keystroke.Measure(project, path, sets, edits);
            AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {path,-12} empty action {costs[0].CpuMs:F1} ms, KAlloc {costs[1].CpuMs:F1} ms: {costs[1].CpuMs / costs[0].CpuMs:F2}; allocated {costs[0].Megabytes:F1} and {costs[1].Megabytes:F1} MB"));
        }
    }

    private static void MeasureMemory(string[] folders)
    {
        AnsiConsole.WriteLine("Peak working set of a process that binds, alone, with an empty action and with KAlloc; over binding:");
        foreach (string folder in folders)
        {
            if (SourceProject.Under(folder) is not [{ } largest, ..]) continue;
            long bound = Peak("none"), empty = Peak(AnalyzerSet.Empty.Name), full = Peak(AnalyzerSet.KAlloc.Name);

            long Peak(string set) => Enumerable.Range(0, 3).Select(_ => long.Parse(ResidentMemory.InFreshProcess(PeakCommand, folder, largest.Name, set), CultureInfo.InvariantCulture)).Order().ElementAt(1);
            AnsiConsole.WriteLine($"  {largest.Name,-40} {bound >> 20,5} MB {empty >> 20,5} MB {full >> 20,5} MB: {Ratio((double)empty / bound)} and {Ratio((double)full / bound)}");
        }
    }

    private static string Number(double value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Ratio(double value) => value.ToString("F2", CultureInfo.InvariantCulture);

    private static string Share(double value) => value.ToString("P1", CultureInfo.InvariantCulture);
}
