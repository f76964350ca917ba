// Lists: whether a block that is freed may still be linked to where it was found.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    /// <summary>
    /// The block is still linked to where it was found, because of what its own links were taken to be: what a list looks like is nothing that a path
    /// can decide (a head has nobody before it, and "if (e->prev != null) … else head = e->next" unlinks it).
    /// </summary>
    internal bool HangsOnLinks(Value pointer)
    {
        pointer = Canonical(pointer);
        while (pointer.Offset == 0 && Symbols.Of(pointer) is { Kind: SymbolKind.Load } found && TryPeek(found.A, out Value held) && held == pointer)
        {
            if (AsksLinks(pointer)) return true;
            // What hangs on the block goes with it.
            pointer = new Value(Symbols.Root(found.A), 0);
        }

        // A loop has built the list, or taken some of it down: what it forgot is where the block was found. Its link may not be its first field.
        return Symbols.KindOf(pointer) == SymbolKind.Unknown && IsHeldInPart(pointer.Symbol) && AsksLinks(pointer);
    }

    private bool IsHeldInPart(int block)
    {
        for (int i = 0; i < _cells.Count; i++)
            if (_cells.ValueAt(i).Symbol == block && Symbols.KindOf(_cells.KeyAt(i)) is SymbolKind.Field or SymbolKind.Element) return true;
        return false;
    }

    /// <summary>The path took something to be so of a pointer that lies in the block.</summary>
    private bool AsksLinks(Value block)
    {
        SmallMap<int, Fact> facts = _facts.All();
        for (int i = 0; i < facts.Count; i++)
            if (IsLink(facts.KeyAt(i), block)) return true;
        SmallMap<int, Value> equal = _equal.All();
        for (int i = 0; i < equal.Count; i++)
            if (IsLink(equal.KeyAt(i), block)) return true;
        return false;
    }

    private bool IsLink(int read, Value block) =>
        Symbols[read] is { Kind: SymbolKind.Load } load && Symbols.Of(load.A) is { Kind: SymbolKind.Field, Item: IFieldSymbol { Type.TypeKind: TypeKind.Pointer } } field
        && (field.A == block || (Symbols.KindOf(block) == SymbolKind.Unknown && Symbols.Root(field.A) == block.Symbol));
}
