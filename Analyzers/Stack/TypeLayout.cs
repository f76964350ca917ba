// How many bytes a type takes on the stack, by the runtime's own layout rules (CoreCLR, 64 bit).
//
//   primitive, pointer, reference     1…16, 8, 8
//   enum                              its underlying type
//   struct of the BCL                 from the generated table: reference assemblies leave private fields out, so 4 for Guid
//   struct with references            Auto: references, then by falling size, structs last; whatever it declares
//   Sequential                        in order, each field at min(Pack, its alignment); Size is a minimum
//   Explicit                          offsets as declared
//   [InlineArray(n)], fixed buffers   n elements
//   type parameter                    8, and the result says "at least"
//
// Invariant: Size is a multiple of Align (but for Size= and Pack). Cost: each type once per instance (a body's walk holds one).
// Not seen: explicit offsets and Size of structs in other assemblies, which metadata symbols do not show.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Stack;

/// <summary>What the stack model needs to know about a type.</summary>
internal readonly record struct TypeLayout(int Size, int Align, int Leaves)
{
    /// <summary>Holds object references or by-refs, so the collector must see it.</summary>
    public bool HasReferences { get; init; }

    /// <summary>Holds a fixed-size buffer: the JIT guards the frame with a cookie and copies parameters of the type.</summary>
    public bool HasBuffer { get; init; }

    /// <summary>Fields share bytes: the JIT keeps the struct whole.</summary>
    public bool Overlaps { get; init; }

    /// <summary>A type parameter is inside: the true size may be larger.</summary>
    public bool IsAtLeast { get; init; }

    /// <summary>A floating-point scalar: it lives in a register that no callee saves.</summary>
    public bool IsFloat { get; init; }

    /// <summary>A struct that the JIT holds in one SIMD register.</summary>
    public bool IsSimd { get; init; }

    /// <summary>A struct (not a primitive, an enum or a pointer).</summary>
    public bool IsStruct { get; init; }

    /// <summary>Rows of elements in one field: never split into registers.</summary>
    public bool IsInlineArray { get; init; }

    internal static readonly TypeLayout Pointer = new(8, 8, 1);
    internal static readonly TypeLayout Reference = new(8, 8, 1) { HasReferences = true };
}

/// <summary>Computes layouts; one per analysed tree, not thread-safe.</summary>
internal sealed class TypeLayouts
{
    /// <summary>Nesting past which a struct is taken for broken (it would contain itself).</summary>
    private const int MaxDepth = 32;

    private readonly Dictionary<ITypeSymbol, TypeLayout> _known = new(SymbolEqualityComparer.Default);
    private int _depth;

    internal TypeLayout Of(ITypeSymbol? type)
    {
        if (type is null) return TypeLayout.Pointer;
        if (type.TypeKind is TypeKind.Pointer or TypeKind.FunctionPointer) return TypeLayout.Pointer;
        if (OfPrimitive(type.SpecialType) is { } primitive) return primitive;
        if (type.TypeKind == TypeKind.Enum) return Of(((INamedTypeSymbol)type).EnumUnderlyingType);
        if (type.TypeKind == TypeKind.TypeParameter) return (type.IsReferenceType ? TypeLayout.Reference : TypeLayout.Pointer) with { IsAtLeast = !type.IsReferenceType };
        if (type.TypeKind != TypeKind.Struct) return TypeLayout.Reference;
        if (_known.TryGetValue(type, out TypeLayout known)) return known;
        if (_depth >= MaxDepth) return TypeLayout.Pointer;
        _depth++;
        TypeLayout layout = OfStruct((INamedTypeSymbol)type) with { IsStruct = true };
        _depth--;
        return _known[type] = layout;
    }

