// Shows how the engine sees a body: its blocks with the states that reach them, how it ends, and its summary. For whoever works on the engine.
//
//   kalloc states PROJECT --method NAME [--mermaid | --dot]
//
// The tool finds this class by its name, since it loads the analyzers as any compiler does.

using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Host;

internal static class StateDump
{
    /// <summary>The dump of every body with the name ("Send" or "Driver.Send"), as "text", "mermaid" or "dot"; empty if there is none.</summary>
    internal static IReadOnlyList<string> Of(Compilation compilation, string name, string format, CancellationToken cancellation)
    {
        var dumps = new List<string>();
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            var facts = new CompilationFacts(compilation);
            foreach (BodySyntax syntax in BodyWalk.Enumerate(tree.GetRoot(cancellation)))
            {
                if (Bodies.RootOf(syntax, facts.ModelOf(tree), cancellation) is not { } root || !IsCalled(root, name)) continue;
                foreach (WatchedBody body in Watch(facts, Bodies.Make(syntax, root), cancellation))
                    dumps.Add(format switch { "mermaid" => StatePicture.Mermaid(body), "dot" => StatePicture.Graphviz(body), _ => Text(body) });
            }
        }

        return dumps;
    }

    /// <summary>Walks the body and watches: the body first, then the functions inside of it.</summary>
    internal static IReadOnlyList<WatchedBody> Watch(CompilationFacts facts, in Body body, CancellationToken cancellation)
    {
        var recorder = new Recorder();
        facts.Results.Watched = (body.Root, recorder);
        facts.Results.Walked(body, cancellation);
        return recorder.Bodies;
    }

    private static bool IsCalled(ISymbol root, string name)
    {
        ISymbol member = root is IMethodSymbol { AssociatedSymbol: { } owner } ? owner : root;
        string own = root is IMethodSymbol { MethodKind: MethodKind.Constructor } ? root.ContainingType.Name
            : member.Name == WellKnownMemberNames.TopLevelStatementsEntryPointMethodName ? WellKnownMemberNames.EntryPointMethodName : member.Name;
        return own == name || $"{root.ContainingType?.Name}.{own}" == name;
    }

    private static string Text(WatchedBody body)
    {
        var text = new System.Text.StringBuilder(body.Name).Append('\n');
        foreach (WatchedBlock block in body.Blocks)
        {
            text.Append($"\nB{block.Ordinal}{(block.States.Count == 0 ? "  (not reached)" : "")}\n");
            for (int i = 0; i < block.States.Count; i++) text.Append($"    {(block.States.Count == 1 ? "·" : (i + 1) + "·")} {block.States[i]}\n");
            foreach (string line in block.Code) text.Append($"  {line}\n");
            foreach ((int target, string label) in block.Edges) text.Append($"  → {(target < 0 ? "" : "B" + target + " ")}{label}".TrimEnd()).Append('\n');
        }

        Append("ends", body.Ends);
        Append("summary", body.Summary ?? ["given up: the body needs more than its budget"]);
        return text.ToString();

        void Append(string title, IReadOnlyList<string> lines)
        {
            text.Append($"\n{title}\n");
            foreach (string line in lines) text.Append($"    · {line}\n");
        }
    }

    private sealed class Recorder : FlowTrace
    {
        private readonly Dictionary<(ControlFlowGraph, int), List<string>> _states = [];

        internal List<WatchedBody> Bodies { get; } = [];

        internal override void Reach(ControlFlowGraph graph, BasicBlock block, FlowState state)
        {
            if (!_states.TryGetValue((graph, block.Ordinal), out List<string>? states)) _states.Add((graph, block.Ordinal), states = []);
            string text = Describe(new StateText(state.Symbols).Of(state));
            if (!states.Contains(text)) states.Add(text);
        }

        internal override void End(ISymbol root, GraphRunner runner, Summary? summary)
        {
            var ends = new List<string>();
            foreach ((FlowState state, Value value, Location place) in runner.Returns)
            {
                var text = new StateText(state.Symbols);
                string known = Describe(text.Of(state));
                string result = root is IMethodSymbol { ReturnsVoid: false, MethodKind: not MethodKind.Constructor } method ? " " + text.Of(state, value, TypeShapes.IsPointer(method.ReturnType)) : "";
                ends.Add($"line {place.GetLineSpan().StartLinePosition.Line + 1}: return{result}; {known}");
            }

            foreach ((FlowState state, SyntaxNode statement) in runner.Throws)
                ends.Add($"line {statement.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: throw; {Describe(new StateText(state.Symbols).Of(state))}");
            WatchedBlock[] blocks = [.. runner.Graph.Blocks.Select(block => Make(runner.Graph, block))];
            string name = root.Name.Length == 0 ? "lambda" : root.ToDisplayString(SymbolDisplayFormat.CSharpShortErrorMessageFormat);
            Bodies.Add(new WatchedBody(name, blocks, ends, summary is null ? null : SummaryText.Of(summary)));
        }

        private static string Describe(List<string> lines) => lines.Count == 0 ? "nothing known" : string.Join("; ", lines);

        private WatchedBlock Make(ControlFlowGraph graph, BasicBlock block)
        {
            var code = new List<string>();
            foreach (IOperation operation in block.Operations) code.Add(StateText.Short(operation.Syntax));
            var edges = new List<(int, string)>();
            if (block.BranchValue is { } value) code.Add((block.ConditionKind == ControlFlowConditionKind.None ? "value " : "if ") + StateText.Short(value.Syntax));
            bool whenTrue = block.ConditionKind == ControlFlowConditionKind.WhenTrue;
            if (block.ConditionalSuccessor is { } jump) edges.Add((jump.Destination?.Ordinal ?? -1, whenTrue ? "true" : "false"));
            if (block.FallThroughSuccessor is { } next)
                edges.Add((next.Destination?.Ordinal ?? -1, block.ConditionKind == ControlFlowConditionKind.None ? (next.Semantics is ControlFlowBranchSemantics.Regular ? "" : next.Semantics.ToString().ToLowerInvariant()) : whenTrue ? "false" : "true"));
            return new WatchedBlock(block.Ordinal, code, edges, _states.TryGetValue((graph, block.Ordinal), out List<string>? states) ? states : []);
        }
    }
}

/// <summary>One block of a graph, with the states that reached it.</summary>
internal sealed record WatchedBlock(int Ordinal, IReadOnlyList<string> Code, IReadOnlyList<(int Target, string Label)> Edges, IReadOnlyList<string> States);

/// <summary>A walked body. <paramref name="Summary"/> is null if it was given up.</summary>
internal sealed record WatchedBody(string Name, IReadOnlyList<WatchedBlock> Blocks, IReadOnlyList<string> Ends, IReadOnlyList<string>? Summary);
