// Calls through values: delegates, function pointers, and the functions of this body, which run in place so that captured variables are the
// caller's own. A target that only the caller of the body knows is noted in the log, and resolved when the summary is applied.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private Value EvalDelegateCall(IInvocationOperation invocation)
    {
        Value target = Eval(invocation.Instance);
        var call = new CallSite(invocation, invocation.TargetMethod, null);
        EvalArguments(call, invocation.Arguments);
        return _dead ? Value.Zero : CallValue(call, invocation.TargetMethod, target, call.Arguments);
    }

    private Value EvalFunctionPointer(IFunctionPointerInvocationOperation invocation)
    {
        Value target = Eval(invocation.Target);
        IMethodSymbol signature = ((IFunctionPointerTypeSymbol)invocation.Target.Type!).Signature;
        var call = new CallSite(invocation, signature, null);
        for (int i = 0; i < invocation.Arguments.Length && i < call.Arguments.Length && !_dead; i++)
        {
            IOperation value = invocation.Arguments[i].Value;
            call.Arguments[i] = call.IsByReference(i) ? Address(value) : Eval(value);
            call.ArgumentSyntax[i] = value;
        }

        return _dead ? Value.Zero : CallValue(call, signature, target, call.Arguments);
    }

    /// <summary>Calls a function that is a value. The call site is where this body does so, or calls what does.</summary>
    private Value CallValue(CallSite site, IMethodSymbol signature, Value target, IReadOnlyList<Value> arguments)
    {
        target = _state.Canonical(target);
        if (target.Offset == 0 && Symbols.Of(target) is { Kind: SymbolKind.Function, Item: FunctionValue function } data && function.Method.Parameters.Length == arguments.Count)
        {
            CallSite call = site.Of(function.Method, data.A, arguments);
            if (function.Lambda is { } lambda && _runner.FindLambda(lambda, out GraphRunner? owner) is { } graph) return RunInPlace(call, graph, owner!);
            if (function.Method.MethodKind == MethodKind.LocalFunction && _runner.FindLocalFunction(function.Method, out owner) is { } local) return RunInPlace(call, local, owner!);
            if (Dispatch.MayBeOverridden(function.Method)) return ApplyDeferred(site, new DeferredCall(function.Method, []), data.A, arguments);
            // Whoever does not know what it does with what it captured knows that it may do so.
            if (function.Method.MethodKind == MethodKind.AnonymousFunction && analysis.SummaryOf(function.Method) is null) Escape(target);
            return function.Method.MethodKind is MethodKind.Ordinary or MethodKind.ReducedExtension or MethodKind.AnonymousFunction ? Apply(call) : ApplyUnknown(call);
        }

        // What it does is noted as one call, instead of as the worst that it may do.
        bool callerKnows = Symbols[Symbols.Root(target)].Kind is SymbolKind.Argument or SymbolKind.Load;
        CallSite unknown = site.Of(signature, Value.Zero, arguments);
        if (!callerKnows) return ApplyUnknown(unknown);
        Log? before = _state.Log;
        List<Value> captured = CapturedBy(arguments);
        Value result = ApplyUnknown(unknown);
        Defer(before, new Primitive(PrimitiveKind.Call, target, result) { More = new Operands(Arguments: [.. arguments]), Site = new LogSite(site.Syntax, signature, null) }, captured);
        Symbols.SetOpen(result);
        return result;
    }

    private Value EvalNested(IOperation site, IMethodSymbol method, ControlFlowGraph graph, GraphRunner owner, System.Collections.Immutable.ImmutableArray<IArgumentOperation> arguments)
    {
        var call = new CallSite(site, method, null);
        EvalArguments(call, arguments);
        return _dead ? Value.Zero : RunInPlace(call, graph, owner);
    }

    /// <summary>Runs a lambda or local function on the caller's state.</summary>
    private Value RunInPlace(CallSite call, ControlFlowGraph graph, GraphRunner owner)
    {
        IMethodSymbol method = call.Method;
        if (!analysis.CanNest(method, _runner)) return ApplyUnknown(call);
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            Value place = analysis.PlaceOf(parameter);
            _state.Clear(place);
            Value argument = call.Arguments[parameter.Ordinal];
            if (parameter.RefKind != RefKind.None || TypeShapes.IsScalar(parameter.Type)) _state.Store(place, argument);
            else CopyStruct(place, argument, parameter.Type);
        }

        int outerPath = _callPath;
        // What it makes in one turn of a loop is not what it makes in the next.
        _callPath = unchecked((_callPath * 397) + call.Syntax.SpanStart + (31 * (call.Inner?.Innermost.Syntax.SpanStart ?? 0)) + (_state.Turn * 7919));
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
        if (method.ReturnsVoid) return Value.Zero;
        return method.IsAsync || method.IsIterator() ? NonNull(UnknownOf(call.Syntax)) : value;
    }

    /// <summary>What an address holds for as long as anybody can read it.</summary>
    private Value? SettledAt(Value address)
    {
        SymbolData data = Symbols.Of(address);
        SettledFields settled = analysis.Dispatch.Fields;
        switch (data)
        {
            case { Kind: SymbolKind.Static or SymbolKind.Field, Item: IFieldSymbol field }:
                if (settled.FunctionIn(field) is { } held) return Function(held, held.IsStatic ? Value.Zero : data.A);
                if (settled.NumberIn(field) is { } number) return Value.Constant(number);
                if (settled.TextIn(field) is { } text) return Symbols.Make(SymbolKind.New, item: text);
                return data.Kind == SymbolKind.Field && field.Type.TypeKind is TypeKind.Delegate or TypeKind.FunctionPointer && TableAt(data.A) is { } table && settled.Tables.FunctionIn(table, field) is { } member ? Function(member, Value.Zero) : null;
            case { Kind: SymbolKind.Static or SymbolKind.Field, Item: IPropertySymbol property }:
                if (settled.Tables.FunctionIn(property) is { } only && only.IsStatic) return Function(only, Value.Zero);
                return data.Kind == SymbolKind.Field && TableAt(data.A) is { } owner && settled.Tables.FunctionIn(owner, property) is { } kept ? Function(kept, Value.Zero) : null;
            case { Kind: SymbolKind.Element, Tag: 0, Item: null, B.IsConstant: true } when TableAt(data.A) is { } array:
                return settled.Tables.FunctionIn(array, data.B.Offset) is { } element ? Function(element, Value.Zero) : null;
            default:
                return null;
        }
    }

    /// <summary>The static field that holds the struct at the address, or the object or array.</summary>
    private IFieldSymbol? TableAt(Value address) => Symbols.Of(address) switch
    {
        { Kind: SymbolKind.Static, Item: IFieldSymbol field } => field,
        { Kind: SymbolKind.Load, A: var from } when Symbols.Of(from) is { Kind: SymbolKind.Static, Item: IFieldSymbol field } => field,
        _ => null,
    };

    private Value Function(IMethodSymbol method, Value receiver) => Symbols.Make(SymbolKind.Function, receiver, item: new FunctionValue(method, null, []));

    private Value EvalMethodReference(IMethodReferenceOperation reference)
    {
        Value receiver = reference.Instance is { } instance ? Eval(instance) : Value.Zero;
        // .NET's own list may do with what is in it whatever its method does.
        if (CallEffects.IsBcl(reference.Method)) Escape(receiver);
        IReadOnlyList<ISymbol> captures = [];
        if (reference.Method.MethodKind == MethodKind.LocalFunction && reference.Method.DeclaringSyntaxReferences is [{ } declaration, ..])
            captures = FunctionValue.CapturesOf(declaration.GetSyntax(), analysis.FindVariables());
        return Symbols.Make(SymbolKind.Function, receiver, item: new FunctionValue(reference.Method, null, captures));
    }

    private Value EvalLambda(IFlowAnonymousFunctionOperation lambda)
    {
        analysis.NoteLambda(lambda, _runner);
        return Symbols.Make(SymbolKind.Function, item: new FunctionValue(lambda.Symbol, lambda, FunctionValue.CapturesOf(lambda.Syntax, analysis.FindVariables())));
    }

    /// <summary>
    /// <c>return () => p;</c> The function outlives the variables that it captures: they become fields of an object that goes with it, and where it is called,
    /// they are found there.
    /// </summary>
    internal Value Enclose(FlowState state, Value value)
    {
        value = state.Canonical(value);
        if (value.Offset != 0 || Symbols.Of(value) is not { Kind: SymbolKind.Function, Item: FunctionValue { Lambda: { } lambda, Captures: { Count: > 0 } captures } } || MayUseThis(lambda.Symbol)) return value;
        Value variables = Symbols.Make(SymbolKind.New, item: lambda.Syntax);
        var kept = new List<(Value Field, Value Held)>();
        foreach (ISymbol captured in captures)
        {
            Value place = analysis.PlaceOf(captured);
            if (Symbols.KindOf(place) != SymbolKind.Local || state.IsExposed(place.Symbol) || !TypeShapes.IsScalar(TypeOfVariable(captured))) return value;
            if (!state.TryPeek(place, out Value held)) continue;
            if (Symbols.Of(state.Canonical(held)) is { Kind: SymbolKind.Function, Item: FunctionValue { Captures.Count: > 0 } }) return value;
            kept.Add((Symbols.Field(variables, captured), held));
        }

        foreach ((Value field, Value held) in kept) state.Store(field, held);
        return Symbols.Make(SymbolKind.Function, variables, item: new FunctionValue(lambda.Symbol, null, []));
    }

    private static bool MayUseThis(IMethodSymbol lambda) => !lambda.IsStatic && lambda.ContainingSymbol is { IsStatic: false };
}
