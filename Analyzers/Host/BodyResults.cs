// The results of bodies, on demand and cached for the compilation. A body's result needs the summaries of what it calls: CallSearch finds those first,
// and which methods call one another in a circle.
//
// What its callees turn out to do says whether a body matters: one that does nothing by contract, and calls nothing that does, is not walked, and calls of
// it are opaque like those of any other code. One that is given pointers is walked for what it does with them, but only once somebody is to be walked who
// calls it (most never are), and if it is not large: else Lending tells what it keeps.
//
// A circle is walked in rounds: at first nothing is known to return from it, then what returns without a call within it, then what returns after one such
// call, and so on. All members of a round use what the round before found. In the last round a call within the circle can also turn out in ways that nobody
// has seen. In a larger circle calls are opaque, and its members are walked one by one. The results of a circle become known all at once: who saw only some
// of them would take its methods for ones that stand alone.
//
// Files are analysed by several threads, which ask for the same callees. The first that comes to a component walks it and the others wait for it. Who waits
// holds no claim, since what a component calls is walked before it is claimed: nobody waits for one who waits.

using System.Collections.Concurrent;
using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Host;

internal sealed class BodyResults(Compilation compilation, CompilationFacts facts)
{
    /// <summary>As many calls within a circle of methods are followed one below the other.</summary>
    private const int Rounds = 3;

    private readonly Compilation _compilation = compilation;
    private readonly CompilationFacts _facts = facts;
    private readonly ConcurrentDictionary<ISymbol, BodyComponent> _components = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, BodyResult> _walkedAnyway = new(SymbolEqualityComparer.Default);
    private readonly object _circles = new();
    private int _searches;

    /// <summary>A body that somebody wants to watch, and who.</summary>
    internal (ISymbol Root, FlowTrace Trace)? Watched { get; set; }

    /// <summary>What is to be told of a body: it is walked if it has effects. <paramref name="calls"/> is for whoever has passed over its operations.</summary>
    internal BodyResult Of(in Body body, BodyCalls? calls, CancellationToken cancellation) =>
        ComponentOf(body, calls, false, cancellation).Interest == Interest.Effects ? Find(body.Root)! : BodyResult.Skipped;

    /// <summary>What is known of a body for one that calls it.</summary>
    internal BodyResult Followed(in Body body, CancellationToken cancellation)
    {
        EnsureWalked(ComponentOf(body, null, true, cancellation), cancellation);
        return Find(body.Root)!;
    }

    /// <summary>The same for whoever needs more than what the body does by contract: what it does to fields.</summary>
    internal BodyResult Walked(in Body body, CancellationToken cancellation)
    {
        BodyResult result = Followed(body, cancellation);
        if (result.IsWalked) return result;
        if (_walkedAnyway.TryGetValue(body.Root, out BodyResult? walked)) return walked;
        var member = new ComponentMember(body, BodyCalls.Of(body, _compilation, cancellation), _facts.Demand, cancellation);
        EnsureWalked(member.Callees, cancellation);
        return _walkedAnyway.GetOrAdd(body.Root, Analyze(member, Interest.Effects, null, isLast: true, cancellation));
    }

    /// <summary>It is known that there is nothing to tell of the body.</summary>
    internal bool IsSilent(ISymbol root) =>
        Known(root) is { } component && (component.Interest != Interest.Effects || Find(root) is { Issues.Count: 0, Fields: null or { Frees.Count: 0, Kept.Count: 0 } });

    /// <summary>The component of a method, if it was found before.</summary>
    internal BodyComponent? Known(ISymbol root) => _components.TryGetValue(root, out BodyComponent? component) && component.IsKnown ? component : null;

    private BodyComponent ComponentOf(in Body body, BodyCalls? calls, bool isNeeded, CancellationToken cancellation)
    {
        BodyComponent component = Known(body.Root) ?? Search(cancellation).Run(body, calls ?? BodyCalls.Of(body, _compilation, cancellation), isNeeded);
        if (component.Interest == Interest.Effects) EnsureWalked(component, cancellation);
        return component;
    }

    /// <summary>Every second search goes through callees from the last to the first: two that begin together meet in the midst.</summary>
    private CallSearch Search(CancellationToken cancellation) => new(this, _compilation, _facts.Demand, Interlocked.Increment(ref _searches) % 2 == 0, cancellation);

