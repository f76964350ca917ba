// The results of bodies, on demand and cached for the compilation. A body's result needs the summaries of what it calls, so those are found first:
// Tarjan's algorithm over the calls in bodies, without recursion of its own, gives each method after everything it calls. Methods that call one
// another in a circle form one component; within it a call is opaque. So no result depends on which body was asked for first.
//
// Names say which bodies may matter, and in a large program that is most of it. What the callees turn out to do says it exactly: a body that does
// nothing by contract, and calls nothing that does, is not walked, and calls of it are opaque like those of any other code. A tenth is left.

using System.Collections.Concurrent;
using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Host;

internal sealed class BodyResults(Compilation compilation, CompilationFacts facts)
{
    private readonly Compilation _compilation = compilation;
    private readonly CompilationFacts _facts = facts;
    private readonly ConcurrentDictionary<ISymbol, BodyResult> _known = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, BodyResult> _walkedAnyway = new(SymbolEqualityComparer.Default);

    /// <summary>A body that somebody wants to watch, and who.</summary>
    internal (ISymbol Root, FlowTrace Trace)? Watched { get; set; }

    internal BodyResult Of(in Body body, CancellationToken cancellation) =>
        _known.TryGetValue(body.Root, out BodyResult? known) ? known : new Search(this, cancellation).Run(body);

    /// <summary>The same for whoever needs more than what the body does by contract: what it does to fields.</summary>
    internal BodyResult Walked(in Body body, CancellationToken cancellation)
    {
        BodyResult result = Of(body, cancellation);
        if (result != BodyResult.Skipped) return result;
        if (_walkedAnyway.TryGetValue(body.Root, out BodyResult? walked)) return walked;
        IOperation? operation = Bodies.OperationOf(body, _compilation, cancellation);
        List<IMethodSymbol> callees = operation is null ? [] : _facts.Demand.CalleesOf(operation, cancellation);
        return _walkedAnyway.GetOrAdd(body.Root, Analyze(body, operation, [], callees, cancellation));
    }

    /// <summary>One question: finds the components of the calls below a body, callees first.</summary>
    private sealed class Search(BodyResults results, CancellationToken cancellation)
    {
        private readonly Dictionary<ISymbol, Node> _nodes = new(SymbolEqualityComparer.Default);
        private readonly Stack<Node> _component = new();
        private int _count;

        private sealed class Node(Body body, IOperation? operation, int index)
        {
            internal Body Body { get; } = body;
            internal IOperation? Operation { get; set; } = operation;
            internal int Index { get; } = index;
            internal int Low { get; set; } = index;
            internal bool IsOpen { get; set; } = true;
            internal List<IMethodSymbol> Callees { get; set; } = [];
            internal int Next { get; set; }
            internal Node? Caller { get; set; }
        }

        internal BodyResult Run(in Body body)
        {
            Node root = Open(body, null);
            Node? node = root;
            while (node is not null)
            {
                cancellation.ThrowIfCancellationRequested();
                node = node.Next < node.Callees.Count ? Descend(node, node.Callees[node.Next++]) : Close(node);
            }

            return results._known[root.Body.Root];
        }

        private Node Descend(Node node, IMethodSymbol callee)
        {
            if (_nodes.TryGetValue(callee, out Node? seen))
            {
                if (seen.IsOpen) node.Low = Math.Min(node.Low, seen.Index);
                return node;
            }

            if (results._known.ContainsKey(callee) || Bodies.Of(callee, results._compilation, cancellation) is not { } body) return node;
            return Open(body, node);
        }

        private Node Open(in Body body, Node? caller)
        {
            IOperation? operation = Bodies.OperationOf(body, results._compilation, cancellation);
            var node = new Node(body, operation, _count++) { Caller = caller };
            if (operation is not null) node.Callees = results._facts.Demand.CalleesOf(operation, cancellation);
            _nodes.Add(body.Root, node);
            _component.Push(node);
            return node;
        }

        /// <summary>All callees are known. The first of a component to be opened is the last to be closed.</summary>
        private Node? Close(Node node)
        {
            if (node.Caller is { } caller) caller.Low = Math.Min(caller.Low, node.Low);
            if (node.Low != node.Index) return node.Caller;
            var members = new List<Node>();
            do members.Add(_component.Pop());
            while (!ReferenceEquals(members[members.Count - 1], node));
            var circle = new HashSet<ISymbol>(members.Select(member => member.Body.Root), SymbolEqualityComparer.Default);
            foreach (Node member in members) results._known.TryAdd(member.Body.Root, results.Judge(member.Body, member.Operation, circle, member.Callees, cancellation));
            foreach (Node member in members)
            {
                member.IsOpen = false;
                member.Operation = null;
            }

            return node.Caller;
        }
    }

    private BodyResult Judge(in Body body, IOperation? operation, HashSet<ISymbol> circle, List<IMethodSymbol> callees, CancellationToken cancellation)
    {
        bool matters = operation is not null && (_facts.Demand.DoesMore(body, operation, cancellation) || callees.Exists(HasEffect));
        return matters ? Analyze(body, operation, circle, callees, cancellation) : BodyResult.Skipped;

        bool HasEffect(IMethodSymbol callee) => _known.TryGetValue(callee, out BodyResult? result) && result.Summary is { HasEffect: true };
    }

    private BodyResult Analyze(in Body body, IOperation? operation, HashSet<ISymbol> circle, List<IMethodSymbol> callees, CancellationToken cancellation)
    {
        if (operation is null || !Binds(operation) || Bodies.GraphOf(operation, cancellation) is not { } graph) return BodyResult.None;
        var known = new HashSet<ISymbol>(callees, SymbolEqualityComparer.Default);
        foreach (IMethodSymbol callee in callees)
            if (_known.TryGetValue(callee, out BodyResult? result) && result.Summary is { } summary && !circle.Contains(callee)) known.UnionWith(summary.Deferred.Select(Demand.DefinitionOf));
        var scope = new FlowScope(
            _facts.Model,
            _facts.Dispatch,
            Rules.FlowRules.All,
            method => _facts.EntryContextOf(method, cancellation),
            method => _facts.MayLeaveSections(method, cancellation),
            SummaryOf,
            cancellation)
        {
            MindsBlocking = _facts.MayBeAtomic(cancellation),
            Trace = Watched is { } watched && SymbolEqualityComparer.Default.Equals(watched.Root, body.Root) ? watched.Trace : null,
        };
        return FlowAnalysis.Run(scope, body.Root, graph, body.Declaration);

        Summary? SummaryOf(IMethodSymbol method)
        {
            method = Demand.DefinitionOf(method);
            return !circle.Contains(method) && known.Contains(method) && _known.TryGetValue(method, out BodyResult? result) ? result.Summary : null;
        }
    }

    /// <summary>Code that does not bind is left alone: every guess about it is wrong.</summary>
    private static bool Binds(IOperation operation)
    {
        foreach (IOperation inner in operation.DescendantsAndSelf())
            if (inner is IInvalidOperation) return false;
        return true;
    }
}
