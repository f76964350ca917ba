// Each method of Bodies/*.cs is one test: the lines that end in "// expect: KA####" are reported, and no others, nor beside them. The bodies are grouped by what
// the engine must understand; in each group correct code that looks wrong stands beside wrong code that looks right.

using System.Collections.Immutable;
using System.Text.RegularExpressions;
using KAlloc.Analyzers.Host;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace KAlloc.Flow.Tests;

public sealed partial class BodyTests
{
    private static readonly string[] Groups =
        [.. typeof(BodyTests).Assembly.GetManifestResourceNames().Where(name => !name.StartsWith(StateTests.Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static readonly Dictionary<string, Lazy<Group>> Loaded = Groups.ToDictionary(name => name, name => new Lazy<Group>(() => Group.Load(name)));

    public static TheoryData<string, string> Bodies()
    {
        var data = new TheoryData<string, string>();
        foreach (string group in Groups)
            foreach (string body in Group.BodyNames(Group.Read(group))) data.Add(group, body);
        return data;
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public void Body_IsReportedWhereItSays(string group, string body)
    {
        (string expected, string actual) = Loaded[group].Value.Compare(body);
        Assert.Equal(expected, actual);
    }

    public static TheoryData<string> AllGroups() => [.. Groups];

    /// <summary>What stands beside the bodies: helpers, and classes whose fields are judged.</summary>
    [Theory]
    [MemberData(nameof(AllGroups))]
    public void Rest_IsReportedWhereItSays(string group)
    {
        (string expected, string actual) = Loaded[group].Value.CompareRest();
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Bodies_AreMany() => Assert.True(Bodies().Count >= 100, $"{Bodies().Count} bodies");

    private sealed partial class Group(SyntaxTree tree, ImmutableArray<Diagnostic> diagnostics)
    {
        internal static string Read(string name)
        {
            using var reader = new StreamReader(typeof(BodyTests).Assembly.GetManifestResourceStream(name)!);
            return reader.ReadToEnd();
        }

        internal static IEnumerable<string> BodyNames(string source) =>
            BodiesIn(CSharpSyntaxTree.ParseText(source, KernelSetup.ParseOptions)).Select(body => body.Identifier.ValueText);

        private static IEnumerable<MethodDeclarationSyntax> BodiesIn(SyntaxTree tree) =>
            from type in tree.GetCompilationUnitRoot().DescendantNodes().OfType<TypeDeclarationSyntax>()
            where type.Identifier.ValueText == "Bodies"
            from method in type.Members.OfType<MethodDeclarationSyntax>()
            select method;

        internal static Group Load(string name)
        {
            const string Usings = "global using System; global using System.Buffers; global using System.Collections.Generic; global using System.Runtime.InteropServices; global using System.Threading.Tasks; global using KAlloc; global using static KAlloc.Linux;\n";
            CSharpCompilation compilation = KernelSetup.CreateCompilation(Read(name), Usings + KernelSetup.LinuxNamesSource);
            Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
            // No handler of exceptions: the driver swallows what one throws. An analyzer that throws is AD0001.
            var options = new CompilationWithAnalyzersOptions(new AnalyzerOptions([]), onAnalyzerException: null, concurrentAnalysis: true, logAnalyzerExecutionTime: false);
            ImmutableArray<Diagnostic> found = compilation.WithAnalyzers([new FlowAnalyzer()], options).GetAnalyzerDiagnosticsAsync().GetAwaiter().GetResult();
            Assert.DoesNotContain(found, diagnostic => diagnostic.Id == "AD0001");
            return new Group(compilation.SyntaxTrees[0], found);
        }

        internal (string Expected, string Actual) Compare(string body) => Compare([.. LinesOf(BodiesIn(tree).Single(method => method.Identifier.ValueText == body))]);

        internal (string Expected, string Actual) CompareRest() => Compare([.. Enumerable.Range(0, tree.GetText().Lines.Count).Except(BodiesIn(tree).SelectMany(LinesOf))]);

        private IEnumerable<int> LinesOf(MethodDeclarationSyntax body)
        {
            TextLineCollection lines = tree.GetText().Lines;
            int first = lines.GetLineFromPosition(body.FullSpan.Start).LineNumber, last = lines.GetLineFromPosition(body.Span.End).LineNumber;
            return Enumerable.Range(first, last - first + 1);
        }

        private (string Expected, string Actual) Compare(SortedSet<int> numbers)
        {
            TextLineCollection lines = tree.GetText().Lines;
            var expected = new List<string>();
            foreach (int number in numbers)
            {
                Match match = Expectation().Match(lines[number].ToString());
                if (match.Success) expected.AddRange(match.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries).Select(id => $"{id} {lines[number].ToString().Trim()}"));
            }

            IEnumerable<string> actual =
                from diagnostic in diagnostics
                where diagnostic.Location.SourceTree == tree
                let line = diagnostic.Location.GetLineSpan().StartLinePosition.Line
                where numbers.Contains(line)
                orderby line, diagnostic.Id
                select $"{diagnostic.Id} {lines[line].ToString().Trim()}";
            return (string.Join('\n', expected), string.Join('\n', actual));
        }

        [GeneratedRegex(@"// expect: (.+)$")]
        private static partial Regex Expectation();
    }
}
