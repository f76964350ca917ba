// What is found by going through all members of a type, found once: Roslyn makes a new array of them for each question.

using System.Runtime.CompilerServices;
using KAlloc.Analyzers.Stack;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal sealed class TypeMembers
{
    // Holds no type alive: an entry goes with its key.
    private static readonly ConditionalWeakTable<INamedTypeSymbol, TypeMembers> s_known = new();

    private readonly Dictionary<ISymbol, IFieldSymbol>? _overlaid;
    private readonly HashSet<ISymbol>? _automatic;
    private readonly Lazy<bool> _hasInitializers;

    private TypeMembers(INamedTypeSymbol type)
    {
        _hasInitializers = new(() => type.GetMembers().Any(IsInitialized));
        Dictionary<int, IFieldSymbol>? byOffset = null;
        foreach (ISymbol member in type.GetMembers())
        {
            if (member is not IFieldSymbol field) continue;
            if (field.AssociatedSymbol is { } owner) (_automatic ??= new(SymbolEqualityComparer.Default)).Add(owner);
            if (field.IsStatic) continue;
            FieldCount++;
            HoldsPointer |= TypeShapes.IsPointer(field.Type);
            First ??= field;
            if (!type.IsValueType || TypeLayouts.ReadOffset(field) is not { } offset) continue;
            HasOffsets = true;
            byOffset ??= [];
            if (byOffset.TryGetValue(offset, out IFieldSymbol? earlier)) (_overlaid ??= new(SymbolEqualityComparer.Default))[field] = earlier;
            else byOffset.Add(offset, field);
        }
    }

    /// <summary>Fields of an object.</summary>
    internal int FieldCount { get; }

    /// <summary>One of them is a pointer.</summary>
    internal bool HoldsPointer { get; }

    /// <summary>Where its fields are is written out, so that they may share bytes.</summary>
    internal bool HasOffsets { get; }

    /// <summary>Some field of an object begins as what is written beside it.</summary>
    internal bool HasInitializers => _hasInitializers.Value;

    /// <summary>The first of them.</summary>
    internal IFieldSymbol? First { get; }

    internal static TypeMembers Of(INamedTypeSymbol type) =>
        // A generic type with arguments is made anew wherever it is named.
        type.IsDefinition ? s_known.GetValue(type, static type => new TypeMembers(type)) : new TypeMembers(type);

    internal bool IsAutomatic(IPropertySymbol property) => _automatic?.Contains(property) == true;

    /// <summary>The first field at the same place in memory; null if there is none before this one.</summary>
    internal IFieldSymbol? Overlaid(IFieldSymbol field) => _overlaid is not null && _overlaid.TryGetValue(field, out IFieldSymbol? first) ? first : null;

    private static bool IsInitialized(ISymbol member) =>
        member is IFieldSymbol { IsStatic: false } field && (field.AssociatedSymbol ?? field).DeclaringSyntaxReferences is [{ } reference, ..]
        && reference.GetSyntax() is VariableDeclaratorSyntax { Initializer: not null } or PropertyDeclarationSyntax { Initializer: not null };
}