    private static TypeLayout? OfPrimitive(SpecialType type) => type switch
    {
        SpecialType.System_Boolean or SpecialType.System_Byte or SpecialType.System_SByte => new TypeLayout(1, 1, 1),
        SpecialType.System_Char or SpecialType.System_Int16 or SpecialType.System_UInt16 => new TypeLayout(2, 2, 1),
        SpecialType.System_Int32 or SpecialType.System_UInt32 => new TypeLayout(4, 4, 1),
        SpecialType.System_Single => new TypeLayout(4, 4, 1) { IsFloat = true },
        SpecialType.System_Double => new TypeLayout(8, 8, 1) { IsFloat = true },
        SpecialType.System_Int64 or SpecialType.System_UInt64 or SpecialType.System_IntPtr or SpecialType.System_UIntPtr => TypeLayout.Pointer,
        SpecialType.System_Void => new TypeLayout(0, 1, 0),
        _ => null,
    };

    private TypeLayout OfStruct(INamedTypeSymbol type)
    {
        if (BclStructTable.Find(type) is { } entry) return OfTableEntry(entry, type);

        var declared = ReadDeclaredLayout(type);
        var fields = new List<Field>();
        foreach (ISymbol member in type.GetMembers())
        {
            if (member is not IFieldSymbol { IsStatic: false, IsConst: false } field) continue;
            fields.Add(new Field(OfField(field), declared.Kind == LayoutKind.Explicit ? ReadOffset(field) : null));
        }

        TypeLayout layout = Combine(fields, declared.Kind, declared.Pack, declared.Size);
        return InlineArrayLength(type) is { } length && fields.Count == 1
            ? layout with { Size = Clamp((long)layout.Size * length), Leaves = Clamp((long)layout.Leaves * length), IsInlineArray = true }
            : layout;
    }

    private TypeLayout OfField(IFieldSymbol field)
    {
        if (field.RefKind != RefKind.None) return TypeLayout.Reference;
        if (!field.IsFixedSizeBuffer || field.Type is not IPointerTypeSymbol { PointedAtType: { } element }) return Of(field.Type) with { IsFloat = false };
        TypeLayout one = Of(element);
        return new TypeLayout(Clamp((long)one.Size * field.FixedSize), one.Align, Math.Max(1, field.FixedSize)) { HasBuffer = true, IsStruct = true };
    }

    private TypeLayout OfTableEntry(BclStruct entry, INamedTypeSymbol type)
    {
        if (entry.Fields.IsDefault)
        {
            return new TypeLayout(entry.Size, entry.Align, entry.Leaves)
            {
                HasReferences = entry.HasReferences,
                IsSimd = entry.IsSimd,
            };
        }

        var arguments = new List<ITypeSymbol>();
        Collect(type, arguments);
        List<Field> fields = entry.Fields.Select(field => new Field(OfTableField(field, arguments), null)).ToList();
        TypeLayout layout = Combine(fields, entry.IsAuto ? LayoutKind.Auto : LayoutKind.Sequential, 0, 0);

        // Vector<T> and its kin: their size is the register's, not the sum of their fields.
        return entry.IsSimd ? layout with { Size = entry.Size, Align = entry.Align, IsSimd = true } : layout;

        static void Collect(INamedTypeSymbol type, List<ITypeSymbol> arguments)
        {
            if (type.ContainingType is { } outer) Collect(outer, arguments);
            arguments.AddRange(type.TypeArguments);
        }
    }

    private TypeLayout OfTableField(BclField field, List<ITypeSymbol> arguments)
    {
        if (field.Argument >= 0) return Of(field.Argument < arguments.Count ? arguments[field.Argument] : null) with { IsFloat = false };
        if (field.Struct is not { } nested) return new TypeLayout(field.Size, field.Size, 1) { HasReferences = field.IsReference };
        if (nested.Fields.IsDefault) return new TypeLayout(nested.Size, nested.Align, nested.Leaves) { HasReferences = nested.HasReferences, IsStruct = true };
        List<Field> fields = nested.Fields.Select(inner => new Field(OfTableField(inner.Substitute(field.Arguments), arguments), null)).ToList();
        return Combine(fields, nested.IsAuto ? LayoutKind.Auto : LayoutKind.Sequential, 0, 0) with { IsStruct = true };
    }

