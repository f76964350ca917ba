// The results of bodies, on demand and cached for the compilation. A body's result needs the summaries of what it calls, so those are found first:
// Tarjan's algorithm over the calls in bodies, without recursion of its own, gives each method after everything it calls. So no result depends on
// which body was asked for first.
//
// Methods that call one another in a circle form one component, and are walked in rounds: at first nothing is known to return from the circle, then
// what returns without a call within it, then what returns after one such call, and so on. All members of a round use what the round before found.
// In the last round a call within the circle can also turn out in ways that nobody has seen. In a larger circle calls are opaque, and its members are
// walked one by one. The results of a circle become known all at once: who saw only some of them would take its methods for ones that stand alone.
//
// Who asks has seen that the body reaches a contract. What its callees turn out to do says which of them matter: a body that does nothing by contract, and
// calls nothing that does, is not walked, and calls of it are opaque like those of any other code. One that is given pointers is walked for what it does
// with them, unless it is large: then Lending tells what it keeps.
//
// Files are analysed by several threads, which ask for the same callees. The first that comes to a body walks it and the others wait for it.

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

    /// <summary>A body with more operations than these is not walked for what it does with pointers alone.</summary>
    private const int LargeOperations = 100;

    private readonly Compilation _compilation = compilation;
    private readonly CompilationFacts _facts = facts;
    private readonly ConcurrentDictionary<ISymbol, Component> _components = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, BodyResult> _walkedAnyway = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, object> _claims = new(SymbolEqualityComparer.Default);
    private readonly object _circles = new();
    private int _searches;

    /// <summary>A body that somebody wants to watch, and who.</summary>
    internal (ISymbol Root, FlowTrace Trace)? Watched { get; set; }

    internal BodyResult Of(in Body body, CancellationToken cancellation) =>
        Find(body.Root) ?? Of(body, BodyCalls.Of(body, _compilation, cancellation), cancellation);

    /// <summary>The same for whoever has passed over the body's operations.</summary>
    internal BodyResult Of(in Body body, BodyCalls? calls, CancellationToken cancellation) => Find(body.Root) ?? new Search(this, cancellation).Run(body, calls);

    /// <summary>The body was walked for one that calls it, and there is nothing to report of it.</summary>
    internal bool IsSilent(ISymbol root) => Find(root) is { Issues.Count: 0, Fields: null or { Frees.Count: 0, Kept.Count: 0 } };

    /// <summary>The same for whoever needs more than what the body does by contract: what it does to fields.</summary>
    internal BodyResult Walked(in Body body, CancellationToken cancellation)
    {
        BodyResult result = Of(body, cancellation);
        if (result.IsWalked) return result;
        if (_walkedAnyway.TryGetValue(body.Root, out BodyResult? walked)) return walked;
        var calls = BodyCalls.Of(body, _compilation, cancellation);
        List<IMethodSymbol> callees = calls is null ? [] : _facts.Demand.CalleesOf(calls, cancellation);
        return _walkedAnyway.GetOrAdd(body.Root, Analyze(body, calls, null, callees, cancellation));
    }

    /// <summary>What is known of a body; null if nothing is yet.</summary>
    private BodyResult? Find(ISymbol root) => _components.TryGetValue(root, out Component? component) && component.IsComplete ? component.Results[root] : null;

    private Summary? SummaryOf(IMethodSymbol method) => Find(method)?.Summary;

    /// <summary>Methods that call one another, or one alone.</summary>
    private sealed class Component
    {
        private volatile bool _isComplete;

        internal Dictionary<ISymbol, BodyResult> Results { get; } = new(SymbolEqualityComparer.Default);

        internal bool IsComplete => _isComplete;

        internal void Complete() => _isComplete = true;
    }

    /// <summary>One question: finds the components of the calls below a body, callees first.</summary>
    private sealed class Search(BodyResults results, CancellationToken cancellation)
    {
        private readonly Dictionary<ISymbol, Node> _nodes = new(SymbolEqualityComparer.Default);
        private readonly Stack<Node> _component = new();

        /// <summary>Every second search goes through callees from the last to the first: two that begin together meet in the midst.</summary>
        private readonly bool _isReversed = Interlocked.Increment(ref results._searches) % 2 == 0;
        private int _count;

        private sealed class Node(Body body, BodyCalls? calls, int index)
        {
            internal Body Body { get; } = body;
            internal BodyCalls? Calls { get; set; } = calls;
            internal int Index { get; } = index;
            internal int Low { get; set; } = index;
            internal bool IsOpen { get; set; } = true;
            internal List<IMethodSymbol> Callees { get; set; } = [];
            internal int Next { get; set; }
            internal Node? Caller { get; set; }
        }

        internal BodyResult Run(in Body body, BodyCalls? calls)
        {
            Node root = Open(body, calls, null);
            Node? node = root;
            while (node is not null)
            {
                cancellation.ThrowIfCancellationRequested();
                node = node.Next < node.Callees.Count ? Descend(node, NextCallee(node)) : Close(node);
            }

            return results.Find(root.Body.Root)!;
        }

        private IMethodSymbol NextCallee(Node node)
        {
            int index = node.Next++;
            return node.Callees[_isReversed ? node.Callees.Count - 1 - index : index];
        }

        private Node Descend(Node node, IMethodSymbol callee)
        {
            if (_nodes.TryGetValue(callee, out Node? seen))
            {
                if (seen.IsOpen) node.Low = Math.Min(node.Low, seen.Index);
                return node;
            }

            if (results.Find(callee) is not null || Bodies.Of(callee, results._compilation, cancellation) is not { } body) return node;
            return Open(body, BodyCalls.Of(body, results._compilation, cancellation), node);
        }

        private Node Open(in Body body, BodyCalls? calls, Node? caller)
        {
            var node = new Node(body, calls, _count++) { Caller = caller };
            if (calls is not null) node.Callees = results._facts.Demand.CalleesOf(calls, cancellation);
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
            bool isCircle = members.Count > 1 || node.Callees.Exists(callee => SymbolEqualityComparer.Default.Equals(callee, node.Body.Root));
            WalkOnce(members, isCircle, isCircle ? results._circles : results._claims.GetOrAdd(node.Body.Root, static _ => new object()));
            foreach (Node member in members)
            {
                member.IsOpen = false;
                member.Calls = null;
            }

            return node.Caller;
        }

        /// <summary>Nobody else walks them meanwhile, or has. Holds one claim at a time, and what it calls is known: nobody waits for one who waits.</summary>
        private void WalkOnce(List<Node> members, bool isCircle, object claim)
        {
            Claim.Enter(claim, cancellation);
            try
            {
                if (results.Find(members[0].Body.Root) is not null) return;
                var component = new Component();
                if (!isCircle) component.Results.Add(members[0].Body.Root, Walk(members[0], null));
                else if (members.Count > MaximalCircle) WalkLargeCircle(members, component);
                else WalkCircle(members, component);
                foreach (Node member in members) results._components[member.Body.Root] = component;
                component.Complete();
            }
            finally
            {
                Monitor.Exit(claim);
            }
        }

        private void WalkLargeCircle(List<Node> members, Component component)
        {
            var opaque = new Dictionary<ISymbol, Summary?>(SymbolEqualityComparer.Default);
            foreach (Node member in members) opaque.Add(member.Body.Root, null);
            foreach (Node member in members) component.Results.Add(member.Body.Root, Walk(member, opaque));
        }

        private void WalkCircle(List<Node> members, Component component)
        {
            Interest interest = members.Max(member => results.InterestOf(member.Body, member.Calls, member.Callees, cancellation));
            bool isWalked = interest == Interest.Effects || (interest == Interest.Pointers && !members.Exists(member => IsLarge(member.Calls)));
            var round = new Dictionary<ISymbol, Summary?>(SymbolEqualityComparer.Default);
            foreach (Node member in members) round.Add(member.Body.Root, Summary.None);
            for (int i = 0; i < Rounds && isWalked; i++)
            {
                Dictionary<ISymbol, Summary?> before = round;
                round = new Dictionary<ISymbol, Summary?>(SymbolEqualityComparer.Default);
                // What was too much to follow once will be again, when more is known.
                foreach (Node member in members) round.Add(member.Body.Root, before[member.Body.Root] is null ? null : Analyze(member, interest, before, isLast: false).Summary);
            }

            foreach (Node member in members) round[member.Body.Root] = round[member.Body.Root]?.AndMore();
            foreach (Node member in members)
                component.Results.Add(member.Body.Root, isWalked ? Analyze(member, interest, round, isLast: true) : results.Unwalked(member.Body, member.Calls, member.Callees, interest));
        }

        private BodyResult Walk(Node member, Dictionary<ISymbol, Summary?>? circle)
        {
            Interest interest = results.InterestOf(member.Body, member.Calls, member.Callees, cancellation);
            return interest == Interest.Effects || (interest == Interest.Pointers && !IsLarge(member.Calls))
                ? Analyze(member, interest, circle, isLast: true)
                : results.Unwalked(member.Body, member.Calls, member.Callees, interest);
        }

        private BodyResult Analyze(Node member, Interest interest, Dictionary<ISymbol, Summary?>? circle, bool isLast) =>
            results.Analyze(member.Body, member.Calls, circle, member.Callees, cancellation, isMover: interest == Interest.Pointers, isLast);
    }

    /// <summary>What a body is walked for, the more the later.</summary>
    private enum Interest
    {
        None,

        /// <summary>It may keep what it is given, or return it.</summary>
        Pointers,

        /// <summary>It allocates, frees, sleeps, locks, or calls something that does.</summary>
        Effects,
    }

    private Interest InterestOf(in Body body, BodyCalls? calls, List<IMethodSymbol> callees, CancellationToken cancellation) =>
        calls is null ? Interest.None
        : callees.Exists(callee => SummaryOf(callee) is { HasEffect: true }) || _facts.Demand.ActsByContract(calls, cancellation) ? Interest.Effects
        : Demand.MovesPointers(body) ? Interest.Pointers
        : Interest.None;

    private static bool IsLarge(BodyCalls? calls) => calls!.Count > LargeOperations;

    /// <summary>Of a body that is left out, with what it keeps of what it is given.</summary>
    private BodyResult Unwalked(in Body body, BodyCalls? calls, List<IMethodSymbol> callees, Interest interest) =>
        interest == Interest.None || calls is null ? BodyResult.Skipped : BodyResult.None with { IsWalked = false, Loans = LoansIn(body, calls, callees) };

    private Loans LoansIn(in Body body, BodyCalls calls, List<IMethodSymbol> callees)
    {
        if (body.Root is not IMethodSymbol method || !calls.Binds) return default;
        var known = new HashSet<ISymbol>(callees, SymbolEqualityComparer.Default);
        return Lending.Of(method, calls.Body, _facts.Model, callee => LoansOf(known, callee));
    }

    /// <summary>Only of callees, which are known by now: of others it would depend on who asked before.</summary>
    private Loans LoansOf(HashSet<ISymbol> known, IMethodSymbol method)
    {
        method = Demand.DefinitionOf(method);
        return known.Contains(method) && Find(method) is { } result ? result.Loans : default;
    }

    /// <param name="body">The body.</param>
    /// <param name="calls">Its operation and what it calls, if it has one.</param>
    /// <param name="circle">What is known of the methods that it calls and that call it; null if there are none.</param>
    /// <param name="callees">What it calls.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <param name="isMover">It is walked for what it does with pointers alone.</param>
    /// <param name="isLast">The result is the body's, and worth watching.</param>
    private BodyResult Analyze(in Body body, BodyCalls? calls, Dictionary<ISymbol, Summary?>? circle, List<IMethodSymbol> callees, CancellationToken cancellation, bool isMover = false, bool isLast = true)
    {
        AnalysisEvents.Log.WalkBegins();
        if (calls is not { Binds: true } || Bodies.GraphOf(calls.Body, cancellation) is not { } graph) return BodyResult.None;
        var known = new HashSet<ISymbol>(callees, SymbolEqualityComparer.Default);
        foreach (IMethodSymbol callee in callees)
            if (circle?.ContainsKey(callee) != true && SummaryOf(callee) is { } summary) known.UnionWith(summary.Deferred.Select(Demand.DefinitionOf));
        var scope = new FlowScope(
            _facts.Model,
            _facts.Dispatch,
            Rules.FlowRules.All,
            method => _facts.EntryContextOf(method, cancellation),
            method => _facts.MayLeaveSections(method, cancellation),
            SummaryIn,
            cancellation)
        {
            IsInCircle = circle is not null,
            IsMover = isMover,
            IsSkipped = method => known.Contains(Demand.DefinitionOf(method)) && ReferenceEquals(Find(Demand.DefinitionOf(method)), BodyResult.Skipped),
            LoansOf = method => LoansOf(known, method),
            MindsBlocking = _facts.MayBeAtomic(cancellation),
            Trace = isLast && Watched is { } watched && SymbolEqualityComparer.Default.Equals(watched.Root, body.Root) ? watched.Trace : null,
        };
        BodyResult made = FlowAnalysis.Run(scope, body.Root, graph, body.Declaration);
        AnalysisEvents.Log.WalkEnds(body.Root, scope.Visits, scope.Work);
        return made.Summary is null ? made with { Loans = LoansIn(body, calls, callees), IsWalked = !isMover } : made;

        Summary? SummaryIn(IMethodSymbol method)
        {
            method = Demand.DefinitionOf(method);
            if (!known.Contains(method)) return null;
            return circle is not null && circle.TryGetValue(method, out Summary? inside) ? inside : SummaryOf(method);
        }
    }
}
