// Calls that make bytes zero. One that covers what the pointer points to is an assignment, one that covers a block makes it what calloc returns; what
// is less, or of a length that nobody knows, only ends what was known of the numbers there.
//
//   NativeMemory.Clear(p, sizeof(S))          *p = default
//   memset(block, 0, size)                    the block that was allocated with that size is zero
//   new Span<byte>(p, n).Clear()              the same, by the span's length

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>The call has written to its first argument: where it wrote zeroes, and how many.</summary>
    private void ZeroBytes(CallSite call)
    {
        int filling = MemoryMoves.FillingOf(call.Method), length = MemoryMoves.LengthOf(call.Method);
        if (length < 0 || (filling >= 0 && !_state.Canonical(call.Arguments[filling]).IsZero)) return;
        ZeroBytes(call.Arguments[0], call.Arguments[length], PointeeOf(call.ArgumentSyntax[0]), call.Operation);
    }

    private void ZeroBytes(Value pointer, Value length, ITypeSymbol? type, IOperation site)
    {
        pointer = _state.CanonicalAddress(pointer);
        if (pointer.IsConstant || _dead) return;
        length = _state.Canonical(length);
        int root = Symbols.Root(pointer);
        type ??= pointer == new Value(root, 0) && Symbols[root] is { Kind: SymbolKind.Local, Item: ILocalSymbol { Type.IsValueType: true } variable } ? variable.Type : null;
        if (type is not null && length == SizeOf(type)) AssignZero(pointer, type, site);
        else if (pointer == new Value(root, 0) && _state.TryGetAllocation(pointer, out Allocation block) && block.Symbol == root && Covers(length, block)) _state.SetZeroed(root, null);
        else if (!Symbols.IsPrivate(root)) _state.Note(new Primitive(PrimitiveKind.Zero, pointer) { More = new Operands(Size: length) });
    }

    private void AssignZero(Value place, ITypeSymbol type, IOperation site)
    {
        if (TypeShapes.IsScalar(type))
        {
            StoreValue(place, Value.Zero, site);
            return;
        }

        Value zero = FreshRegion(site);
        BeginZero(zero, type);
        StoreStruct(place, zero, type);
    }

    private static bool Covers(Value length, Allocation block) =>
        !block.Contract.Count.IsPresent && !block.Size.IsZero && (length == block.Size || (length.IsConstant && block.Size.IsConstant && length.Offset >= block.Size.Offset));

    /// <summary><c>Clear</c> and <c>Fill</c> of a span write all of it.</summary>
    private void FillSpan(CallSite call, ITypeSymbol type)
    {
        if (call.Method.Name is not ("Clear" or "Fill") || !TryGetCovered(call.Receiver, out Value pointer) || ElementTypeOf(type) is not { } element) return;
        // What an array holds was let go before.
        if (Symbols.Of(pointer) is { Kind: SymbolKind.Element, Tag: 0, Item: null }) return;
        ForgetNumbers(pointer, anywhere: true);
        if (call.Arguments.Length > 0 && !_state.Canonical(call.Arguments[0]).IsZero) return;
        if (LengthPlace(call.Receiver, type) is not { } place || !_state.TryPeek(place, out Value length)) return;
        bool isBytes = TypeShapes.FixedSize(element) == 1;
        if (isBytes || length == Value.One) ZeroBytes(pointer, isBytes ? length : SizeOf(element), isBytes ? null : element, call.Operation);
    }
}
