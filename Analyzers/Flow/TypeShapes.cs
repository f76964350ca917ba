// Which types are one value to the engine, and which are memory with parts.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal static class TypeShapes
{
    /// <summary>What a call gives, or the task of one when it has ended.</summary>
    internal static ITypeSymbol ResultOf(IMethodSymbol method) =>
        method is { IsAsync: true, ReturnType: INamedTypeSymbol { Name: "Task" or "ValueTask", TypeArguments: [var result] } } ? result : method.ReturnType;

    /// <summary>A number, pointer, reference, or a struct that only wraps one of them (flags types, handles, <c>size_t</c>).</summary>
    internal static bool IsScalar(ITypeSymbol? type)
    {
        if (type is null || !type.IsValueType || type.TypeKind is TypeKind.Enum or TypeKind.Pointer or TypeKind.FunctionPointer) return true;
        return IsPrimitive(type) || type.TypeKind == TypeKind.TypeParameter || IsWrapper(type);
    }

    internal static bool IsPrimitive(ITypeSymbol type) => type.SpecialType is >= SpecialType.System_Boolean and <= SpecialType.System_UIntPtr and not SpecialType.System_Decimal and not SpecialType.System_String;

    /// <summary>
    /// A struct of exactly one field that is itself one value. A parameter of a primary constructor that members use is kept under its own name, and the
    /// struct is the place that it is kept in.
    /// </summary>
    internal static bool IsWrapper(ITypeSymbol? type)
    {
        if (type is not INamedTypeSymbol { TypeKind: TypeKind.Struct } named || IsPrimitive(type) || named.OriginalDefinition.SpecialType == SpecialType.System_Nullable_T) return false;
        return TypeMembers.Of(named) is { FieldCount: 1, First: { IsFixedSizeBuffer: false } only } && !IsCaptured(only) && !HasInlineArray(named)
            && (only.Type.TypeKind is TypeKind.Pointer or TypeKind.FunctionPointer or TypeKind.Enum || IsPrimitive(only.Type));
    }

    /// <summary>The compiler's field for a captured parameter: no member that somebody wrote stands behind it.</summary>
    internal static bool IsCaptured(IFieldSymbol field) => field is { IsImplicitlyDeclared: true, AssociatedSymbol: null } && field.ContainingType is { IsTupleType: false, DeclaringSyntaxReferences.Length: > 0 };

    private static bool HasInlineArray(INamedTypeSymbol type)
    {
        foreach (AttributeData attribute in type.GetAttributes())
            if (attribute.AttributeClass?.Name == "InlineArrayAttribute") return true;
        return false;
    }

    /// <summary>The collector runs code of the type before it takes an object of it away.</summary>
    internal static bool HasFinalizer(ITypeSymbol type)
    {
        for (ITypeSymbol? self = type; self is not null && self.SpecialType != SpecialType.System_Object; self = self.BaseType)
            foreach (ISymbol member in self.GetMembers("Finalize"))
                if (member is IMethodSymbol { Parameters.Length: 0, ReturnsVoid: true }) return true;
        return false;
    }

    /// <summary>The first field at the same place in memory: the field itself, except in a union.</summary>
    internal static IFieldSymbol Overlaid(IFieldSymbol field) => TypeMembers.Of(field.ContainingType).Overlaid(field) ?? field;

    /// <summary>The field's address is the struct's.</summary>
    internal static bool IsFirst(IFieldSymbol field) =>
        field.ContainingType.TypeKind == TypeKind.Struct && SymbolEqualityComparer.Default.Equals(TypeMembers.Of(field.ContainingType).First, field.OriginalDefinition);

    /// <summary>A property that is nothing but a field.</summary>
    internal static bool IsAutomatic(IPropertySymbol property) => TypeMembers.Of(property.ContainingType).IsAutomatic(property);

    internal static bool IsPointer(ITypeSymbol type) => type is IPointerTypeSymbol || type.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr;

    /// <summary>The type is, or is made of, a type parameter.</summary>
    internal static bool IsOpen(ITypeSymbol type) => type switch
    {
        ITypeParameterSymbol => true,
        IArrayTypeSymbol array => IsOpen(array.ElementType),
        IPointerTypeSymbol pointer => IsOpen(pointer.PointedAtType),
        INamedTypeSymbol named => (named.ContainingType is { } outer && IsOpen(outer)) || named.TypeArguments.Any(IsOpen),
        _ => false,
    };

    /// <summary>What a type parameter of the method, or of its type, stands for in a call; any other type is what it is.</summary>
    internal static ITypeSymbol? Given(ITypeSymbol? type, IMethodSymbol called)
    {
        if (type is not ITypeParameterSymbol parameter) return type;
        if (parameter.TypeParameterKind == TypeParameterKind.Method) return parameter.Ordinal < called.TypeArguments.Length ? called.TypeArguments[parameter.Ordinal] : type;
        for (INamedTypeSymbol? holder = called.ContainingType; holder is not null; holder = holder.ContainingType)
            if (SymbolEqualityComparer.Default.Equals(holder.OriginalDefinition, parameter.ContainingType)) return holder.TypeArguments[parameter.Ordinal];
        return type;
    }

    /// <summary>The range of values that the type can hold, as far as it is narrower than a long.</summary>
    internal static (long Low, long High) RangeOf(ITypeSymbol? type)
    {
        if (type is INamedTypeSymbol { TypeKind: TypeKind.Enum, EnumUnderlyingType: { } underlying }) type = underlying;
        return type?.SpecialType switch
        {
            SpecialType.System_Boolean => (0, 1),
            SpecialType.System_Byte => (0, byte.MaxValue),
            SpecialType.System_SByte => (sbyte.MinValue, sbyte.MaxValue),
            SpecialType.System_Int16 => (short.MinValue, short.MaxValue),
            SpecialType.System_UInt16 or SpecialType.System_Char => (0, ushort.MaxValue),
            SpecialType.System_Int32 => (int.MinValue, int.MaxValue),
            SpecialType.System_UInt32 => (0, uint.MaxValue),
            _ => (long.MinValue, long.MaxValue),
        };
    }

    /// <summary>Size in bytes of a type that has a fixed one on every platform; 0 if it depends.</summary>
    internal static int FixedSize(ITypeSymbol? type)
    {
        if (type is INamedTypeSymbol { TypeKind: TypeKind.Enum, EnumUnderlyingType: { } underlying }) type = underlying;
        return type?.SpecialType switch
        {
            SpecialType.System_Boolean or SpecialType.System_Byte or SpecialType.System_SByte => 1,
            SpecialType.System_Int16 or SpecialType.System_UInt16 or SpecialType.System_Char => 2,
            SpecialType.System_Int32 or SpecialType.System_UInt32 or SpecialType.System_Single => 4,
            SpecialType.System_Int64 or SpecialType.System_UInt64 or SpecialType.System_Double => 8,
            _ => 0,
        };
    }

    /// <summary>A constant as the engine's number: integers, chars, booleans, enums, null. Anything else is no number.</summary>
    internal static bool TryNumber(object? constant, out long number)
    {
        number = 0;
        switch (constant)
        {
            case null: return true;
            case bool value: number = value ? 1 : 0; return true;
            case char value: number = value; return true;
            case sbyte value: number = value; return true;
            case byte value: number = value; return true;
            case short value: number = value; return true;
            case ushort value: number = value; return true;
            case int value: number = value; return true;
            case uint value: number = value; return true;
            case long value: number = value; return true;
            case ulong value: number = unchecked((long)value); return true;
            default: return false;
        }
    }

    /// <summary>Truncates a constant as a conversion to the type does.</summary>
    internal static long Truncate(long number, ITypeSymbol? type)
    {
        if (type is INamedTypeSymbol { TypeKind: TypeKind.Enum, EnumUnderlyingType: { } underlying }) type = underlying;
        return unchecked(type?.SpecialType switch
        {
            SpecialType.System_Byte => (byte)number,
            SpecialType.System_SByte => (sbyte)number,
            SpecialType.System_Int16 => (short)number,
            SpecialType.System_UInt16 or SpecialType.System_Char => (ushort)number,
            SpecialType.System_Int32 => (int)number,
            SpecialType.System_UInt32 => (uint)number,
            _ => number,
        });
    }
}
