// As what memory is seen. One block can be read as a struct, as an array of one type or another, and as bytes; each view names the same bytes by symbols of
// its own, so that what was written through one is not found through another.
//
//   Field(p, Message.Text)     as Message          Element(p, 1, nint)     as an array of nint
//   p + 8                      as bytes            Element(p, i, ...)      somewhere: all the others

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowState
{
    private const string Bytes = "bytes";

    /// <summary>As what the block is seen: the type whose field is meant or whose array; null if the place in it is not known.</summary>
    private object? ViewOf(Value address, out ISymbol? member)
    {
        member = null;
        object view = Bytes;
        while (Symbols.Of(address) is { Kind: SymbolKind.Field or SymbolKind.Element } data)
        {
            if (data.Kind == SymbolKind.Element && (!data.B.IsConstant || Symbols.IsWithinField(data.A, data.Item))) return null;
            member = data.Kind == SymbolKind.Field ? data.Item as ISymbol : null;
            view = (object?)member?.ContainingType ?? data.Item ?? "array";
            address = data.A;
        }

        return view;
    }

    /// <summary>What a read of memory of this path may find there although it was written by another name; null if there is nothing.</summary>
    internal List<Value>? InOtherViews(Value address)
    {
        int root = Symbols.Root(address);
        if (!Symbols.IsPrivate(root) || _cells.TryGet(address, out _)) return null;
        List<Value>? found = null;
        object? view = ViewOf(address, out _);
        for (int i = 0; i < _cells.Count; i++)
        {
            Value other = _cells.KeyAt(i);
            if (Symbols.Root(other) != root || _cells.ValueAt(i).IsConstant || IsOwnNotion(other)) continue;
            object? otherView = ViewOf(other, out _);
            if (view is not null && otherView is not null && (Equals(view, otherView) || IsStart(address, view) || IsStart(other, otherView))) continue;
            (found ??= []).Add(_cells.ValueAt(i));
        }

        return found;
    }

    /// <summary>Inside of a part that the engine keeps beside the memory: of a tuple, a nullable, a span, an owner.</summary>
    private bool IsOwnNotion(Value address)
    {
        for (; Symbols.Of(address) is { Kind: SymbolKind.Field or SymbolKind.Element } data; address = data.A)
            if (data is { Kind: SymbolKind.Element, Tag: >= Evaluator.FirstOwnTag }) return true;
        return false;
    }

    /// <summary>The first bytes: of a struct's first field that is known already, and of an array the first element has no other name.</summary>
    private static bool IsStart(Value address, object view) => address.Offset == 0 && ReferenceEquals(view, Bytes);
}