    /// <summary>The one component of these methods, whoever finds it first.</summary>
    internal BodyComponent Register(BodyComponent found)
    {
        if (!found.IsCircle)
        {
            BodyComponent first = _components.GetOrAdd(found.Members[0].Body.Root, found);
            first.BecomeKnown();
            return first;
        }

        lock (_circles)
        {
            if (Known(found.Members[0].Body.Root) is { } known) return known;
            foreach (ComponentMember member in found.Members) _components[member.Body.Root] = found;
            found.BecomeKnown();
            return found;
        }
    }

    /// <summary>What is known of a body; null if it was not walked yet, or left out.</summary>
    private BodyResult? Find(ISymbol root) => Known(root) is { IsComplete: true } component ? component.Results[root] : null;

    private Summary? SummaryOf(IMethodSymbol method) => Find(method)?.Summary;

    private void EnsureWalked(IReadOnlyList<IMethodSymbol> methods, CancellationToken cancellation)
    {
        foreach (IMethodSymbol method in methods)
            if (Known(method) is { } component) EnsureWalked(component, cancellation);
    }

    /// <summary>Walks a component, and before it all that it calls, if that was not done yet.</summary>
    internal void EnsureWalked(BodyComponent component, CancellationToken cancellation)
    {
        if (component.IsComplete) return;
        var seen = new HashSet<BodyComponent> { component };
        var path = new Stack<(BodyComponent Component, IEnumerator<IMethodSymbol> Callees)>();
        path.Push((component, component.Callees.GetEnumerator()));
        while (path.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            (BodyComponent current, IEnumerator<IMethodSymbol> callees) = path.Peek();
            if (!callees.MoveNext())
            {
                path.Pop();
                WalkOnce(current, cancellation);
            }
            else if (Known(callees.Current) is { IsComplete: false } callee && (!current.IsLeftOut || callee.IsLeftOut) && seen.Add(callee))
            {
                path.Push((callee, callee.Callees.GetEnumerator()));
            }
        }
    }

    /// <summary>Nobody else walks it meanwhile, or has.</summary>
    private void WalkOnce(BodyComponent component, CancellationToken cancellation)
    {
        Claim.Enter(component, cancellation);
        try
        {
            if (component.IsComplete) return;
            foreach (ComponentMember member in component.Members) member.Calls ??= BodyCalls.Of(member.Body, _compilation, cancellation);
            if (!component.IsCircle) component.Results[component.Members[0].Body.Root] = Walk(component.Members[0], null, cancellation);
            else if (component.IsLargeCircle) WalkLargeCircle(component, cancellation);
            else WalkCircle(component, cancellation);
            component.Complete();
        }
        finally
        {
            Monitor.Exit(component);
        }
    }

    private void WalkLargeCircle(BodyComponent component, CancellationToken cancellation)
    {
        var opaque = new Dictionary<ISymbol, Summary?>(SymbolEqualityComparer.Default);
        foreach (ComponentMember member in component.Members) opaque.Add(member.Body.Root, null);
        foreach (ComponentMember member in component.Members) component.Results[member.Body.Root] = Walk(member, opaque, cancellation);
    }

    private void WalkCircle(BodyComponent component, CancellationToken cancellation)
    {
        Interest interest = component.Interest;
        bool isWalked = interest == Interest.Effects || !component.IsLeftOut;
        var round = new Dictionary<ISymbol, Summary?>(SymbolEqualityComparer.Default);
        foreach (ComponentMember member in component.Members) round.Add(member.Body.Root, Summary.None);
        for (int i = 0; i < Rounds && isWalked; i++)
        {
            Dictionary<ISymbol, Summary?> before = round;
            round = new Dictionary<ISymbol, Summary?>(SymbolEqualityComparer.Default);
            // What was too much to follow once will be again, when more is known.
            foreach (ComponentMember member in component.Members)
                round.Add(member.Body.Root, before[member.Body.Root] is null ? null : Analyze(member, interest, before, isLast: false, cancellation).Summary);
        }

        foreach (ComponentMember member in component.Members) round[member.Body.Root] = round[member.Body.Root]?.AndMore();
        foreach (ComponentMember member in component.Members)
            component.Results[member.Body.Root] = isWalked ? Analyze(member, interest, round, isLast: true, cancellation) : Unwalked(member, interest);
    }

