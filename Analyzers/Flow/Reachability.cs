// Whether a path can still free an allocation: some live variable holds a pointer to it, perhaps through other memory that the body owns.

namespace KAlloc.Analyzers.Flow;

internal static class Reachability
{
    internal static bool IsReachable(FlowState state, int allocation)
    {
        SymbolTable symbols = state.Symbols;
        using SymbolSet reached = SymbolSet.Take();
        bool grew = true;
        SmallMap<Value, Value> cells = state.Cells;
        while (grew)
        {
            grew = false;
            for (int i = 0; i < cells.Count; i++)
            {
                if (symbols.IsSpanSlot(cells.KeyAt(i)) && !symbols.IsOwnMemory(symbols.Root(state.Canonical(cells.ValueAt(i))))) continue;
                int root = symbols.Root(cells.KeyAt(i));
                SymbolKind kind = symbols[root].Kind;
                bool live = kind is not (SymbolKind.New or SymbolKind.Stack or SymbolKind.Allocation) || reached.Contains(root);
                if (live) grew |= Reach(symbols, state.Canonical(cells.ValueAt(i)), reached);
            }
        }

        return reached.Contains(allocation);
    }

    /// <summary>Everything that a value can lead to: its region, and operands when a pointer hides in arithmetic.</summary>
    private static bool Reach(SymbolTable symbols, Value value, SymbolSet reached)
    {
        bool grew = false;
        var open = new Stack<Value>();
        open.Push(value);
        while (open.Count > 0)
        {
            value = open.Pop();
            if (value.IsConstant || !reached.Add(value.Symbol)) continue;
            grew = true;
            SymbolData data = symbols[value.Symbol];
            if (data.Kind is SymbolKind.Field or SymbolKind.Element or SymbolKind.View or SymbolKind.Binary or SymbolKind.Function)
            {
                open.Push(data.A);
                if (data.Kind == SymbolKind.Binary) open.Push(data.B);
            }
        }

        return grew;
    }
}
