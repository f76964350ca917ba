// What a call of a source method does: for each way it can turn out, the compacted log of that path and what it returns.
//
//   IsValid(p)       [Assume p == 0] → 0      [Assume p != 0] → 1
//   Make()           [Allocate A] → A
//   Dispose()        [Load this._p → L; Assume L != 0; Free L; Store this._p = 0] →      [Load …; Assume L == 0] →
//
// A summary is a function of its method alone. It holds symbols and syntax of the compilation, but no operations and no models.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

/// <summary>One way a method can turn out.</summary>
internal sealed record Outcome(IReadOnlyList<Primitive> Log, Value Result);

internal sealed class Summary
{
    /// <summary>More ways than these are not kept: with 16 nothing more was found, and each is gone at each call.</summary>
    private const int MaximalOutcomes = 8;

    /// <summary>A longer path is not worth replaying: the method is opaque.</summary>
    private const int MaximalRecords = 400;

    /// <summary>So many steps of all ways together are performed again at each call: in a large method only some ways of each kind are kept.</summary>
    private const int MaximalSteps = 200;

    /// <summary>A method without effects that has more ways than these only splits its callers' states: it returns something unknown.</summary>
    private const int MaximalPureOutcomes = 4;

    private string? _shape;
    private HashSet<IMethodSymbol>? _deferred;

    private Summary(SymbolTable symbols, IReadOnlyList<Outcome> outcomes)
    {
        Symbols = symbols;
        Outcomes = outcomes;
    }

    /// <summary>Of a method of which no path is known to return.</summary>
    internal static readonly Summary None = new(new SymbolTable(), []);

    internal SymbolTable Symbols { get; }

    internal IReadOnlyList<Outcome> Outcomes { get; }

    /// <summary>What callers can tell of it.</summary>
    internal string Shape => _shape ??= SummaryShape.Of(this);

    /// <summary>Bodies that it may run where it is applied: of functions that it returns or stores, of virtual calls that the caller decides.</summary>
    internal IReadOnlyCollection<IMethodSymbol> Deferred => _deferred ??= FindDeferred();

    private HashSet<IMethodSymbol> FindDeferred()
    {
        var found = new HashSet<IMethodSymbol>(SymbolEqualityComparer.Default);
        foreach (Outcome outcome in Outcomes)
        {
            Add(outcome.Result);
            foreach (Primitive primitive in outcome.Log)
            {
                if (primitive.Contract is DeferredCall call) found.UnionWith(call.Bodies);
                if (primitive.Kind is PrimitiveKind.Call or PrimitiveKind.Store) Add(primitive.Kind == PrimitiveKind.Call ? primitive.A : primitive.B);
                foreach (Value argument in primitive.Arguments) Add(argument);
            }
        }

        return found;

        void Add(Value value)
        {
            if (Symbols.Of(value) is { Kind: SymbolKind.Function, Item: FunctionValue function }) found.Add(function.Method);
        }
    }

    /// <summary>There are more ways than these, of which nothing is known.</summary>
    internal bool IsPartial { get; private init; }

    /// <summary>The same ways, and more that are not known.</summary>
    internal Summary AndMore() => new(Symbols, Outcomes) { IsPartial = true };

    /// <summary>A call has an effect on memory or context; else it only computes.</summary>
    internal bool HasEffect => HasAny(static primitive => primitive.Acts);

    /// <summary>The same without what it calls and does not know: whoever passes that knows.</summary>
    internal bool HasOwnEffect => HasAny(static primitive => primitive is { Acts: true, Kind: not PrimitiveKind.Call });

    /// <summary>A call reads or writes what is behind a pointer that it is passed.</summary>
    internal bool UsesArguments => HasAny(primitive => primitive.Kind == PrimitiveKind.Touch && Symbols[Symbols.Origin(primitive.A)].Kind == SymbolKind.Argument);

    private bool HasAny(Func<Primitive, bool> isMeant)
    {
        foreach (Outcome outcome in Outcomes)
            foreach (Primitive primitive in outcome.Log)
                if (isMeant(primitive)) return true;
        return false;
    }

