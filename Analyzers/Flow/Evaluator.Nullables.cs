// Nullable numbers, pointers and structs with pointers: a struct of two parts, whether there is a value and which. Null is not 0: both parts are known of it.
//
//   nint? p = Make();       value = what Make returned, has value = 1
//   p = null;               value = 0, has value = 0
//   p ?? 0                  the graph asks IsNull, which is "has value = 0", and then for the value

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>Marks the parts of a nullable among elements.</summary>
    private const int NullableTag = 7;

    private static bool IsNullable(ITypeSymbol? type) => type?.OriginalDefinition.SpecialType == SpecialType.System_Nullable_T;

    /// <summary>A nullable of something that is one value, or that holds a pointer.</summary>
    private bool IsFollowed(ITypeSymbol? type) => IsNullable(type) && ((INamedTypeSymbol)type!).TypeArguments[0] is var inner && (TypeShapes.IsScalar(inner) || analysis.Parts.Of(inner).Length > 0);

    private static bool IsOf(ITypeSymbol? nullable, ITypeSymbol? type) => IsNullable(nullable) && SymbolEqualityComparer.Default.Equals(((INamedTypeSymbol)nullable!).TypeArguments[0], type);

    private Value ValuePart(Value nullable) => Symbols.Make(SymbolKind.Element, nullable, Value.Zero, NullableTag);

    private Value PresentPart(Value nullable) => Symbols.Make(SymbolKind.Element, nullable, Value.One, NullableTag);

    private Value NullableOf(IOperation site, Value value, bool isPresent)
    {
        Value region = FreshRegion(site);
        ITypeSymbol? type = IsNullable(site.Type) ? ((INamedTypeSymbol)site.Type!).TypeArguments[0] : null;
        if (TypeShapes.IsScalar(type)) _state.Store(ValuePart(region), value);
        else if (isPresent) CopyStruct(ValuePart(region), value, type);
        _state.Store(PresentPart(region), isPresent ? Value.One : Value.Zero);
        return region;
    }

    private Value IsPresent(Value nullable) => _state.Canonical(_state.Load(PresentPart(nullable), 0, 1));

    private Value ValueIn(Value nullable, ITypeSymbol type) => LoadAt(ValuePart(nullable), ((INamedTypeSymbol)type).TypeArguments[0]);

    /// <summary>To a nullable, from one, or between two; false if it is none of these.</summary>
    private bool TryConvertNullable(IConversionOperation conversion, Value value, out Value result)
    {
        ITypeSymbol? from = conversion.Operand.Type, to = conversion.Type;
        result = value;
        if (IsFollowed(to))
        {
            if (SymbolEqualityComparer.Default.Equals(from, to)) return true;
            if (from is null || IsNullLiteral(conversion.Operand)) result = NullableOf(conversion, Value.Zero, false);
            else if (from.IsValueType && (TypeShapes.IsScalar(from) || IsOf(to, from))) result = NullableOf(conversion, value, true);
            else return false;
            return true;
        }

        if (!IsFollowed(from) || to is not { IsValueType: true } || !(TypeShapes.IsScalar(to) || IsOf(from, to))) return false;
        // Without a value it throws.
        if (!_state.Decide(IsPresent(value), true)) _dead = true;
        result = Truncated(ValueIn(value, from!), to);
        return true;
    }

    private static bool IsNullLiteral(IOperation operation)
    {
        while (operation is IConversionOperation { OperatorMethod: null } conversion) operation = conversion.Operand;
        return operation.ConstantValue is { HasValue: true, Value: null };
    }

    /// <summary><c>Value</c> and <c>HasValue</c>.</summary>
    private bool TryNullableProperty(IPropertyReferenceOperation property, out Value result)
    {
        result = default;
        if (property.Instance is not { } instance || !IsFollowed(instance.Type)) return false;
        Value nullable = IsPlace(instance) ? Address(instance) : Eval(instance);
        if (_dead) return true;
        result = IsPresent(nullable);
        if (property.Property.Name == "HasValue") return true;
        if (!_state.Decide(result, true)) _dead = true;
        result = ValueIn(nullable, instance.Type!);
        return true;
    }

    /// <summary>What <c>GetValueOrDefault()</c> returns: the value part is 0 where there is none.</summary>
    private bool TryValueOrDefault(IInvocationOperation invocation, out Value result)
    {
        result = default;
        if (invocation is not { Instance: { } instance, TargetMethod.Name: "GetValueOrDefault", Arguments.Length: 0 } || !IsFollowed(instance.Type)) return false;
        Value nullable = IsPlace(instance) ? Address(instance) : Eval(instance);
        if (!_dead) result = ValueIn(nullable, instance.Type!);
        return true;
    }

    /// <summary><c>a == null</c>, <c>a != null</c>.</summary>
    private bool TryCompareWithNull(IBinaryOperation binary, Value left, Value right, out Value result)
    {
        result = default;
        if (binary.OperatorKind is not (BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals)) return false;
        bool isLeft = IsFollowed(binary.LeftOperand.Type) && IsNullLiteral(binary.RightOperand), isRight = IsFollowed(binary.RightOperand.Type) && IsNullLiteral(binary.LeftOperand);
        if (!isLeft && !isRight) return false;
        result = IsPresent(isLeft ? left : right);
        if (binary.OperatorKind == BinaryOperatorKind.Equals) result = Not(result);
        return true;
    }

    /// <summary>A comparison of two that may be null is one of their values if there are both. Two that are both null are equal, too: that is told apart only if one has a value.</summary>
    private bool TryCompareLifted(IBinaryOperation binary, Value left, Value right, out Value result)
    {
        result = default;
        if (!binary.IsLifted || !IsFollowed(binary.LeftOperand.Type) || !IsFollowed(binary.RightOperand.Type) || !IsOfNumber(binary.LeftOperand.Type!) || !IsOfNumber(binary.RightOperand.Type!)) return false;
        bool differs = binary.OperatorKind == BinaryOperatorKind.NotEquals, asksEqual = differs || binary.OperatorKind == BinaryOperatorKind.Equals;
        if (!asksEqual && binary.OperatorKind is not (BinaryOperatorKind.LessThan or BinaryOperatorKind.LessThanOrEqual or BinaryOperatorKind.GreaterThan or BinaryOperatorKind.GreaterThanOrEqual)) return false;
        Value hasLeft = IsPresent(left), hasRight = IsPresent(right);
        if (asksEqual && hasLeft != Value.One && hasRight != Value.One) return false;
        result = And(And(hasLeft, hasRight), Compare(differs ? BinaryOperatorKind.Equals : binary.OperatorKind, ValueIn(left, binary.LeftOperand.Type!), ValueIn(right, binary.RightOperand.Type!), binary));
        if (differs) result = Not(result);
        return true;
    }

    private static bool IsOfNumber(ITypeSymbol nullable) => ((INamedTypeSymbol)nullable).TypeArguments[0] is var inner && TypeShapes.IsPrimitive(inner) && !IsFloating(inner);

    /// <summary>Patterns that ask whether there is a value, or take it out.</summary>
    private bool TryNullablePattern(Value nullable, IPatternOperation pattern, out Value result)
    {
        result = default;
        if (!IsFollowed(pattern.InputType)) return false;
        switch (pattern)
        {
            case IConstantPatternOperation constant when IsNullLiteral(constant.Value):
                result = Not(IsPresent(nullable));
                return true;
            case IDeclarationPatternOperation { DeclaredSymbol: var variable } declaration when declaration.MatchedType is { IsValueType: true } type && !IsNullable(type):
                Bind(variable, ValueIn(nullable, pattern.InputType));
                result = IsPresent(nullable);
                return true;
            case IRecursivePatternOperation { DeclaredSymbol: var variable, DeconstructionSubpatterns.IsEmpty: true, PropertySubpatterns.IsEmpty: true }:
                Bind(variable, ValueIn(nullable, pattern.InputType));
                result = IsPresent(nullable);
                return true;
            case ITypePatternOperation:
                result = IsPresent(nullable);
                return true;
            case IRelationalPatternOperation or IConstantPatternOperation when IsOfNumber(pattern.InputType) && TryNumberPattern(ValueIn(nullable, pattern.InputType), pattern, out Value fits):
                result = And(IsPresent(nullable), fits);
                return true;
            default:
                return false;
        }
    }
}
