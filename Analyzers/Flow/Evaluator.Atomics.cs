// Counters. What Interlocked does to memory that this body knows is arithmetic. A count inside of a block that other calls keep
// (refcount_t, a state word) says who frees the block, and nothing here knows what it stands at: then no claim is made about its end.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>Counting up or down in one step, which other threads see as a whole.</summary>
    private bool TryCount(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        int count = invocation.Arguments.Length;
        if (method.ContainingType is not { Name: "Interlocked", ContainingNamespace: { Name: "Threading", ContainingNamespace.Name: "System" } }) return false;
        if (!(method.Name is "Increment" or "Decrement" && count == 1) && !(method.Name == "Add" && count == 2)) return false;
        IOperation counter = invocation.Arguments[0].Value;
        Value place = Address(counter);
        Value amount = method.Name switch { "Increment" => Value.One, "Decrement" => Value.Constant(-1), _ => Eval(invocation.Arguments[1].Value) };
        if (_dead) return true;
        Touch(place, counter);
        value = _state.Binary(Operator.Add, _state.Canonical(LoadAt(place, counter.Type)), _state.Canonical(amount));
        StoreValue(place, value, invocation);
        return true;
    }

    /// <summary>A callee reads or changes a number in a block, and its answer tells what became of that: whoever counts last frees the block.</summary>
    private void Share(CallSite call, int ordinal)
    {
        if (call.Method.ReturnsVoid || !call.IsByReference(ordinal) || !IsNumber(call.Method.Parameters[ordinal].Type)) return;
        int block = Symbols.Origin(_state.CanonicalAddress(call.Arguments[ordinal]));
        if (Symbols[block].Kind is not (SymbolKind.Allocation or SymbolKind.Load or SymbolKind.Argument or SymbolKind.Unknown)) return;
        Share(new Value(block, 0));
    }

    private void Share(Value block)
    {
        _state.Note(new Primitive(PrimitiveKind.Share, block));
        _state.Count(Symbols.Origin(block), 0);
        Escape(block);
    }

    /// <summary>A number, perhaps inside of structs that hold nothing else.</summary>
    private static bool IsNumber(ITypeSymbol type)
    {
        while (type is INamedTypeSymbol { TypeKind: TypeKind.Struct } && !TypeShapes.IsPrimitive(type))
        {
            if (TypeMembers.Of((INamedTypeSymbol)type) is not { FieldCount: 1, First: { } only }) return false;
            type = only.Type;
        }

        return TypeShapes.IsPrimitive(type) && !TypeShapes.IsPointer(type);
    }
}
