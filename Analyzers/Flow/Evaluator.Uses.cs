// Freeing memory and using it: what becomes of an allocation when it is freed, and what a freed one may no longer be used for. Memory of which this
// body only has the pointer (a parameter, a field) is followed from the moment that it is freed.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private void Free(CallSite call, FreeContract contract)
    {
        if (contract.Target.Kind == OperandKind.Receiver && IsOnStruct(call)) FreeReceiver(call, contract);
        else if (Operand(call, contract.Target) is { } pointer) Free(call, contract, pointer, Operand(call, contract.Order), Operand(call, contract.Cache));
    }

    private void Free(CallSite call, FreeContract contract, Value pointer, Value? order, Value? cache)
    {
        if (pointer.IsZero) return;
        bool told = false;
        if (_state.TryGetFreed(pointer, out Allocation freed))
        {
            told = analysis.Raise(new FreeEvent(_state, call, contract, freed, pointer, freed.Family, order, cache), again: true);
            // Told once on this path.
            _state.SetAllocation(freed with { Status = AllocationStatus.Escaped });
        }
        else if (_state.TryGetAllocation(pointer, out Allocation allocation))
        {
            string family = Symbols.Of(pointer) is { Kind: SymbolKind.View } view ? view.Item as string ?? "" : allocation.Family;
            told = analysis.Raise(new FreeEvent(_state, call, contract, allocation, pointer, family, order, cache), again: false);
            analysis.Fields.Release(_state, allocation.Symbol, ofVariables: true);
            _state.SetAllocation(_state.IsCounted(pointer) ? allocation with { Status = AllocationStatus.Escaped }
                : allocation with { Status = AllocationStatus.Freed, FreedAt = call.Syntax, FreedWith = contract, FreedBy = call.DisplayName });
        }
        else if (contract.Families.Contains("ArrayPool") && IsHeldForGood(pointer))
        {
            // "if (owner is T[] array) pool.Return(array)": a marker that a static field holds is no such array.
            _dead = true;
            return;
        }
        else
        {
            told = analysis.Raise(new ForeignFreeEvent(_state, call, contract, pointer));
            if (!_isCalleesField) analysis.Fields.Free(_state, call, contract, pointer, order);
            // What only arithmetic leads to (p ^ q) may be any of its operands.
            if (Symbols.KindOf(pointer) == SymbolKind.Binary) LetOut(pointer);
            else if (!_state.IsCounted(pointer) && !_state.HangsOnLinks(pointer)) Adopt(call, contract, pointer);
        }

        _state.Note(new Primitive(PrimitiveKind.Free, pointer) { Contract = contract, Site = call.Chain, More = order is null && cache is null ? null : new Operands(Order: order, Cache: cache), Told = told });
    }

    private bool IsHeldForGood(Value pointer) =>
        pointer.Offset == 0 && Symbols.Of(pointer) is { Kind: SymbolKind.Load, A: var place } && Symbols.Of(place) is { Kind: SymbolKind.Static, Item: IFieldSymbol { IsReadOnly: true, Type.IsReferenceType: true } };

    /// <summary>Memory whose allocation was not seen is known from here on: as freed.</summary>
    private void Adopt(CallSite call, FreeContract contract, Value pointer)
    {
        if (pointer.Offset != 0 || (call.Inner is null && contract.Target.Kind != OperandKind.Parameter) || !IsStable(pointer)) return;
        _state.SetAllocation(new Allocation(pointer.Symbol, AllocationContract.OfParameter, call.Method, call.Syntax, _state.Trail?.Depth ?? 0)
        {
            Status = AllocationStatus.Freed,
            FreedAt = call.Syntax,
            FreedWith = contract,
            FreedBy = call.DisplayName,
            IsAdopted = true,
            Name = call.SyntaxOf(contract.Target)?.Syntax.ToString(),
        });
    }

    /// <summary>A pointer that is the same whenever it is read again: not what a getter computes or another thread may swap.</summary>
    private bool IsStable(Value pointer)
    {
        SymbolData data = Symbols.Of(pointer);
        if (data.Kind is SymbolKind.Argument or SymbolKind.Unknown) return true;
        if (data.Kind != SymbolKind.Load) return false;
        SymbolData from = Symbols.Of(data.A);
        return from.Item switch
        {
            IFieldSymbol field => !field.IsVolatile,
            // An enumerator stands still until it is moved on.
            IPropertySymbol property => property is { Name: "Current", DeclaringSyntaxReferences.IsEmpty: true },
            _ => from.Tag != 1,
        };
    }

    /// <summary>Memory at the address is read or written.</summary>
    private void Touch(Value address, IOperation site)
    {
        if (_dead) return;
        AssumeUsable(address);
        if (_state.TryGetFreed(address, out Allocation freed)) Use(freed, UseKind.Access, site.Syntax);
        else if (_runner.Method is { } method && _state.IsFirstTouch(address)) _state.NoteTouch(address, new LogSite(site.Syntax, method, null));
    }

    /// <summary>Who goes through a null pointer does not come here.</summary>
    private void AssumeUsable(Value address)
    {
        int pointer = Symbols.Origin(_state.CanonicalAddress(address));
        if (Symbols[pointer].Kind is SymbolKind.Argument or SymbolKind.Load or SymbolKind.Unknown or SymbolKind.Allocation) _state.AssumeNonZero(new Value(pointer, 0));
    }

    private void Use(Allocation freed, UseKind kind, SyntaxNode site)
    {
        analysis.Raise(new UseEvent(_state, freed, kind, site.GetLocation(), site.ToString()));
        // Told once on this path.
        _state.SetAllocation(freed with { Status = AllocationStatus.Escaped });
    }

    /// <summary>Freed memory is put where others find it. If it is used from there, that is told; if it is overwritten there, nothing is; else that it was left.</summary>
    private void StoreFreed(Value target, Value old, Value value, IOperation site)
    {
        if (_state.TryGetFreed(old, out Allocation freed) && freed.Left?.Place == target) _state.SetAllocation(freed with { Left = null });
        if (site is not ISimpleAssignmentOperation { Target.Type: IPointerTypeSymbol } || !ReachesOutside(target)) return;
        if (_state.TryGetFreed(value, out freed)) _state.SetAllocation(freed with { Left = new LeftPointer(target, site.Syntax) });
    }

    /// <summary>A statement that is nothing but an allocation loses it at once.</summary>
    private Value EvalStatement(IExpressionStatementOperation statement)
    {
        Value value = Owned(Eval(statement.Operation));
        IOperation call = statement.Operation is ISimpleAssignmentOperation { Target: IDiscardOperation } discard ? discard.Value : statement.Operation;
        while (call is IConversionOperation conversion) call = conversion.Operand;
        if (_dead || call is not (IInvocationOperation or IObjectCreationOperation) || !_state.TryGetAllocation(value, out Allocation allocation)) return value;
        if (allocation.Status != AllocationStatus.Owned || allocation.Site != call.Syntax || Reachability.IsReachable(_state, allocation.Symbol)) return value;
        analysis.Raise(new DiscardEvent(_state, allocation, statement.Syntax));
        _state.SetAllocation(allocation with { Status = AllocationStatus.Escaped });
        return value;
    }

    /// <summary>What a body returns must not be freed, unless all who get it are known: then what they do with it is told.</summary>
    internal void CheckReturned(FlowState state, Value value, Location place, IMethodSymbol? method)
    {
        if (method is null) return;
        bool covers = IsSpan(method.ReturnType) && state.TryPeek(Symbols.Make(SymbolKind.Element, state.CanonicalAddress(value), Value.Zero, SpanTag), out value);
        if ((!covers && method.RefKind == RefKind.None && !TypeShapes.IsPointer(method.ReturnType)) || !state.TryGetFreed(value, out Allocation freed)) return;
        if (!analysis.Dispatch.IsCalledHere(method)) analysis.Raise(new UseEvent(state, freed, UseKind.Return, place, freed.Name ?? ""));
    }

    /// <summary>A call gets freed memory to work with. Plain numbers may still name it: a table of live pointers drops its entry after the free.</summary>
    private void PassFreed(CallSite call, MethodContract? contract)
    {
        for (int i = 0; i < call.Arguments.Length && !_dead; i++)
        {
            if (call.ArgumentSyntax[i] is not { } argument) continue;
            PassFreedSpan(call, i, argument);
            // On most paths neither is so, and asked first that costs least.
            bool isFreed = _state.TryGetFreed(call.Arguments[i], out Allocation freed);
            if ((!isFreed && !_state.IsFirstTouch(call.Arguments[i])) || call.IsByReference(i) || !Works(call.Method, i)) continue;
            if (contract is not null && EndsBy(contract, i)) continue;
            if (isFreed) Use(freed, UseKind.Pass, argument.Syntax);
            else _state.NoteTouch(call.Arguments[i], call.Chain);
        }
    }

    /// <summary>The contract says itself what becomes of the memory.</summary>
    private static bool EndsBy(MethodContract contract, int ordinal)
    {
        OperandReference operand = OperandReference.Parameter(ordinal);
        return (contract.View?.Of == operand && !contract.Borrowed.Contains(ordinal))
            || contract.Frees.Exists(free => free.Target == operand) || contract.Allocations.Exists(allocation => allocation.Old == operand);
    }

    private bool Works(IMethodSymbol method, int ordinal)
    {
        ITypeSymbol type = method.Parameters[ordinal].Type;
        if (!TypeShapes.IsPointer(type)) return false;
        if (CallEffects.HasSource(method)) return analysis.LoansOf(method).Uses(ordinal);
        return type is IPointerTypeSymbol || method.IsExtern || method.ContainingType is { Name: "Marshal", ContainingNamespace.Name: "InteropServices" };
    }
}
