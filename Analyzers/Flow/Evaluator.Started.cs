// Functions that .NET runs on another thread. Who waits goes on when the function is done, and it runs in place there; nothing tells whether it ran before:
//
//   Task.Run(() => Free(p)).Wait(), await Task.Run(…)    in place
//   var task = Task.Run(…); … task.Wait();               in place where it is waited for, unless what it captures was freed meanwhile: an event may have told
//   thread.Start(); … thread.Join();                     that the function is done with it
//   Task.Run(() => p[0] = 1); after Free(p)              what a function captures that may begin now is looked at, and its effects are forgotten
//
// While a lock is held nothing runs in place: another thread does not hold it.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>Marks the function that a task or thread runs.</summary>
    private const int StartedTag = 12;

    /// <summary>.NET runs the function that is passed first, at once or a little later.</summary>
    private static bool Starts(IMethodSymbol method) => method switch
    {
        { Name: "Run", ContainingType.Name: "Task" } or { Name: "StartNew", ContainingType.Name: "TaskFactory" } or { Name: "QueueUserWorkItem" or "UnsafeQueueUserWorkItem", ContainingType.Name: "ThreadPool" } => CallEffects.IsBcl(method),
        _ => false,
    };

    private static bool IsThread(ITypeSymbol? type) => type is { Name: "Thread", ContainingNamespace: { Name: "Threading", ContainingNamespace.Name: "System" } };

    private static bool IsTask(ITypeSymbol? type) => type is { Name: "Task", ContainingNamespace: { Name: "Tasks", ContainingNamespace.Name: "Threading" } };

    private Value StartedSlot(Value started) => Symbols.Make(SymbolKind.Element, _state.Canonical(started), Value.Zero, StartedTag);

    /// <summary>A function of no parameters is given to another thread, and the same expression waits for it.</summary>
    private bool TryRunAndWait(IInvocationOperation start, out Value result)
    {
        result = default;
        if (_state.Sections is not null || start.Arguments.Length == 0 || !Starts(start.TargetMethod)) return false;
        IOperation function = start.Arguments[0].Value;
        while (function is IConversionOperation { OperatorMethod: null } conversion) function = conversion.Operand;
        // Nothing happens when these are looked at twice.
        if (function is not (IDelegateCreationOperation { Target: IFlowAnonymousFunctionOperation } or ILocalReferenceOperation) || function.Type is not INamedTypeSymbol { DelegateInvokeMethod: { Parameters.IsEmpty: true } signature } || IsTask(signature.ReturnType)) return false;
        Value target = Eval(function);
        if (!RunsInPlace(target)) return false;
        for (int i = 1; i < start.Arguments.Length; i++) Eval(start.Arguments[i].Value);
        result = CallValue(new CallSite(start, signature, null), signature, target, []);
        return true;
    }

    private bool RunsInPlace(Value target) =>
        Symbols.Of(_state.Canonical(target)) is { Kind: SymbolKind.Function, Item: FunctionValue { Lambda: { } lambda, Method: { IsAsync: false, Parameters.IsEmpty: true } } } && _runner.FindLambda(lambda, out _) is not null;

    /// <summary>Another thread may begin with the function now: it must not use what is freed already.</summary>
    private void LookAtStarted(CallSite call)
    {
        if (!Starts(call.Method) || _state.Sections is not null || call.Arguments.Length == 0) return;
        Value target = _state.Canonical(call.Arguments[0]);
        if (Symbols.Of(target) is not { Kind: SymbolKind.Function, Item: FunctionValue { Lambda: { } lambda, Captures: { } captures } function } || !CapturesFreed(captures) || _runner.FindLambda(lambda, out GraphRunner? owner) is not { } graph) return;
        (FlowState outer, bool outerDead) = (_state, _dead);
        _state = outer.Fork();
        EscapeFunction(function);
        var arguments = new Value[function.Method.Parameters.Length];
        for (int i = 0; i < arguments.Length; i++) arguments[i] = UnknownOf(call.Syntax, 20 + i);
        if (analysis.CanNest(function.Method, _runner)) RunInPlace(call.Of(function.Method, Value.Zero, arguments), graph, owner!);
        (_state, _dead) = (outer, outerDead);
    }

    private bool CapturesFreed(IReadOnlyList<ISymbol> captures)
    {
        foreach (ISymbol captured in captures)
            if (_state.TryPeek(analysis.PlaceOf(captured), out Value held) && _state.TryGetFreed(held, out _)) return true;
        return false;
    }

    /// <summary>The task or thread remembers what it runs.</summary>
    private void KeepStarted(CallSite call, Value result)
    {
        bool isThread = call.Method.MethodKind == MethodKind.Constructor && IsThread(call.Method.ContainingType);
        if ((isThread || Starts(call.Method)) && call.Arguments.Length > 0 && RunsInPlace(call.Arguments[0])) _state.Store(StartedSlot(isThread ? call.Receiver : result), call.Arguments[0]);
    }

    /// <summary>Somebody waits for a task or thread: what it runs is done then.</summary>
    private bool TryWaitForStarted(IOperation site, Value started, out Value result)
    {
        result = default;
        if (_dead || !_state.TryPeek(StartedSlot(started), out Value target)) return false;
        _state.Clear(StartedSlot(started));
        if (_state.Sections is not null || !RunsInPlace(target)) return false;
        var function = (FunctionValue)Symbols.Of(target).Item!;
        // The result, which is asked for later, says what it did.
        if (CapturesFreed(function.Captures) || (site is not IAwaitOperation && !function.Method.ReturnsVoid)) return false;
        result = CallValue(new CallSite(site, function.Method, null), function.Method, target, []);
        return true;
    }
}
