// Arrays and what is like them: pointers that are indexed, stackalloc, inline arrays, collection expressions. Elements whose index is known are places
// of their own; an element whose index is not known may be any of them.
//
//   nint[] a; a[1]              Element(a, 1)
//   fixed (nint* p = a) p[1]    the same: p is Element(a, 0), and pointers into arrays of pointers move by elements
//   byte* p; p[4]               p + 4: the size of an element is known
//   nint* p; p[4]               Element(p, 4): it depends on the platform

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>From here on a mark among elements is a notion of the engine and no place in memory.</summary>
    internal const int FirstOwnTag = 3;

    /// <summary>Marks an array's length among its elements.</summary>
    internal const int LengthTag = 5;

    /// <summary>Marks the address of an object's content.</summary>
    internal const int PinnedTag = 2;

    /// <summary>Marks a struct in zeroed memory that was written as a whole.</summary>
    internal const int OverwrittenTag = 9;

    /// <summary>Tells the memory behind a span from the span.</summary>
    private const int SpannedTag = 0x5bd1e995;

    /// <summary>Makes one index of two: no array that a program writes by hand is as wide.</summary>
    private const int MaximalWidth = 65_537;

    /// <summary>An element. One that may be any of those that are known stands for them all: no claim is made about them any more.</summary>
    private Value ElementOf(Value container, Value index, int tag = 0)
    {
        container = _state.Canonical(container);
        index = _state.Canonical(index);
        Value element = Symbols.Make(SymbolKind.Element, container, index, tag);
        if (!index.IsConstant) LetOutElements(element, container);
        return element;
    }

    private void LetOutElements(Value element, Value container)
    {
        List<Value>? others = null;
        SmallMap<Value, Value> cells = _state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (cells.KeyAt(i) != element && (cells.KeyAt(i) == container || IsElementOf(cells.KeyAt(i), container))) (others ??= []).Add(cells.ValueAt(i));
        if (others is null) return;
        foreach (Value value in others) MayBeRead(value);
    }

    /// <summary>What was written as one type is read as another.</summary>
    private void LetOutOtherViews(Value address)
    {
        if (_state.InOtherViews(address) is not { } others) return;
        foreach (Value value in others) MayBeRead(value);
    }

    /// <summary>The path may go on with the value under the name of a read that found it.</summary>
    private void MayBeRead(Value value)
    {
        value = _state.Canonical(value);
        if (Symbols[Symbols.Root(value)].Kind is SymbolKind.Argument or SymbolKind.Load) NoteEscape(value);
        LetOut(value);
    }

    /// <summary>The address is one element, or inside of one.</summary>
    private bool IsElementOf(Value address, Value container)
    {
        while (Symbols.Of(address) is { Kind: SymbolKind.Element or SymbolKind.Field } data)
        {
            if (data.A == container) return true;
            address = data.A;
        }

        return false;
    }

    /// <summary>An index; one from the end is known where the length is.</summary>
    private Value EvalIndex(IOperation index, Value container)
    {
        if (index is not IUnaryOperation { OperatorKind: UnaryOperatorKind.Hat } hat) return Eval(index);
        Value back = _state.Canonical(Eval(hat.Operand));
        return back.IsConstant && _state.TryPeek(LengthSlot(container), out Value length) && length.IsConstant ? length.Plus(-back.Offset) : UnknownOf(index.Syntax, 1);
    }

    private Value LengthSlot(Value array) => Symbols.Make(SymbolKind.Element, _state.Canonical(array), default, LengthTag);

    /// <summary>The indices of an array of more than one dimension, as one.</summary>
    private Value Combine(Value outer, Value inner, IOperation site) =>
        _state.Canonical(outer) is { IsConstant: true } a && _state.Canonical(inner) is { IsConstant: true } b ? Value.Constant(unchecked((a.Offset * MaximalWidth) + b.Offset)) : UnknownOf(site.Syntax, 1);

    private Value EvalArray(IArrayCreationOperation array)
    {
        Value region = FreshObject(array);
        foreach (IOperation size in array.DimensionSizes)
            if (Eval(size) is var length && array.DimensionSizes.Length == 1) _state.Store(LengthSlot(region), length);
        if (array.Initializer is { } initializer) Fill(region, initializer, 0);
        return region;
    }

    private void Fill(Value region, IArrayInitializerOperation initializer, long first)
    {
        for (int i = 0; i < initializer.ElementValues.Length && !_dead; i++)
        {
            if (initializer.ElementValues[i] is IArrayInitializerOperation row) Fill(region, row, (first + i) * MaximalWidth);
            else FillElement(Symbols.Make(SymbolKind.Element, region, Value.Constant(first + i)), initializer.ElementValues[i]);
        }
    }

    private void FillElement(Value place, IOperation value)
    {
        Value element = Eval(value);
        if (_dead) return;
        if (TypeShapes.IsScalar(value.Type)) _state.Store(place, element);
        else CopyStruct(place, element, value.Type);
    }

    /// <summary><c>[a, b]</c> as an array, list or span; anything else keeps what it is given.</summary>
    private Value EvalCollection(ICollectionExpressionOperation collection)
    {
        bool isList = collection.Type is { Name: "List" } && IsCollection(collection.Type), isKnown = isList || collection.Type is IArrayTypeSymbol || IsSpan(collection.Type);
        foreach (IOperation element in collection.Elements) isKnown &= element is not ISpreadOperation;
        if (!isKnown) return EvalChildren(collection);
        Value memory = FreshObject(collection);
        _state.Store(isList ? CountSlot(memory) : LengthSlot(memory), Value.Constant(collection.Elements.Length));
        for (int i = 0; i < collection.Elements.Length && !_dead; i++) FillElement(Symbols.Make(SymbolKind.Element, memory, Value.Constant(i)), collection.Elements[i]);
        return isList || collection.Type is IArrayTypeSymbol ? memory : SpanOver(collection, Symbols.Make(SymbolKind.Element, memory, Value.Zero), Value.Constant(collection.Elements.Length));
    }

    /// <summary>A stackalloc as a pointer is its memory; as a span it covers it.</summary>
    private Value EvalStackAllocation(IOperation operation)
    {
        ITypeSymbol? type = ElementTypeOf(operation.Type);
        bool isSpan = IsSpan(operation.Type);
        Value memory = isSpan ? Symbols.Make(SymbolKind.Stack, tag: unchecked(((_callPath * 31) + _state.Turn) ^ SpannedTag), item: operation.Syntax) : FreshRegion(operation);
        int count = -1;
        Value length = default;
        foreach (IOperation child in operation.ChildOperations)
        {
            foreach (IOperation value in child is IArrayInitializerOperation initializer ? initializer.ElementValues : [child])
            {
                // The length comes first.
                if (count++ < 0) length = Eval(value);
                else FillElement(Advance(memory, Value.Constant(count - 1), type), value);
            }
        }

        return isSpan ? SpanOver(operation, memory, _state.Canonical(length)) : memory;
    }

    private Value Pinned(IOperation pinned)
    {
        if (pinned.Type is not (IArrayTypeSymbol or IPointerTypeSymbol or { SpecialType: SpecialType.System_String }) && !IsSpan(pinned.Type)) return PinnedPart(pinned);
        Value value = _state.Canonical(Eval(pinned));
        if (IsSpan(pinned.Type)) return TryGetCovered(value, out Value covered) ? covered : UnknownOf(pinned.Syntax, 2);
        bool holdsPointers = pinned.Type is IArrayTypeSymbol { Rank: 1, ElementType: var element } && (TypeShapes.IsPointer(element) || element is { IsValueType: true, TypeKind: TypeKind.Struct, SpecialType: SpecialType.None });
        return holdsPointers ? Symbols.Make(SymbolKind.Element, value, Value.Zero) : Symbols.Make(SymbolKind.Element, value, default, PinnedTag);
    }

    /// <summary>A type of its own says what of it is pinned: the only field of a struct, else something that is not known.</summary>
    private Value PinnedPart(IOperation pinned)
    {
        if (pinned.Type is not { IsValueType: true } || !IsPlace(pinned)) Escape(Eval(pinned));
        else if (TypeShapes.IsWrapper(pinned.Type)) return Address(pinned);
        else LetWrite(Address(pinned), pinned);
        return UnknownOf(pinned.Syntax, 2);
    }

    private static ITypeSymbol? ElementTypeOf(ITypeSymbol? type) => type switch
    {
        IPointerTypeSymbol pointer => pointer.PointedAtType,
        INamedTypeSymbol { TypeArguments: [var element] } => element,
        _ => null,
    };

    /// <summary>Pointer arithmetic: constant indices keep the offset exact.</summary>
    private Value Advance(Value pointer, Value index, ITypeSymbol? elementType, bool backwards = false)
    {
        pointer = _state.Canonical(pointer);
        index = _state.Canonical(index);
        if (index.IsZero) return pointer;
        // (byte*)p + sizeof(T) is (T*)p + 1
        if (TypeShapes.FixedSize(elementType) == 1 && index.Offset == 0 && Symbols.Of(index) is { Kind: SymbolKind.Unknown, Item: AskedSizeOf { Type: var measured } }) (index, elementType) = (Value.One, measured);
        if (pointer.Offset == 0 && Symbols.Of(pointer) is { Kind: SymbolKind.Element, Tag: 0, Item: null } start)
            return ElementOf(start.A, _state.Binary(backwards ? Operator.Subtract : Operator.Add, _state.Canonical(start.B), index));
        int size = TypeShapes.FixedSize(elementType);
        if (index.IsConstant && backwards) (index, backwards) = (Value.Constant(-index.Offset), false);
        if (index.IsConstant && pointer.Offset == 0 && Symbols.Of(pointer) is { Kind: SymbolKind.Element, Tag: 0, B.IsConstant: true, Item: ITypeSymbol same } inner && SymbolEqualityComparer.Default.Equals(same, elementType))
        {
            index = index.Plus(inner.B.Offset);
            if (index.IsZero) return inner.A;
            pointer = inner.A;
        }

        if (index.IsConstant && size > 0) return pointer.Plus((backwards ? -1 : 1) * index.Offset * size);
        Value element = Symbols.Make(SymbolKind.Element, pointer, index, backwards ? -1 : 0, elementType);
        if (Symbols.IsCut(element)) LetOut(pointer);
        if (!index.IsConstant && elementType is not null && size == 0) LetOutElements(element, pointer);
        return element;
    }
}
