// Numbers one after the other, as .NET gives them: Enumerable.Range(first, count) goes round as often as it is told to, so that two loops over the same
// count agree, and one over nothing is not taken for one over something.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private static bool IsOfNumbers(ITypeSymbol? type) =>
        type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Collections_Generic_IEnumerable_T, TypeArguments: [{ SpecialType: SpecialType.System_Int32 }] };

    /// <summary>Where a range keeps its first number; its length is where an array's is.</summary>
    private Value FirstSlot(Value range) => EnumeratorSlot(range, 3);

    private bool TryRange(IInvocationOperation invocation, out Value value)
    {
        value = default;
        if (invocation.TargetMethod is not { Name: "Range", ContainingType: { Name: "Enumerable", ContainingNamespace.Name: "Linq" } } method || !CallEffects.IsBcl(method)) return false;
        var call = new CallSite(invocation, method, null);
        EvalArguments(call, invocation.Arguments);
        if (_dead) return true;
        Value count = _state.Canonical(call.Arguments[1]);
        // It throws if that is negative.
        _dead = !_state.Decide(_state.Binary(Operator.Less, count, Value.Zero), false);
        value = FreshObject(invocation);
        _state.Store(FirstSlot(value), _state.Canonical(call.Arguments[0]));
        _state.Store(LengthSlot(value), count);
        return true;
    }

    private bool TryEnumerateNumbers(IInvocationOperation invocation, IOperation instance, out Value value)
    {
        Value range = _state.Canonical(Eval(instance));
        value = default;
        if (_dead) return true;
        value = _state.TryPeek(FirstSlot(range), out _) ? EnumeratorOf(invocation, range, LoadAt(LengthSlot(range), 0, int.MaxValue)) : Apply(new CallSite(invocation, invocation.TargetMethod, instance) { Receiver = range });
        return true;
    }
}