    private static TypeLayout Combine(List<Field> fields, LayoutKind kind, int pack, int minimum)
    {
        int leaves = 0;
        bool references = false, buffer = false, overlaps = false, atLeast = false;
        foreach (Field field in fields)
        {
            leaves = Clamp((long)leaves + field.Layout.Leaves);
            references |= field.Layout.HasReferences;
            buffer |= field.Layout.HasBuffer;
            overlaps |= field.Layout.Overlaps;
            atLeast |= field.Layout.IsAtLeast;
        }

        if (references && kind == LayoutKind.Sequential) kind = LayoutKind.Auto;
        long end = 0;
        int align = 1;
        switch (kind)
        {
            case LayoutKind.Auto:
                // References first, then primitives by falling size, structs last.
                foreach (Field field in fields.Where(field => !field.Layout.IsStruct).OrderByDescending(field => field.Layout.HasReferences).ThenByDescending(field => field.Layout.Size))
                    Place(field.Layout, field.Layout.Align);
                foreach (Field field in fields.Where(field => field.Layout.IsStruct))
                    Place(field.Layout, field.Layout.HasReferences ? 8 : field.Layout.Align);
                break;
            case LayoutKind.Explicit:
                long covered = 0;
                foreach (Field field in fields)
                {
                    align = Math.Max(align, pack > 0 ? Math.Min(pack, field.Layout.Align) : field.Layout.Align);
                    end = Math.Max(end, (long)(field.Offset ?? 0) + field.Layout.Size);
                    covered += field.Layout.Size;
                }

                overlaps |= covered > end;
                break;
            default:
                foreach (Field field in fields) Place(field.Layout, pack > 0 ? Math.Min(pack, field.Layout.Align) : field.Layout.Align);
                break;
        }

        long size = Math.Max(Up(Math.Max(end, 1), align), minimum);
        return new TypeLayout(Clamp(size), align, Math.Max(leaves, 1)) { HasReferences = references, HasBuffer = buffer, Overlaps = overlaps, IsAtLeast = atLeast };

        void Place(TypeLayout layout, int fieldAlign)
        {
            align = Math.Max(align, fieldAlign);
            end = Up(end, fieldAlign) + layout.Size;
        }
    }

    private static (LayoutKind Kind, int Pack, int Size) ReadDeclaredLayout(INamedTypeSymbol type)
    {
        foreach (AttributeData attribute in type.GetAttributes())
        {
            if (attribute.AttributeClass is not { Name: "StructLayoutAttribute" } || attribute.ConstructorArguments.Length == 0) continue;
            LayoutKind kind = attribute.ConstructorArguments[0].Value switch
            {
                int value => (LayoutKind)value,
                short value => (LayoutKind)value,
                _ => LayoutKind.Sequential,
            };
            int pack = 0, size = 0;
            foreach (KeyValuePair<string, TypedConstant> named in attribute.NamedArguments)
            {
                if (named.Value.Value is not int number) continue;
                if (named.Key == "Pack") pack = number;
                if (named.Key == "Size") size = number;
            }

            return (kind, pack, size);
        }

        return (LayoutKind.Sequential, 0, 0);
    }

    /// <summary>Where a field is written to be; null if the runtime decides.</summary>
    internal static int? ReadOffset(IFieldSymbol field)
    {
        foreach (AttributeData attribute in field.GetAttributes())
        {
            if (attribute.AttributeClass?.Name == "FieldOffsetAttribute" && FirstNumber(attribute) is { } offset) return offset;
        }

        return null;
    }

    private static int? InlineArrayLength(INamedTypeSymbol type)
    {
        foreach (AttributeData attribute in type.GetAttributes())
        {
            if (attribute.AttributeClass?.Name == "InlineArrayAttribute" && FirstNumber(attribute) is { } length && length > 0) return length;
        }

        return null;
    }

    private static int? FirstNumber(AttributeData attribute) =>
        attribute.ConstructorArguments.Length > 0 && attribute.ConstructorArguments[0].Value is int number ? number : null;

    private static long Up(long value, int align) => (value + align - 1) / align * align;

    /// <summary>Types larger than this do not load; an estimate need not be exact there, but must not wrap.</summary>
    private static int Clamp(long value) => (int)Math.Min(value, int.MaxValue / 4);

    private readonly record struct Field(TypeLayout Layout, int? Offset);
}
