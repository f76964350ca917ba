// Calls of .NET that block the thread. They have no contract to apply, only this one thing to say; what else they do to the state, Apply finds out.
// Whether a call waits is its time limit's to say, and a task's state: the result of one that was awaited or asked before is there.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private void Block(CallSite call)
    {
        if (!analysis.MindsBlocking || _dead || analysis.Model.FindBlocking(call.Method) is not { Sleep: { } sleep } contract) return;
        if (sleep.Decider.Kind == OperandKind.Parameter && call.Method.Parameters[sleep.Decider.Ordinal].Type is { TypeKind: TypeKind.Struct, SpecialType: SpecialType.None })
        {
            if (!TimeLimit.IsSome(call.SyntaxOf(sleep.Decider))) return;
            sleep = new SleepContract(OperandReference.None, false) { Blocks = true };
        }

        if (!CompletedTasks.IsComplete(call.Operation)) Sleep(call, contract, sleep);
    }

    private void BlockOn(IPropertyReferenceOperation property)
    {
        if (property.Property.GetMethod is { } getter && analysis.MindsBlocking && analysis.Model.FindBlocking(getter) is not null) Block(new CallSite(property, getter, property.Instance));
    }
}
