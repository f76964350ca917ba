// Widening: after two turns of a loop, what the loop changes becomes unknown, and allocations that only changed places hold may belong to
// anyone. What every turn shares stays, and of the elements of an array that it fills, what memory they hold.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <param name="runner">Who walks the loop.</param>
    /// <param name="state">The path that is widened.</param>
    /// <param name="onEntry">What held before the turns that it is compared over.</param>
    /// <param name="header">The loop.</param>
    /// <param name="isFilled">It is compared with what held after a turn: what was not null at the end of both is never null there.</param>
    internal void Widen(GraphRunner runner, FlowState state, FlowState onEntry, int header, bool isFilled = false)
    {
        (FlowState outer, _state) = (_state, state);
        // What nothing points to any more is not handed on to the turns that follow: it is lost.
        state.Tidy(analysis.Compaction);
        if (runner.HandsOn(header))
        {
            LetOutRest(header);
            // "if (i == 2) kfree(last);" may be what a later turn comes to.
            foreach (ISymbol variable in runner.NamedInOtherTurns(header)) Doubt(analysis.PlaceOf(variable), runner.DoubtOf(header));
        }

        var changed = new List<(Value Address, Value Value)>();
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
        {
            Value address = cells.KeyAt(i), value = cells.ValueAt(i);
            if (Symbols.IsSpanSlot(address)) continue;
            // Memory first read inside the loop and never written there is the same in every turn.
            bool firstRead = Symbols.Of(value) is { Kind: SymbolKind.Load } load && load.A == address && value.Offset == 0;
            if (onEntry.Cells.TryGet(address, out Value before) ? before != value && state.Canonical(before) != state.Canonical(value) : !firstRead) changed.Add((address, value));
        }

        state.WidenZeroed(onEntry);
        // What the loop left behind in one turn of a loop around it is not what it leaves behind in the next.
        int tag = unchecked((state.Turn * 131) + header);
        foreach ((Value address, Value value) in changed)
        {
            Escape(value);
            SymbolData data = Symbols.Of(address);
            if (IsFilled(data, value, changed, onEntry)) continue;
            // Numbers of one block differ in the offset only.
            object site = address.Offset == 0 && data.Item is { } item ? item : address;
            Value later = Symbols.Unknown(site, unchecked((tag * 8) + 7 + (address.Symbol * 8192)));
            _state.Store(address, later);
            if (isFilled && onEntry.Cells.TryGet(address, out Value once) && onEntry.IsNonZero(once) && state.IsNonZero(value)) state.AssumeNonZero(later);
            // What counted up in two turns goes on counting up.
            if (!value.IsConstant || !onEntry.Cells.TryGet(address, out Value first) || !first.IsConstant || first == value) continue;
            _state.Narrow(later, value.Offset > first.Offset ? first.Offset : long.MinValue, value.Offset > first.Offset ? long.MaxValue : first.Offset);
            if (value.Offset > first.Offset) StayBelow(later, first.Offset, value.Offset, onEntry);
        }

        // A flag of the loop may have decided whether memory was freed or a lock taken: the flag is unknown now, so these are too.
        for (int i = 0; i < state.AllocationCount; i++)
        {
            Allocation allocation = state.AllocationAt(i);
            if (allocation.Status != AllocationStatus.Freed || onEntry.IsFreed(allocation.Symbol)) continue;
            analysis.Fields.Release(state, allocation.Symbol);
            state.SetAllocation(allocation with { Status = AllocationStatus.Escaped });
        }

        for (int i = 0; isFilled && i < state.AllocationCount; i++)
            if (state.AllocationAt(i) is { Status: AllocationStatus.Owned, DoubtedIn: 0 } filled && onEntry.TryGetAllocation(new Value(filled.Symbol, 0), out _)) state.SetAllocation(filled with { DoubtedIn = runner.DoubtOf(header) });
        state.Sections = Uncertain(state, state.Sections, onEntry.Sections);
        state.Released = Released.AfterUnknownCode(state.Released);
        _state = outer;
    }

    /// <summary>
    /// What a counter has not passed in the turns that are walked, because each of them compared it, it does not pass later: after "for (; i &lt; n; i++) if (i == k) break;" it is
    /// no more than n, and no more than a k that it began below.
    /// </summary>
    private void StayBelow(Value counter, long first, long now, FlowState onEntry)
    {
        SmallMap<int, Fact> facts = _state.Facts;
        for (int i = facts.Count - 1; i >= 0; i--)
        {
            var limit = new Value(facts.KeyAt(i), 0);
            if (facts.ValueAt(i).Low < now || limit == counter || _state.Canonical(limit) != limit) continue;
            long before = onEntry.Range(limit).Low;
            if (before >= first && before < facts.ValueAt(i).Low) _state.Assume(_state.Binary(Operator.Less, limit, counter), false);
        }
    }

    /// <summary>
    /// A loop that goes through an array does to each element what the turns that are walked do to two: the path on which it ends here would lose the third.
    /// </summary>
    private void LetOutRest(int header)
    {
        SortedSet<Value> walked = analysis.WalkedIn(header);
        if (walked.Count == 0) return;
        var others = new List<Value>();
        SmallMap<Value, Value> cells = _state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (IsWalked(cells.KeyAt(i))) others.Add(cells.ValueAt(i));
        foreach (Value value in others) MayBeRead(value);
        // The caller knows what else is in there.
        foreach (Value container in walked)
            if (!Symbols.IsPrivate(Symbols.Root(container))) Escape(_state.Load(Symbols.Make(SymbolKind.Element, container, Symbols.Unknown(container, 9))));

        bool IsWalked(Value place)
        {
            while (!walked.Contains(new Value(place.Symbol, 0)))
            {
                if (Symbols.Of(place) is not { Kind: SymbolKind.Element or SymbolKind.Field } data) return false;
                place = data.A;
            }

            return true;
        }
    }

    /// <summary>What is stored there may be given up in a turn that is yet to come: whether it is lost in this loop, or with it, is open until all turns were walked.</summary>
    private void Doubt(Value region, int loop)
    {
        var values = new List<Value>();
        SmallMap<Value, Value> cells = _state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (Symbols.Root(cells.KeyAt(i)) == region.Symbol) values.Add(cells.ValueAt(i));
        foreach (Value value in values)
        {
            if (!_state.TryGetAllocation(value, out Allocation held) || held.Status != AllocationStatus.Owned) LetOut(value);
            else if (held.DoubtedIn == 0)
            {
                _state.SetAllocation(held with { DoubtedIn = loop });
                Doubt(new Value(held.Symbol, 0), loop);
            }
        }
    }

    private bool CanLead(ITypeSymbol? element) => element is null || (TypeShapes.IsScalar(element) ? StructParts.CanLead(element) : analysis.Parts.Of(element).Length > 0);

    /// <summary>An element is named by an index that is not the same in each turn. A pointer may be in there.</summary>
    private void NoteWalk(Value container, IOperation? index, ITypeSymbol? element)
    {
        if ((_state.Loops.Count == 0 && _runner.Depth == 0) || index is { ConstantValue.HasValue: true } || !CanLead(element)) return;
        container = _state.Canonical(container);
        // A pointer into an array goes through that.
        if (container.Offset == 0 && Symbols.Of(container) is { Kind: SymbolKind.Element, Tag: 0, B.IsConstant: true } place) container = place.A;
        if (Symbols.IsWithinField(container, element)) container = Symbols.Of(container).A;
        container = new Value(container.Symbol, 0);
        if (_runner.Depth > 0) analysis.NoteWalked(FlowAnalysis.AnyLoop, container);
        for (int i = 0; i < _state.Loops.Count; i++) analysis.NoteWalked(_state.Loops.KeyAt(i), container);
    }

    /// <summary>
    /// An element that the loop put memory into at an index that it has counted past: later turns fill others. Who frees that memory is open, what it is stays known.
    /// </summary>
    private bool IsFilled(SymbolData place, Value value, List<(Value Address, Value Value)> changed, FlowState onEntry)
    {
        if (place is not { Kind: SymbolKind.Element, Tag: 0, B.IsConstant: true } || Symbols.KindOf(value) != SymbolKind.Allocation) return false;
        foreach ((Value counter, Value now) in changed)
            if (now.IsConstant && place.B.Offset < now.Offset && Symbols.KindOf(counter) == SymbolKind.Local && onEntry.Cells.TryGet(counter, out Value first) && first.IsConstant && first.Offset <= place.B.Offset) return true;
        return false;
    }

    /// <summary>How many turns a loop still goes, as far as its condition tells: "i &lt; 3", or an enumerator that knows where it ends. Null if nothing does.</summary>
    internal long? TurnsLeft(GraphRunner runner, IOperation? condition, FlowState state)
    {
        (FlowState outer, GraphRunner outerRunner) = (_state, _runner);
        (_state, _runner) = (state.Fork(), runner);
        long? left = null;
        if (condition is IBinaryOperation { OperatorMethod: null, OperatorKind: >= BinaryOperatorKind.NotEquals and <= BinaryOperatorKind.GreaterThan } order && IsCount(order.LeftOperand) && IsCount(order.RightOperand))
            left = _state.Canonical(Eval(order.LeftOperand)) is { IsConstant: true } a && _state.Canonical(Eval(order.RightOperand)) is { IsConstant: true } b ? Math.Abs(b.Offset - a.Offset) : null;
        else if (condition is IInvocationOperation { TargetMethod.Name: "MoveNext", Instance: { } instance })
            left = TryEnumerator(EnumeratorAt(instance), out Value at, out Value end) && end.IsConstant ? end.Offset - at.Offset - 1 : null;
        else if (condition is IInvocationOperation { TargetMethod.Name: "TryPop" or "TryDequeue", Instance: { } collection } && IsCollection(collection.Type))
            left = TryCount(Eval(collection), out long count) ? count : null;
        (_state, _runner) = (outer, outerRunner);
        return left;
    }

    /// <summary>A number that a look at it does not change.</summary>
    private static bool IsCount(IOperation number) =>
        number is { ConstantValue.HasValue: true } or ILocalReferenceOperation or IPropertyReferenceOperation { Property.Name: "Length" or "Count", Instance: ILocalReferenceOperation or IParameterReferenceOperation };

    /// <summary>
    /// Nothing is claimed any more about the end of the sections that were not open on entry, unless the lock was in an object that went with its turn.
    /// </summary>
    private static Section? Uncertain(FlowState state, Section? sections, Section? onEntry)
    {
        if (sections is null) return null;
        for (Section? before = onEntry; before is not null; before = before.Outer)
            if (before.Site == sections.Site && before.Identity == sections.Identity) return sections with { Outer = Uncertain(state, sections.Outer, onEntry) };
        return sections with { Uncertain = sections.Uncertain || !Reachability.IsLost(state, sections.Identity), Outer = Uncertain(state, sections.Outer, onEntry) };
    }
}
