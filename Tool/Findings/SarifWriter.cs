// Writes the findings of a whole run as one SARIF 2.1 log: each finding once, at the rule's own level, paths as code flows with a text for
// each step, so that viewers which know SARIF (code scanning, editors) show what the console shows.

using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KAlloc.Tool.Findings;

/// <summary>Writes <c>--sarif FILE</c>.</summary>
internal static class SarifWriter
{
    private const string BaseId = "SRCROOT";

    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static void Write(string file, string root, IReadOnlyList<Finding> findings, RuleCatalog rules)
    {
        string baseFolder = Repository(root) ?? root;
        string[] ids = [.. findings.Select(f => f.Rule).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        JsonObject log = new()
        {
            ["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json",
            ["version"] = "2.1.0",
            ["runs"] = new JsonArray(new JsonObject
            {
                ["tool"] = new JsonObject { ["driver"] = Driver(ids, rules) },
                ["originalUriBaseIds"] = new JsonObject { [BaseId] = new JsonObject { ["uri"] = FolderUri(baseFolder) } },
                ["columnKind"] = "utf16CodeUnits",
                ["results"] = new JsonArray([.. findings.Select(f => Result(f, Array.IndexOf(ids, f.Rule), baseFolder))]),
            }),
        };

        try
        {
            File.WriteAllText(file, log.ToJsonString(Format) + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolException($"cannot write '{file}': {e.Message}");
        }
    }

    private static JsonObject Driver(string[] ids, RuleCatalog rules) => new()
    {
        ["name"] = "kalloc",
        ["semanticVersion"] = typeof(SarifWriter).Assembly.GetName().Version!.ToString(3),
        ["rules"] = new JsonArray([.. ids.Select(id => new JsonObject
        {
            ["id"] = id,
            ["shortDescription"] = Message(rules.Rules[id].Title.ToString()),
            ["helpUri"] = rules.Rules[id].HelpLinkUri,
            ["properties"] = new JsonObject { ["category"] = rules.Rules[id].Category },
        })]),
    };

    private static JsonObject Result(Finding finding, int ruleIndex, string baseFolder)
    {
        JsonObject result = new()
        {
            ["ruleId"] = finding.Rule,
            ["ruleIndex"] = ruleIndex,
            ["level"] = finding.Level switch { Level.Error => "error", Level.Warning => "warning", _ => "note" },
            ["message"] = Message(finding.Message),
            ["locations"] = new JsonArray(Location(finding.Place, null, baseFolder)),
        };
        if (finding.Path.Count == 0) return result;

        result["relatedLocations"] = new JsonArray([.. finding.Path.Select(s => Location(s.Place, s.Text, baseFolder))]);
        result["codeFlows"] = new JsonArray(new JsonObject
        {
            ["threadFlows"] = new JsonArray(new JsonObject
            {
                ["locations"] = new JsonArray([.. finding.Path.Select(s => new JsonObject { ["location"] = Location(s.Place, s.Text, baseFolder) })]),
            }),
        });
        return result;
    }

    private static JsonObject Location(SourceSpan span, string? text, string baseFolder)
    {
        string relative = Path.GetRelativePath(baseFolder, span.File);
        JsonObject artifact = relative.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(relative)
            ? new() { ["uri"] = new Uri(span.File).AbsoluteUri }
            : new() { ["uri"] = string.Join('/', relative.Split(Path.DirectorySeparatorChar).Select(Uri.EscapeDataString)), ["uriBaseId"] = BaseId };
        JsonObject location = new()
        {
            ["physicalLocation"] = new JsonObject
            {
                ["artifactLocation"] = artifact,
                ["region"] = new JsonObject
                {
                    ["startLine"] = span.Line, ["startColumn"] = span.Column, ["endLine"] = span.EndLine, ["endColumn"] = span.EndColumn,
                },
            },
        };
        if (!string.IsNullOrEmpty(text)) location["message"] = Message(text);
        return location;
    }

    private static JsonObject Message(string text) => new() { ["text"] = text };

    private static string FolderUri(string folder) => new Uri(folder + Path.DirectorySeparatorChar).AbsoluteUri;

    private static string? Repository(string folder)
    {
        for (string? f = folder; f is not null; f = Path.GetDirectoryName(f))
        {
            if (Path.Exists(Path.Combine(f, ".git"))) return f;
        }

        return null;
    }
}
