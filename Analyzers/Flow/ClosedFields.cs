// Fields of which a part of the program is known to hold every use: what those bodies do to them together is all that ever happens.
//
//   private byte* _data;                       uses and writes: the type that declares it
//   class C { struct Node { public byte* P } } uses and writes: C, if Node is private there
//   public readonly byte* Data;                writes: the type that declares it; uses: anywhere

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal static class ClosedFields
{
    /// <summary>The type in whose text the field is written; null if that could be anywhere.</summary>
    internal static INamedTypeSymbol? WritersOf(IFieldSymbol field) => UsersOf(field) ?? (field.IsReadOnly ? field.ContainingType : null);

    /// <summary>The outermost type in whose text the field can be named; null if others can name it.</summary>
    internal static INamedTypeSymbol? UsersOf(IFieldSymbol field)
    {
        for (ISymbol? member = field; member is { ContainingType: { } type }; member = type)
            if (member.DeclaredAccessibility == Accessibility.Private) return type;
        return null;
    }

    /// <summary>A field whose writes are known and that can hold a pointer or the order of a block.</summary>
    internal static bool IsTracked(IFieldSymbol field)
    {
        if (field.IsConst || field.IsFixedSizeBuffer || field.RefKind != RefKind.None || field.DeclaringSyntaxReferences.Length == 0) return false;
        bool isOrder = field.Type.SpecialType is SpecialType.System_Int32 or SpecialType.System_UInt32;
        return (MayBeNull(field) || isOrder) && !IsLaidOut(field.ContainingType) && WritersOf(field) is not null;
    }

    /// <summary>A field that can hold a pointer: its zero is null.</summary>
    internal static bool MayBeNull(IFieldSymbol field) =>
        TypeShapes.IsPointer(field.Type) || field.Type.SpecialType is SpecialType.System_Int64 or SpecialType.System_UInt64 || TypeShapes.IsWrapper(field.Type) || MayOwn(field.Type);

    /// <summary>A reference to an object that may own memory: what can be disposed.</summary>
    private static bool MayOwn(ITypeSymbol type)
    {
        if (type is not { IsReferenceType: true, TypeKind: TypeKind.Class or TypeKind.Interface }) return false;
        foreach (INamedTypeSymbol implemented in type.AllInterfaces)
            if (implemented.SpecialType == SpecialType.System_IDisposable) return true;
        return type.SpecialType == SpecialType.System_IDisposable;
    }

    /// <summary>Code outside of the program may fill, or free what is in, a struct or an object whose layout is stated.</summary>
    private static bool IsLaidOut(INamedTypeSymbol type)
    {
        foreach (AttributeData attribute in type.GetAttributes())
            if (attribute.AttributeClass?.Name == "StructLayoutAttribute") return true;
        return false;
    }
}
