// Patterns: a condition over the value, and variables that get the value or its parts.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class Evaluator
{
    private Value EvalPattern(Value value, IPatternOperation pattern, IOperation site)
    {
        value = _state.Canonical(value);
        if (TryNullablePattern(value, pattern, out Value present)) return present;
        bool scalar = TypeShapes.IsScalar(pattern.InputType);
        switch (pattern)
        {
            case IConstantPatternOperation or IRelationalPatternOperation when scalar && TryNumberPattern(value, pattern, out Value fits):
                return fits;
            case IConstantPatternOperation constant when IsText(constant.Value):
                return AreTextsEqual(constant.Value, Eval(constant.Value), constant.Value, value);
            case INegatedPatternOperation negated:
                return Not(EvalPattern(value, negated.Pattern, site));
            case IBinaryPatternOperation binary:
                Value left = EvalPattern(value, binary.LeftPattern, site), right = EvalPattern(value, binary.RightPattern, site);
                return binary.OperatorKind == BinaryOperatorKind.And ? And(left, right) : Not(And(Not(left), Not(right)));
            case IDiscardPatternOperation:
                return Value.One;
            case IDeclarationPatternOperation { MatchesNull: false, MatchedType: { IsValueType: true } type } unboxing when pattern.InputType is { IsReferenceType: true }:
                return Unbox(value, type, unboxing.DeclaredSymbol);
            case IDeclarationPatternOperation declaration:
                Bind(declaration.DeclaredSymbol, value);
                if (declaration.MatchesNull) return Value.One;
                return And(IsOfClass(value, declaration.MatchedType) ?? IsOfType(value, pattern, declaration.MatchedType), scalar ? NotNull(value) : Value.One);
            case IRecursivePatternOperation recursive:
                Bind(recursive.DeclaredSymbol, value);
                if (HoldsPointers(pattern.InputType)) Escape(value);
                return And(And(IsNarrower(recursive) ? IsOfClass(value, recursive.MatchedType) ?? IsOfType(value, pattern, recursive.MatchedType) : Value.One, scalar ? NotNull(value) : Value.One), EvalParts(value, recursive, site));
            case ITypePatternOperation matched:
                return And(IsOfClass(value, matched.MatchedType) ?? IsOfType(value, pattern, matched.MatchedType), scalar ? NotNull(value) : Value.One);
            case IListPatternOperation list:
                return EvalList(value, list, site);
            default:
                return Matches(pattern);
        }
    }

    /// <summary>A number, or a range that one number bounds.</summary>
    private bool TryNumberPattern(Value value, IPatternOperation pattern, out Value fits)
    {
        fits = default;
        IOperation bound = pattern is IRelationalPatternOperation { Value: var limit } ? limit : ((IConstantPatternOperation)pattern).Value;
        if (bound.ConstantValue is not { HasValue: true } literal || !TypeShapes.TryNumber(literal.Value, out long number)) return false;
        Value known = Value.Constant(number);
        fits = pattern is not IRelationalPatternOperation relational ? _state.Binary(Operator.Equal, value, known) : relational.OperatorKind switch
        {
            BinaryOperatorKind.LessThan => _state.Binary(Operator.Less, value, known),
            BinaryOperatorKind.GreaterThan => _state.Binary(Operator.Less, known, value),
            BinaryOperatorKind.LessThanOrEqual => Not(_state.Binary(Operator.Less, known, value)),
            _ => Not(_state.Binary(Operator.Less, value, known)),
        };
        return true;
    }

    /// <summary>
    /// The number or struct in a box. Whether the box holds one is known where it was made: who is only given it takes both ways, and says nothing of
    /// what the box holds on the way on which it is something else.
    /// </summary>
    private Value Unbox(Value box, ITypeSymbol type, ISymbol? variable)
    {
        if (box.IsConstant || IsOfClass(box, type) is { IsZero: true }) return Value.Zero;
        if (IsOfClass(box, type) is null)
        {
            bool holds = _choices.Next(2) == 0;
            if (!_state.Decide(TypeTest(box, type), holds) || (holds && !_state.Decide(NotNull(box), true))) _dead = true;
            if (!holds) Escape(box);
            if (!holds || _dead) return Value.Zero;
        }

        Bind(variable, LoadAt(box, type));
        return Value.One;
    }

    /// <summary>A test for a type that every value of the input has is no branch.</summary>
    private Value IsOfType(Value value, IPatternOperation pattern, ITypeSymbol? type) => IsAlways(pattern.InputType, type) ? Value.One : type is null ? Matches(pattern) : TypeTest(value, type);

    /// <summary>An object has one class: the same question of it has the same answer.</summary>
    private Value TypeTest(Value value, ITypeSymbol type) => Symbols.Make(SymbolKind.Unknown, _state.Canonical(value), item: new AskedType(type), low: 0, high: 1);

    private sealed record AskedType(ITypeSymbol Type) : IQuestion;

    private static bool IsAlways(ITypeSymbol? given, ITypeSymbol? type) => given is INamedTypeSymbol known && type is INamedTypeSymbol target && IsA(known, target);

    private Value Matches(IPatternOperation pattern) => UnknownOf(pattern.Syntax, 4, 0, 1);

    private void Bind(ISymbol? variable, Value value)
    {
        if (variable is not ILocalSymbol local) return;
        Value place = analysis.PlaceOf(local);
        if (TypeShapes.IsScalar(local.Type)) _state.Store(place, value);
        else CopyStruct(place, value, local.Type);
    }

    private Value EvalIsType(Value value, IIsTypeOperation isType)
    {
        Value matches = IsOfClass(value, isType.TypeOperand) ?? (IsAlways(isType.ValueOperand.Type, isType.TypeOperand) ? Value.One : TypeTest(value, isType.TypeOperand));
        return And(isType.IsNegated ? Not(matches) : matches, NotNull(value));
    }

    /// <summary>Whether an object that was made here, or that a settled field holds, is one of the type; null if that is not known. A rented array is of the type that its pool says.</summary>
    private Value? IsOfClass(Value value, ITypeSymbol? type)
    {
        value = _state.Canonical(value);
        if (type is IArrayTypeSymbol && _state.TryGetAllocation(value, out Allocation rented) && SymbolEqualityComparer.Default.Equals(rented.Method.ReturnType, type)) return Value.One;
        if ((Symbols.ClassOf(value) ?? SettledClassOf(value)) is not { } known) return null;
        return type switch
        {
            INamedTypeSymbol target => IsA(known, target) ? Value.One : target.IsGenericType ? null : Value.Zero,
            IArrayTypeSymbol => Value.Zero,
            _ => null,
        };
    }

    private INamedTypeSymbol? SettledClassOf(Value value) => value.Offset == 0 && TableAt(value) is { } field ? analysis.Dispatch.Fields.ClassIn(field) : null;

    private static bool IsA(INamedTypeSymbol type, INamedTypeSymbol target)
    {
        foreach (INamedTypeSymbol contract in type.AllInterfaces)
            if (SymbolEqualityComparer.Default.Equals(contract, target)) return true;
        for (INamedTypeSymbol? self = type; self is not null; self = self.BaseType)
            if (SymbolEqualityComparer.Default.Equals(self, target)) return true;
        return false;
    }

    private static bool IsNarrower(IRecursivePatternOperation pattern) => !SymbolEqualityComparer.Default.Equals(pattern.MatchedType, pattern.InputType);

    /// <summary>The conditions over the parts, which are read as fields are. What cannot be read may be kept by whoever computes it.</summary>
    private Value EvalParts(Value value, IRecursivePatternOperation pattern, IOperation site)
    {
        Value result = Value.One;
        List<ISymbol>? parts = pattern.DeconstructionSubpatterns.Length > 0 ? PartsOf(pattern.MatchedType, pattern.DeconstructionSubpatterns.Length) : [];
        if (parts is null) Escape(value);
        for (int i = 0; i < pattern.DeconstructionSubpatterns.Length && !_dead; i++)
        {
            IPatternOperation part = pattern.DeconstructionSubpatterns[i];
            result = And(result, EvalPattern(parts is null ? UnknownOf(part.Syntax, 8) : LoadAt(PartAt(value, pattern.MatchedType, i, parts[i]), part.InputType), part, site));
        }

        foreach (IPropertySubpatternOperation property in pattern.PropertySubpatterns)
        {
            if (_dead) return Value.Zero;
            Value? place = property.Member switch
            {
                IFieldReferenceOperation { Field: { RefKind: RefKind.None, IsStatic: false } field } when !TypeShapes.IsWrapper(pattern.MatchedType) => PartOf(value, pattern.MatchedType, field),
                // An array and a list are asked for how many there are as "all.Length" asks it.
                IPropertyReferenceOperation { Property: { Name: "Length", ContainingType.SpecialType: SpecialType.System_Array } } => LengthSlot(value),
                IPropertyReferenceOperation { Property: { Name: "Length" or "Count", IsStatic: false, Type.SpecialType: SpecialType.System_Int32 } counted } when !HoldsPointers(pattern.InputType) && IsOfLibrary(counted) => Symbols.Field(value, counted),
                IPropertyReferenceOperation { Property: { IsStatic: false, RefKind: RefKind.None } member } when (TypeShapes.IsAutomatic(member) || IsLikeField(member)) && !TypeShapes.IsWrapper(pattern.MatchedType) => Symbols.Field(value, member),
                _ => null,
            };
            if (place is null) Escape(value);
            result = And(result, EvalPattern(place is { } known ? LoadCount(known, property) ?? LoadAt(known, property.Pattern.InputType) : UnknownOf(property.Syntax, 8), property.Pattern, site));
        }

        return result;
    }

    /// <summary>As many elements as there are patterns, or at least as many with a slice. Which elements those are is known of an array, up to the slice.</summary>
    private Value EvalList(Value value, IListPatternOperation list, IOperation site)
    {
        Escape(value);
        if (list.InputType is null || CountPlace(value, list.InputType) is not { } place) return Matches(list);
        int slice = list.Patterns.IndexOf(list.Patterns.FirstOrDefault(static pattern => pattern is ISlicePatternOperation)!);
        Value count = _state.Canonical(LoadAt(place, 0, int.MaxValue)), least = Value.Constant(list.Patterns.Length - (slice < 0 ? 0 : 1));
        Value result = And(list.InputType.IsReferenceType ? NotNull(value) : Value.One, slice < 0 ? _state.Binary(Operator.Equal, count, least) : Not(_state.Binary(Operator.Less, count, least)));
        for (int i = 0; i < list.Patterns.Length && !_dead; i++)
        {
            if (list.Patterns[i] is IDiscardPatternOperation or ISlicePatternOperation { Pattern: null or IDiscardPatternOperation }) continue;
            bool isPlace = list.InputType is IArrayTypeSymbol && (slice < 0 || i < slice);
            result = And(result, isPlace ? EvalPattern(LoadAt(ElementOf(value, Value.Constant(i)), list.Patterns[i].InputType), list.Patterns[i], site) : UnknownOf(list.Patterns[i].Syntax, 4, 0, 1));
        }

        return result;
    }

    /// <summary>Where an array, a text or a collection of .NET keeps how many elements it has.</summary>
    private Value? CountPlace(Value whole, ITypeSymbol type) => type is IArrayTypeSymbol ? LengthSlot(whole) : CountOf(type) is { } count ? Symbols.Field(whole, count) : null;

    private static IPropertySymbol? CountOf(ITypeSymbol type)
    {
        if (HoldsPointers(type)) return null;
        foreach (string name in (ReadOnlySpan<string>)["Length", "Count"])
            if (type.GetMembers(name) is [IPropertySymbol { Type.SpecialType: SpecialType.System_Int32 } count] && IsOfLibrary(count)) return count;
        return null;
    }

    private static bool IsOfLibrary(IPropertySymbol property) => property.ContainingType is { DeclaringSyntaxReferences.IsEmpty: true, TypeKind: not TypeKind.Interface, ContainingNamespace: { } space } && (space.Name is "System" || space.ContainingNamespace.Name is "System" or "Collections");

    /// <summary>A property of .NET of which nothing else is known: read as "x.Property" reads it.</summary>
    private bool IsLikeField(IPropertySymbol property) => property.GetMethod is { } getter && CallEffects.IsBcl(getter) && analysis.Model.Find(getter) is null && !IsFollowed(property.ContainingType);

    /// <summary>A count is not negative.</summary>
    private Value? LoadCount(Value place, IPropertySubpatternOperation property) =>
        property.Member is IPropertyReferenceOperation { Property: { Name: "Length" or "Count", Type.SpecialType: SpecialType.System_Int32 } counted } && (counted.ContainingType.SpecialType == SpecialType.System_Array || IsOfLibrary(counted)) ? LoadAt(place, 0, int.MaxValue) : null;

    /// <summary>What a deconstruction of the type reads: the elements of a tuple, the properties that a record was declared with. Null if a method decides.</summary>
    private static List<ISymbol>? PartsOf(ITypeSymbol? type, int count)
    {
        if (type is not INamedTypeSymbol named) return null;
        if (named.IsTupleType) return named.TupleElements.Length == count ? [.. named.TupleElements] : null;
        if (!named.IsRecord || TypeShapes.IsWrapper(named)) return null;
        foreach (ISymbol member in named.GetMembers("Deconstruct"))
        {
            if (member is not IMethodSymbol { IsImplicitlyDeclared: true } method || method.Parameters.Length != count) continue;
            var parts = new List<ISymbol>();
            foreach (IParameterSymbol parameter in method.Parameters)
                if (named.GetMembers(parameter.Name) is [IPropertySymbol property] && TypeShapes.IsAutomatic(property)) parts.Add(property);
            return parts.Count == count ? parts : null;
        }

        return null;
    }

    private Value PartAt(Value whole, ITypeSymbol? type, int index, ISymbol part) => type is { IsTupleType: true } ? TupleElement(whole, index) : Symbols.Field(_state.Canonical(whole), part);
}
