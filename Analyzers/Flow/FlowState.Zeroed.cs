// Memory that is zero where nobody wrote: what kzalloc or calloc returned, and the fields of an object that its constructor left alone. As long as
// every write to it was seen, a field that has no cell is zero, so that "if (p->buffer != null)" is decided on new memory.
//
// Invariant: memory is zeroed only while this body alone knows it. Whatever may have written unseen (an unknown index, bytes that were moved, code
// that got the address) ends that for the whole block.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    /// <summary>By block or object; the class of an object.</summary>
    private SmallMap<int, ITypeSymbol?> _zeroed;

    internal void SetZeroed(int root, ITypeSymbol? type)
    {
        _zeroed.Set(root, type);
        Note(new Primitive(PrimitiveKind.Zero, new Value(root, 0)) { Type = type });
    }

    /// <summary>Something may have written there unseen.</summary>
    internal void Scribble(int root)
    {
        if (!_zeroed.Contains(root)) return;
        _zeroed.Remove(root);
        Note(new Primitive(PrimitiveKind.Zero, new Value(root, 0), Flag: true));
    }

    /// <summary>A struct was written there as a whole, of which not all need be known: a field of an object ends to be zero, and no other field does.</summary>
    private void Overwrite(Value place, bool isMore)
    {
        int root = Symbols.Root(place);
        if (!_zeroed.Contains(root)) return;
        if (isMore || place == new Value(root, 0) || HasUnknownIndex(place)) Scribble(root);
        else _cells.Set(Symbols.Make(SymbolKind.Element, place, tag: Evaluator.OverwrittenTag), Value.One);
    }

    private bool IsOverwritten(Value address)
    {
        for (; Symbols.Of(address) is { Kind: SymbolKind.Field or SymbolKind.Element } data; address = data.A)
            if (_cells.TryGet(Symbols.Make(SymbolKind.Element, data.A, tag: Evaluator.OverwrittenTag), out _)) return true;
        return false;
    }

    /// <summary>Nobody wrote to the address since its memory was zero.</summary>
    private bool IsZeroed(Value address)
    {
        if (_zeroed.Count == 0) return false;
        int root = Symbols.Root(address);
        if (!_zeroed.TryGet(root, out ITypeSymbol? type) || IsExposed(root)) return false;
        if (Symbols[root].Kind == SymbolKind.Allocation && !(_allocations.TryGet(root, out Allocation block) && block.Status == AllocationStatus.Owned)) return false;
        object? view = ViewOf(address, out ISymbol? member);
        if (view is null || IsOverwritten(address)) return false;
        if (type is not null) return member is not null && IsMemberOf(member, type) && StartsAsZero(member);
        // The same bytes have another name where the block is seen as another type.
        for (int i = 0; i < _cells.Count; i++)
            if (Symbols.Root(_cells.KeyAt(i)) == root && !IsOwnNotion(_cells.KeyAt(i)) && !Equals(ViewOf(_cells.KeyAt(i), out _), view)) return false;
        return true;
    }

    /// <summary>Of the class or one of its bases: a constructor of which nothing is known would have ended that the object is zero.</summary>
    private static bool IsMemberOf(ISymbol member, ITypeSymbol type)
    {
        for (ITypeSymbol? self = type; self is not null; self = self.BaseType)
            if (SymbolEqualityComparer.Default.Equals(member.ContainingType.OriginalDefinition, self.OriginalDefinition)) return true;
        return false;
    }

    private static bool StartsAsZero(ISymbol member) =>
        member.DeclaringSyntaxReferences is [{ } reference] && reference.GetSyntax() is VariableDeclaratorSyntax { Initializer: null } or PropertyDeclarationSyntax { Initializer: null, ExpressionBody: null };
}
