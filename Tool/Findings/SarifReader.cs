// Reads the SARIF 2.1 logs that the compilers of an injected build left, one for each project and target framework.
//
// A file that two frameworks or two projects compile is reported by each; the finding counts once. Suppressed results (a pragma, an
// attribute) are left out. The compiler was told to treat errors of ours as warnings, so the level shown is the rule's own.

using System.Globalization;
using System.Text.Json;
using Microsoft.CodeAnalysis;

namespace KAlloc.Tool.Findings;

/// <summary>What the logs of one build say.</summary>
/// <param name="Findings">Ordered by file, place and rule.</param>
/// <param name="GivenUp">Number of bodies that were too complex to analyse (KA9003).</param>
/// <param name="Compilations">Number of C# compilations that were analysed.</param>
internal sealed record BuildReport(IReadOnlyList<Finding> Findings, int GivenUp, int Compilations);

/// <summary>Reads the logs of an injected build.</summary>
internal static class SarifReader
{
    internal const string GivenUpRule = "KA9003";
    private const string StepKey = "path.";

    // What the compiler says when an analyzer could not be loaded or threw: nothing may then be taken for "clean".
    private static readonly string[] AnalyzerFailures = ["CS9057", "CS8032", "CS8034", "CS8040", "AD0001"];

    /// <param name="forced">Rules that the build reported whatever the user's configuration says.</param>
    internal static BuildReport Read(string logs, RuleCatalog rules, IReadOnlySet<string> forced)
    {
        string[] files = [.. Directory.EnumerateFiles(logs, "*.sarif").Order(StringComparer.Ordinal)];
        if (files.Length == 0) throw new ToolException("nothing was compiled: there is no C# project in what you named");

        Dictionary<(string, SourceSpan, string), Finding> findings = [];
        HashSet<SourceSpan> givenUp = [];
        foreach (string file in files)
        {
            using JsonDocument log = Parse(file);
            EditorConfigSeverity? configured = forced.Count > 0 ? new EditorConfigSeverity(Path.ChangeExtension(file, ".args")) : null;
            foreach (JsonElement run in log.RootElement.GetProperty("runs").EnumerateArray())
            {
                ThrowIfNotAnalysed(run, rules, file);
                foreach (JsonElement result in run.GetProperty("results").EnumerateArray())
                {
                    string id = result.GetProperty("ruleId").GetString()!;
                    if (!rules.Rules.TryGetValue(id, out DiagnosticDescriptor? rule) || IsSuppressed(result)) continue;
                    if (Place(result) is not { } place) continue;
                    if (forced.Contains(id) && configured!.SwitchesOff(id, place.File)) continue;
                    if (id == GivenUpRule)
                    {
                        givenUp.Add(place);
                        continue;
                    }

                    string message = Text(result.GetProperty("message"));
                    findings.TryAdd((id, place, message), new Finding(
                        id, rule.Title.ToString(CultureInfo.InvariantCulture), LevelOf(result, rule), message, rule.HelpLinkUri, place, Steps(result)));
                }
            }
        }

        Finding[] ordered =
        [
            .. findings.Values
                .OrderBy(f => f.Place.File, StringComparer.Ordinal).ThenBy(f => f.Place.Line).ThenBy(f => f.Place.Column)
                .ThenBy(f => f.Rule, StringComparer.Ordinal).ThenBy(f => f.Message, StringComparer.Ordinal),
        ];
        return new BuildReport(ordered, givenUp.Count, files.Length);
    }

    private static JsonDocument Parse(string file)
    {
        try
        {
            using FileStream stream = File.OpenRead(file);
            return JsonDocument.Parse(stream);
        }
        catch (JsonException e)
        {
            throw new ToolException($"the compiler's log '{file}' cannot be read: {e.Message}");
        }
    }

