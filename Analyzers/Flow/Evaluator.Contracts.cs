// Applies a contract to a call: sleep, free, allocate, view, lock. These are the primitives of the engine: every rule hears of them through
// the events raised here, and a summary of a source method is nothing but a list of them.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private Value ApplyContract(CallSite call, MethodContract contract)
    {
        if (contract.Sleep is { } sleep) Sleep(call, contract, sleep);
        PassFreed(call, contract);
        Value result = ResultOf(call);
        foreach (FreeContract free in contract.Frees)
            if (Holds(free.When, result)) Free(call, free);
        if (_dead) return Value.Zero;
        if (contract.ConsumesReceiver) ConsumeReceiver(call);
        foreach (KeyValuePair<int, ReturnCondition> consumed in contract.Consumed)
            if (Holds(consumed.Value, result))
            {
                if (TypeShapes.IsScalar(call.Method.Parameters[consumed.Key].Type) && !call.IsByReference(consumed.Key)) GiveAway(call.Arguments[consumed.Key]);
                else LetGo(call, consumed.Key);
            }
        foreach (AllocationContract allocation in contract.Allocations)
        {
            bool isResult = allocation.Target.Kind == OperandKind.Result;
            if (!isResult && allocation.Target.Kind == OperandKind.Parameter) LetWrite(call.Arguments[allocation.Target.Ordinal], call.ArgumentSyntax[allocation.Target.Ordinal] ?? call.Operation);
            if (!Holds(allocation.When, result)) continue;
            Value pointer = allocation.Old.IsPresent ? Reallocate(call, allocation) : Allocate(call, allocation);
            if (isResult) result = OwnerOf(call, pointer);
            else if (allocation.Target.Kind == OperandKind.Parameter) StoreValue(call.Arguments[allocation.Target.Ordinal], pointer, call.Operation);
        }

        if (contract.View is { } view) result = View(call, view);
        if (contract.Tells.IsPresent) result = NotNull(Operand(call, contract.Tells) ?? result);
        if (contract.Leave is { } leave && Holds(leave.When, result)) Leave(call, leave);
        if (contract.Enter is { } enter && Holds(enter.When, result) && Takes(call, enter)) Enter(call, enter, result);
        if (_dead) return Value.Zero;
        LetTheRestBorrow(call, contract);
        return result;
    }

    /// <summary>Decides on which result the call returned; the other result is another way the statement can turn out.</summary>
    private bool Holds(ReturnCondition when, Value result)
    {
        if (when == ReturnCondition.Always || _dead) return !_dead;
        bool holds = _choices.Next(2) == 0;
        bool nonZero = (when is ReturnCondition.True or ReturnCondition.NonZero or ReturnCondition.NotNull) == holds;
        if (!_state.Decide(result, nonZero)) _dead = true;
        return holds && !_dead;
    }

    /// <summary>Whether the lock is taken this time, which the call writes into a variable of the caller.</summary>
    private bool Takes(CallSite call, EnterContract enter)
    {
        if (enter.Taken.Kind != OperandKind.Parameter) return true;
        bool takes = !enter.Tries || _choices.Next(2) == 0;
        _state.Store(call.Arguments[enter.Taken.Ordinal], takes ? Value.One : Value.Zero);
        return takes;
    }

    /// <summary>The value of what a contract names; null if it names nothing that is known here.</summary>
    private Value? Operand(CallSite call, OperandReference operand)
    {
        switch (operand.Kind)
        {
            case OperandKind.Number:
                return Value.Constant(operand.Number);
            case OperandKind.Parameter when operand.Ordinal < call.Arguments.Length:
                Value argument = call.Arguments[operand.Ordinal];
                return _state.Canonical(call.IsByReference(operand.Ordinal) ? LoadAt(argument, call.Method.Parameters[operand.Ordinal].Type) : argument);
            case OperandKind.Receiver:
                return ReceiverOf(call);
            case OperandKind.SizeOfTypeArgument when operand.Ordinal < call.Method.TypeArguments.Length:
                return SizeOf(call.Method.TypeArguments[operand.Ordinal]);
            case OperandKind.SizeOfReceiverArgument when operand.Ordinal < call.Method.ContainingType.TypeArguments.Length:
                return SizeOf(call.Method.ContainingType.TypeArguments[operand.Ordinal]);
            default:
                return null;
        }
    }

    private Value SizeOf(ITypeSymbol type) => TypeShapes.FixedSize(type) is var size and > 0 ? Value.Constant(size) : Symbols.Make(SymbolKind.Unknown, item: new AskedSizeOf(type), low: 1, high: int.MaxValue);

    // Sleep

    private void Sleep(CallSite call, MethodContract contract, SleepContract sleep) => Sleep(call, contract, sleep, Operand(call, sleep.Decider) ?? Value.One);

    private void Sleep(CallSite call, MethodContract contract, SleepContract sleep, Value decider)
    {
        bool? maySleep = true;
        LogSite chain = call.Chain;
        IMethodSymbol sleeper = chain.Innermost.Method;
        if (sleep.Decider.Kind == OperandKind.Parameter && sleep.Decider.Ordinal < sleeper.Parameters.Length)
        {
            maySleep = analysis.Model.Gfp.IsFlags(sleeper.Parameters[sleep.Decider.Ordinal].Type) ? _state.HasBits(decider, analysis.Model.Gfp.DirectReclaim)
                : decider.IsConstant ? decider.Offset != 0 : _state.IsNonZero(decider) ? true : null;
        }

        bool told = analysis.Raise(new SleepEvent(_state, call, contract, sleep, maySleep));
        // What a body tells of itself is no news to its callers.
        if (!told && maySleep != false) _state.Note(new Primitive(PrimitiveKind.Sleep, decider) { Contract = sleep, Site = chain, More = new Operands(Promises: contract) });
    }

    // Ownership

    private Value Allocate(CallSite call, AllocationContract contract) =>
        Allocate(call, contract, contract.Target.Ordinal, Operand(call, contract.Size), Operand(call, contract.Order), Operand(call, contract.Cache), Operand(call, contract.Flags));

    private Value Allocate(CallSite call, AllocationContract contract, int tag, Value? size, Value? order, Value? cache, Value? flags)
    {
        Value pointer = Symbols.Make(SymbolKind.Allocation, tag: Tag(call, tag), item: call.Syntax);
        bool neverNull = !contract.MayReturnNull || (contract.NeverNullIf != 0 && flags is { } given && _state.HasBits(given, contract.NeverNullIf) == true);
        if (neverNull) _state.AssumeNonZero(pointer);
        if (contract.Zeroed) _state.SetZeroed(pointer.Symbol, null);
        // Nothing comes from a cache that is not there.
        if (cache is { IsConstant: false } source) _state.AssumeNonZero(source);
        LogSite chain = call.Chain;
        _state.SetAllocation(new Allocation(pointer.Symbol, contract, chain.Innermost.Method, call.Syntax, _state.Trail?.Depth ?? 0)
        {
            Size = size ?? default,
            Order = order,
            OrderSyntax = call.Inner is null ? call.SyntaxOf(contract.Order)?.Syntax.ToString() : null,
            Cache = cache,
            CacheSyntax = call.Inner is null ? call.SyntaxOf(contract.Cache)?.Syntax.ToString() : null,
            Flags = flags,
        });
        _state.Note(new Primitive(PrimitiveKind.Allocate, pointer) { Contract = contract, Site = chain, More = new Operands(size, order, cache, flags) });
        return pointer;
    }

    private Value Reallocate(CallSite call, AllocationContract contract)
    {
        Value old = Operand(call, contract.Old) ?? Value.Zero;
        bool mayFail = contract.MayReturnNull && !(contract.NeverNullIf != 0 && Operand(call, contract.Flags) is { } given && _state.HasBits(given, contract.NeverNullIf) == true);
        if (mayFail && !old.IsZero && _choices.Next(2) == 1) return Value.Zero;
        if (!old.IsZero) Free(call, new FreeContract(contract.Old, [contract.Family]));
        if (_dead) return Value.Zero;
        Value pointer = Allocate(call, contract);
        if (old.IsZero) return pointer;
        if (contract.MayReturnNull) _state.Decide(pointer, true);
        _state.CopyStruct(pointer, old, keepsRest: true);
        return pointer;
    }

    private Value View(CallSite call, ViewContract contract)
    {
        Value of = Operand(call, contract.Of) ?? Value.Zero;
        if (contract.Of.Kind == OperandKind.Receiver) TouchReceiver(call, of);
        if (ReturnsStruct(call.Method))
        {
            Value view = FreshRegion(call.Operation);
            if (!of.IsConstant) _state.Store(SpanSlot(view), of);
            return view;
        }

        if (of.IsConstant) return of.IsZero ? Value.Zero : Unknown(call.Operation);
        if (Symbols.Of(of) is { Kind: SymbolKind.View } inner && of.Offset == 0 && _state.TryGetAllocation(inner.A, out Allocation allocation) && allocation.Family == contract.Family) return inner.A;
        // What a struct owns, seen bare.
        if (_state.TryGetAllocation(of, out Allocation bare) && of == new Value(bare.Symbol, 0) && bare.Family == contract.Family) return of;
        return Symbols.Make(SymbolKind.View, of, item: contract.Family);
    }

    private static bool Keeps(CallSite call, MethodContract contract, int ordinal) =>
        contract.ParameterContexts.Count > 0
        || (call.Method is { Name: "Alloc", ContainingType.Name: "GCHandle" } && call.ArgumentSyntax[ordinal] is not IInstanceReferenceOperation);

    /// <summary>
    /// Operands that the contract does not speak of are borrowed: used during the call, and written if passed by reference. A method that
    /// registers a handler keeps what it is given, and a handle leads to it.
    /// </summary>
    private void LetTheRestBorrow(CallSite call, MethodContract contract)
    {
        for (int i = 0; i < call.Arguments.Length; i++)
        {
            if (Keeps(call, contract, i) && !contract.Borrowed.Contains(i) && !call.IsByReference(i)) LetGo(call, i);
            bool isLock = contract.Enter?.Lock == OperandReference.Parameter(i) || contract.Leave?.Lock == OperandReference.Parameter(i);
            bool isSaved = contract.Enter?.Saves == OperandReference.Parameter(i) || contract.Enter?.Taken == OperandReference.Parameter(i);
            bool isTarget = contract.Allocations.Exists(allocation => allocation.Target == OperandReference.Parameter(i));
            if (!isLock && !isSaved && !isTarget && contract.Borrowed.Contains(i)) Borrow(call, i);
            else if (!call.IsByReference(i) && !isLock) ForgetNumbers(call.Arguments[i]);
            if (call.IsByReference(i) && !isLock && !isSaved && !isTarget && call.Method.Parameters[i].RefKind != RefKind.In && call.ArgumentSyntax[i] is { } written) LetWrite(call.Arguments[i], written);
        }
    }
}
