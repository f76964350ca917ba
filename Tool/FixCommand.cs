// kalloc fix PATH [--rule ID]… [--dry-run]: repair what has one certain repair, show the change as a unified diff.
//
//   injected build  →  repair in memory, each step must compile  →  diff  →  write  →  injected build again; if it fails, put all back

using KAlloc.Tool.Build;
using KAlloc.Tool.Findings;
using KAlloc.Tool.Fix;
using KAlloc.Tool.Output;
using Microsoft.CodeAnalysis;
using Spectre.Console;

namespace KAlloc.Tool;

/// <summary>The <c>fix</c> command.</summary>
internal static class FixCommand
{
    internal static async Task<int> RunAsync(string path, string[] ruleIds, bool dryRun, Screen screen, CancellationToken cancellationToken)
    {
        BuildTarget target = BuildTarget.Resolve(path);
        RuleCatalog rules = RuleCatalog.Load();
        HashSet<string> wanted = Wanted(ruleIds, rules);

        using BuildCache cache = await BuildCache.OpenAsync(target.UserPath, cancellationToken);
        (BuildReport report, FixSession session, IReadOnlyList<ChangedFile> files) = await screen.BusyAsync($"Building {Path.GetFileName(target.UserPath)}", async step =>
        {
            IReadOnlySet<string> forced = await InjectedBuild.RunAsync(target, cache, rules, step, cancellationToken);
            BuildReport found = SarifReader.Read(cache.Logs, rules, forced);
            Solution solution = RecordedCompilation.OpenAll(cache.Logs);
            FixSession run = new(solution, rules, wanted, cache.Folder, step);
            return (found, run, await run.RunAsync(cancellationToken));
        });

        foreach (ChangedFile file in files) PrintDiff(file, screen);
        if (!dryRun && files.Count > 0) report = await WriteAsync(files, target, cache, rules, screen, cancellationToken);
        return Summarise(session, report, dryRun, screen);
    }

    private static HashSet<string> Wanted(string[] ids, RuleCatalog rules)
    {
        if (ids.Length == 0) return [.. rules.FixableRules];
        HashSet<string> wanted = new(StringComparer.OrdinalIgnoreCase);
        foreach (string id in ids)
        {
            string? known = rules.Rules.Keys.FirstOrDefault(k => k.Equals(id, StringComparison.OrdinalIgnoreCase));
            if (known is null)
                throw new ToolException($"there is no rule '{id}'; these have a quick fix: {string.Join(", ", rules.FixableRules.Order(StringComparer.Ordinal))}");
            if (!rules.FixableRules.Contains(known)) throw new ToolException($"{known} has no quick fix: '{rules.Rules[known].Title}' has no one certain repair");
            wanted.Add(known);
        }

        return wanted;
    }

    // The compiler has the last word: the written files are built once more, and put back if that fails.
    private static async Task<BuildReport> WriteAsync(
        IReadOnlyList<ChangedFile> files, BuildTarget target, BuildCache cache, RuleCatalog rules, Screen screen, CancellationToken cancellationToken)
    {
        FileTransaction transaction = new();
        transaction.Write(files);
        bool built = false;
        try
        {
            BuildReport after = await screen.BusyAsync("Building the result", async step =>
            {
                cache.ClearLogs();
                IReadOnlySet<string> forced = await InjectedBuild.RunAsync(target, cache, rules, step, cancellationToken);
                return SarifReader.Read(cache.Logs, rules, forced);
            });
            built = true;
            return after;
        }
        catch (ToolException e)
        {
            throw new ToolException("the repaired code does not build, so your files were put back as they were; please report this", e.Details);
        }
        finally
        {
            if (!built) transaction.Restore();
        }
    }

    private static void PrintDiff(ChangedFile file, Screen screen)
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, file.Path);
        foreach (string line in UnifiedDiff.Lines(relative, file.Before.ToString(), file.After))
        {
            Style style = line switch
            {
                ['-', '-', '-', ' ', ..] or ['+', '+', '+', ' ', ..] => Styles.Strong,
                ['@', ..] => Styles.Place,
                ['-', ..] => Styles.Removed,
                ['+', ..] => Styles.Added,
                _ => Styles.Plain,
            };
            screen.Line((screen.IsWatched ? line.TrimEnd('\r') : line, style));
        }
    }

    private static int Summarise(FixSession session, BuildReport report, bool dryRun, Screen screen)
    {
        int repaired = session.Repaired.Values.Sum();
        if (repaired > 0) screen.Line();
        string done = dryRun ? "can be repaired" : "repaired";
        screen.Line((repaired == 0 ? "Nothing to repair." : $"{FindingPrinter.Plural(repaired, "finding")} {done}", Styles.Strong),
            (repaired == 0 ? "" : $": {string.Join(", ", session.Repaired.Select(r => $"{r.Value} {r.Key}"))}.", Styles.Plain));
        if (session.Dropped > 0)
            screen.Line($"{FindingPrinter.Plural(session.Dropped, "repair")} would not have compiled or not have helped, and {(session.Dropped == 1 ? "was" : "were")} left out.");

        int left = report.Findings.Count - (dryRun ? repaired : 0);
        if (left > 0) screen.Line($"{FindingPrinter.Plural(left, "finding")} {(dryRun ? "would be left" : "left")}; 'kalloc check' shows them.");
        if (dryRun && repaired > 0) screen.Line(("No file was changed.", Styles.Quiet));
        return report.Findings.Count > 0 ? ExitCode.Findings : ExitCode.Clean;
    }
}