    // The log names every rule that was loaded. Where ours are missing, the analyzers did not run, whatever a project does to hide CS9057.
    private static void ThrowIfNotAnalysed(JsonElement run, RuleCatalog rules, string file)
    {
        string project = Path.GetFileNameWithoutExtension(file);
        List<string> reasons = [];
        foreach (JsonElement result in run.GetProperty("results").EnumerateArray())
        {
            if (!AnalyzerFailures.Contains(result.GetProperty("ruleId").GetString())) continue;
            string text = Text(result.GetProperty("message"));
            if (text.Contains("KAlloc.", StringComparison.Ordinal)) reasons.Add($"{result.GetProperty("ruleId").GetString()}: {text}");
        }

        JsonElement driver = run.GetProperty("tool").GetProperty("driver");
        bool loaded = driver.TryGetProperty("rules", out JsonElement known)
            && known.EnumerateArray().Any(r => rules.Rules.ContainsKey(r.GetProperty("id").GetString()!));
        if (reasons.Count == 0 && (loaded || rules.Rules.Count == 0)) return;

        string compiler = driver.TryGetProperty("semanticVersion", out JsonElement version) ? version.GetString()! : "unknown";
        if (reasons.Exists(r => r.StartsWith("AD0001", StringComparison.Ordinal)))
            throw new ToolException($"an analyzer failed while it checked {project}; please report this", reasons);
        throw new ToolException(
            $"the analyzers did not run on {project}: they need a compiler of version 4.14 or later (.NET SDK 9.0.300), this project uses {compiler}", reasons);
    }

    private static Level LevelOf(JsonElement result, DiagnosticDescriptor rule)
    {
        string level = result.TryGetProperty("level", out JsonElement said) ? said.GetString()! : "warning";
        return level switch
        {
            "error" => Level.Error,
            "warning" => rule.DefaultSeverity == DiagnosticSeverity.Error ? Level.Error : Level.Warning,
            _ => Level.Info,
        };
    }

    private static bool IsSuppressed(JsonElement result) =>
        result.TryGetProperty("suppressions", out JsonElement suppressions) && suppressions.GetArrayLength() > 0;

    private static List<PathStep> Steps(JsonElement result)
    {
        List<PathStep> steps = [];
        if (!result.TryGetProperty("relatedLocations", out JsonElement places)) return steps;
        JsonElement texts = default;
        bool described = result.TryGetProperty("properties", out JsonElement properties) && properties.TryGetProperty("customProperties", out texts);
        int i = 0;
        foreach (JsonElement place in places.EnumerateArray())
        {
            string text = described && texts.TryGetProperty(StepKey + i.ToString(CultureInfo.InvariantCulture), out JsonElement said) ? said.GetString() ?? "" : "";
            if (Span(place) is { } span) steps.Add(new PathStep(span, text));
            i++;
        }

        return steps;
    }

    private static SourceSpan? Place(JsonElement result) =>
        result.TryGetProperty("locations", out JsonElement places) && places.GetArrayLength() > 0 ? Span(places[0]) : null;

    private static SourceSpan? Span(JsonElement location)
    {
        if (!location.TryGetProperty("physicalLocation", out JsonElement physical)) return null;
        if (!physical.TryGetProperty("region", out JsonElement region)) return null;
        string uri = physical.GetProperty("artifactLocation").GetProperty("uri").GetString()!;
        string file = Uri.TryCreate(uri, UriKind.Absolute, out Uri? absolute) && absolute.IsFile ? absolute.LocalPath : Uri.UnescapeDataString(uri);
        int line = region.GetProperty("startLine").GetInt32(), column = Number(region, "startColumn", 1);
        return new SourceSpan(file, line, column, Number(region, "endLine", line), Number(region, "endColumn", column + 1));
    }

    private static int Number(JsonElement region, string name, int missing) =>
        region.TryGetProperty(name, out JsonElement value) ? value.GetInt32() : missing;

    private static string Text(JsonElement message) => message.TryGetProperty("text", out JsonElement text) ? text.GetString()! : "";
}
