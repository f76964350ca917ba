// Calls of .NET that ask something and change nothing: the same question has the same answer. "if (OperatingSystem.IsWindows())" decides twice in one way, in
// two methods too, and "!string.IsNullOrEmpty(name)" is what "name is { Length: > 0 }" is.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private static readonly AskedOrder s_order = new();

    /// <summary>What an unknown value is the answer to: of the same values A and B it is the same, in callers too.</summary>
    internal interface IQuestion;

    private sealed record AskedOrder : IQuestion;

    /// <summary>A method's question of values whose answer this body knows.</summary>
    private Value AskAgain(SymbolData asked, Value a, Value b, IMethodSymbol called) => asked.Item switch
    {
        AskedTypeOf { Type: var open } when TypeShapes.Given(open, called) is { } given => TypeOf(given),
        AskedSizeOf { Type: var open } when TypeShapes.Given(open, called) is { } given => SizeOf(given),
        AskedType { Type: var type } when IsOfClass(a, type) is { } known => known,
        AskedFamily { Family: var family } => IsOfFamily(a, family),
        AskedContext { Name: var name } => ContextSays(name),
        _ => Symbols.Make(SymbolKind.Unknown, a, b, asked.Tag, asked.Item, asked.Low, asked.High),
    };

    private sealed record AskedFamily(string Family) : IQuestion;

    /// <summary>What a type parameter stands for, and how large that is: whoever gives the type argument knows.</summary>
    private sealed record AskedTypeOf(ITypeSymbol Type) : IQuestion;

    private sealed record AskedSizeOf(ITypeSymbol Type) : IQuestion;

    /// <summary>Whether memory comes from an allocator: known of what was allocated here.</summary>
    private Value IsOfFamily(Value pointer, string family) =>
        _state.TryGetAllocation(pointer, out Allocation block) && (block.Family == family || block.Family == "kmalloc") ? Value.Constant(block.Family == family ? 1 : 0)
            : Symbols.Make(SymbolKind.Unknown, pointer, item: new AskedFamily(family), low: 0, high: 1);

    private bool TryQuestion(IInvocationOperation invocation, out Value value)
    {
        value = default;
        IMethodSymbol method = invocation.TargetMethod;
        if (method is not { ContainingType: { } type }) return false;
        if (AskedOfType(method) is { } known)
        {
            value = known;
            return true;
        }

        if (method.ReturnType.SpecialType != SpecialType.System_Boolean) return false;
        switch (method.Name)
        {
            case "Equals" when invocation is { Instance: { } instance, Arguments: [{ Value: var other }] } && IsComparedByNumber(instance.Type) && SymbolEqualityComparer.Default.Equals(Unboxed(other).Type, instance.Type):
                value = AreEqual(instance, Unboxed(other));
                return true;
            case "Equals" when type.SpecialType == SpecialType.System_String && TwoTexts(invocation) is var (left, right) && (IsText(left) || IsText(right)):
                Value a = Eval(left), b = Eval(right);
                if (!_dead) value = AreTextsEqual(left, a, right, b);
                return true;
            case "ReferenceEquals" when type.SpecialType == SpecialType.System_Object && invocation.Arguments is [{ Value: var one }, { Value: var another }]:
                value = AreEqual(one, another);
                return true;
            case "IsNullOrEmpty" when type.SpecialType == SpecialType.System_String && type.GetMembers("Length") is [IPropertySymbol length]:
                Value text = Eval(invocation.Arguments[0].Value);
                if (!_dead) value = Not(And(NotNull(text), Not(IsEmptyText(text, length))));
                return true;
            case var name when name.StartsWith("Is", StringComparison.Ordinal) && IsOfPlatform(type) && QuestionOf(invocation) is { } question:
                value = LoadAt(Symbols.Make(SymbolKind.Static, item: question), 0, 1);
                return true;
            default:
                return false;
        }
    }

    /// <summary>What the runtime tells of a type: of one that is given as a parameter it is not known, but does not change.</summary>
    private Value? AskedOfType(IMethodSymbol method)
    {
        if (method is not { TypeArguments: [var type], Parameters.Length: 0, Name: "SizeOf" or "IsReferenceOrContainsReferences", ContainingType: { Name: "Unsafe" or "RuntimeHelpers", ContainingNamespace.Name: "CompilerServices" } }) return null;
        bool isSize = method.Name == "SizeOf";
        if (!isSize && (type.IsReferenceType || type.IsUnmanagedType)) return Value.Constant(type.IsReferenceType ? 1 : 0);
        return LoadAt(Symbols.Make(SymbolKind.Static, item: $"{method.Name} {type.ToDisplayString()}"), isSize ? 1 : 0, isSize ? int.MaxValue : 1);
    }

    /// <summary>A literal is one object with all of its content, and the empty text is every text without a character.</summary>
    private Value AreTextsEqual(IOperation left, Value a, IOperation right, Value b)
    {
        bool isLeft = IsNoText(left);
        if (!isLeft && !IsNoText(right)) return _state.Binary(Operator.Equal, _state.Canonical(a), _state.Canonical(b));
        Value text = isLeft ? b : a;
        return (isLeft ? right : left).Type?.GetMembers("Length") is [IPropertySymbol length] ? And(NotNull(text), IsEmptyText(text, length)) : Unknown(left);
    }

    private Value IsEmptyText(Value text, IPropertySymbol length)
    {
        text = _state.Canonical(text);
        return text.IsZero ? Value.Zero : _state.Binary(Operator.Equal, _state.Canonical(LoadAt(Symbols.Field(text, length), 0, int.MaxValue)), Value.Zero);
    }

    private static bool IsNoText(IOperation operation) =>
        operation is { ConstantValue: { HasValue: true, Value: "" } } or IFieldReferenceOperation { Field: { IsStatic: true, Name: "Empty", ContainingType.SpecialType: SpecialType.System_String } };

    private static bool IsText(IOperation operation) => IsNoText(operation) || operation.ConstantValue is { HasValue: true, Value: string };

    private static (IOperation Left, IOperation Right)? TwoTexts(IInvocationOperation invocation) => invocation switch
    {
        { Instance: { } instance, Arguments: [{ Value: { Type.SpecialType: SpecialType.System_String } other }] } => (instance, other),
        { Instance: null, Arguments: [{ Value: { Type.SpecialType: SpecialType.System_String } one }, { Value: { Type.SpecialType: SpecialType.System_String } another }] } => (one, another),
        _ => null,
    };

    /// <summary>
    /// An order of numbers that are not followed: of the same two it is the same, whichever stands left. What is not less may be no number, and so not greater either,
    /// unless it is a decimal.
    /// </summary>
    private Value AskOrder(BinaryOperatorKind kind, Value left, Value right, ITypeSymbol? type = null)
    {
        (left, right) = (_state.Canonical(left), _state.Canonical(right));
        bool swaps = kind is BinaryOperatorKind.GreaterThan or BinaryOperatorKind.GreaterThanOrEqual || (kind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals && left.CompareTo(right) > 0);
        if (swaps) (left, right) = (right, left);
        if (kind is BinaryOperatorKind.LessThanOrEqual or BinaryOperatorKind.GreaterThanOrEqual && type?.SpecialType == SpecialType.System_Decimal) return Not(Ask(BinaryOperatorKind.LessThan, right, left));
        return kind switch
        {
            BinaryOperatorKind.NotEquals => Not(Ask(BinaryOperatorKind.Equals, left, right)),
            BinaryOperatorKind.GreaterThan => Ask(BinaryOperatorKind.LessThan, left, right),
            BinaryOperatorKind.GreaterThanOrEqual => Ask(BinaryOperatorKind.LessThanOrEqual, left, right),
            _ => Ask(kind, left, right),
        };

        Value Ask(BinaryOperatorKind asked, Value a, Value b) => Symbols.Make(SymbolKind.Unknown, a, b, (int)asked, s_order, low: 0, high: 1);
    }

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
