// Whether a path can still free an allocation: some live variable holds a pointer to it, perhaps through other memory that the body owns. The same of the
// object that a lock lies in: when nothing leads to it any more, nobody can release the lock.

namespace KAlloc.Analyzers.Flow;

internal static class Reachability
{
    /// <summary>The lock lies in an object of this body, and nothing leads to that: at an exit no variable counts, but what is returned.</summary>
    internal static bool IsLost(FlowState state, Value identity, Value? returned = null)
    {
        int owner = state.Symbols.Root(identity);
        return state.Symbols[owner].Kind == SymbolKind.New && !state.IsExposed(owner) && !IsReachable(state, owner, returned);
    }

    internal static bool IsReachable(FlowState state, int allocation, Value? returned = null)
    {
        SymbolTable symbols = state.Symbols;
        using SymbolSet reached = SymbolSet.Take();
        bool grew = true;
        if (returned is { } result) Reach(symbols, result, reached);
        SmallMap<Value, Value> cells = state.Cells;
        while (grew)
        {
            grew = false;
            for (int i = 0; i < cells.Count; i++)
            {
                if (symbols.IsSpanSlot(cells.KeyAt(i)) && !symbols.IsOwnMemory(symbols.Root(state.Canonical(cells.ValueAt(i))))) continue;
                int root = symbols.Root(cells.KeyAt(i));
                SymbolKind kind = symbols[root].Kind;
                bool isVariable = kind is not (SymbolKind.New or SymbolKind.Stack or SymbolKind.Allocation) && (returned is null || kind is not (SymbolKind.Local or SymbolKind.Capture) || state.IsExposed(root));
                bool live = isVariable || reached.Contains(root);
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
