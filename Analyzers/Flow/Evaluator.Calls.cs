// Calls: operands first, then the contract if there is one, else the worst that unknown code can do. A source method's summary slots in where
// ApplyUnknown is chosen.

using System.Collections.Immutable;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private Value EvalInvocation(IInvocationOperation invocation)
    {
        IMethodSymbol method = invocation.TargetMethod;
        if (method.MethodKind == MethodKind.DelegateInvoke) return EvalDelegateCall(invocation);
        if (method.MethodKind == MethodKind.LocalFunction && _runner.FindLocalFunction(method, out GraphRunner? owner) is { } graph)
            return EvalNested(invocation, method, graph, owner!, invocation.Arguments);
        if (TryWaitForCall(invocation, out Value same) || TryCount(invocation, out same) || TryMove(invocation, out same) || TryIdentity(invocation, out same) || TryQuestion(invocation, out same) || TryCompute(invocation, out same) || TryContains(invocation, out same) || TryAny(invocation, out same) || TryFirst(invocation, out same) || TrySpanOver(invocation, out same) || TryValueOrDefault(invocation, out same) || TryCollection(invocation, out same) || TryRange(invocation, out same) || TryForEach(invocation, out same)) return same;

        // The graph of an await foreach calls the enumerator without an operation for the await.
        if (invocation.IsImplicit && method.Name == "MoveNextAsync" && !_dead) analysis.Raise(new AwaitEvent(_state, invocation.Syntax));
        return EvalCall(invocation, method, invocation.Instance, invocation.Arguments);
    }

    private Value EvalCall(IOperation operation, IMethodSymbol method, IOperation? instance, ImmutableArray<IArgumentOperation> arguments)
    {
        var call = new CallSite(operation, method, instance);
        EvalReceiver(call, instance);
        EvalArguments(call, arguments);
        if (_dead) return Value.Zero;
        if (IsSpan(instance?.Type))
        {
            if (method.Name == "Slice" && call.Arguments.Length > 0) return SpanAt(call.Receiver, call.Arguments[0], operation);
            if (method.Name is not ("get_Length" or "get_IsEmpty" or "Equals" or "GetHashCode" or "ToString"))
            {
                TouchSpan(call.Receiver, operation);
                LetGoSpan(call.Receiver, instance!.Type!, MemoryMoves.Copies(method));
                FillSpan(call, instance.Type!);
            }
        }

        return Apply(call);
    }

    private void EvalReceiver(CallSite call, IOperation? instance)
    {
        if (instance is null) return;
        call.ReceiverIsPlace = instance.Type is { IsReferenceType: false } && IsPlace(instance);
        call.Receiver = call.ReceiverIsPlace ? Address(instance) : Eval(instance);
        if (call.ReceiverIsPlace) Touch(call.Receiver, instance);
        // A struct of one field is its own value, and its methods find that where they are told.
        else if (call.Method.DeclaringSyntaxReferences.Length > 0 && TypeShapes.IsWrapper(instance.Type) && instance is not IInstanceReferenceOperation) Place(call);
        bool isAddress = call.ReceiverIsPlace || !TypeShapes.IsScalar(instance.Type);
        if (isAddress && !_dead && IsCopied(call.Method, instance)) call.Receiver = CopyOf(call.Receiver, instance.Type, instance);
        // The parameter of an extension block is none of the method's.
        if (call.Method.ContainingType?.TypeKind == TypeKind.Extension) LetOutReceiver(call, instance);
    }

    private void Place(CallSite call)
    {
        Value temporary = FreshRegion(call.Operation);
        _state.Store(temporary, call.Receiver);
        call.Receiver = temporary;
        call.ReceiverIsPlace = true;
    }

    private void LetOutReceiver(CallSite call, IOperation instance)
    {
        if (TypeShapes.IsScalar(instance.Type)) Escape(call.ReceiverIsPlace ? LoadAt(call.Receiver, instance.Type) : call.Receiver);
        else EscapeStruct(call.Receiver, instance.Type);
        if (call.ReceiverIsPlace) _state.Forget(call.Receiver);
    }

    /// <summary>Does what the call does, as far as it is known: by contract, by summary, or anything at all.</summary>
    private Value Apply(CallSite call)
    {
        Block(call);
        if (CallEffects.ConstructorRunBy(call.Method) is var run && !SymbolEqualityComparer.Default.Equals(run, call.Method)) call = call.As(run);
        MethodContract? contract = analysis.Model.Find(call.Method);
        if ((contract is { Disposes: true } || call.Method is { Name: "Dispose", Parameters.IsEmpty: true }) && DisposeReceiver(call)) return Value.Zero;
        return contract is { IsModelled: true } ? ApplyContract(call, contract)
            : Dispatch.IsVirtual(call.Method, call.ReceiverSyntax) && !call.IsResolved ? ApplyVirtual(call)
            : analysis.SummaryOf(call.Method) is { } summary && (!call.Method.IsIterator() || (call.Inner is null && Iterators.IsGoneThrough(call.Operation))) ? ApplySummary(call, summary)
            : ApplyUnknown(call);
    }

    private void EvalArguments(CallSite call, ImmutableArray<IArgumentOperation> arguments)
    {
        foreach (IArgumentOperation argument in arguments)
        {
            if (argument.Parameter is not { } parameter) continue;
            IOperation value = argument.Value;
            bool byReference = parameter.RefKind != RefKind.None;
            if (parameter.Ordinal >= call.Arguments.Length) continue;
            call.Arguments[parameter.Ordinal] = byReference ? Address(value) : Eval(value);
            if (byReference) AssumeUsable(call.Arguments[parameter.Ordinal]);
            call.ArgumentSyntax[parameter.Ordinal] = value;
            if (_dead) return;
        }
    }

    private Value EvalCreation(IObjectCreationOperation creation)
    {
        if (creation.Constructor is not { } constructor) return EvalChildren(creation);
        if (creation.Arguments.Length == 1 && creation.Type?.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr) return Eval(creation.Arguments[0].Value);
        if (creation.Arguments.Length == 0 && creation.Type is { IsValueType: true } && creation.Initializer is null && constructor.IsImplicitlyDeclared)
            return TypeShapes.IsScalar(creation.Type) ? Value.Zero : ZeroStruct(creation);
        if (IsSpan(creation.Type) && creation.Arguments.Length == 2 && creation.Arguments[0].Parameter?.Type is IPointerTypeSymbol)
        {
            Value pointer = Eval(creation.Arguments[0].Value);
            Value length = Eval(creation.Arguments[1].Value);
            Touch(pointer, creation.Arguments[0].Value);
            return SpanOver(creation, pointer, length);
        }

        if (IsSpan(creation.Type) && creation.Arguments.Length >= 1 && creation.Arguments[0].Value.Type is IArrayTypeSymbol)
        {
            Value array = Eval(creation.Arguments[0].Value), start = creation.Arguments.Length > 1 ? Eval(creation.Arguments[1].Value) : Value.Zero;
            if (creation.Arguments.Length > 2) Eval(creation.Arguments[2].Value);
            return _dead ? Value.Zero : SpanOver(creation, ElementOf(array, start));
        }

        if (IsFollowed(creation.Type) && creation.Arguments.Length == 1) return NullableOf(creation, Eval(creation.Arguments[0].Value), true);
        bool isReference = creation.Type is { IsReferenceType: true };
        var call = new CallSite(creation, constructor, null)
        {
            Receiver = isReference ? FreshObject(creation) : FreshRegion(creation),
            ReceiverIsPlace = !isReference,
        };
        if (isReference && creation.Type is INamedTypeSymbol type) Symbols.SetClass(call.Receiver, type);
        EvalArguments(call, creation.Arguments);
        if (!_dead && analysis.Model.Find(constructor) is { Allocations.Count: > 0 } contract) return ApplyContract(call, contract);
        FlowState? before = isReference && TypeShapes.HasFinalizer(creation.Type!) ? _state.Fork() : null;
        if (isReference) _state.SetZeroed(call.Receiver.Symbol, creation.Type);
        else if (BeginsZero(constructor)) BeginZero(call.Receiver, creation.Type);
        else if (Initializers.RunIn(constructor)) BeginFields(call.Receiver, constructor.ContainingType);
        if (!_dead && (PrimaryConstructors.KeptBy(constructor) ?? CallEffects.KeptBy(constructor)) is { } kept) KeepArguments(call, kept);
        else if (!_dead && !IsTrivial(constructor)) Apply(call);
        if (_dead) return Value.Zero;
        BeginCollection(call.Receiver, creation);
        if (creation.Initializer is not null) Escape(Eval(creation.Initializer));
        // A finalizer frees what nobody else does, wherever the constructor put it.
        if (before is not null)
        {
            LetOut(call.Receiver);
            for (int i = 0; i < _state.AllocationCount; i++)
                if (!before.TryGetAllocation(new Value(_state.AllocationAt(i).Symbol, 0), out _)) LetOut(new Value(_state.AllocationAt(i).Symbol, 0));
        }
        return isReference || !TypeShapes.IsScalar(creation.Type) ? call.Receiver : LoadAt(call.Receiver, creation.Type);
    }

    private void KeepArguments(CallSite call, List<(ISymbol Place, IParameterSymbol Parameter)> kept)
    {
        bool isWrapper = TypeShapes.IsWrapper(call.Operation.Type);
        foreach ((ISymbol place, IParameterSymbol parameter) in kept)
        {
            Value field = isWrapper && place is not IParameterSymbol ? call.Receiver : Symbols.Field(call.Receiver, place.OriginalDefinition);
            Value argument = call.Arguments[parameter.Ordinal];
            if (!TypeShapes.IsScalar(parameter.Type))
            {
                StoreStruct(field, argument, parameter.Type);
                continue;
            }

            _state.Store(field, argument);
            Settle(field, argument);
        }
    }

    /// <summary>What a constructor of a struct does not set is zero, unless something is written beside it.</summary>
    private static bool BeginsZero(IMethodSymbol constructor) =>
        constructor.IsImplicitlyDeclared || (constructor.DeclaringSyntaxReferences.Length > 0 && !PrimaryConstructors.IsOne(constructor) && !TypeMembers.Of(constructor.ContainingType.OriginalDefinition).HasInitializers);

    /// <summary>A constructor that nobody wrote.</summary>
    private static bool IsTrivial(IMethodSymbol constructor) =>
        constructor.IsImplicitlyDeclared && constructor.ContainingType is { DeclaringSyntaxReferences.Length: > 0, BaseType.SpecialType: SpecialType.System_Object or SpecialType.System_ValueType };

    /// <summary>Nothing is known of the callee: it may keep every pointer and write all memory it can reach.</summary>
    private Value ApplyUnknown(CallSite call)
    {
        IMethodSymbol method = call.Method;
        if (CallEffects.NeverReturns(method))
        {
            _dead = true;
            return Value.Zero;
        }

        // Where every constructor begins.
        if (method is { MethodKind: MethodKind.Constructor, ContainingType.SpecialType: SpecialType.System_Object or SpecialType.System_ValueType } || (method.ContainingType is { IsReferenceType: true } && IsTrivial(method))) return Value.Zero;
        if (method is { MethodKind: MethodKind.Constructor, IsImplicitlyDeclared: true, ContainingType: { IsValueType: true } zeroed })
        {
            BeginZero(call.Receiver, zeroed);
            return Value.Zero;
        }

        MethodContract? contract = analysis.Model.Find(method);
        PassFreed(call, contract);
        _state.Scribble(Symbols.Root(call.Receiver));
        analysis.Fields.FillBy(method);
        // A function that is passed may do to the other arguments whatever it does.
        IMethodSymbol? passed = FunctionAmong(call.Arguments);
        if (passed is not null) LookAtStarted(call);
        bool isWaiting = IsThread(method.ContainingType) || IsTask(method.ContainingType);
        if (isWaiting && method is { Name: "Join" or "Wait", Parameters.IsEmpty: true }) TryWaitForStarted(call.Operation, call.Receiver, out _);
        Value? begun = isWaiting && method.Name == "Start" && _state.TryPeek(StartedSlot(call.Receiver), out Value runs) ? runs : null;
        Loans loans = analysis.LoansOf(method);
        bool looks = passed is null && NativeFunctions.OnlyLooks(method, out bool unlessLast) && !(unlessLast && !call.Arguments[^1].IsZero);
        bool keeps = passed is not null || CallEffects.Keeps(method), writes = passed is not null || CallEffects.WritesUnknownMemory(method);
        if (call.ReceiverSyntax is not null && !call.ReceiverIsPlace && keeps && contract?.BorrowsReceiver != true && call.ReceiverSyntax is not IInstanceReferenceOperation) Escape(call.Receiver);
        // What a type parameter stands for has a body of its own.
        if (call.ReceiverIsPlace && call.ReceiverSyntax?.Type is ITypeParameterSymbol open) Escape(LoadAt(call.Receiver, open));
        // Another class may do with the object what it likes.
        if (call.ReceiverSyntax is IInstanceReferenceOperation && !call.ReceiverIsPlace && !CallEffects.IsBcl(method)) NoteEscape(call.Receiver);
        for (int i = 0; i < call.Arguments.Length; i++)
        {
            // SetCount, AddRange: methods beside the collection change it, too.
            if (!writes && IsCollection(method.Parameters[i].Type)) _state.Forget(CountSlot(call.Arguments[i]));
            if (contract?.Borrowed.Contains(i) == true)
            {
                Borrow(call, i);
                continue;
            }

            if (looks && !call.IsByReference(i) && TypeShapes.IsPointer(method.Parameters[i].Type) || (passed is null && loans.Lends(i) && IsBuffer(call, i)))
            {
                Lend(call.Arguments[i]);
                continue;
            }

            if (call.IsByReference(i))
            {
                Share(call, i);
                // Others may find the block from the address of its part.
                if (!CallEffects.IsBcl(method) && Symbols.AllocationOf(call.Arguments[i]) != 0) Escape(call.Arguments[i]);
                if (call.ArgumentSyntax[i] is not { } lent) continue;
                if (method.Parameters[i].RefKind != RefKind.In) LetWrite(call.Arguments[i], lent);
                else EscapeStruct(call.Arguments[i], lent.Type);
                continue;
            }

            if (keeps || IsSpan(method.Parameters[i].Type)) LetGo(call, i);
            else LetCopy(call, i);
        }

        if (call.ReceiverIsPlace && method.ContainingType is { IsValueType: true })
        {
            // It may hand on or free what the struct holds.
            if (keeps) EscapeStruct(call.Receiver, call.ReceiverSyntax?.Type);
            if (!method.IsReadOnly && writes) _state.Clear(call.Receiver);
        }

        // The BCL writes no memory of this body, but its own object changes: an enumerator moves on, a queue has another head.
        if (!writes && call.ReceiverSyntax is not null && !method.IsReadOnly) _state.Forget(call.Receiver);
        int asserted = CallEffects.AssertedParameter(method, out bool mustBe);
        if (asserted >= 0 && !_state.Assume(call.Arguments[asserted], mustBe)) _dead = true;
        if (writes) _state.Havoc(passed is null ? Keeps(method) : analysis.IsImmutable);
        if (writes) _state.Released = Released.AfterUnknownCode(_state.Released);
        if (writes && (analysis.MayLeaveSections(method) || (passed is not null && analysis.MayLeaveSections(passed)))) LoseSections();
        Value result = ResultOf(call);
        if (passed is not null) KeepStarted(call, result);
        if (begun is { } function) _state.Store(StartedSlot(call.Receiver), function);
        return result;
    }

    /// <summary>
    /// A pointer to plain numbers. What a callee wrote into a struct may decide how that is freed (a flag, a count, an owner), and nobody here knows it.
    /// </summary>
    private static bool IsBuffer(CallSite call, int ordinal) => PointeeOf(call.ArgumentSyntax[ordinal]) is { } type && TypeShapes.IsPrimitive(type) && !TypeShapes.IsPointer(type);

    private IMethodSymbol? FunctionAmong(Value[] arguments)
    {
        foreach (Value argument in arguments)
            if (Symbols.Of(argument) is { Kind: SymbolKind.Function, Item: FunctionValue function }) return function.Method;
        return null;
    }

    /// <summary>What a call leaves alone. A body that was looked at and left out comes nowhere near what another body writes.</summary>
    private Func<Value, bool> Keeps(IMethodSymbol method)
    {
        if (!analysis.IsSkipped(method)) return analysis.IsImmutable;
        FlowState state = _state;
        return address => analysis.IsImmutable(address) || analysis.IsOwnStore(state, address);
    }

    private Value ResultOf(CallSite call)
    {
        ITypeSymbol? type = call.Method.MethodKind == MethodKind.Constructor ? call.Operation.Type : call.Method.ReturnType;
        if (type is null || type.SpecialType == SpecialType.System_Void) return Value.Zero;
        int tag = Tag(call, 0);
        (long low, long high) = TypeShapes.RangeOf(type);
        return TypeShapes.IsScalar(type) || call.Method.RefKind != RefKind.None ? Symbols.Unknown(call.Syntax, tag, low, high) : Symbols.Make(SymbolKind.Stack, tag: tag, item: call.Syntax);
    }

    /// <summary>Tells what this call makes apart from what the same call makes elsewhere: in another turn, another inlined function, another inner call.</summary>
    private int Tag(CallSite call, int tag)
    {
        int inner = unchecked((call.Inner?.Innermost.Syntax.SpanStart ?? 0) + (8191 * call.InnerResult));
        return unchecked((((((_callPath * 31) + _state.Turn) * 131) + inner) * 64) + tag);
    }

    /// <summary>Unknown code may have released any lock.</summary>
    private void LoseSections()
    {
        _state.Sections = null;
        _state.Note(new Primitive(PrimitiveKind.Havoc, Flag: true));
    }

    private void LetGo(CallSite call, int ordinal)
    {
        if (IsSpan(call.Method.Parameters[ordinal].Type)) LetGoSpan(call.Arguments[ordinal], call.Method.Parameters[ordinal].Type, CallEffects.IsBcl(call.Method) && MemoryMoves.Copies(call.Method));
        else if (TypeShapes.IsScalar(call.Method.Parameters[ordinal].Type)) Escape(call.Arguments[ordinal]);
        else EscapeStruct(call.Arguments[ordinal], call.Method.Parameters[ordinal].Type);
    }

    /// <summary>The callee may write through the reference: what was there may be read by it, what is there now is unknown.</summary>
    private void LetWrite(Value address, IOperation written)
    {
        EscapeStruct(address, written.Type);
        _state.Forget(address);
        analysis.Fields.Leak(Symbols, _state.CanonicalAddress(address));
        if (TypeShapes.IsScalar(written.Type)) _state.Store(address, Unknown(written, 5));
    }
}

internal static class MethodSymbolExtensions
{
    internal static bool IsIterator(this IMethodSymbol method) =>
        method.ReturnType.OriginalDefinition.SpecialType is SpecialType.System_Collections_Generic_IEnumerable_T or SpecialType.System_Collections_Generic_IEnumerator_T
            or SpecialType.System_Collections_IEnumerable or SpecialType.System_Collections_IEnumerator
        || method.ReturnType.Name is "IAsyncEnumerable" or "IAsyncEnumerator";
}
