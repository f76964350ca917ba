// Memory that a comparison finds to be what others hold: "if (moved != old) device->buffer = moved;" keeps the block on both ways, and so does
// "if (buffer != given) Free(buffer);", since nobody frees what the caller gave.

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    private void Share(Value a, Value b)
    {
        if (_allocations.Count == 0) return;
        ShareWith(a, b);
        ShareWith(b, a);
    }

    /// <summary>The block is what a pointer from elsewhere points to: whoever has that pointer has the block.</summary>
    private void ShareWith(Value block, Value found)
    {
        if (Symbols[Symbols.Root(found)].Kind is not (SymbolKind.Argument or SymbolKind.This or SymbolKind.Load or SymbolKind.Unknown)) return;
        if (!TryGetAllocation(block, out Allocation held) || held.Status != AllocationStatus.Owned) return;
        Note(new Primitive(PrimitiveKind.Escape, new Value(held.Symbol, 0)));
        ShareContents(held);
    }

    private void ShareContents(Allocation block)
    {
        SetAllocation(block with { Status = AllocationStatus.Escaped });
        for (int i = 0; i < _cells.Count; i++)
            if (Symbols.Root(_cells.KeyAt(i)) == block.Symbol && TryGetAllocation(_cells.ValueAt(i), out Allocation inner) && inner.Status == AllocationStatus.Owned) ShareContents(inner);
    }
}