    /// <param name="analysis">Of the body.</param>
    /// <param name="method">The method, if the body is one's.</param>
    /// <param name="runner">The walk of the body.</param>
    /// <param name="told">Calls that open a section of which the body itself has told that it stays open.</param>
    internal static Summary? Of(FlowAnalysis analysis, IMethodSymbol? method, GraphRunner runner, HashSet<SyntaxNode> told)
    {
        var outcomes = new List<Outcome>();
        foreach ((FlowState state, Value value, _) in runner.Returns)
        {
            List<Primitive> log = Log.ToList(state.Log);
            if (log.Count > MaximalRecords) return null;
            for (int i = 0; i < log.Count; i++)
                if (log[i] is { Kind: PrimitiveKind.Enter, Site.Syntax: { } site } enter && told.Contains(site)) log[i] = enter with { Told = true };
            Value result = state.Canonical(value);
            if (method is { ReturnsVoid: false, RefKind: RefKind.None } && TypeShapes.ResultOf(method) is var type && !TypeShapes.IsScalar(type)) ReturnParts(state, result, type, log);
            outcomes.Add(new Outcome(analysis.Compaction.Compact(log, result), result));
        }

        bool isPartial = !Merge(analysis.Symbols, analysis.Compaction, outcomes) || analysis.HasLostPaths;
        return new Summary(analysis.Symbols, outcomes) { IsPartial = isPartial };
    }

    /// <summary>A struct is returned by value: what is known of its parts goes with it.</summary>
    private static void ReturnParts(FlowState state, Value region, ITypeSymbol type, List<Primitive> log)
    {
        if (state.IsZeroStruct(region, type)) log.Add(new Primitive(PrimitiveKind.Zero, region) { Type = type });
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (state.IsInside(cells.KeyAt(i), region)) log.Add(new Primitive(PrimitiveKind.Store, cells.KeyAt(i), state.Canonical(cells.ValueAt(i))));
    }

    /// <summary>
    /// Fewer outcomes without losing what tells them apart: equal ones become one; of two that differ in one opposite assumption, that is dropped;
    /// of what is still too many, the first stay. False if any are left out.
    /// </summary>
    private static bool Merge(SymbolTable symbols, Compaction compaction, List<Outcome> outcomes)
    {
        for (bool merged = true; merged;)
        {
            merged = false;
            for (int i = 0; i < outcomes.Count && !merged; i++)
            {
                for (int j = i + 1; j < outcomes.Count && !merged; j++)
                {
                    if (TryMerge(outcomes[i], outcomes[j]) is not { } one) continue;
                    outcomes[i] = one with { Log = compaction.Compact(one.Log, one.Result) };
                    outcomes.RemoveAt(j);
                    merged = true;
                }
            }
        }

        if (outcomes.Count > MaximalPureOutcomes && outcomes.TrueForAll(IsPure))
        {
            outcomes.Clear();
            outcomes.Add(new Outcome([], symbols.Unknown(typeof(Summary))));
        }

        int all = outcomes.Count;
        if (all > MaximalOutcomes) outcomes.RemoveRange(MaximalOutcomes, all - MaximalOutcomes);
        if (outcomes.Sum(static outcome => outcome.Log.Count) > MaximalSteps) Thin(outcomes);
        return outcomes.Count == all;
    }

    /// <summary>Keeps the first way of each kind, and then further ones as long as there is room. They keep their order.</summary>
    private static void Thin(List<Outcome> outcomes)
    {
        List<List<Outcome>> kinds = [.. outcomes.GroupBy(KindOf, StringComparer.Ordinal).Select(static kind => kind.ToList())];
        var kept = new HashSet<Outcome>();
        int steps = 0;
        for (int rank = 0; kinds.Exists(kind => rank < kind.Count); rank++)
        {
            foreach (List<Outcome> kind in kinds)
            {
                if (rank >= kind.Count || (rank > 0 && steps + kind[rank].Log.Count > MaximalSteps)) continue;
                kept.Add(kind[rank]);
                steps += kind[rank].Log.Count;
            }
        }

        outcomes.RemoveAll(outcome => !kept.Contains(outcome));
    }

    /// <summary>What a way does to memory and context, and whether it returns nothing, a number or something else.</summary>
    private static string KindOf(Outcome outcome)
    {
        var kind = new System.Text.StringBuilder(outcome.Result.IsConstant ? outcome.Result.IsZero ? "0" : "1" : "x");
        foreach (Primitive primitive in outcome.Log)
            if (primitive.Acts) kind.Append((char)('A' + (int)primitive.Kind));
        return kind.ToString();
    }

    private static bool IsPure(Outcome outcome)
    {
        foreach (Primitive primitive in outcome.Log)
            if (primitive.IsEffect) return false;
        return true;
    }

    private static Outcome? TryMerge(Outcome a, Outcome b)
    {
        if (a.Result != b.Result || a.Log.Count != b.Log.Count) return null;
        int opposite = -1;
        for (int i = 0; i < a.Log.Count; i++)
        {
            Primitive x = a.Log[i], y = b.Log[i];
            if (x.Equals(y)) continue;
            if (opposite >= 0 || x.Kind != PrimitiveKind.Assume || y.Kind != PrimitiveKind.Assume || x.A != y.A) return null;
            opposite = i;
        }

        if (opposite < 0) return a;
        var log = new List<Primitive>(a.Log);
        log.RemoveAt(opposite);
        return a with { Log = log };
    }
}
