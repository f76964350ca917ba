// Each method of States/*.cs says how the engine must see it, apart from any rule:
//
//   // ends: p = null | p = owned kmalloc     the end states, as the named places hold them, each once; no more and no fewer
//   // summary: allocate kmalloc → kmalloc    one line for each outcome of its summary
//
// Places are written as in the source. "result" is what is returned, "locks" what is held, "how" return or throw (throws count only where it is
// named), "range(n)" what is known of a number.

using System.Text.RegularExpressions;
using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Host;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Xunit;

namespace KAlloc.Flow.Tests;

public sealed partial class StateTests
{
    internal const string Prefix = "States.";

    private const string Usings = "global using System; global using System.Collections.Generic; global using System.Runtime.InteropServices; global using KAlloc; global using static KAlloc.Linux;\n";

    private static readonly Dictionary<string, Lazy<CSharpCompilation>> s_groups = typeof(StateTests).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToDictionary(name => name, name => new Lazy<CSharpCompilation>(() => Compile(name)));

    public static TheoryData<string, string> Bodies()
    {
        var data = new TheoryData<string, string>();
        foreach (string group in s_groups.Keys)
            foreach (MethodDeclarationSyntax method in MethodsOf(CSharpSyntaxTree.ParseText(Read(group), KernelSetup.ParseOptions))) data.Add(group, method.Identifier.ValueText);
        return data;
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public void Body_EndsAsItSays(string group, string body)
    {
        CSharpCompilation compilation = s_groups[group].Value;
        MethodDeclarationSyntax method = MethodsOf(compilation.SyntaxTrees[0]).Single(candidate => candidate.Identifier.ValueText == body);
        string comments = method.GetLeadingTrivia().ToFullString();
        string[] ends = [.. Lines(comments, "ends").SelectMany(line => line.Split(" | "))], outcomes = Lines(comments, "summary");
        Watcher watcher = Walk(compilation, method);
        if (ends.Length > 0)
        {
            string[] places = [.. Parts(ends[0]).Select(part => part.Split(" = ", 2)[0])];
            Assert.Equal(Text(ends.Select(end => string.Join(", ", Parts(end)))), Text(watcher.Ends(places)));
        }

        if (outcomes.Length > 0) Assert.Equal(Text(outcomes), Text(watcher.Summary));
    }

    [Fact]
    public void Bodies_AreMany() => Assert.True(Bodies().Count >= 150, $"{Bodies().Count} bodies");

    private static string Text(IEnumerable<string> lines) => string.Join('\n', lines.Distinct().Order(StringComparer.Ordinal));

    /// <summary>Commas part the places of a state, but not the arguments of a call in a value.</summary>
    private static IEnumerable<string> Parts(string end) => PartBorder().Split(end).Select(part => part.Trim());

    private static string[] Lines(string comments, string kind) =>
        [.. comments.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith($"// {kind}: ", StringComparison.Ordinal)).Select(line => line[(kind.Length + 5)..])];

    private static IEnumerable<MethodDeclarationSyntax> MethodsOf(SyntaxTree tree) =>
        from method in tree.GetCompilationUnitRoot().DescendantNodes().OfType<MethodDeclarationSyntax>()
        let comments = method.GetLeadingTrivia().ToFullString()
        where Lines(comments, "ends").Length + Lines(comments, "summary").Length > 0
        select method;

    private static string Read(string name)
    {
        using var reader = new StreamReader(typeof(StateTests).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    private static CSharpCompilation Compile(string name)
    {
        CSharpCompilation compilation = KernelSetup.CreateCompilation(Read(name), Usings + KernelSetup.LinuxNamesSource);
        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        return compilation;
    }

    private static Watcher Walk(CSharpCompilation compilation, MethodDeclarationSyntax method)
    {
        var facts = new CompilationFacts(compilation);
        IMethodSymbol root = compilation.GetSemanticModel(method.SyntaxTree).GetDeclaredSymbol(method)!;
        var watcher = new Watcher(root);
        facts.Results.Watched = (root, watcher);
        facts.Results.Walked(new Body(root, method, method), default);
        return watcher;
    }

    [GeneratedRegex(@", (?=[\w.>()\[\]*-]+ = )")]
    private static partial Regex PartBorder();

    private sealed class Watcher(IMethodSymbol method) : FlowTrace
    {
        private readonly List<(FlowState State, Value Result, string How)> _ends = [];

        internal IReadOnlyList<string> Summary { get; private set; } = [];

        internal IEnumerable<string> Ends(string[] places) =>
            from end in _ends
            where end.How == "return" || places.Contains("how")
            let text = new StateText(end.State.Symbols)
            select string.Join(", ", places.Select(place => $"{place} = {Describe(text, end.State, end.Result, end.How, place)}"));

        private string Describe(StateText text, FlowState state, Value result, string how, string place)
        {
            if (place == "how") return how;
            if (place == "result") return text.Of(state, result, TypeShapes.IsPointer(method.ReturnType));
            if (place == "locks")
            {
                var locks = new List<string>();
                for (Section? section = state.Sections; section is not null; section = section.Outer) locks.Add(text.Of(section));
                return locks.Count == 0 ? "none" : string.Join(" ", locks);
            }

            bool isRange = place.StartsWith("range(", StringComparison.Ordinal);
            string name = isRange ? place[6..^1] : place;
            for (int i = 0; i < state.Cells.Count; i++)
            {
                if (text.Place(state.Cells.KeyAt(i)) != name) continue;
                Value value = state.Canonical(state.Cells.ValueAt(i));
                return isRange ? Range(state, value) : text.Of(state, value, IsPointer(state.Symbols.Of(state.Cells.KeyAt(i)).Item));
            }

            return "unset";
        }

        private static string Range(FlowState state, Value value)
        {
            (long low, long high) = state.Range(value);
            return $"{(low <= int.MinValue ? "" : low)}..{(high >= int.MaxValue ? "" : high)}";
        }

        private static bool IsPointer(object? place) => place switch
        {
            ILocalSymbol local => IsPointer(local.Type),
            IParameterSymbol parameter => IsPointer(parameter.Type),
            IFieldSymbol field => IsPointer(field.Type),
            _ => false,
        };

        private static bool IsPointer(ITypeSymbol type) => TypeShapes.IsPointer(type) || type.IsReferenceType;

        internal override void Reach(ControlFlowGraph graph, BasicBlock block, FlowState state)
        {
        }

        internal override void End(ISymbol root, GraphRunner runner, Summary? summary)
        {
            if (!SymbolEqualityComparer.Default.Equals(root, method)) return;
            foreach ((FlowState state, Value value, _) in runner.Returns) _ends.Add((state.Fork(), value, "return"));
            foreach ((FlowState state, _) in runner.Throws) _ends.Add((state.Fork(), Value.Zero, "throw"));
            Summary = summary is null ? ["given up"] : SummaryText.Of(summary);
        }
    }
}
