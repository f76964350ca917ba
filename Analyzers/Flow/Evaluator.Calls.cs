// Calls: operands first, then the contract if there is one, else the worst that unknown code can do. A source method's summary slots in where
// ApplyUnknown is chosen.

using System.Collections.Immutable;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
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
        return TryIdentity(invocation, out Value same) ? same : EvalCall(invocation, method, invocation.Instance, invocation.Arguments);
    }

    /// <summary>BCL calls that only change the type of a pointer.</summary>
    private bool TryIdentity(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        INamedTypeSymbol type = method.ContainingType;
        if (type?.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr)
        {
            switch (method.Name)
            {
                case "ToPointer" or "ToInt64" or "ToInt32" or "ToUInt64" or "ToUInt32" when invocation.Instance is not null:
                    value = Eval(invocation.Instance);
                    return true;
                case "Add" or "Subtract" when invocation.Arguments.Length == 2:
                    Value pointer = Eval(invocation.Arguments[0].Value), offset = Eval(invocation.Arguments[1].Value);
                    value = _state.Binary(method.Name == "Add" ? Operator.Add : Operator.Subtract, _state.Canonical(pointer), _state.Canonical(offset));
                    return true;
            }
        }

        if (type is { Name: "Unsafe", ContainingNamespace.Name: "CompilerServices" } && invocation.Arguments.Length == 1)
        {
            IOperation argument = invocation.Arguments[0].Value;
            switch (method.Name)
            {
                case "AsPointer":
                    value = Address(argument);
                    return true;
                case "AsRef" or "As":
                    value = method.Parameters[0].RefKind == RefKind.None ? Eval(argument) : Address(argument);
                    return true;
            }
        }

        return false;
    }

    private Value EvalDelegateCall(IInvocationOperation invocation)
    {
        Value target = _state.Canonical(Eval(invocation.Instance));
        if (Symbols.Of(target) is { Kind: SymbolKind.Function, Item: FunctionValue function })
        {
            if (function.Lambda is { } lambda && _runner.FindLambda(lambda, out GraphRunner? owner) is { } graph)
                return EvalNested(invocation, function.Method, graph, owner!, invocation.Arguments);
            if (function.Method.MethodKind == MethodKind.LocalFunction && _runner.FindLocalFunction(function.Method, out owner) is { } local)
                return EvalNested(invocation, function.Method, local, owner!, invocation.Arguments);
        }

        var call = new CallSite(invocation, invocation.TargetMethod, null);
        EvalArguments(call, invocation.Arguments);
        return _dead ? Value.Zero : ApplyUnknown(call);
    }

    private Value EvalFunctionPointer(IFunctionPointerInvocationOperation invocation)
    {
        Eval(invocation.Target);
        foreach (IArgumentOperation argument in invocation.Arguments)
        {
            if (argument.Value is not null && IsPlace(argument.Value) && argument.Parameter?.RefKind is RefKind.Ref or RefKind.Out) LetWrite(Address(argument.Value), argument.Value);
            else Escape(Eval(argument.Value));
        }

        _state.Havoc();
        return TypeShapes.IsScalar(invocation.Type) ? Unknown(invocation) : FreshRegion(invocation);
    }

    /// <summary>Runs a lambda or local function in place: captured variables are the caller's own.</summary>
    private Value EvalNested(IOperation site, IMethodSymbol method, ControlFlowGraph graph, GraphRunner owner, ImmutableArray<IArgumentOperation> arguments)
    {
        var call = new CallSite(site, method, null);
        EvalArguments(call, arguments);
        if (_dead) return Value.Zero;
        if (!analysis.CanNest(method, _runner)) return ApplyUnknown(call);
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            Value place = analysis.PlaceOf(parameter);
            _state.Clear(place);
            Value argument = call.Arguments[parameter.Ordinal];
            if (parameter.RefKind != RefKind.None || TypeShapes.IsScalar(parameter.Type)) _state.Store(place, argument);
            else _state.CopyStruct(place, argument);
        }

        int outerPath = _callPath;
        _callPath = unchecked((_callPath * 397) + site.Syntax.SpanStart);
        List<(FlowState State, Value Value)> outcomes = analysis.RunNested(graph, owner, _runner, method, _state);
        _callPath = outerPath;
        if (outcomes.Count == 0)
        {
            _dead = true;
            return Value.Zero;
        }

        (FlowState state, Value value) = outcomes[_choices.Next(outcomes.Count)];
        state.Loops = _state.Loops.Fork();
        state.Pending = _state.Pending;
        _state = state;
        if (site.Type is null || site.Type.SpecialType == SpecialType.System_Void) return Value.Zero;
        return method.IsAsync || method.IsIterator() ? NonNull(Unknown(site)) : value;
    }

    private Value EvalCall(IOperation operation, IMethodSymbol method, IOperation? instance, ImmutableArray<IArgumentOperation> arguments)
    {
        var call = new CallSite(operation, method, instance);
        if (instance is not null)
        {
            call.ReceiverIsPlace = instance.Type is { IsReferenceType: false } && IsPlace(instance);
            call.Receiver = call.ReceiverIsPlace ? Address(instance) : Eval(instance);
        }

        EvalArguments(call, arguments);
        if (_dead) return Value.Zero;
        if (IsSpan(instance?.Type))
        {
            if (method.Name is not ("Slice" or "get_Length" or "get_IsEmpty")) TouchSpan(call.Receiver, operation);
            if (method.Name == "Slice") return SpanFrom(call.Receiver, FreshRegion(operation));
        }

        return analysis.Model.Find(method) is { HasEffect: true } contract ? ApplyContract(call, contract) : ApplyUnknown(call);
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
            call.ArgumentSyntax[parameter.Ordinal] = value;
            if (_dead) return;
        }
    }

    private Value EvalCreation(IObjectCreationOperation creation)
    {
        if (creation.Constructor is not { } constructor) return EvalChildren(creation);
        if (creation.Arguments.Length == 1 && creation.Type?.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr) return Eval(creation.Arguments[0].Value);
        if (creation.Arguments.Length == 0 && creation.Type is { IsValueType: true } && creation.Initializer is null && constructor.IsImplicitlyDeclared)
            return TypeShapes.IsScalar(creation.Type) ? Value.Zero : FreshRegion(creation);
        if (IsSpan(creation.Type) && creation.Arguments.Length == 2 && creation.Arguments[0].Parameter?.Type is IPointerTypeSymbol)
        {
            Value pointer = Eval(creation.Arguments[0].Value);
            Eval(creation.Arguments[1].Value);
            Touch(pointer, creation.Arguments[0].Value);
            return SpanOver(creation, pointer);
        }

        EvalCall(creation, constructor, null, creation.Arguments);
        if (_dead) return Value.Zero;
        if (creation.Initializer is not null) Escape(Eval(creation.Initializer));
        if (creation.Type is { IsReferenceType: true }) return Symbols.Make(SymbolKind.New, tag: unchecked((_callPath * 31) + _state.Turn), item: creation.Syntax);
        return TypeShapes.IsScalar(creation.Type) ? Unknown(creation) : FreshRegion(creation);
    }

    private Value EvalArray(IArrayCreationOperation array)
    {
        foreach (IOperation size in array.DimensionSizes) Eval(size);
        Value region = Symbols.Make(SymbolKind.New, tag: unchecked((_callPath * 31) + _state.Turn), item: array.Syntax);
        if (array.Initializer is { } initializer)
        {
            for (int i = 0; i < initializer.ElementValues.Length; i++)
            {
                Value element = Eval(initializer.ElementValues[i]);
                if (_dead) return region;
                _state.Store(Symbols.Make(SymbolKind.Element, region, Value.Constant(i)), element);
            }
        }

        return region;
    }

    private Value EvalMethodReference(IMethodReferenceOperation reference)
    {
        if (reference.Instance is { } instance and not IInstanceReferenceOperation) Escape(Eval(instance));
        IReadOnlyList<ISymbol> captures = [];
        if (reference.Method.MethodKind == MethodKind.LocalFunction && reference.Method.DeclaringSyntaxReferences is [{ } declaration, ..])
            captures = FunctionValue.CapturesOf(declaration.GetSyntax(), analysis.KnownVariables);
        return Symbols.Make(SymbolKind.Function, item: new FunctionValue(reference.Method, null, captures));
    }

    private Value EvalLambda(IFlowAnonymousFunctionOperation lambda)
    {
        analysis.NoteLambda(lambda, _runner);
        return Symbols.Make(SymbolKind.Function, item: new FunctionValue(lambda.Symbol, lambda, FunctionValue.CapturesOf(lambda.Syntax, analysis.KnownVariables)));
    }

    /// <summary>Nothing is known of the callee: it may keep every pointer and write all memory it can reach.</summary>
    private Value ApplyUnknown(CallSite call)
    {
        IMethodSymbol method = call.Method;
        if (CallEffects.NeverReturns(method))
        {
            _dead = true;
            return Value.Zero;
        }

        MethodContract? contract = analysis.Model.Find(method);
        PassFreed(call, contract);
        bool keeps = CallEffects.Keeps(method), writes = CallEffects.WritesUnknownMemory(method);
        if (call.ReceiverSyntax is not null && !call.ReceiverIsPlace && keeps && call.ReceiverSyntax is not IInstanceReferenceOperation) Escape(call.Receiver);
        for (int i = 0; i < call.Arguments.Length; i++)
        {
            if (contract?.Borrowed.Contains(i) == true) continue;
            if (call.IsByReference(i))
            {
                if (method.Parameters[i].RefKind != RefKind.In && call.ArgumentSyntax[i] is { } written) LetWrite(call.Arguments[i], written);
                continue;
            }

            bool isFunction = Symbols.KindOf(call.Arguments[i]) == SymbolKind.Function;
            writes |= isFunction;
            if (isFunction) LetGo(call, i);
            else if (keeps) HandOver(call, i);
        }

        if (call.ReceiverIsPlace && method.ContainingType is { IsValueType: true } && !method.IsReadOnly && writes) _state.Clear(call.Receiver);
        // The BCL writes no memory of this body, but its own object changes: an enumerator moves on, a queue has another head.
        if (!writes && call.ReceiverSyntax is not null && !method.IsReadOnly) _state.Forget(call.Receiver);
        int asserted = CallEffects.AssertedParameter(method, out bool mustBe);
        if (asserted >= 0 && !_state.Assume(call.Arguments[asserted], mustBe)) _dead = true;
        if (writes) _state.Havoc(analysis.IsImmutable);
        if (writes) _state.Released = Released.AfterUnknownCode(_state.Released);
        if (writes && analysis.MayLeaveSections(method)) _state.Sections = null;
        return ResultOf(call);
    }

    private Value ResultOf(CallSite call)
    {
        ITypeSymbol? type = call.Operation.Type;
        if (type is null || type.SpecialType == SpecialType.System_Void) return Value.Zero;
        return TypeShapes.IsScalar(type) || call.Method.RefKind != RefKind.None ? Unknown(call.Operation) : FreshRegion(call.Operation);
    }

    /// <summary>A pointer goes to code without a contract: what a source method does with it is asked, anything else may keep it.</summary>
    private void HandOver(CallSite call, int ordinal)
    {
        if (!_state.TryGetAllocation(call.Arguments[ordinal], out Allocation allocation))
        {
            LetGo(call, ordinal);
            return;
        }

        ParameterEffect effect = analysis.EffectOf(call.Method, ordinal);
        if (effect.Frees is { } frees)
        {
            Free(call, new FreeContract(OperandReference.Parameter(ordinal), frees.Families));
        }
        else if (effect.Borrows)
        {
            // It may have written what the memory holds.
            _state.ForgetContents(allocation.Symbol);
        }
        else
        {
            LetGo(call, ordinal);
        }
    }

    private void LetGo(CallSite call, int ordinal)
    {
        if (TypeShapes.IsScalar(call.Method.Parameters[ordinal].Type)) Escape(call.Arguments[ordinal]);
        else EscapeStruct(call.Arguments[ordinal]);
    }

    /// <summary>The callee may write through the reference: what was there may be read by it, what is there now is unknown.</summary>
    private void LetWrite(Value address, IOperation written)
    {
        EscapeStruct(address);
        _state.Forget(address);
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
