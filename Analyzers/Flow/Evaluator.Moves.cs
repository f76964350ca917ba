// Calls that move values as bytes: they copy what is known of a variable, an array or a block to another, write a pointer somewhere, or read one. The
// copy leads to the same memory as what was copied, so whoever gets it may free that memory.
//
//   Marshal.StructureToPtr(s, p, false)      *(S*)p = s         a class's fields are copied as a struct's
//   Marshal.ReadIntPtr(p, 8)                 *(nint*)(p + 8)
//   Marshal.Copy(array, 0, p, n)             what the elements hold may be freed through p: no claim about it is made any more

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>The callee uses what it is given during the call, and keeps nothing: it may write numbers there, and copy what is there elsewhere.</summary>
    private void Borrow(CallSite call, int ordinal)
    {
        Value address = call.Arguments[ordinal];
        if (call.IsByReference(ordinal))
        {
            Share(call, ordinal);
            if (call.Method.Parameters[ordinal].RefKind == RefKind.Ref) ForgetNumbers(address, anywhere: true, isNoted: false);
            return;
        }

        if (call.Method.Parameters[ordinal].Type is not IPointerTypeSymbol) return;
        if (!MemoryMoves.IsSource(call.Method, ordinal)) ForgetNumbers(address, MemoryMoves.IsWritten(call.Method, ordinal));
        if (ordinal == 0 && MemoryMoves.MayZero(call.Method)) ZeroBytes(call);
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

    /// <summary>Calls that are an assignment through a pointer or a reference, or that move the bytes of one.</summary>
    private bool TryMove(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        if (!MemoryMoves.IsMove(method)) return false;
        var call = new CallSite(invocation, method, null);
        EvalArguments(call, invocation.Arguments);
        if (_dead) return true;
        if (method.ContainingType.Name == "Marshal" || MemoryMoves.IsOfBytes(method)) PassFreed(call, null);
        else Touch(call.Arguments[0], invocation);
        Value first = call.Arguments[0];
        switch (method.Name)
        {
            case "Read" or "ReadUnaligned":
                value = Fetch(first, invocation.Type, invocation);
                return true;
            case "Write" or "WriteUnaligned":
                Put(first, call.Arguments[1], method.Parameters[1].Type, invocation);
                return true;
            case "ReadIntPtr":
                value = Fetch(call.Arguments.Length > 1 ? Within(first, call.Arguments[1]) : first, invocation.Type, invocation);
                return true;
            case "WriteIntPtr":
                Put(call.Arguments.Length > 2 ? Within(first, call.Arguments[1]) : first, call.Arguments[call.Arguments.Length - 1], method.Parameters[call.Arguments.Length - 1].Type, invocation);
                return true;
            case "StructureToPtr":
                PutBytes(call.Arguments[1], first, call.ArgumentSyntax[0]!, invocation);
                return true;
            case "PtrToStructure":
                value = FromBytes(call, invocation);
                return true;
            case "Copy":
                ITypeSymbol type = method.TypeArguments[0];
                Put(first, TypeShapes.IsScalar(type) ? LoadAt(call.Arguments[1], type) : call.Arguments[1], type, invocation);
                return true;
            default:
                int destination = MemoryMoves.DestinationOf(method);
                if (!call.IsByReference(destination)) Borrow(call, destination);
                else MoveBytes(call, destination, MemoryMoves.SourceOf(method, destination));
                return true;
        }
    }

    private Value Fetch(Value address, ITypeSymbol? type, IOperation site)
    {
        if (TypeShapes.IsScalar(type)) return LoadAt(address, type);
        Value copy = FreshRegion(site);
        CopyStruct(copy, address, type);
        return copy;
    }

    private void Put(Value address, Value value, ITypeSymbol type, IOperation site)
    {
        if (TypeShapes.IsScalar(type)) StoreValue(address, value, site);
        else StoreStruct(address, value, type);
    }

    /// <summary>The place so many bytes behind.</summary>
    private Value Within(Value block, Value offset) => _state.Canonical(offset) is { IsConstant: true } known ? block.Plus(known.Offset) : ElementOf(block, offset);

    /// <summary>What was there and is not owned is overwritten, by a struct as it is or in a box, or by what an object holds.</summary>
    private void PutBytes(Value block, Value source, IOperation argument, IOperation site)
    {
        block = _state.CanonicalAddress(block);
        if (block.IsConstant) return;
        ForgetNumbers(block, anywhere: true);
        IOperation unboxed = Unboxed(argument);
        if (unboxed.Type is not { IsValueType: true } type || !TypeShapes.IsScalar(type)) StoreStruct(block, source, unboxed.Type, keepsRest: true);
        else StoreValue(block, ReferenceEquals(unboxed, argument) ? source : LoadAt(source, type), site);
    }

    /// <summary><c>Marshal.PtrToStructure</c>: a struct, a new object, or one that is filled.</summary>
    private Value FromBytes(CallSite call, IInvocationOperation invocation)
    {
        Value block = _state.CanonicalAddress(call.Arguments[0]);
        ITypeSymbol? type = call.Method.TypeArguments is [var argument] ? argument : call.ArgumentSyntax.Length > 1 && call.ArgumentSyntax[1] is ITypeOfOperation named ? named.TypeOperand : null;
        if (call.Method.ReturnsVoid || call.Arguments.Length == 2 && call.Method.TypeArguments.Length == 1)
        {
            CopyStruct(call.Arguments[1], block, type, keepsRest: true);
            return Value.Zero;
        }

        bool isObject = invocation.Type is { IsReferenceType: true };
        if (type is null || block.IsConstant)
        {
            if (!block.IsConstant) EscapeContents(block);
            return Unknown(invocation);
        }

        if (!isObject) return Fetch(block, type, invocation);
        Value made = FreshObject(invocation);
        if (type is INamedTypeSymbol @class) Symbols.SetClass(made, @class);
        if (TypeShapes.IsScalar(type) && !type.IsReferenceType) _state.Store(made, LoadAt(block, type));
        else CopyStruct(made, block, type);
        return made;
    }

    /// <summary>
    /// A call of .NET that keeps nothing may still copy what it finds where it is sent to (<c>Marshal.Copy</c>, <c>Array.Copy</c>), or put it in another order
    /// (<c>Array.Sort</c>).
    /// </summary>
    private void LetCopy(CallSite call, int ordinal)
    {
        IParameterSymbol parameter = call.Method.Parameters[ordinal];
        IOperation? argument = call.ArgumentSyntax[ordinal];
        Value place = _state.CanonicalAddress(call.Arguments[ordinal]);
        if (place.IsConstant) return;
        if (parameter.Type is IArrayTypeSymbol || parameter.Type.SpecialType == SpecialType.System_Array)
        {
            while (argument is IConversionOperation { OperatorMethod: null } conversion) argument = conversion.Operand;
            if (parameter.IsParams || argument?.Type is not IArrayTypeSymbol { ElementType: var element } || !StructParts.CanLead(element)) return;
            EscapeStruct(place, null);
            _state.Forget(place);
        }
        else if (HoldsPointers(parameter.Type) || (parameter.Type.TypeKind == TypeKind.Interface && TryLength(place, out _)))
        {
            Escape(place);
        }
        else if (TypeShapes.IsPointer(parameter.Type))
        {
            if (MemoryMoves.IsWritten(call.Method, ordinal))
            {
                ForgetNumbers(place, anywhere: true);
                if (ordinal == 0 && MemoryMoves.MayZero(call.Method)) ZeroBytes(call);
            }
            else if (MemoryMoves.Copies(call.Method)) EscapeStruct(place, PointeeOf(argument));
        }
    }

    /// <summary>The callee may write plain data through a pointer to a variable (<c>copy_from_user(&amp;request, …)</c>); pointers in there stay owned.</summary>
    private void ForgetNumbers(Value pointer, bool anywhere = false, bool isNoted = true)
    {
        pointer = _state.CanonicalAddress(pointer);
        if (pointer.IsConstant || (!anywhere && Symbols.KindOf(new Value(Symbols.Root(pointer), 0)) is not (SymbolKind.Local or SymbolKind.Stack))) return;
        var stale = new List<Value>();
        SmallMap<Value, Value> cells = _state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (_state.IsInside(cells.KeyAt(i), pointer) && !(_state.TryGetAllocation(cells.ValueAt(i), out Allocation held) && held.Status != AllocationStatus.Freed)) stale.Add(cells.KeyAt(i));
        foreach (Value address in stale) _state.Forget(address);
        _state.Fill(pointer, isNoted);
    }
}
