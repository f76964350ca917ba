// Structs in memory: what is known of their parts is copied, cleared and moved with them. A struct at the start of a block is the first of many, and lies beside
// the others.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    private void RemoveInside(Value address, ITypeSymbol? type)
    {
        for (int i = _cells.Count - 1; i >= 0; i--)
            if (IsInside(_cells.KeyAt(i), address, type)) _cells.RemoveAt(i);
    }

    /// <summary>
    /// Copies a struct: what is known of the source's fields holds for the target's. If the source is the body's own and all of it is known (<paramref name="isRead"/>), the caller
    /// need not hear of it: the target becomes zero and gets what is not.
    /// </summary>
    internal void CopyStruct(Value target, Value source, ITypeSymbol? type = null, bool keepsRest = false, bool isZero = false, bool isRead = false)
    {
        target = CanonicalAddress(target);
        source = CanonicalAddress(source);
        if (target == source) return;
        bool isOwn = Symbols.Of(source) is { Kind: SymbolKind.Stack or SymbolKind.Local, Item: not IParameterSymbol };
        isRead &= isOwn;
        if (isRead) NoteZero(target, type!);
        else if (!(isOwn && isZero) && IsVisible(target)) Note(new Primitive(PrimitiveKind.Copy, target, source, keepsRest) { Type = type });
        var copies = new List<(Value, Value)>();
        for (int i = 0; i < _cells.Count; i++)
            if (Rebase(_cells.KeyAt(i), source, target, keepsRest) is { } address && (keepsRest || IsInside(_cells.KeyAt(i), source, type))) copies.Add((address, _cells.ValueAt(i)));
        if (!keepsRest) RemoveInside(target, type);
        if (isZero) ZeroStruct(target, type!);
        else Overwrite(target, keepsRest);
        // What the source is not known to hold is not what the target held.
        Epoch++;
        foreach ((Value address, Value value) in copies)
        {
            _cells.Set(address, value);
            // The caller cannot see a local that was copied from.
            if (!IsVisible(source) && !(isRead && value.IsZero)) NoteAt(PrimitiveKind.Store, address, value);
        }
    }

    /// <summary>All of a struct is written: nothing that was known of it holds any more.</summary>
    internal void BeginStruct(Value target, ITypeSymbol? type)
    {
        RemoveInside(target, type);
        Overwrite(target, isMore: false);
        Epoch++;
    }

    private Value? Rebase(Value address, Value source, Value target, bool bytes)
    {
        if (address.Symbol == source.Symbol && (bytes ? address.Offset >= source.Offset : address.Offset == source.Offset)) return target.Plus(address.Offset - source.Offset);
        SymbolData data = Symbols.Of(address);
        if (data.Kind is not (SymbolKind.Field or SymbolKind.Element)) return null;
        return Rebase(data.A, source, target, bytes) is { } container
            ? Symbols.Make(data.Kind, container, data.B, data.Tag, data.Item).Plus(address.Offset)
            : null;
    }

    /// <param name="address">The place.</param>
    /// <param name="container">Where the whole begins.</param>
    /// <param name="type">What it is; null for all that is known to lie behind. Further elements of that type are beside the first, not in it.</param>
    internal bool IsInside(Value address, Value container, ITypeSymbol? type = null)
    {
        while (address != container)
        {
            SymbolData data = Symbols.Of(address);
            if (data.Kind is not (SymbolKind.Field or SymbolKind.Element)) return false;
            if (type is not null && data.A == container && data is { Kind: SymbolKind.Element, Tag: 0 or -1, B: { IsConstant: true, IsZero: false }, Item: ITypeSymbol element } && SymbolEqualityComparer.Default.Equals(element, type)) return false;
            address = data.A;
        }

        return true;
    }
}
