// Builds the user's project with the analyzers injected, without touching a file of theirs.
//
//   dotnet build FILE --artifacts-path CACHE            all output goes to the tool's cache
//       CustomBeforeDirectoryBuildProps = kalloc.props  a folder for each project
//       CustomAfterMicrosoftCommonTargets = kalloc.targets   the analyzers, an error log, severities: see there
//
// Each compiler run of a project that was asked for leaves a SARIF log in the cache; what those projects reference is built without analyzers. A
// finding never fails the build, so a failed build is the user's own error. A log in which our rules are absent means that the analyzers did not
// run; that is reported, never taken for "clean".

using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using KAlloc.Tool.Findings;
using Microsoft.CodeAnalysis;

namespace KAlloc.Tool.Build;

/// <summary>One build of a target with the analyzers injected.</summary>
internal static partial class InjectedBuild
{
    private const int ErrorsShown = 10;

    /// <summary>Builds; afterwards <see cref="BuildCache.Logs"/> holds a log for each C# compilation of the projects that were asked for.</summary>
    /// <param name="onStep">Told what was done, project by project.</param>
    /// <returns>The rules that were forced to warnings, whatever the user's configuration says; usually none.</returns>
    internal static async Task<IReadOnlySet<string>> RunAsync(
        BuildTarget target, BuildCache cache, RuleCatalog rules, Action<string> onStep, CancellationToken cancellationToken)
    {
        string config = Path.Combine(cache.Folder, "kalloc.globalconfig"), ruleset = Path.Combine(cache.Folder, "kalloc.ruleset"), asked = Path.Combine(cache.Folder, "asked.txt");
        IReadOnlyList<string> projects = target.AskedProjects();
        await File.WriteAllTextAsync(config, SeverityConfig(rules), cancellationToken);
        await File.WriteAllLinesAsync(asked, projects, cancellationToken);
        HashSet<string> names = [.. projects.Select(Path.GetFileNameWithoutExtension).OfType<string>()];

        HashSet<string> forced = new(StringComparer.Ordinal);
        while (true)
        {
            List<string> output = [];
            List<string> arguments = Arguments(target, cache, rules, config, asked);
            if (forced.Count > 0)
            {
                await File.WriteAllTextAsync(ruleset, Ruleset(forced), cancellationToken);
                arguments.Add(Property("KAllocToolRuleset", ruleset));
            }

            int exitCode = await DotnetProcess.RunAsync(target.Root, arguments, line =>
            {
                output.Add(line);
                if (ProjectDone().Match(line) is { Success: true } done) onStep($"{(names.Contains(done.Groups["name"].Value) ? "Checked" : "Built")} {done.Groups["name"].Value}");
            }, cancellationToken);
            if (exitCode == 0) return forced;

            // An .editorconfig made findings errors. Projects above them were not built, and may hold more.
            int known = forced.Count;
            forced.UnionWith(output.Select(l => FindingError().Match(l)).Where(m => m.Success).Select(m => m.Groups["id"].Value).Where(rules.Rules.ContainsKey));
            if (forced.Count == known) throw Failure(target, output);
            cache.ClearLogs();
        }
    }

    private static List<string> Arguments(BuildTarget target, BuildCache cache, RuleCatalog rules, string config, string asked)
    {
        string injected = Path.Combine(AppContext.BaseDirectory, "injected");
        return
        [
            "build", target.FileToBuild(cache.Folder),
            "--artifacts-path", cache.Artifacts,
            "-nologo", "-verbosity:minimal", "-consoleLoggerParameters:NoSummary", "-terminalLogger:off",
            "-nodeReuse:false", // a node that stays behind would keep this process's pipes and the old analyzers
            Property("CustomBeforeDirectoryBuildProps", Path.Combine(injected, "kalloc.props")),
            Property("CustomAfterMicrosoftCommonTargets", Path.Combine(injected, "kalloc.targets")),
            Property("KAllocToolLogs", cache.Logs),
            Property("KAllocToolAnalyzers", rules.Folder),
            Property("KAllocToolConfig", config),
            Property("KAllocToolAsked", asked),
            Property("KAllocToolRules", string.Join(';', rules.Rules.Keys.Order(StringComparer.Ordinal))),
            Property("RunAnalyzers", "true"),
            Property("GeneratePackageOnBuild", "false"),
        ];
    }