    private BodyResult Walk(ComponentMember member, Dictionary<ISymbol, Summary?>? circle, CancellationToken cancellation) =>
        member.Interest == Interest.Effects || (member.Interest == Interest.Pointers && !member.IsLarge)
            ? Analyze(member, member.Interest, circle, isLast: true, cancellation)
            : Unwalked(member, member.Interest);

    /// <summary>Of a body whose callees are known, but for those that call it: these count for nothing.</summary>
    internal Interest InterestOf(ComponentMember member, CancellationToken cancellation) =>
        member.Acts || member.Callees.Exists(callee => HasEffect(callee, cancellation)) ? Interest.Effects
        : member.MovesPointers ? Interest.Pointers
        : Interest.None;

    /// <summary>
    /// A call of the body has an effect by contract. That it calls what it is given is none: whoever gives it something that has one names that, and has it too.
    /// </summary>
    internal bool HasEffect(in Body body, BodyCalls? calls, CancellationToken cancellation) => Of(body, calls, cancellation).Summary is { HasOwnEffect: true };

    private bool HasEffect(IMethodSymbol method, CancellationToken cancellation)
    {
        if (Known(method) is not { Interest: Interest.Effects } component) return false;
        EnsureWalked(component, cancellation);
        return SummaryOf(method) is { HasOwnEffect: true };
    }

    /// <summary>Of a body that is left out, with what it keeps of what it is given.</summary>
    private BodyResult Unwalked(ComponentMember member, Interest interest) =>
        interest == Interest.None || member.Calls is null ? BodyResult.Skipped : BodyResult.None with { IsWalked = false, Loans = LoansIn(member) };

    private Loans LoansIn(ComponentMember member)
    {
        if (member.Body.Root is not IMethodSymbol method || member.Calls is not { Binds: true } calls) return default;
        var known = new HashSet<ISymbol>(member.Callees, SymbolEqualityComparer.Default);
        return Lending.Of(method, calls.Body, _facts.Model, callee => Known(Demand.DefinitionOf(callee)) is { IsLeftOut: true } ? LoansOf(known, callee) : default);
    }

    /// <summary>Only of callees, which are known by now: of others it would depend on who asked before.</summary>
    private Loans LoansOf(HashSet<ISymbol> known, IMethodSymbol method)
    {
        method = Demand.DefinitionOf(method);
        return known.Contains(method) && Find(method) is { } result ? result.Loans : default;
    }

    /// <param name="member">The body, with what it calls.</param>
    /// <param name="interest">What it is walked for.</param>
    /// <param name="circle">What is known of the methods that it calls and that call it; null if there are none.</param>
    /// <param name="isLast">The result is the body's, and worth watching.</param>
    /// <param name="cancellation">Stops it.</param>
    private BodyResult Analyze(ComponentMember member, Interest interest, Dictionary<ISymbol, Summary?>? circle, bool isLast, CancellationToken cancellation)
    {
        AnalysisEvents.Log.WalkBegins();
        Body body = member.Body;
        if (member.Calls is not { Binds: true } calls || Bodies.GraphOf(calls.Body, cancellation) is not { } graph) return BodyResult.None;
        var known = new HashSet<ISymbol>(member.Callees, SymbolEqualityComparer.Default);
        foreach (IMethodSymbol callee in member.Callees)
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
            IsMover = interest == Interest.Pointers,
            IsSkipped = method => known.Contains(Demand.DefinitionOf(method)) && ReferenceEquals(Find(Demand.DefinitionOf(method)), BodyResult.Skipped),
            LoansOf = method => LoansOf(known, method),
            MindsBlocking = _facts.MayBeAtomic(cancellation),
            Trace = isLast && Watched is { } watched && SymbolEqualityComparer.Default.Equals(watched.Root, body.Root) ? watched.Trace : null,
        };
        BodyResult made = FlowAnalysis.Run(scope, body.Root, graph, body.Declaration);
        AnalysisEvents.Log.WalkEnds(body.Root, scope.Visits, scope.Work);
        return made.Summary is null ? made with { Loans = LoansIn(member), IsWalked = interest != Interest.Pointers } : made;

        Summary? SummaryIn(IMethodSymbol method)
        {
            method = Demand.DefinitionOf(method);
            if (!known.Contains(method)) return null;
            return circle is not null && circle.TryGetValue(method, out Summary? inside) ? inside : SummaryOf(method);
        }
    }
}
