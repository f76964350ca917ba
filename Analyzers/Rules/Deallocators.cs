using System.Collections.Immutable;
using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules;

/// <summary>Tells code fixes which method frees an allocation: its name and the type that has it.</summary>
internal static class Deallocators
{
    internal const string Name = "deallocator", Type = "deallocator.type";

    internal static ImmutableDictionary<string, string?> Describe(ImmutableDictionary<string, string?> properties, Allocation allocation)
    {
        if (allocation.Contract.FreedBy is not { } freedBy) return properties;
        INamedTypeSymbol type = allocation.Method.ContainingType;
        string typeName = type.OriginalDefinition.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat.WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted));
        int dot = freedBy.LastIndexOf('.');
        if (dot >= 0)
        {
            // "Marshal.FreeHGlobal": a type beside the allocating one.
            typeName = type.ContainingNamespace.IsGlobalNamespace ? freedBy.Substring(0, dot) : type.ContainingNamespace.ToDisplayString() + "." + freedBy.Substring(0, dot);
            freedBy = freedBy.Substring(dot + 1);
        }

        return properties.Add(Name, freedBy).Add(Type, typeName);
    }
}