    private static string Ruleset(IEnumerable<string> ids) => new XElement(
        "RuleSet", new XAttribute("Name", "kalloc"), new XAttribute("ToolsVersion", "17.0"),
        new XElement("Rules", new XAttribute("AnalyzerId", "KAlloc.Analyzers"), new XAttribute("RuleNamespace", "KAlloc"),
            ids.Select(id => new XElement("Rule", new XAttribute("Id", id), new XAttribute("Action", "Warning"))))).ToString();

    // What a global configuration of the highest level sets, only the command line's /nowarn and an .editorconfig section can change.
    private static string SeverityConfig(RuleCatalog rules)
    {
        StringBuilder text = new("is_global = true\nglobal_level = 2000000000\n");
        foreach (DiagnosticDescriptor rule in rules.Rules.Values.OrderBy(r => r.Id, StringComparer.Ordinal))
        {
            if (rule.IsEnabledByDefault && rule.DefaultSeverity == DiagnosticSeverity.Error)
                text.Append($"dotnet_diagnostic.{rule.Id}.severity = warning\n");
            else if (rule.Id == SarifReader.GivenUpRule)
                text.Append($"dotnet_diagnostic.{rule.Id}.severity = suggestion\n"); // hidden ones are in no log
        }

        return text.ToString();
    }

    private static string Property(string name, string value)
    {
        StringBuilder escaped = new();
        foreach (char c in value) escaped.Append(c is '%' or ';' or ',' or '$' or '@' or '\'' or '*' or '?' or '(' or ')' ? $"%{(int)c:X2}" : c.ToString());
        return $"-property:{name}={escaped}";
    }

    private static ToolException Failure(BuildTarget target, List<string> output)
    {
        string name = Path.GetFileName(target.BuildFile ?? target.Root);
        List<string> errors = [.. output.Select(l => l.Trim()).Where(l => ErrorLine().IsMatch(l)).Select(l => Readable(l, target.Root)).Distinct(StringComparer.Ordinal)];
        if (errors.Count == 0) errors = [.. output.Where(l => l.Length > 0).TakeLast(ErrorsShown)];

        bool restore = errors.TrueForAll(e => RestoreError().IsMatch(e));
        bool sdk = errors.Exists(e => SdkError().IsMatch(e));
        string what = sdk ? $"no .NET SDK here can build '{name}'"
            : restore ? $"the packages of '{name}' could not be restored"
            : $"'{name}' does not build, so it could not be checked";
        int left = errors.Count - ErrorsShown;
        if (left > 0) errors = [.. errors.Take(ErrorsShown), $"… and {left} more"];
        return new ToolException(what, errors);
    }

    // MSBuild ends each line with the project in brackets and spells each path out.
    private static string Readable(string error, string root)
    {
        string line = ProjectAtEnd().Replace(error, "");
        string prefix = root + Path.DirectorySeparatorChar;
        return line.StartsWith(prefix, StringComparison.Ordinal) ? Path.Combine(Path.GetRelativePath(Environment.CurrentDirectory, root), line[prefix.Length..]) : line;
    }

    [GeneratedRegex(@" \[[^\[\]]+proj(::[^\]]*)?\]$")]
    private static partial Regex ProjectAtEnd();

    [GeneratedRegex(@"^\s+(?<name>\S.*?) -> .+$")]
    private static partial Regex ProjectDone();

    [GeneratedRegex(@"(^|\s)(fatal )?error( [A-Z]+\d+)?\s*:")]
    private static partial Regex ErrorLine();

    [GeneratedRegex(@": error (?<id>KA\d{4}): ")]
    private static partial Regex FindingError();

    [GeneratedRegex(@"error NU\d+\s*:")]
    private static partial Regex RestoreError();

    [GeneratedRegex(@"(compatible \.NET SDK was not found|error NETSDK1045)")]
    private static partial Regex SdkError();
}
