// Calls of .NET that ask something and change nothing: the same question has the same answer. "if (OperatingSystem.IsWindows())" decides twice in one way, in
// two methods too, and "!string.IsNullOrEmpty(name)" is what "name is { Length: > 0 }" is.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private static readonly object s_order = new();

    private bool TryQuestion(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        if (method is not { ReturnType.SpecialType: SpecialType.System_Boolean, ContainingType: { } type }) return false;
        switch (method.Name)
        {
            case "Equals" when invocation is { Instance: { } instance, Arguments: [{ Value: var other }] } && IsComparedByNumber(instance.Type) && SymbolEqualityComparer.Default.Equals(Unboxed(other).Type, instance.Type):
                value = AreEqual(instance, Unboxed(other));
                return true;
            case "Equals" when type.SpecialType == SpecialType.System_String && TwoTexts(invocation) is var (left, right) && (IsText(left) || IsText(right)):
                value = AreEqual(left, right);
                return true;
            case "ReferenceEquals" when type.SpecialType == SpecialType.System_Object && invocation.Arguments is [{ Value: var one }, { Value: var another }]:
                value = AreEqual(one, another);
                return true;
            case "IsNullOrEmpty" when type.SpecialType == SpecialType.System_String && type.GetMembers("Length") is [IPropertySymbol length]:
                Value text = Eval(invocation.Arguments[0].Value);
                if (_dead) return true;
                text = _state.Canonical(text);
                Value isNull = _state.Binary(Operator.Equal, text, Value.Zero);
                value = isNull == Value.One ? Value.One : Not(And(Not(isNull), Not(_state.Binary(Operator.Equal, _state.Canonical(LoadAt(Symbols.Field(text, length), 0, int.MaxValue)), Value.Zero))));
                return true;
            case var name when name.StartsWith("Is", StringComparison.Ordinal) && IsOfPlatform(type) && QuestionOf(invocation) is { } question:
                value = LoadAt(Symbols.Make(SymbolKind.Static, item: question), 0, 1);
                return true;
            default:
                return false;
        }
    }

    private static bool IsText(IOperation operation) => operation.ConstantValue is { HasValue: true, Value: string };

    private static (IOperation Left, IOperation Right)? TwoTexts(IInvocationOperation invocation) => invocation switch
    {
        { Instance: { } instance, Arguments: [{ Value: { Type.SpecialType: SpecialType.System_String } other }] } => (instance, other),
        { Instance: null, Arguments: [{ Value: { Type.SpecialType: SpecialType.System_String } one }, { Value: { Type.SpecialType: SpecialType.System_String } another }] } => (one, another),
        _ => null,
    };

    /// <summary>An order of numbers that are not followed: of the same two it is the same.</summary>
    private Value AskOrder(BinaryOperatorKind kind, Value left, Value right) =>
        Symbols.Make(SymbolKind.Unknown, _state.Canonical(left), _state.Canonical(right), (int)kind, s_order, low: 0, high: 1);

    private static bool IsOrder(IBinaryOperation binary) =>
        IsFloating(binary.LeftOperand.Type) && IsFloating(binary.RightOperand.Type) && binary.OperatorKind is >= BinaryOperatorKind.Equals and <= BinaryOperatorKind.GreaterThan;

    private Value AreEqual(IOperation left, IOperation right)
    {
        Value a = Eval(left), b = Eval(right);
        return _dead ? Value.Zero : _state.Binary(Operator.Equal, _state.Canonical(a), _state.Canonical(b));
    }

    private static bool IsComparedByNumber(ITypeSymbol? type) => type is { IsValueType: true } && TypeShapes.IsPrimitive(type) && !IsFloating(type);

    private static bool IsOfPlatform(INamedTypeSymbol type) =>
        type is { Name: "OperatingSystem", ContainingNamespace: { Name: "System", ContainingNamespace.IsGlobalNamespace: true } } or { Name: "RuntimeInformation", ContainingNamespace.Name: "InteropServices" };

    /// <summary>The question in words, if all that it names is constant.</summary>
    private static string? QuestionOf(IInvocationOperation invocation)
    {
        string question = invocation.TargetMethod.Name;
        foreach (IArgumentOperation argument in invocation.Arguments)
        {
            if (argument.Value.ConstantValue is { HasValue: true, Value: { } constant }) question += $" {constant}";
            else if (argument.Value is IPropertyReferenceOperation { Property.IsStatic: true } property) question += $" {property.Property.Name}";
            else return null;
        }

        return question;
    }
}
