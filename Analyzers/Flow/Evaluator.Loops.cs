// Widening: after two turns of a loop, what the loop changes becomes unknown, and allocations that only changed places hold may belong to
// anyone. What every turn shares stays.

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    internal void Widen(FlowState state, SmallMap<Value, Value> onEntry, int header)
    {
        (FlowState outer, _state) = (_state, state);
        var changed = new List<(Value Address, Value Value)>();
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
        {
            Value address = cells.KeyAt(i), value = cells.ValueAt(i);
            // Memory first read inside the loop and never written there is the same in every turn.
            bool firstRead = Symbols.Of(value) is { Kind: SymbolKind.Load } load && load.A == address && value.Offset == 0;
            if (onEntry.TryGet(address, out Value before) ? before != value : !firstRead) changed.Add((address, value));
        }

        foreach ((Value address, Value value) in changed)
        {
            Escape(value);
            SymbolData data = Symbols.Of(address);
            object site = data.Item ?? address;
            _state.Store(address, Symbols.Unknown(site, unchecked((header * 8) + 7 + (address.Symbol * 8192))));
        }

        _state = outer;
    }
}
