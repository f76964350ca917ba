// The parts of a struct that matter when it is copied or cleared as a whole: all of them, if one can hold a pointer, as then the others say what
// that pointer is (a length, a flag, an owner). Vectors and colours have none, and large structs are too much to follow part by part.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed class StructParts
{
    /// <summary>More values than these are not followed one by one.</summary>
    private const int MaximalParts = 24;

    private readonly Dictionary<ITypeSymbol, IFieldSymbol[]> _known = new(SymbolEqualityComparer.Default);

    /// <summary>The fields to follow, outermost level only; none if the type is one value, holds no pointer, or is too large.</summary>
    internal IFieldSymbol[] Of(ITypeSymbol? type)
    {
        if (type is not INamedTypeSymbol { IsValueType: true } named || TypeShapes.IsScalar(type)) return [];
        if (_known.TryGetValue(type, out IFieldSymbol[]? fields)) return fields;
        int parts = 0;
        bool follows = HoldsPointer(named, ref parts) && parts <= MaximalParts;
        _known.Add(type, fields = follows ? [.. FieldsOf(named)] : []);
        return fields;
    }

    /// <summary>Each value in it is followed; else it may be zero where nothing is known.</summary>
    internal bool AreAll(ITypeSymbol type)
    {
        IFieldSymbol[] fields = Of(type);
        foreach (IFieldSymbol field in fields)
            if (!TypeShapes.IsScalar(field.Type) && !AreAll(field.Type)) return false;
        return fields.Length > 0;
    }

    /// <summary>Not followed part by part: too large, or with parameters for fields. Whoever gets it gets everything that is in it.</summary>
    internal static bool IsOpaque(ITypeSymbol? type)
    {
        if (type is not INamedTypeSymbol { IsValueType: true } named || TypeShapes.IsScalar(type)) return false;
        int parts = 0;
        HoldsPointer(named, ref parts);
        return parts > MaximalParts || (!named.IsRecord && named.InstanceConstructors.Any(PrimaryConstructors.IsOne));
    }

    /// <summary>Memory may hang on the field.</summary>
    internal static bool CanLead(IFieldSymbol field) => ClosedFields.MayBeNull(field) || CanLead(field.Type);

    /// <summary>Memory may hang on a value of the type.</summary>
    internal static bool CanLead(ITypeSymbol type)
    {
        if (TypeShapes.IsScalar(type)) return TypeShapes.IsPointer(type) || TypeShapes.IsWrapper(type) || (type.IsReferenceType && type.SpecialType != SpecialType.System_String) || type.SpecialType is SpecialType.System_Int64 or SpecialType.System_UInt64;
        int parts = 0;
        return type is INamedTypeSymbol named && (HoldsPointer(named, ref parts) || parts > MaximalParts);
    }

    private static bool HoldsPointer(INamedTypeSymbol type, ref int parts)
    {
        bool holds = false;
        foreach (IFieldSymbol field in FieldsOf(type))
        {
            if (++parts > MaximalParts) return holds;
            if (TypeShapes.IsScalar(field.Type)) holds |= field.Type.IsReferenceType || ClosedFields.MayBeNull(field);
            else if (field.Type is INamedTypeSymbol inner) holds |= HoldsPointer(inner, ref parts);
        }

        return holds;
    }

    private static IEnumerable<IFieldSymbol> FieldsOf(INamedTypeSymbol type)
    {
        if (type.IsTupleType)
        {
            foreach (IFieldSymbol element in type.TupleElements) yield return element;
            yield break;
        }

        // A span keeps what it covers in a way of its own.
        if (type.IsRefLikeType && type.ContainingNamespace is { Name: "System" }) yield break;
        foreach (ISymbol member in type.GetMembers())
            if (member is IFieldSymbol { IsStatic: false, IsFixedSizeBuffer: false, RefKind: RefKind.None } field && !TypeShapes.IsCaptured(field)) yield return field;
    }
}
