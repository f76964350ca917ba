// Calls of .NET that compute from numbers, and texts, and nothing else. What a comparison decides is followed as one: Math.Max(n, 0) is n where n is positive.
// Of the others nothing is known but that the same arguments give the same result.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private bool TryCompute(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        if (!IsComputed(method)) return false;
        return TryFollow(invocation, method, out value) || TryAsk(invocation, out value);
    }

    private static bool IsComputed(IMethodSymbol method) => method is { ReturnsVoid: false, ContainingType: { } type } && TypeShapes.IsScalar(method.ReturnType) && (method.ReturnType.IsValueType || method.Name == "GetType")
        && (type.SpecialType == SpecialType.System_String
            || TypeShapes.IsPrimitive(type) || type.Name switch
            {
                "Object" => method.Name == "GetType" && type.SpecialType == SpecialType.System_Object,
                "Math" or "MathF" => type.ContainingNamespace is { Name: "System", ContainingNamespace.IsGlobalNamespace: true },
                "Enum" => type.SpecialType == SpecialType.System_Enum && method.IsStatic,
                "BitOperations" => type.ContainingNamespace is { Name: "Numerics", ContainingNamespace.Name: "System" },
                "Unsafe" or "Marshal" => method.Name == "SizeOf" && CallEffects.IsBcl(method),
                "RuntimeHelpers" => method.Name == "IsReferenceOrContainsReferences" && CallEffects.IsBcl(method),
                _ => false,
            });

    private bool TryFollow(IInvocationOperation invocation, IMethodSymbol method, out Value value)
    {
        value = default;
        if (!method.IsStatic || method.Parameters.Length is 0 or > 3 || !IsComparedByNumber(method.Parameters[0].Type)) return false;
        if ((method.Name, method.Parameters.Length) is not (("Min" or "Max", 2) or ("Clamp", 3) or ("Abs" or "IsNegative" or "IsPositive" or "IsEvenInteger" or "IsOddInteger", 1))) return false;
        var call = new CallSite(invocation, method, null);
        EvalArguments(call, invocation.Arguments);
        if (_dead) return true;
        Value first = _state.Canonical(call.Arguments[0]), second = call.Arguments.Length > 1 ? _state.Canonical(call.Arguments[1]) : Value.Zero;
        value = method.Name switch
        {
            "Min" => _state.Binary(Operator.Min, first, second),
            "Max" => _state.Binary(Operator.Max, first, second),
            "Clamp" => _state.Binary(Operator.Min, _state.Binary(Operator.Max, first, second), _state.Canonical(call.Arguments[2])),
            "Abs" => _state.Binary(Operator.Max, first, _state.Binary(Operator.Negate, first, Value.Zero)),
            "IsNegative" => _state.Binary(Operator.Less, first, Value.Zero),
            "IsPositive" => Not(_state.Binary(Operator.Less, first, Value.Zero)),
            _ => _state.Binary(Operator.Equal, _state.Binary(Operator.And, first, Value.One), Value.Constant(method.Name == "IsOddInteger" ? 1 : 0)),
        };
        return true;
    }

    /// <summary>Of two values at most, and of constants, the method says one thing.</summary>
    private bool TryAsk(IInvocationOperation invocation, out Value value)
    {
        value = default;
        var asked = new List<IOperation>();
        string constants = "";
        if (invocation.Instance is { } instance) asked.Add(instance);
        foreach (IArgumentOperation argument in invocation.Arguments)
        {
            ITypeSymbol? type = argument.Value.Type;
            if (argument.Parameter is not { RefKind: RefKind.None, Ordinal: var ordinal } || !TypeShapes.IsScalar(type)) return false;
            if (argument.Value.ConstantValue is { HasValue: true } constant) constants += $" {ordinal}={constant.Value}";
            else if (type is { IsReferenceType: true, SpecialType: not SpecialType.System_String }) return false;
            else asked.Add(argument.Value);
        }

        if (asked.Count > 2) return false;
        Value first = asked.Count > 0 ? Eval(asked[0]) : Value.Zero, second = asked.Count > 1 ? Eval(asked[1]) : Value.Zero;
        (long low, long high) = TypeShapes.RangeOf(invocation.Type);
        if (!_dead) value = Symbols.Make(SymbolKind.Unknown, _state.Canonical(first), _state.Canonical(second), item: new Asked(invocation.TargetMethod, constants), low: low, high: high);
        return true;
    }

    private sealed record Asked(IMethodSymbol Method, string Constants) : IQuestion;
}
