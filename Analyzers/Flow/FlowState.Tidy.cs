// Forgets what no later step can tell: memory that was freed or handed on and that nothing points to any more, and what the log says of it. Two
// paths that went round a loop a different number of times are then the same, and become one state.
// Locals that are not named any more count for nothing.
//
// Owned memory stays, reachable or not: its loss is still to be told. What a caller could see stays in the log.

using Microsoft.CodeAnalysis;

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

    /// <summary>Above so many cells: a state is tidied when it has become twice as large.</summary>
    private int _tidyAbove = 64;

    /// <summary>Every step costs as much as there are cells: in a long body most are of variables that are not named any more.</summary>
    internal bool HasGrown => _cells.Count > _tidyAbove;

    /// <param name="compaction">The body's.</param>
    /// <param name="isOver">Which locals are not named any more.</param>
    internal void Tidy(Compaction compaction, Func<ISymbol, bool>? isOver = null)
    {
        for (int i = 0; i < _cells.Count; i++)
        {
            // What is known of a value is put in its place. Memory that was only read stays so: it may differ in the next turn of a loop.
            Value value = _cells.ValueAt(i);
            if (!(Symbols.Of(value) is { Kind: SymbolKind.Load } load && load.A == _cells.KeyAt(i))) _cells.Set(_cells.KeyAt(i), Canonical(value));
        }

        if (isOver is not null) DropLocals(isOver);
        using SymbolSet live = Live();
        for (int i = _cells.Count - 1; i >= 0; i--)
        {
            int root = Symbols.Root(_cells.KeyAt(i));
            if (IsCollected(root) && !live.Contains(root)) _cells.RemoveAt(i);
        }

        for (int i = _allocations.Count - 1; i >= 0; i--)
            if (_allocations.ValueAt(i).Status != AllocationStatus.Owned && !live.Contains(_allocations.KeyAt(i))) _allocations.RemoveAt(i);
        for (int i = _exposed.Count - 1; i >= 0; i--)
            if (IsCollected(_exposed.KeyAt(i)) && !live.Contains(_exposed.KeyAt(i))) _exposed.RemoveAt(i);
        for (int i = _zeroed.Count - 1; i >= 0; i--)
            if (IsCollected(_zeroed.KeyAt(i)) && !live.Contains(_zeroed.KeyAt(i))) _zeroed.RemoveAt(i);

        Log = compaction.Compact(Log, live);
        _tidyAbove = Math.Max(_tidyAbove, 2 * _cells.Count);
    }

    /// <summary>What a local held that is not named any more, unless owned memory hangs on it: that is lost with the local, and told there.</summary>
    private void DropLocals(Func<ISymbol, bool> isOver)
    {
        SymbolSet? owning = null;
        for (int i = _cells.Count - 1; i >= 0; i--)
        {
            SymbolData root = Symbols[Symbols.Root(_cells.KeyAt(i))];
            if (root is not { Kind: SymbolKind.Local, Item: ILocalSymbol local } || !isOver(local)) continue;
            Value held = Canonical(_cells.ValueAt(i));
            // A variable that is null is one that a fix may free.
            if (!held.IsConstant && !Mentions(held, owning ??= Owning())) _cells.RemoveAt(i);
        }

        owning?.Dispose();
    }

    /// <summary>Owned memory, and the objects that it hangs on.</summary>
    private SymbolSet Owning()
    {
        SymbolSet owning = SymbolSet.Take();
        for (int i = 0; i < _allocations.Count; i++)
            if (_allocations.ValueAt(i).Status == AllocationStatus.Owned) owning.Add(_allocations.KeyAt(i));
        bool grew = owning.Count > 0;
        while (grew)
        {
            grew = false;
            for (int i = 0; i < _cells.Count; i++)
            {
                int root = Symbols.Root(_cells.KeyAt(i));
                if (!owning.Contains(root) && Mentions(Canonical(_cells.ValueAt(i)), owning)) grew |= owning.Add(root);
            }
        }

        return owning;
    }

    private bool Mentions(Value value, SymbolSet symbols)
    {
        if (value.IsConstant || symbols.Count == 0) return false;
        SymbolData data = Symbols.Of(value);
        return symbols.Contains(value.Symbol) || Mentions(data.A, symbols) || Mentions(data.B, symbols);
    }

    /// <summary>Memory that the path can reach only as long as something points to it.</summary>
    private bool IsCollected(int root) =>
        Symbols[root].Kind is SymbolKind.New or SymbolKind.Stack or SymbolKind.Allocation or SymbolKind.Unknown or SymbolKind.Load or SymbolKind.View or SymbolKind.Binary;

    /// <summary>All symbols that variables, visible memory, owned memory and open sections lead to.</summary>
    private SymbolSet Live()
    {
        SymbolSet live = SymbolSet.Take();
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

    private void Mark(Value value, SymbolSet live)
    {
        if (value.IsConstant || !live.Add(value.Symbol)) return;
        SymbolData data = Symbols.Of(value);
        Mark(data.A, live);
        Mark(data.B, live);
    }
}
