// Memory that is zero where nobody wrote: what kzalloc or calloc returned, the fields of an object that its constructor left alone, and what a struct
// that is too large to be followed part by part covers after "*p = default". As long as every write to it was seen, a field that has no cell is zero, so
// that "if (p->buffer != null)" is decided on new memory.
//
// Invariant: memory is zeroed only while this body alone knows it. Whatever may have written unseen (an unknown index, bytes that were moved, code
// that got the address) ends that for the whole block.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    /// <summary>By block, object or variable; the class of an object, the struct that begins there and is zero, or null for all of a block.</summary>
    private SmallMap<int, ITypeSymbol?> _zeroed;

    internal void SetZeroed(int root, ITypeSymbol? type)
    {
        _zeroed.Set(root, type);
        Note(new Primitive(PrimitiveKind.Zero, new Value(root, 0)) { Type = type });
    }

    /// <summary>A struct of zeroes was written over all that was known of the place.</summary>
    internal void ZeroStruct(Value place, ITypeSymbol type)
    {
        place = CanonicalAddress(place);
        if (place.IsConstant) return;
        int root = Symbols.Root(place);
        NoteZero(place, type);
        _cells.Remove(OverwrittenMark(place));
        if (HasUnknownIndex(place)) Scribble(root);
        else if (place == new Value(root, 0) && Symbols.IsPrivate(root)) _zeroed.Set(root, type);
    }

    /// <summary>The struct became zero part by part: one step for what was noted of that.</summary>
    internal void NoteCleared(Log? before, Value place, ITypeSymbol type)
    {
        if (IsVisible(place)) Rewind(before, new Primitive(PrimitiveKind.Zero, place) { Type = type });
    }

    private void NoteZero(Value place, ITypeSymbol type)
    {
        if (IsVisible(place)) Note(new Primitive(PrimitiveKind.Zero, place) { Type = type });
    }

    /// <summary>Something may have written there unseen.</summary>
    internal void Scribble(int root)
    {
        if (!_zeroed.Contains(root)) return;
        _zeroed.Remove(root);
        NoteAt(PrimitiveKind.Zero, new Value(root, 0), isUndone: true);
    }

    /// <summary>A call wrote numbers there.</summary>
    internal void Fill(Value place, bool isNoted)
    {
        // The caller may know that it was zero.
        if (isNoted && !Symbols.IsPrivate(Symbols.Root(place))) Note(new Primitive(PrimitiveKind.Zero, place, Flag: true));
        Overwrite(place, isMore: place.Offset != 0 || Symbols.KindOf(place) != SymbolKind.Field);
    }

    /// <summary>A loop wrote zeroes over what was known before it: another turn may leave something else there.</summary>
    internal void WidenZeroed(FlowState onEntry)
    {
        for (int i = _zeroed.Count - 1; i >= 0; i--)
        {
            int root = _zeroed.KeyAt(i);
            if (onEntry._zeroed.Contains(root)) continue;
            for (int j = 0; j < onEntry._cells.Count; j++)
            {
                if (Symbols.Root(onEntry._cells.KeyAt(j)) != root) continue;
                Scribble(root);
                break;
            }
        }
    }

    /// <summary>A struct was written there as a whole, of which not all need be known: a field of an object ends to be zero, and no other field does.</summary>
    private void Overwrite(Value place, bool isMore)
    {
        int root = Symbols.Root(place);
        if (!_zeroed.Contains(root)) return;
        if (isMore || place == new Value(root, 0) || HasUnknownIndex(place)) Scribble(root);
        else _cells.Set(OverwrittenMark(place), Value.One);
    }

    private Value OverwrittenMark(Value place) => Symbols.Make(SymbolKind.Element, place, tag: Evaluator.OverwrittenTag);

    private bool IsOverwritten(Value address)
    {
        for (; Symbols.Of(address) is { Kind: SymbolKind.Field or SymbolKind.Element } data; address = data.A)
            if (_cells.TryGet(OverwrittenMark(data.A), out _)) return true;
        return false;
    }

    /// <summary>The struct is zero except for what is known of it.</summary>
    internal bool IsZeroStruct(Value source, ITypeSymbol type)
    {
        if (_zeroed.Count == 0) return false;
        source = CanonicalAddress(source);
        int root = Symbols.Root(source);
        if (source != new Value(root, 0)) return Symbols.KindOf(source) == SymbolKind.Field && TryGetInitial(source, out Value initial, out _) && initial.IsZero;
        type = type.OriginalDefinition;
        return _zeroed.TryGet(root, out ITypeSymbol? known) && IsAlone(root) && (known is null || SymbolEqualityComparer.Default.Equals(known.OriginalDefinition, type)) && !IsSeenAsOther(root, type);
    }

    /// <summary>Nobody wrote to the address since its memory was zero, or its object made. False with <paramref name="isObject"/> if it holds an object that nothing is known of.</summary>
    internal bool TryGetInitial(Value address, out Value value, out bool isObject)
    {
        value = Value.Zero;
        isObject = false;
        if (_zeroed.Count == 0) return false;
        int root = Symbols.Root(address);
        if (!_zeroed.TryGet(root, out ITypeSymbol? type) || !IsAlone(root)) return false;
        object? view = ViewOf(address, out ISymbol? member);
        if (view is null || IsOverwritten(address)) return false;
        if (type is not null && !(member is not null && IsMemberOf(member, type))) return false;
        if (type is { IsReferenceType: true }) return Initializers.TryGet(member!, out value, out isObject) && !isObject;
        return (type is null || IsPlainPart(address, root)) && !IsSeenAsOther(root, view);
    }

    /// <summary>Only this body knows the memory.</summary>
    private bool IsAlone(int root) =>
        !IsExposed(root) && (Symbols[root].Kind != SymbolKind.Allocation || (_allocations.TryGet(root, out Allocation block) && block.Status == AllocationStatus.Owned));

    /// <summary>Something was written to the block as another type, where the same bytes have another name.</summary>
    private bool IsSeenAsOther(int root, object view)
    {
        for (int i = 0; i < _cells.Count; i++)
        {
            Value other = _cells.KeyAt(i);
            if (Symbols.Root(other) == root && (!IsOwnNotion(other) || Symbols.Of(other).Tag == Evaluator.OverwrittenTag) && !Equals(ViewOf(other, out _), view)) return true;
        }

        return false;
    }

    /// <summary>A part of the struct that the memory begins with, and of no union: there the same bytes have names that need not start together.</summary>
    private bool IsPlainPart(Value address, int root)
    {
        for (; Symbols.Of(address) is { Kind: SymbolKind.Field or SymbolKind.Element } data; address = data.A)
            if (data.Item is IFieldSymbol field && TypeMembers.Of(field.ContainingType).HasOffsets) return false;
        return address == new Value(root, 0);
    }

    /// <summary>Of the class or one of its bases: a constructor of which nothing is known would have ended that the object is zero.</summary>
    private static bool IsMemberOf(ISymbol member, ITypeSymbol type)
    {
        for (ITypeSymbol? self = type; self is not null; self = self.BaseType)
            if (SymbolEqualityComparer.Default.Equals(member.ContainingType.OriginalDefinition, self.OriginalDefinition)) return true;
        return false;
    }
}
