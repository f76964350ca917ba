// kalloc check PATH [--sarif FILE]: build with the analyzers, print what they found.

using KAlloc.Tool.Build;
using KAlloc.Tool.Findings;
using KAlloc.Tool.Output;

namespace KAlloc.Tool;

/// <summary>The <c>check</c> command.</summary>
internal static class CheckCommand
{
    internal static async Task<int> RunAsync(string path, string? sarif, Screen screen, CancellationToken cancellationToken)
    {
        BuildTarget target = BuildTarget.Resolve(path);
        string? log = sarif is null ? null : WritableFile(sarif);
        RuleCatalog rules = RuleCatalog.Load();

        BuildReport report = await BuildAsync(target, rules, screen, cancellationToken);
        if (log is not null) SarifWriter.Write(log, target.Root, report.Findings, rules);

        FindingPrinter printer = new(screen, Environment.CurrentDirectory);
        foreach (Finding finding in report.Findings) printer.Print(finding);
        if (report.Findings.Count > 0) printer.PrintCounts(report.Findings);
        else screen.Line($"No findings in {FindingPrinter.Plural(report.Compilations, "compilation")}.");

        if (report.GivenUp > 0)
            screen.Line(($"{FindingPrinter.Plural(report.GivenUp, "method")} too complex to analyse (KA9003).", Styles.Quiet));
        PrintNextStep(report, rules, path, screen);
        return report.Findings.Count > 0 ? ExitCode.Findings : ExitCode.Clean;
    }

    private static async Task<BuildReport> BuildAsync(BuildTarget target, RuleCatalog rules, Screen screen, CancellationToken cancellationToken)
    {
        using BuildCache cache = await BuildCache.OpenAsync(target.UserPath, cancellationToken);
        return await screen.BusyAsync($"Building {Path.GetFileName(target.UserPath)}", async step =>
        {
            IReadOnlySet<string> forced = await InjectedBuild.RunAsync(target, cache, rules, step, cancellationToken);
            return SarifReader.Read(cache.Logs, rules, forced);
        });
    }

    private static void PrintNextStep(BuildReport report, RuleCatalog rules, string path, Screen screen)
    {
        if (report.Findings.Count == 0) return;
        screen.Line();
        if (report.Findings.Any(f => rules.FixableRules.Contains(f.Rule)))
            screen.Line(("Where there is a quick fix, this shows it: ", Styles.Quiet), ($"kalloc fix {path} --dry-run", Styles.Plain));
        screen.Line(("What a rule means and why: ", Styles.Quiet), ($"kalloc explain {report.Findings[0].Rule}", Styles.Plain));
    }

    // Said before the build, not after it.
    private static string WritableFile(string file)
    {
        string full = Path.GetFullPath(file);
        if (Directory.Exists(full)) throw new ToolException($"'{file}' is a folder; --sarif takes a file");
        if (!Directory.Exists(Path.GetDirectoryName(full))) throw new ToolException($"the folder for '{file}' does not exist");
        return full;
    }
}
