// Runs all rules on files of realistic code.
//
//   Tests/Corpus/Valid     correct code that looks suspicious: every rule is silent. A false alarm becomes a file here first
//   Tests/Corpus/Faulty    code with mistakes: `// expect: KA4001` (or several, with commas) at the end of each line that is reported

using System.Collections.Immutable;
using System.Text.RegularExpressions;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace KAlloc.Meta.Tests.Corpus;

public sealed partial class CorpusTests
{
    private const string ImplicitUsings = "global using System; global using System.Collections.Generic; global using System.Linq; global using System.IO; global using System.Threading; global using System.Threading.Tasks;";

    public static TheoryData<string> ValidFiles => Files("Valid");

    public static TheoryData<string> FaultyFiles => Files("Faulty");

    [Theory]
    [MemberData(nameof(ValidFiles))]
    public async Task ValidCode_AllRules_StaySilent(string file)
    {
        Assert.DoesNotContain("expect:", await File.ReadAllTextAsync(PathOf("Valid", file)), StringComparison.Ordinal);
        Assert.Empty((await AnalyzeAsync("Valid", file)).Select(Describe));
    }

    [Theory]
    [MemberData(nameof(FaultyFiles))]
    public async Task FaultyCode_ExactlyTheExpectedLines_Report(string file)
    {
        string[] lines = await File.ReadAllLinesAsync(PathOf("Faulty", file));
        IEnumerable<string> expected = lines.SelectMany((line, index) => Expectation().Match(line).Groups[1].Value
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(id => $"{index + 1}: {id}"));
        IEnumerable<string> actual = (await AnalyzeAsync("Faulty", file)).Select(finding => $"{finding.Location.GetLineSpan().StartLinePosition.Line + 1}: {finding.Id}");
        Assert.Equal(string.Join('\n', expected.Order(StringComparer.Ordinal)), string.Join('\n', actual.Order(StringComparer.Ordinal)));
    }

    /// <summary>Analyzers run on every keystroke: code that stops anywhere must not make one throw.</summary>
    [Theory]
    [MemberData(nameof(ValidFiles))]
    public async Task HalfTypedCode_AllRules_DoNotThrow(string file)
    {
        const int Cuts = 6;
        string text = await File.ReadAllTextAsync(PathOf("Valid", file));
        for (int cut = 1; cut < Cuts; cut++)
        {
            // One cut off, one with a piece missing in the middle, so that the rest still has members and bodies.
            int at = text.Length * cut / Cuts;
            foreach (string broken in new[] { text[..at], text[..at] + text[Math.Min(text.Length, at + 25)..] })
            {
                ImmutableArray<Diagnostic> findings = await Compile(broken, file).WithAnalyzers(KernelSetup.CreateAnalyzers()).GetAnalyzerDiagnosticsAsync();
                Assert.Empty(findings.Where(finding => finding.Id == "AD0001").Select(Describe));
            }
        }
    }

    [Fact]
    public void Corpus_HasFilesOfBothKinds()
    {
        Assert.True(ValidFiles.Count >= 10, $"{ValidFiles.Count} valid files");
        Assert.NotEmpty(FaultyFiles);
    }

    private static async Task<ImmutableArray<Diagnostic>> AnalyzeAsync(string kind, string file)
    {
        string path = PathOf(kind, file);
        CSharpCompilation compilation = Compile(await File.ReadAllTextAsync(path), path);
        IEnumerable<Diagnostic> errors = compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.Empty(errors.Select(Describe));

        // AD0001 is among them: an analyzer that throws fails the file.
        return await compilation.WithAnalyzers(KernelSetup.CreateAnalyzers()).GetAnalyzerDiagnosticsAsync();
    }

    private static CSharpCompilation Compile(string text, string path)
    {
        SyntaxTree code = CSharpSyntaxTree.ParseText(SourceText.From(text), KernelSetup.ParseOptions, path);
        SyntaxTree usings = CSharpSyntaxTree.ParseText(ImplicitUsings, KernelSetup.ParseOptions, "/Usings.cs");
        SyntaxTree names = CSharpSyntaxTree.ParseText(KernelSetup.LinuxNamesSource, KernelSetup.ParseOptions, "/LinuxNames.cs");
        return CSharpCompilation.Create("Corpus", [code, usings, names], KernelSetup.References, KernelSetup.CompilationOptions(nullable: true));
    }

    private static string Describe(Diagnostic diagnostic) => $"{diagnostic.Location.GetLineSpan().StartLinePosition.Line + 1}: {diagnostic.Id} {diagnostic.GetMessage()}";

    private static string PathOf(string kind, string file) => Path.Combine(Repository.Root, "Tests", "Corpus", kind, file);

    private static TheoryData<string> Files(string kind) =>
        [.. Directory.GetFiles(Path.Combine(Repository.Root, "Tests", "Corpus", kind), "*.cs").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [GeneratedRegex(@"//\s*expect:\s*([KA0-9, ]+?)\s*$")]
    private static partial Regex Expectation();
}
