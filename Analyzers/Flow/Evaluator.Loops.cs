// Widening: after two turns of a loop, what the loop changes becomes unknown, and allocations that only changed places hold may belong to
// anyone. What every turn shares stays, and of the elements of an array that it fills, what memory they hold.

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    internal void Widen(FlowState state, FlowState onEntry, int header)
    {
        (FlowState outer, _state) = (_state, state);
        // What nothing points to any more is not handed on to the turns that follow: it is lost.
        state.Tidy();
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

        // What the loop left behind in one turn of a loop around it is not what it leaves behind in the next.
        int tag = unchecked((state.Turn * 131) + header);
        foreach ((Value address, Value value) in changed)
        {
            Escape(value);
            SymbolData data = Symbols.Of(address);
            if (IsFilled(data, value, changed, onEntry)) continue;
            object site = data.Item ?? address;
            Value later = Symbols.Unknown(site, unchecked((tag * 8) + 7 + (address.Symbol * 8192)));
            _state.Store(address, later);
            // What counted up in two turns goes on counting up.
            if (value.IsConstant && onEntry.Cells.TryGet(address, out Value first) && first.IsConstant && first != value)
                _state.Narrow(later, value.Offset > first.Offset ? first.Offset : long.MinValue, value.Offset > first.Offset ? long.MaxValue : first.Offset);
        }

        // A flag of the loop may have decided whether memory was freed or a lock taken: the flag is unknown now, so these are too.
        for (int i = 0; i < state.AllocationCount; i++)
        {
            Allocation allocation = state.AllocationAt(i);
            if (allocation.Status == AllocationStatus.Freed && !onEntry.IsFreed(allocation.Symbol)) state.SetAllocation(allocation with { Status = AllocationStatus.Escaped });
        }

        state.Sections = Uncertain(state.Sections, onEntry.Sections);
        state.Released = Released.AfterUnknownCode(state.Released);
        _state = outer;
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

    /// <summary>Nothing is claimed any more about the end of the sections that were not open on entry.</summary>
    private static Section? Uncertain(Section? sections, Section? onEntry)
    {
        if (sections is null) return null;
        for (Section? before = onEntry; before is not null; before = before.Outer)
            if (before.Site == sections.Site && before.Identity == sections.Identity) return sections with { Outer = Uncertain(sections.Outer, onEntry) };
        return sections with { Uncertain = true, Outer = Uncertain(sections.Outer, onEntry) };
    }
}
