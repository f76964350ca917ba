// Operators, conversions and patterns: how a value is computed from values.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    /// <summary>Tuples that differ in the names of their elements alone.</summary>
    private static bool IsSameTuple(ITypeSymbol? from, ITypeSymbol? to)
    {
        if (from is not INamedTypeSymbol { IsTupleType: true } a || to is not INamedTypeSymbol { IsTupleType: true } b || a.TupleElements.Length != b.TupleElements.Length) return false;
        for (int i = 0; i < a.TupleElements.Length; i++)
            if (!SymbolEqualityComparer.Default.Equals(a.TupleElements[i].Type, b.TupleElements[i].Type) && !IsSameTuple(a.TupleElements[i].Type, b.TupleElements[i].Type)) return false;
        return true;
    }

    private Value EvalConversion(IConversionOperation conversion)
    {
        Value value = Eval(conversion.Operand);
        ITypeSymbol? from = conversion.Operand.Type, to = conversion.Type;
        // By an operator, or since C# 14 by the language itself.
        if (IsSpan(to) && IsSpan(from)) return SpanAs(value, from!, conversion);
        if (IsSpan(to) && from is IArrayTypeSymbol && !_dead) return SpanOverArray(conversion, value);
        if (conversion.OperatorMethod is { } method)
        {
            if (IsIdentityOperator(method)) return Truncated(value, to);
            if (analysis.SummaryOf(method) is null) Escape(value);
            return CallOperator(conversion, method, (conversion.Operand, value));
        }

        if (TryConvertNullable(conversion, value, out Value converted)) return converted;
        if (conversion is { IsTryCast: false } && from is { IsReferenceType: true } && to is { IsValueType: true }) return Unboxed(conversion, value);
        if (!TypeShapes.IsScalar(to))
        {
            // "new()" is converted to the type that it was taken for.
            if (SymbolEqualityComparer.Default.Equals(from, to) || IsSameTuple(from, to)) return value;
            // A nullable or another struct: its null differs from 0, so its parts are unknown.
            Escape(value);
            return TypeShapes.IsScalar(from) || from is null ? FreshRegion(conversion) : value;
        }

        if (to is { IsReferenceType: true } && from is { IsValueType: true } && !IsNullable(from)) return Boxed(conversion, value);
        if (!TypeShapes.IsScalar(from))
        {
            Escape(value);
            return Unknown(conversion);
        }

        if (IsFloating(from) || IsFloating(to)) return IsFloating(from) && IsFloating(to) ? value : Unknown(conversion);
        return conversion.IsTryCast ? TriedCast(conversion, value) : Truncated(value, to);
    }

    /// <summary>The object or null. What class an object has is known of those that were made here.</summary>
    private Value TriedCast(IConversionOperation conversion, Value value)
    {
        value = _state.Canonical(value);
        if (value.IsZero || conversion.GetConversion().IsImplicit) return value;
        if (IsOfClass(value, conversion.Type) is { } known) return known.IsZero ? Value.Zero : value;
        if (Symbols.KindOf(value) == SymbolKind.New) return value;
        Escape(value);
        return Unknown(conversion);
    }

    /// <summary>A box is an object that holds a copy.</summary>
    private Value Boxed(IConversionOperation conversion, Value value)
    {
        Value box = FreshObject(conversion);
        if (conversion.Operand.Type is INamedTypeSymbol type) Symbols.SetClass(box, type);
        if (TypeShapes.IsScalar(conversion.Operand.Type)) _state.Store(box, value);
        else CopyStruct(box, value, conversion.Operand.Type);
        return box;
    }

    private Value Unboxed(IConversionOperation conversion, Value box)
    {
        box = _state.Canonical(box);
        if (box.IsConstant || IsNullable(conversion.Type))
        {
            Escape(box);
            return TypeShapes.IsScalar(conversion.Type) ? Unknown(conversion) : FreshRegion(conversion);
        }

        if (TypeShapes.IsScalar(conversion.Type)) return LoadAt(box, conversion.Type);
        Value copy = FreshRegion(conversion);
        CopyStruct(copy, box, conversion.Type);
        return copy;
    }

    private static bool IsFloating(ITypeSymbol? type) => type?.SpecialType is SpecialType.System_Single or SpecialType.System_Double or SpecialType.System_Decimal;

    private static Value Truncated(Value value, ITypeSymbol? type) => value.IsConstant ? Value.Constant(TypeShapes.Truncate(value.Offset, type)) : value;

    /// <summary>A user-defined conversion between a wrapper and what it wraps: <c>size_t</c>, a flags struct, <c>IntPtr</c> in older code.</summary>
    private static bool IsIdentityOperator(IMethodSymbol method) =>
        method.Parameters.Length == 1 && TypeShapes.IsScalar(method.ReturnType) && TypeShapes.IsScalar(method.Parameters[0].Type)
        && (TypeShapes.IsWrapper(method.ContainingType) || method.ContainingType.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr)
        && !IsFloating(method.ReturnType) && !IsFloating(method.Parameters[0].Type);

    private bool IsWrapperOperator(IMethodSymbol method) =>
        (TypeShapes.IsWrapper(method.ContainingType) && analysis.SummaryOf(method) is not { HasEffect: true }) || method.ContainingType.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr;

    /// <summary>An operator that somebody wrote is a method.</summary>
    private Value CallOperator(IOperation operation, IMethodSymbol method, params (IOperation Syntax, Value Value)[] operands)
    {
        var call = new CallSite(operation, method, null);
        if (_dead || operands.Length != method.Parameters.Length) return TypeShapes.IsScalar(operation.Type) ? Unknown(operation) : FreshRegion(operation);
        for (int i = 0; i < operands.Length; i++) (call.ArgumentSyntax[i], call.Arguments[i]) = operands[i];
        Value result = Apply(call);
        // A lifted operator gives a nullable of what the method gives.
        return SymbolEqualityComparer.Default.Equals(method.ReturnType, operation.Type) ? result : TypeShapes.IsScalar(operation.Type) ? Unknown(operation) : FreshRegion(operation);
    }

    private Value EvalBinary(IBinaryOperation binary)
    {
        Value left = Eval(binary.LeftOperand), right = Eval(binary.RightOperand);
        if (_dead) return Value.Zero;
        bool asksEqual = binary.OperatorKind is BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals;
        // string equality compares content: two unknown strings tell nothing.
        if (asksEqual && (IsText(binary.RightOperand) || IsText(binary.LeftOperand)))
        {
            Value same = AreTextsEqual(binary.LeftOperand, left, binary.RightOperand, right);
            return binary.OperatorKind == BinaryOperatorKind.Equals ? same : Not(same);
        }

        if (binary.OperatorMethod is { } method && !IsWrapperOperator(method))
        {
            if (asksEqual && (right.IsZero || left.IsZero || IsType(binary.LeftOperand.Type))) return Compare(binary.OperatorKind, left, right, binary);
            return CallOperator(binary, method, (binary.LeftOperand, left), (binary.RightOperand, right));
        }

        if (TryCompareWithNull(binary, left, right, out Value compared) || TryCompareLifted(binary, left, right, out compared)) return compared;
        bool liftedOrWide = binary.IsLifted || !TypeShapes.IsScalar(binary.LeftOperand.Type) || !TypeShapes.IsScalar(binary.RightOperand.Type)
            || IsFloating(binary.LeftOperand.Type) || IsFloating(binary.RightOperand.Type);
        if (liftedOrWide && IsOrder(binary) && !binary.IsLifted) return AskOrder(binary.OperatorKind, left, right, binary.LeftOperand.Type);
        if (liftedOrWide) return TypeShapes.IsScalar(binary.Type) ? Unknown(binary) : FreshRegion(binary);
        if (binary.LeftOperand.Type is IPointerTypeSymbol && binary.OperatorKind == BinaryOperatorKind.Subtract && binary.RightOperand.Type is IPointerTypeSymbol)
            return Unknown(binary);
        return Compare(binary.OperatorKind, left, right, binary);
    }

    /// <summary>There is one object for each type.</summary>
    private static bool IsType(ITypeSymbol? type) => type is { Name: "Type", ContainingNamespace: { Name: "System", ContainingNamespace.IsGlobalNamespace: true } };

    /// <summary>What a type parameter stands for may be any other type, too.</summary>
    private Value TypeOf(ITypeSymbol type) => TypeShapes.IsOpen(type) ? Symbols.Make(SymbolKind.Unknown, item: new AskedTypeOf(type)) : Symbols.Make(SymbolKind.New, tag: 1, item: type);

    /// <summary>Two tuples are equal if their parts are.</summary>
    private Value EvalTupleBinary(ITupleBinaryOperation binary)
    {
        Value left = Eval(binary.LeftOperand), right = Eval(binary.RightOperand);
        if (_dead) return Value.Zero;
        if (binary.LeftOperand.Type is not INamedTypeSymbol { IsTupleType: true } leftType || binary.RightOperand.Type is not INamedTypeSymbol { IsTupleType: true } rightType) return Unknown(binary);
        Value equal = AreEqual(left, leftType, right, rightType);
        return binary.OperatorKind == BinaryOperatorKind.Equals ? equal : Not(equal);
    }

    private Value AreEqual(Value left, INamedTypeSymbol leftType, Value right, INamedTypeSymbol rightType)
    {
        Value result = Value.One;
        for (int i = 0; i < leftType.TupleElements.Length; i++)
        {
            ITypeSymbol a = leftType.TupleElements[i].Type, b = rightType.TupleElements[i].Type;
            Value one = TupleElement(left, i), other = TupleElement(right, i);
            bool areNumbers = TypeShapes.IsScalar(a) && TypeShapes.IsScalar(b) && !(a.IsReferenceType && b.IsReferenceType) && !IsFloating(a) && !IsFloating(b);
            result = And(result, a is INamedTypeSymbol { IsTupleType: true } inner && b is INamedTypeSymbol { IsTupleType: true } otherInner ? AreEqual(one, inner, other, otherInner)
                : areNumbers ? _state.Binary(Operator.Equal, _state.Canonical(LoadAt(one, a)), _state.Canonical(LoadAt(other, b)))
                : AskOrder(BinaryOperatorKind.Equals, LoadAt(one, a), LoadAt(other, b)));
        }

        return result;
    }

    private Value Compare(BinaryOperatorKind kind, Value left, Value right, IBinaryOperation binary)
    {
        left = _state.Canonical(left);
        right = _state.Canonical(right);
        if (binary.LeftOperand.Type is IPointerTypeSymbol && AsIndices(left, right) is { } indices) (left, right) = indices;
        if (IsUnsignedOrder(kind, binary.LeftOperand.Type))
        {
            // The upper half of the unsigned numbers is negative here.
            if (left.IsConstant && right.IsConstant) (left, right) = (Value.Constant(left.Offset ^ long.MinValue), Value.Constant(right.Offset ^ long.MinValue));
            else if (right == (kind is BinaryOperatorKind.LessThan or BinaryOperatorKind.GreaterThanOrEqual ? Value.One : Value.Zero)) return IsZero(left, kind is BinaryOperatorKind.LessThan or BinaryOperatorKind.LessThanOrEqual);
            else if (left == (kind is BinaryOperatorKind.GreaterThan or BinaryOperatorKind.LessThanOrEqual ? Value.One : Value.Zero)) return IsZero(right, kind is BinaryOperatorKind.GreaterThan or BinaryOperatorKind.GreaterThanOrEqual);
            else if (left is { IsConstant: true, Offset: < 0 }) return OrderAgainstHuge(kind, right, left, isLeft: false);
            else if (right is { IsConstant: true, Offset: < 0 }) return OrderAgainstHuge(kind, left, right, isLeft: true);
        }

        if (binary.LeftOperand.Type?.SpecialType == SpecialType.System_UInt32 && kind is >= BinaryOperatorKind.LessThan and <= BinaryOperatorKind.GreaterThan && (MayWrap(left) || MayWrap(right))) return OrderWrapped(kind, left, right);
        return kind switch
        {
            BinaryOperatorKind.Equals => _state.Binary(Operator.Equal, left, right),
            BinaryOperatorKind.NotEquals => Not(_state.Binary(Operator.Equal, left, right)),
            BinaryOperatorKind.LessThan => _state.Binary(Operator.Less, left, right),
            BinaryOperatorKind.GreaterThan => _state.Binary(Operator.Less, right, left),
            BinaryOperatorKind.LessThanOrEqual => Not(_state.Binary(Operator.Less, right, left)),
            BinaryOperatorKind.GreaterThanOrEqual => Not(_state.Binary(Operator.Less, left, right)),
            _ => Arithmetic(kind, left, right, binary.Type, binary),
        };
    }

    /// <summary>What is below one and has no sign.</summary>
    private Value IsZero(Value value, bool isZero) => _state.Binary(Operator.Equal, value, Value.Zero) is var asked && isZero ? asked : Not(asked);

    /// <summary>Two places in one array of pointers, as the indices that tell them apart: <c>p &lt; start + n</c>.</summary>
    private (Value, Value)? AsIndices(Value left, Value right)
    {
        SymbolData a = Symbols.Of(left), b = Symbols.Of(right);
        bool isElement = a is { Kind: SymbolKind.Element, Tag: 0 } && left.Offset == 0, isOther = b is { Kind: SymbolKind.Element, Tag: 0 } && right.Offset == 0;
        if (isElement && isOther && a.A == b.A && Equals(a.Item, b.Item)) return (a.B, b.B);
        if (isElement && !isOther && a.A == right) return (a.B, Value.Zero);
        return isOther && !isElement && b.A == left ? (Value.Zero, b.B) : null;
    }

    private static bool IsUnsignedOrder(BinaryOperatorKind kind, ITypeSymbol? type) =>
        kind is BinaryOperatorKind.LessThan or BinaryOperatorKind.GreaterThan or BinaryOperatorKind.LessThanOrEqual or BinaryOperatorKind.GreaterThanOrEqual
        && (type is IPointerTypeSymbol || type?.SpecialType is SpecialType.System_UInt64 or SpecialType.System_UIntPtr);

    /// <summary>
    /// A value against a number of the upper half, which is negative here: only what is negative too can be above it. Kept as a condition over the value,
    /// so that a caller who knows the value can decide it.
    /// </summary>
    private Value OrderAgainstHuge(BinaryOperatorKind kind, Value value, Value huge, bool isLeft)
    {
        bool asksGreater = (kind is BinaryOperatorKind.GreaterThan or BinaryOperatorKind.GreaterThanOrEqual) == isLeft;
        bool allowsEqual = kind is BinaryOperatorKind.GreaterThanOrEqual or BinaryOperatorKind.LessThanOrEqual;
        Value isUpper = _state.Binary(Operator.Less, value, Value.Zero);
        Value above = And(isUpper, asksGreater == allowsEqual ? Not(_state.Binary(Operator.Less, value, huge)) : _state.Binary(Operator.Less, huge, value));
        return asksGreater ? above : Not(above);
    }

    /// <summary>An int that became a uint, or a difference of two: below zero it is larger than any other.</summary>
    private bool MayWrap(Value value) => !value.IsConstant && _state.Range(value).Low < 0;

    private Value OrderWrapped(BinaryOperatorKind kind, Value left, Value right)
    {
        bool swaps = kind is BinaryOperatorKind.GreaterThan or BinaryOperatorKind.LessThanOrEqual;
        (Value a, Value b) = swaps ? (right, left) : (left, right);
        Value less = _state.Binary(Operator.Less, a, b);
        if (MayWrap(b)) less = Not(And(Not(_state.Binary(Operator.Less, b, Value.Zero)), Not(less)));
        if (MayWrap(a)) less = And(Not(_state.Binary(Operator.Less, a, Value.Zero)), less);
        return kind is BinaryOperatorKind.LessThan or BinaryOperatorKind.GreaterThan ? less : Not(less);
    }

    private Value Arithmetic(BinaryOperatorKind kind, Value left, Value right, ITypeSymbol? type, IOperation site)
    {
        if (IsFloating(type) || !TypeShapes.IsScalar(type)) return UnknownOf(site.Syntax);
        if (kind == BinaryOperatorKind.ExclusiveOr && type?.SpecialType == SpecialType.System_Boolean) return Not(_state.Binary(Operator.Equal, _state.Canonical(left), _state.Canonical(right)));
        if (type?.SpecialType == SpecialType.System_String || type?.TypeKind == TypeKind.Delegate)
        {
            bool isDelegate = type.TypeKind == TypeKind.Delegate;
            if (isDelegate && kind == BinaryOperatorKind.Add && _state.Canonical(left).IsZero) return right;
            // Both functions are in the one that comes out, and nothing may be left of two that are taken apart.
            if (isDelegate) Escape(left);
            Escape(right);
            return isDelegate && kind == BinaryOperatorKind.Subtract ? UnknownOf(site.Syntax) : NonNull(UnknownOf(site.Syntax));
        }

        left = _state.Canonical(left);
        right = _state.Canonical(right);
        if (type is IPointerTypeSymbol pointer)
        {
            bool pointerRight = site is IBinaryOperation { RightOperand.Type: IPointerTypeSymbol };
            if (site is IBinaryOperation sum) NoteWalk(pointerRight ? right : left, pointerRight ? sum.LeftOperand : sum.RightOperand, pointer.PointedAtType);
            return Advance(pointerRight ? right : left, pointerRight ? left : right, pointer.PointedAtType, kind == BinaryOperatorKind.Subtract);
        }

        Operator? op = kind switch
        {
            BinaryOperatorKind.Add => Operator.Add,
            BinaryOperatorKind.Subtract => Operator.Subtract,
            BinaryOperatorKind.Multiply => Operator.Multiply,
            BinaryOperatorKind.Divide => Operator.Divide,
            BinaryOperatorKind.Remainder => Operator.Remainder,
            BinaryOperatorKind.And => Operator.And,
            BinaryOperatorKind.Or => Operator.Or,
            BinaryOperatorKind.ExclusiveOr => Operator.Xor,
            BinaryOperatorKind.LeftShift => Operator.ShiftLeft,
            BinaryOperatorKind.RightShift or BinaryOperatorKind.UnsignedRightShift => IsShiftedWithoutSign(kind, type) ? Operator.UnsignedShiftRight : Operator.ShiftRight,
            _ => null,
        };
        return op is { } known ? Truncated(_state.Binary(known, left, right), type) : UnknownOf(site.Syntax);
    }

    /// <summary>Numbers of 64 bits whose upper half is negative here. The others without a sign are never negative.</summary>
    private static bool IsShiftedWithoutSign(BinaryOperatorKind kind, ITypeSymbol? type) =>
        type?.SpecialType is SpecialType.System_UInt64 or SpecialType.System_UIntPtr || (kind == BinaryOperatorKind.UnsignedRightShift && type?.SpecialType is SpecialType.System_Int64 or SpecialType.System_IntPtr);

    private Value EvalUnary(IUnaryOperation unary)
    {
        Value operand = _state.Canonical(Eval(unary.Operand));
        if (unary.OperatorMethod is { } own && !IsWrapperOperator(own) && !_dead) return CallOperator(unary, own, (unary.Operand, operand));
        if ((unary.OperatorMethod is { } method && !IsWrapperOperator(method)) || unary.IsLifted || !TypeShapes.IsScalar(unary.Type) || IsFloating(unary.Type)) return Unknown(unary);
        return unary.OperatorKind switch
        {
            UnaryOperatorKind.Not => unary.Type?.SpecialType == SpecialType.System_Boolean ? Not(operand) : Truncated(_state.Binary(Operator.Complement, operand, Value.Zero), unary.Type),
            UnaryOperatorKind.BitwiseNegation => Truncated(_state.Binary(Operator.Complement, operand, Value.Zero), unary.Type),
            UnaryOperatorKind.Minus => Truncated(_state.Binary(Operator.Negate, operand, Value.Zero), unary.Type),
            UnaryOperatorKind.Plus => operand,
            _ => Unknown(unary),
        };
    }

    private Value Not(Value condition) => _state.Binary(Operator.Not, _state.Canonical(condition), Value.Zero);

    private Value And(Value a, Value b)
    {
        a = _state.Canonical(a);
        b = _state.Canonical(b);
        if (a.IsZero || b.IsZero) return Value.Zero;
        return a == Value.One ? b : b == Value.One ? a : _state.Binary(Operator.And, a, b);
    }

    private Value IsNull(IOperation operand)
    {
        Value value = Eval(operand);
        if (IsFollowed(operand.Type)) return Not(IsPresent(value));
        if (!TypeShapes.IsScalar(operand.Type)) return UnknownOf(operand.Syntax, 3, 0, 1);
        return _state.Binary(Operator.Equal, _state.Canonical(value), Value.Zero);
    }

    private Value NotNull(Value value) => Not(_state.Binary(Operator.Equal, _state.Canonical(value), Value.Zero));
}
