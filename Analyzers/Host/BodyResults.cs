// The results of bodies, on demand and cached for the compilation. A body's result needs the summaries of what it calls, so those are found first:
// Tarjan's algorithm over the calls in bodies, without recursion of its own, gives each method after everything it calls. So no result depends on
// which body was asked for first.
//
// Methods that call one another in a circle form one component, and are walked in rounds: at first nothing is known to return from the circle, then
// what returns without a call within it, then what returns after one such call, and so on. All members of a round use what the round before found.
// In the last round a call within the circle can also turn out in ways that nobody has seen.
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
    /// <summary>As many calls within a circle of methods are followed one below the other.</summary>
    private const int Rounds = 3;

    /// <summary>In a larger circle a call is opaque: it would be walked too often.</summary>
    private const int MaximalCircle = 6;

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
        return _walkedAnyway.GetOrAdd(body.Root, Analyze(body, operation, null, callees, cancellation));
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
            if (members.Count > 1 || node.Callees.Exists(callee => SymbolEqualityComparer.Default.Equals(callee, node.Body.Root))) WalkCircle(members);
            else results._known.TryAdd(node.Body.Root, results.Matters(node.Body, node.Operation, node.Callees, cancellation) ? results.Analyze(node.Body, node.Operation, null, node.Callees, cancellation) : BodyResult.Skipped);
            foreach (Node member in members)
            {
                member.IsOpen = false;
                member.Operation = null;
            }

            return node.Caller;
        }

        private void WalkCircle(List<Node> members)
        {
            bool matters = members.Exists(member => results.Matters(member.Body, member.Operation, member.Callees, cancellation));
            var round = new Dictionary<ISymbol, Summary?>(SymbolEqualityComparer.Default);
            bool isSmall = members.Count <= MaximalCircle;
            foreach (Node member in members) round.Add(member.Body.Root, isSmall ? Summary.None : null);
            for (int i = 0; i < Rounds && matters && isSmall; i++)
            {
                Dictionary<ISymbol, Summary?> before = round;
                round = new Dictionary<ISymbol, Summary?>(SymbolEqualityComparer.Default);
                foreach (Node member in members) round.Add(member.Body.Root, Walk(member, before, isLast: false).Summary);
            }

            foreach (Node member in members) round[member.Body.Root] = round[member.Body.Root]?.AndMore();
            foreach (Node member in members) results._known.TryAdd(member.Body.Root, matters ? Walk(member, round, isLast: true) : BodyResult.Skipped);
        }

        private BodyResult Walk(Node member, Dictionary<ISymbol, Summary?> circle, bool isLast) =>
            results.Analyze(member.Body, member.Operation, circle, member.Callees, cancellation, isLast);
    }

    private bool Matters(in Body body, IOperation? operation, List<IMethodSymbol> callees, CancellationToken cancellation)
    {
        return operation is not null && (_facts.Demand.DoesMore(body, operation, cancellation) || callees.Exists(HasEffect));

        bool HasEffect(IMethodSymbol callee) => _known.TryGetValue(callee, out BodyResult? result) && result.Summary is { HasEffect: true };
    }

    /// <param name="body">The body.</param>
    /// <param name="operation">Its operation, if it binds.</param>
    /// <param name="circle">What is known of the methods that it calls and that call it; null if there are none.</param>
    /// <param name="callees">What it calls.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <param name="isLast">The result is the body's, and worth watching.</param>
    private BodyResult Analyze(in Body body, IOperation? operation, Dictionary<ISymbol, Summary?>? circle, List<IMethodSymbol> callees, CancellationToken cancellation, bool isLast = true)
    {
        AnalysisEvents.Log.WalkBegins();
        if (operation is null || !Binds(operation) || Bodies.GraphOf(operation, cancellation) is not { } graph) return BodyResult.None;
        var known = new HashSet<ISymbol>(callees, SymbolEqualityComparer.Default);
        foreach (IMethodSymbol callee in callees)
            if (_known.TryGetValue(callee, out BodyResult? result) && result.Summary is { } summary && circle?.ContainsKey(callee) != true) known.UnionWith(summary.Deferred.Select(Demand.DefinitionOf));
        var scope = new FlowScope(
            _facts.Model,
            _facts.Dispatch,
            Rules.FlowRules.All,
            method => _facts.EntryContextOf(method, cancellation),
            method => _facts.MayLeaveSections(method, cancellation),
            SummaryOf,
            cancellation)
        {
            IsInCircle = circle is not null,
            IsSkipped = method => _known.TryGetValue(Demand.DefinitionOf(method), out BodyResult? result) && result == BodyResult.Skipped && known.Contains(Demand.DefinitionOf(method)),
            MindsBlocking = _facts.MayBeAtomic(cancellation),
            Trace = isLast && Watched is { } watched && SymbolEqualityComparer.Default.Equals(watched.Root, body.Root) ? watched.Trace : null,
        };
        BodyResult found = FlowAnalysis.Run(scope, body.Root, graph, body.Declaration);
        AnalysisEvents.Log.WalkEnds(body.Root, scope.Visits, scope.Work);
        return found;

        Summary? SummaryOf(IMethodSymbol method)
        {
            method = Demand.DefinitionOf(method);
            if (!known.Contains(method)) return null;
            if (circle is not null && circle.TryGetValue(method, out Summary? inside)) return inside;
            return _known.TryGetValue(method, out BodyResult? result) ? result.Summary : null;
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
