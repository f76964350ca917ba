// Objects and structs that own memory. An object is the memory to the engine: who holds the reference may dispose it. A struct keeps the pointer in a
// cell of its own, as a span does, but one that owns: it moves with copies, gets out with the struct, and holds null once the memory was freed or
// handed over through this copy. So a second Dispose of the same variable does nothing, and one of a copy is a second free.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private const int OwnerTag = 8;

    private Value OwnerSlot(Value owner) => Symbols.Make(SymbolKind.Element, _state.CanonicalAddress(owner), Value.Zero, OwnerTag);

    /// <summary>The struct in whose cell for what it owns the place lies; the place itself if it is another.</summary>
    internal static Value StructAround(SymbolTable symbols, Value place) => symbols.Of(place) is { Kind: SymbolKind.Element, Tag: OwnerTag } slot ? slot.A : place;

    /// <summary>The struct that a call returned, owning what the call allocated.</summary>
    private Value OwnerOf(CallSite call, Value pointer)
    {
        if (!ReturnsStruct(call.Method)) return pointer;
        Value owner = FreshRegion(call.Operation);
        _state.Store(OwnerSlot(owner), pointer);
        return owner;
    }

    /// <summary>Messages call what a struct owns by the struct's name.</summary>
    private void NameOwned(Value owner)
    {
        if (Symbols.Of(_state.CanonicalAddress(owner)).Item is ISymbol variable && _state.TryPeek(OwnerSlot(owner), out Value memory)
            && _state.TryGetAllocation(memory, out Allocation owned) && owned.Name is null) _state.SetAllocation(owned with { Name = variable.Name });
    }

    private static bool ReturnsStruct(IMethodSymbol method) =>
        method.RefKind == RefKind.None && method.MethodKind != MethodKind.Constructor && !TypeShapes.IsScalar(method.ReturnType);

    private static bool IsOnStruct(CallSite call) => call.ReceiverSyntax?.Type is { IsValueType: true } type && !TypeShapes.IsScalar(type);

    /// <summary>What the receiver stands for: itself, or the memory that a struct owns or views.</summary>
    private Value ReceiverOf(CallSite call)
    {
        if (IsOnStruct(call) && (_state.TryPeek(OwnerSlot(call.Receiver), out Value memory) || TryGetCovered(call.Receiver, out memory))) return memory;
        return _state.Canonical(call.ReceiverIsPlace ? LoadAt(call.Receiver, call.ReceiverSyntax?.Type) : call.Receiver);
    }

    /// <summary>A method that frees what the struct owns that it is called on.</summary>
    private void FreeReceiver(CallSite call, FreeContract contract)
    {
        Value memory = _state.Load(OwnerSlot(call.Receiver));
        if (!memory.IsZero) Free(call, contract, memory, Operand(call, contract.Order), Operand(call, contract.Cache));
        _state.Store(OwnerSlot(call.Receiver), Value.Zero);
    }

    private void ConsumeReceiver(CallSite call)
    {
        if (!IsOnStruct(call)) return;
        Escape(_state.Load(OwnerSlot(call.Receiver)));
        _state.Store(OwnerSlot(call.Receiver), Value.Zero);
    }

    /// <summary>Disposes an object that owns memory. False if it is not known to be one: then the call is one like any other.</summary>
    private bool DisposeReceiver(CallSite call)
    {
        if (IsOnStruct(call) || !_state.TryGetAllocation(call.Receiver, out Allocation owned) || !owned.Contract.IsDisposable) return false;
        if (owned.Status != AllocationStatus.Freed) Free(call, new FreeContract(OperandReference.Receiver, [owned.Family]), call.Receiver, null, null);
        return true;
    }

    /// <summary>A member that reaches into an object that was disposed.</summary>
    private void TouchReceiver(CallSite call, Value receiver)
    {
        if (!_dead && _state.TryGetFreed(receiver, out Allocation freed) && freed.Contract.IsDisposable) Use(freed, UseKind.Access, call.Syntax);
    }

    /// <summary>What a statement got that consists of a call: the memory that the call allocated, or the struct that owns it.</summary>
    private Value Owned(Value result) => _state.TryPeek(OwnerSlot(result), out Value memory) ? memory : result;

    /// <summary>A property that computes a view of what its object owns: no place of its own.</summary>
    private bool HandsOutView(IPropertyReferenceOperation property) =>
        (property.Property.Name == "Span" && IsMemory(property.Instance?.Type)) || (property.Property.GetMethod is { } getter && analysis.Model.Find(getter)?.View is not null);

    /// <summary>A value type of .NET that covers memory and owns none of it.</summary>
    private static bool IsMemory(ITypeSymbol? type) => type is { Name: "Memory" or "ReadOnlyMemory", IsValueType: true, ContainingNamespace.Name: "System" };

    private Value EvalMemorySpan(IPropertyReferenceOperation property)
    {
        Value memory = Eval(property.Instance!);
        TouchSpan(memory, property);
        return SpanFrom(memory, property.Instance?.Type, FreshRegion(property));
    }
}
