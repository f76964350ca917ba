// What a compiler's log must say before "clean" may be said.

using System.Collections.Immutable;
using KAlloc.Tool.Findings;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace KAlloc.Tool.Tests;

public sealed class SarifReaderTests
{
    private const string Place = """
        "locations": [ { "physicalLocation": { "artifactLocation": { "uri": "file:///code/A%20b.cs" }, "region": { "startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9 } } } ]
        """;

    [Fact]
    public void CompilerTooOld_IsNeverClean()
    {
        string tooOld = """{ "ruleId": "CS9057", "level": "warning", "message": { "text": "The analyzer assembly 'KAlloc.Analyzers.dll' references version '4.14' of the compiler, which is newer" } }""";
        ToolException e = Assert.Throws<ToolException>(() => Read(Log(tooOld, rules: "")));
        Assert.Contains("the analyzers did not run", e.Message, StringComparison.Ordinal);
        Assert.Contains("CS9057", Assert.Single(e.Details), StringComparison.Ordinal);
    }

    [Fact]
    public void RulesMissingWithoutAWord_IsNeverClean() =>
        Assert.Throws<ToolException>(() => Read(Log("", rules: """{ "id": "CA1000" }""")));

    [Fact]
    public void AnalyzerThatThrew_IsNeverClean()
    {
        string threw = """{ "ruleId": "AD0001", "message": { "text": "Analyzer 'KAlloc.Analyzers.FlowAnalyzer' threw" } }""";
        Assert.Contains("please report", Assert.Throws<ToolException>(() => Read(Log(threw))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherAnalyzerThatThrew_IsNotOurs()
    {
        string threw = """{ "ruleId": "AD0001", "message": { "text": "Analyzer 'Other.Analyzer' threw" } }""";
        Assert.Empty(Read(Log(threw)).Findings);
    }

    [Fact]
    public void NoLog_MeansThatNothingWasCompiled()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        Assert.Contains("nothing was compiled", Assert.Throws<ToolException>(() => SarifReader.Read(folder.FullName, Catalog(), new HashSet<string>())).Message, StringComparison.Ordinal);
        folder.Delete();
    }

    [Fact]
    public void Finding_HasTheRulesOwnLevelAndItsPath()
    {
        string result = $$"""
            { "ruleId": "KA0001", "level": "warning", "message": { "text": "'p' is wrong; do right" }, {{Place}},
              "relatedLocations": [ { "physicalLocation": { "artifactLocation": { "uri": "file:///code/B.cs" }, "region": { "startLine": 1 } } } ],
              "properties": { "customProperties": { "path.0": "here" } } }
            """;
        Finding finding = Assert.Single(Read(Log(result)).Findings);
        Assert.Equal(Level.Error, finding.Level);
        Assert.Equal(new SourceSpan("/code/A b.cs", 3, 5, 3, 9), finding.Place);
        Assert.Equal(("'p' is wrong", "do right"), (finding.Problem, finding.Remedy));
        Assert.Equal(("here", 1), (Assert.Single(finding.Path).Text, finding.Path[0].Place.Line));
    }

    [Fact]
    public void SuppressedResult_IsLeftOut() => Assert.Empty(Read(Log(
        $$"""{ "ruleId": "KA0001", "level": "warning", "message": { "text": "x" }, {{Place}}, "suppressions": [ { "kind": "inSource" } ] }""")).Findings);

    private static BuildReport Read(string log)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        File.WriteAllText(Path.Combine(folder.FullName, "App-net10.0.sarif"), log);
        try
        {
            return SarifReader.Read(folder.FullName, Catalog(), new HashSet<string>());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static RuleCatalog Catalog() => new("", [new OneRule()], []);

    private static string Log(string results, string rules = """{ "id": "KA0001" }""") =>
        $$"""{ "runs": [ { "results": [ {{results}} ], "tool": { "driver": { "semanticVersion": "4.8.0", "rules": [ {{rules}} ] } } } ] }""";

    [DiagnosticAnalyzer(LanguageNames.CSharp)]
    private sealed class OneRule : DiagnosticAnalyzer
    {
        public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
            [new("KA0001", "Title", "{0}", "Test", DiagnosticSeverity.Error, isEnabledByDefault: true)];

        public override void Initialize(AnalysisContext context)
        {
            context.EnableConcurrentExecution();
            context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        }
    }
}
