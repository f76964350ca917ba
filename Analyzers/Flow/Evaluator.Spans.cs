// Spans over native memory. A span is a struct of which only one part matters here: the pointer that it was made from. It is kept in a cell of its
// own that moves with copies of the span, owns nothing, and hands nothing on: it only tells which memory a use of the span reaches.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    internal const int SpanTag = 4;

    private static bool IsSpan(ITypeSymbol? type) => type is { Name: "Span" or "ReadOnlySpan", IsRefLikeType: true, ContainingNamespace.Name: "System" };

    private Value SpanSlot(Value span) => Symbols.Make(SymbolKind.Element, _state.CanonicalAddress(span), Value.Zero, SpanTag);

    /// <summary>The memory that a span covers, if it is known.</summary>
    private bool TryGetCovered(Value span, out Value pointer) => _state.TryPeek(SpanSlot(span), out pointer);

    /// <summary>A span made by <c>new Span&lt;T&gt;(pointer, length)</c>.</summary>
    private Value SpanOver(IObjectCreationOperation creation, Value pointer)
    {
        Value span = FreshRegion(creation);
        _state.Store(SpanSlot(span), pointer);
        return span;
    }

    /// <summary>A span made from another one covers the same memory.</summary>
    private Value SpanFrom(Value source, Value span)
    {
        if (TryGetCovered(source, out Value pointer)) _state.Store(SpanSlot(span), pointer);
        return span;
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
