// Forgets what no later step can tell: memory that was freed or handed on and that nothing points to any more, and what the log says of it. Two
// paths that went round a loop a different number of times are then the same, and become one state.
//
// Owned memory stays, reachable or not: its loss is still to be told. What a caller could see stays in the log.

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    /// <summary>Loads that come later give the same symbols in all the states.</summary>
    internal static void AlignEpochs(List<FlowState> states)
    {
        int epoch = 0;
        foreach (FlowState state in states) epoch = Math.Max(epoch, state.Epoch);
        foreach (FlowState state in states) state.Epoch = epoch;
    }

    internal void Tidy()
    {
        HashSet<int> live = Live();
        for (int i = _cells.Count - 1; i >= 0; i--)
        {
            int root = Symbols.Root(_cells.KeyAt(i));
            if (IsCollected(root) && !live.Contains(root)) _cells.RemoveAt(i);
            // What a loop left behind and is known to be null is null.
            else if (Symbols.KindOf(_cells.ValueAt(i)) == SymbolKind.Unknown) _cells.Set(_cells.KeyAt(i), Canonical(_cells.ValueAt(i)));
        }

        for (int i = _allocations.Count - 1; i >= 0; i--)
            if (_allocations.ValueAt(i).Status != AllocationStatus.Owned && !live.Contains(_allocations.KeyAt(i))) _allocations.RemoveAt(i);
        for (int i = _exposed.Count - 1; i >= 0; i--)
            if (IsCollected(_exposed.KeyAt(i)) && !live.Contains(_exposed.KeyAt(i))) _exposed.RemoveAt(i);

        List<Primitive> all = Log.ToList(Log);
        IReadOnlyList<Primitive> kept = Compaction.Compact(Symbols, all, live);
        if (kept.Count == all.Count) return;
        Log = null;
        foreach (Primitive primitive in kept) Note(primitive);
    }

    /// <summary>Memory that the path can reach only as long as something points to it.</summary>
    private bool IsCollected(int root) =>
        Symbols[root].Kind is SymbolKind.New or SymbolKind.Stack or SymbolKind.Allocation or SymbolKind.Unknown or SymbolKind.Load or SymbolKind.View or SymbolKind.Binary;

    /// <summary>All symbols that variables, visible memory, owned memory and open sections lead to.</summary>
    private HashSet<int> Live()
    {
        var live = new HashSet<int>();
        for (int i = 0; i < _allocations.Count; i++)
        {
            if (_allocations.ValueAt(i) is not { Status: AllocationStatus.Owned } owned) continue;
            Mark(new Value(owned.Symbol, 0), live);
            Mark(owned.Size, live);
            Mark(owned.Order ?? default, live);
            Mark(owned.Cache ?? default, live);
            Mark(owned.Flags ?? default, live);
        }

        for (Section? section = Sections; section is not null; section = section.Outer)
        {
            Mark(section.Identity, live);
            Mark(section.Saved, live);
        }

        for (Released? released = Released; released is not null; released = released.Before) Mark(released.Identity, live);
        int before;
        do
        {
            before = live.Count;
            for (int i = 0; i < _cells.Count; i++)
            {
                int root = Symbols.Root(_cells.KeyAt(i));
                if (IsCollected(root) && !live.Contains(root)) continue;
                Mark(_cells.KeyAt(i), live);
                Mark(_cells.ValueAt(i), live);
                Mark(Canonical(_cells.ValueAt(i)), live);
            }
        }
        while (live.Count > before);
        return live;
    }

    private void Mark(Value value, HashSet<int> live)
    {
        if (value.IsConstant || !live.Add(value.Symbol)) return;
        SymbolData data = Symbols.Of(value);
        Mark(data.A, live);
        Mark(data.B, live);
    }
}
