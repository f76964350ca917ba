// Spans over native memory. A span is a struct of which only one part matters here: the pointer that it was made from. It is kept in a cell of its
// own that moves with copies of the span, owns nothing, and hands nothing on: it only tells which memory a use of the span reaches.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    internal const int SpanTag = 4;

    private static bool IsSpan(ITypeSymbol? type) => type is { Name: "Span" or "ReadOnlySpan", IsRefLikeType: true, ContainingNamespace.Name: "System" } || IsMemory(type);

    private Value SpanSlot(Value span) => Symbols.Make(SymbolKind.Element, _state.CanonicalAddress(span), Value.Zero, SpanTag);

    /// <summary>The memory that a span covers, if it is known.</summary>
    private bool TryGetCovered(Value span, out Value pointer) => _state.TryPeek(SpanSlot(span), out pointer);

    /// <summary>The same; of a span of pointers that the caller passed it is what the caller knows.</summary>
    private bool TryGetPassed(Value span, ITypeSymbol? type, out Value pointer)
    {
        if (TryGetCovered(span, out pointer)) return true;
        if (!Symbols.IsParameter(_state.CanonicalAddress(span)) || ElementTypeOf(type) is not { } element || !CanLead(element)) return false;
        pointer = _state.Load(SpanSlot(span));
        return true;
    }

    /// <summary>A span made by <c>new Span&lt;T&gt;(pointer, length)</c>.</summary>
    private Value SpanOver(IOperation creation, Value pointer)
    {
        Value span = FreshRegion(creation);
        _state.Store(SpanSlot(span), pointer);
        return span;
    }

    /// <summary>A span is as long as it is told, or as what it covers.</summary>
    private Value SpanOver(IOperation creation, Value memory, Value? length)
    {
        Value span = SpanOver(creation, memory);
        if (length is { } known && LengthPlace(span, creation.Type!) is { } place) _state.Store(place, known);
        return span;
    }

    /// <summary>Where the span keeps its length.</summary>
    private Value? LengthPlace(Value span, ITypeSymbol type) => type.GetMembers("Length") is [IPropertySymbol property] ? Symbols.Field(span, property) : null;

    private Value IsEmpty(Value span, ITypeSymbol type)
    {
        Value length = LengthPlace(span, type) is { } place ? LoadAt(place, 0, int.MaxValue) : UnknownOf(type);
        return _state.Binary(Operator.Equal, _state.Canonical(length), Value.Zero);
    }

    private Value SpanOverArray(IOperation creation, Value array) =>
        SpanOver(creation, ElementOf(array, Value.Zero), _state.TryPeek(LengthSlot(array), out Value length) ? length : null);

    /// <summary>A span made from another one covers the same memory.</summary>
    private Value SpanFrom(Value source, ITypeSymbol? type, Value span)
    {
        if (TryGetPassed(source, type, out Value pointer)) _state.Store(SpanSlot(span), pointer);
        return span;
    }

    /// <summary>The same span as another type.</summary>
    private Value SpanAs(Value source, ITypeSymbol from, IConversionOperation conversion)
    {
        Value span = SpanFrom(source, from, FreshRegion(conversion));
        if (KnownLength(source, from) is { } place && LengthPlace(span, conversion.Type!) is { } same) _state.Store(same, LoadAt(place, 0, int.MaxValue));
        return span;
    }

    /// <summary>Where a span keeps its length, if this body or its caller knows that.</summary>
    private Value? KnownLength(Value span, ITypeSymbol type) =>
        LengthPlace(span, type) is { } place && (_state.TryPeek(place, out _) || Symbols.IsParameter(_state.CanonicalAddress(span))) ? place : null;

    /// <summary>A callee may go through all of a span of pointers. How many those are the caller may know, or nobody does: then they are handed over.</summary>
    private void PassSpans(CallSite call)
    {
        for (int i = 0; i < call.Arguments.Length; i++)
        {
            (ITypeSymbol type, Value span) = (call.Method.Parameters[i].Type, call.Arguments[i]);
            if (!IsSpan(type) || call.IsByReference(i) || ElementTypeOf(type) is not { } element || !CanLead(element)) continue;
            bool isPassedOn = Symbols.IsParameter(_state.CanonicalAddress(span)) && TryGetPassed(span, type, out _);
            if (LengthPlace(span, type) is { } length && isPassedOn) LoadAt(length, 0, int.MaxValue);
            else if (LengthPlace(span, type) is not { } known || !_state.TryPeek(known, out _)) LetGoSpan(span, type);
        }
    }

    /// <summary>A part of a span, from an index on.</summary>
    private Value SpanAt(Value source, Value index, IOperation part)
    {
        Value span = FreshRegion(part);
        if (!_dead && TryGetCovered(source, out Value pointer)) _state.Store(SpanSlot(span), Advance(pointer, index, ElementTypeOf(part.Type)));
        return span;
    }

    /// <summary>The element that an index means; of a span that somebody passed, one of what it covers.</summary>
    private Value SpanElement(IPropertyReferenceOperation element)
    {
        Value span = IsPlace(element.Instance!) ? Address(element.Instance!) : Eval(element.Instance);
        Value index = Eval(element.Arguments[0].Value);
        if (_dead) return Value.Zero;
        Value covered = _state.Load(SpanSlot(span));
        NoteWalk(covered, element.Arguments[0].Value, element.Type);
        return Advance(covered, index, ElementTypeOf(element.Instance!.Type));
    }

    /// <summary>A loop over a span of pointers goes through what the span covers.</summary>
    private bool TryEnumerateSpan(IInvocationOperation loop, IOperation instance, out Value enumerator)
    {
        enumerator = default;
        if (IsMemory(instance.Type) || ElementTypeOf(instance.Type) is not { } element || !TypeShapes.IsPointer(element)) return false;
        Value span = EnumeratorAt(instance);
        if (_dead) return true;
        TouchSpan(span, instance);
        // Where it does not know its end it may be over before it comes to anything.
        Value? length = TryGetPassed(span, instance.Type, out Value covered) ? KnownLength(span, instance.Type!) : null;
        if (length is null) LetGoSpan(span, instance.Type!);
        enumerator = length is { } known ? EnumeratorOf(loop, covered, LoadAt(known, 0, int.MaxValue)) : FreshRegion(loop);
        return true;
    }

    /// <summary>The element of a span that a loop stands at.</summary>
    private bool TrySpanCurrent(IPropertyReferenceOperation property, out Value place)
    {
        place = default;
        if (property is not { Property: { Name: "Current", ContainingType: { Name: "Enumerator", ContainingType: { } span } }, Instance: { } instance } || !IsSpan(span)) return false;
        Value enumerator = EnumeratorAt(instance);
        if (_dead || !TryEnumerator(enumerator, out Value at, out _)) return false;
        Value covered = _state.Load(EnumeratorSlot(enumerator, 0));
        NoteWalk(covered, null, property.Type);
        place = Advance(covered, at, property.Type);
        return true;
    }

    /// <summary>Spans made without a constructor: of an array, of a variable.</summary>
    private bool TrySpanOver(IInvocationOperation invocation, out Value span)
    {
        span = default;
        if (!IsSpan(invocation.Type) || invocation.Arguments.Length == 0) return false;
        IOperation first = invocation.Arguments[0].Value;
        switch (invocation.TargetMethod)
        {
            case { Name: "AsSpan", ContainingType.Name: "MemoryExtensions" } when first.Type is IArrayTypeSymbol && invocation.Arguments.Length <= 3:
                Value array = Eval(first);
                Value start = invocation.Arguments.Length > 1 ? Eval(invocation.Arguments[1].Value) : Value.Zero;
                Value? count = invocation.Arguments.Length > 2 ? Eval(invocation.Arguments[2].Value) : null;
                if (!_dead) span = invocation.Arguments.Length == 1 ? SpanOverArray(invocation, array) : SpanOver(invocation, ElementOf(array, start), count);
                return true;
            case { Name: "CreateSpan" or "CreateReadOnlySpan", ContainingType.Name: "MemoryMarshal" } when invocation.Arguments.Length == 2:
                Value variable = Address(first);
                Value length = Eval(invocation.Arguments[1].Value);
                if (!_dead) span = SpanOver(invocation, variable, length);
                return true;
            case { Name: "Cast" or "AsBytes", ContainingType.Name: "MemoryMarshal" }:
                Value source = Eval(first);
                span = FreshRegion(invocation);
                if (_dead || !TryGetCovered(source, out Value covered)) return true;
                // An index into an array counts other things from here on.
                if (Symbols.Of(covered) is { Kind: SymbolKind.Element, Tag: 0, Item: null } element) covered = ElementOf(element.A, UnknownOf(invocation.Syntax, 1));
                _state.Store(SpanSlot(span), covered);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Unknown code gets a span: it may read and write what is in the memory, and frees none of it. Bytes lead nowhere, but they can be copied.</summary>
    private void LetGoSpan(Value span, ITypeSymbol type, bool isCopied = false)
    {
        if (!TryGetPassed(span, type, out Value pointer) || ElementTypeOf(type) is not { } element || (!isCopied && TypeShapes.IsPrimitive(element) && !TypeShapes.IsPointer(element))) return;
        Value memory = Symbols.Of(pointer) is { Kind: SymbolKind.Element, Tag: 0, Item: null } inner ? inner.A : pointer;
        EscapeStruct(memory, element);
        if (IsFilledByCaller(Symbols.Root(memory)) && CanLead(element)) Escape(_state.Load(Symbols.Make(SymbolKind.Element, memory, UnknownOf(type))));
        if (type.Name == "Span") _state.Forget(memory);
    }

    /// <summary>A member of the span that reaches into its memory.</summary>
    private void TouchSpan(Value span, IOperation site)
    {
        if (!_dead && TryGetCovered(span, out Value pointer)) Touch(pointer, site);
    }

    /// <summary>A call gets a span over freed memory.</summary>
    private void PassFreedSpan(CallSite call, int ordinal, IOperation argument)
    {
        if (!call.IsByReference(ordinal) && IsSpan(call.Method.Parameters[ordinal].Type) && TryGetCovered(call.Arguments[ordinal], out Value pointer) && _state.TryGetFreed(pointer, out Allocation freed))
            Use(freed, UseKind.Pass, argument.Syntax);
    }
}
