// Structs as wholes: copied, cleared, moved as bytes. A copy holds what the source held at that moment, also where the source is memory that only
// the caller knows: each part that a pointer may depend on is read once, so that both names stand for the same values from then on.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private void CopyStruct(Value target, Value source, ITypeSymbol? type, bool keepsRest = false)
    {
        source = _state.CanonicalAddress(source);
        if (source == _state.CanonicalAddress(target)) return;
        ReadParts(source, type);
        _state.CopyStruct(target, source, type, keepsRest);
    }

    private void ReadParts(Value container, ITypeSymbol? type)
    {
        if (container.IsConstant) return;
        foreach (IFieldSymbol field in analysis.Parts.Of(type))
        {
            Value place = PartOf(container, type!, field);
            if (TypeShapes.IsScalar(field.Type)) LoadAt(place, field.Type);
            else ReadParts(place, field.Type);
        }
    }

    /// <summary>A struct of zeroes: <c>default</c>, or <c>new S()</c> without a constructor.</summary>
    private Value ZeroStruct(IOperation site)
    {
        Value region = FreshRegion(site);
        ClearParts(region, site.Type);
        return region;
    }

    private void ClearParts(Value container, ITypeSymbol? type)
    {
        foreach (IFieldSymbol field in analysis.Parts.Of(type))
        {
            Value place = PartOf(container, type!, field);
            if (TypeShapes.IsScalar(field.Type)) _state.Store(place, Value.Zero);
            else ClearParts(place, field.Type);
        }
    }

    private Value PartOf(Value container, ITypeSymbol type, IFieldSymbol field) =>
        type.IsTupleType && TupleIndex(field) is var part and >= 0 ? TupleElement(container, part) : Symbols.Field(container, TypeShapes.Overlaid(field));

    // Bytes

    /// <summary>The callee uses what it is given during the call, and keeps nothing: it may write numbers there, and copy what is there elsewhere.</summary>
    private void Borrow(CallSite call, int ordinal)
    {
        Value address = call.Arguments[ordinal];
        if (call.IsByReference(ordinal))
        {
            Share(call, ordinal);
            if (call.Method.Parameters[ordinal].RefKind == RefKind.Ref) ForgetNumbers(address, anywhere: true);
            return;
        }

        if (call.Method.Parameters[ordinal].Type is not IPointerTypeSymbol) return;
        if (!MemoryMoves.IsSource(call.Method, ordinal)) ForgetNumbers(address, MemoryMoves.IsWritten(call.Method, ordinal));
        if (MemoryMoves.SourceOf(call.Method, ordinal) is var source and >= 0) MoveBytes(call, ordinal, source);
    }

    private void MoveBytes(CallSite call, int destination, int source)
    {
        Value to = _state.CanonicalAddress(call.Arguments[destination]), from = _state.CanonicalAddress(call.Arguments[source]);
        if (to.IsConstant || from.IsConstant) return;
        ITypeSymbol? type = PointeeOf(call.ArgumentSyntax[source]) ?? PointeeOf(call.ArgumentSyntax[destination]);
        StoreStruct(to, from, type, keepsRest: true);
    }

    private static ITypeSymbol? PointeeOf(IOperation? argument)
    {
        while (argument is IConversionOperation { OperatorMethod: null } conversion) argument = conversion.Operand;
        return argument is { Type: IPointerTypeSymbol { PointedAtType: { IsValueType: true } type } } ? type : null;
    }

    /// <summary><c>Unsafe.Read</c> and <c>Unsafe.Write</c> are an assignment through a pointer; <c>Buffer.MemoryCopy</c> and its like move bytes.</summary>
    private bool TryMove(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        if (method.ContainingType is not { Name: "Unsafe" or "Buffer" } || !CallEffects.IsBcl(method) || invocation.Arguments.Length == 0) return false;
        if (method.Parameters[0].Type is not IPointerTypeSymbol) return false;
        switch (method.Name)
        {
            case "Read" or "ReadUnaligned":
                Value address = Eval(invocation.Arguments[0].Value);
                Touch(address, invocation);
                if (TypeShapes.IsScalar(invocation.Type)) value = LoadAt(address, invocation.Type);
                else CopyStruct(value = FreshRegion(invocation), address, invocation.Type);
                return true;
            case "Write" or "WriteUnaligned" when method.Parameters.Length == 2:
                address = Eval(invocation.Arguments[0].Value);
                Value written = Eval(invocation.Arguments[1].Value);
                if (_dead) return true;
                Touch(address, invocation);
                if (TypeShapes.IsScalar(method.Parameters[1].Type)) StoreValue(address, written, invocation);
                else StoreStruct(address, written, method.Parameters[1].Type);
                return true;
            case "MemoryCopy" or "CopyBlock" or "CopyBlockUnaligned":
                var call = new CallSite(invocation, method, null);
                EvalArguments(call, invocation.Arguments);
                if (_dead) return true;
                PassFreed(call, null);
                for (int i = 0; i < call.Arguments.Length; i++)
                    if (method.Parameters[i].Type is IPointerTypeSymbol) Borrow(call, i);
                return true;
        }

        return false;
    }

    /// <summary>The callee may write plain data through a pointer to a variable (<c>copy_from_user(&amp;request, …)</c>); pointers in there stay owned.</summary>
    private void ForgetNumbers(Value pointer, bool anywhere = false)
    {
        pointer = _state.CanonicalAddress(pointer);
        if (pointer.IsConstant || (!anywhere && Symbols.KindOf(new Value(Symbols.Root(pointer), 0)) is not (SymbolKind.Local or SymbolKind.Stack))) return;
        var stale = new List<Value>();
        SmallMap<Value, Value> cells = _state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (_state.IsInside(cells.KeyAt(i), pointer) && !(_state.TryGetAllocation(cells.ValueAt(i), out Allocation held) && held.Status != AllocationStatus.Freed)) stale.Add(cells.KeyAt(i));
        foreach (Value address in stale) _state.Forget(address);
    }
}
