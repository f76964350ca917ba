// Tasks that are waited for. An async method may put off what it does; who waits for the task of a call in the expression that makes it goes on when all of
// that is done, and its summary is performed there:
//
//   await FreeAsync(p)    FreeAsync(p).GetAwaiter().GetResult()    FreeAsync(p).Wait()    MakeAsync().Result
//
// A call whose task is kept, or that nobody waits for, is opaque.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>The task of such a method stands for what the method returns at last: nothing, or one value.</summary>
    internal static bool CanBeAwaited(IMethodSymbol method) =>
        method.ReturnType is INamedTypeSymbol { ContainingNamespace: { Name: "Tasks", ContainingNamespace.Name: "Threading" } } task
        && task is { Name: "Task" or "ValueTask", Arity: 0 or 1 };

    private Value EvalAwait(IAwaitOperation await)
    {
        if (!TryCallAndWait(await, out Value result))
        {
            Value task = Eval(await.Operation);
            Escape(task);
            if (!TryWaitForStarted(await, task, out result)) result = TypeShapes.IsScalar(await.Type) ? Unknown(await) : FreshRegion(await);
        }

        var suspension = new AwaitEvent(_state, await.Syntax);
        if (!_dead && suspension.Forbidding is not null && !CompletedTasks.IsComplete(await)) analysis.Raise(suspension);
        // Nothing runs in between where there is nothing to wait for.
        if (!CompletedTasks.HasSurelyEnded(await.Operation)) _state.Havoc();
        return result;
    }

    /// <summary>A call or a property that waits for the task of a call.</summary>
    private bool TryWaitForCall(IOperation wait, out Value value)
    {
        value = default;
        if (CompletedTasks.TaskOf(wait) is not IInvocationOperation) return false;
        (IMethodSymbol? method, IOperation? task) = wait switch
        {
            IInvocationOperation { TargetMethod: { Parameters.IsEmpty: true } waits, Instance: { } instance } => (waits, instance),
            IPropertyReferenceOperation { Property.GetMethod: { } getter, Instance: { } instance } => (getter, instance),
            _ => default,
        };
        if (method is null || !CallEffects.IsBcl(method) || !TryCallAndWait(wait, out value)) return false;
        if (!_dead) Block(new CallSite(wait, method, task));
        return true;
    }

    private bool TryCallAndWait(IOperation wait, out Value result)
    {
        result = default;
        if (CompletedTasks.TaskOf(wait) is IInvocationOperation start && TryRunAndWait(start, out result)) return true;
        if (CompletedTasks.TaskOf(wait) is not IInvocationOperation { TargetMethod: { IsAsync: true } method } invocation || method.MethodKind == MethodKind.LocalFunction || !CanBeAwaited(method)) return false;
        if (Dispatch.IsVirtual(method, invocation.Instance) || analysis.SummaryOfAwaited(method) is not { } summary) return false;
        var call = new CallSite(invocation, method, invocation.Instance);
        EvalReceiver(call, invocation.Instance);
        EvalArguments(call, invocation.Arguments);
        if (!_dead) result = ApplySummary(call, summary);
        return true;
    }
}
