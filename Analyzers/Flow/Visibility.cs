using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

/// <summary>Who can name a symbol.</summary>
internal static class Visibility
{
    /// <summary>Whether code of other assemblies can: nothing on the way to the symbol is private, or internal to an assembly that has no friends.</summary>
    internal static bool ReachesOutside(ISymbol symbol, IAssemblySymbol assembly)
    {
        bool isInternal = false;
        for (ISymbol? outer = symbol; outer is not null and not INamespaceSymbol; outer = outer.ContainingSymbol)
        {
            if (outer.DeclaredAccessibility == Accessibility.Private) return false;
            isInternal |= outer.DeclaredAccessibility is Accessibility.Internal or Accessibility.ProtectedAndInternal;
        }

        return !isInternal || HasFriends(assembly);
    }

    private static bool HasFriends(IAssemblySymbol assembly)
    {
        foreach (AttributeData attribute in assembly.GetAttributes())
            if (attribute.AttributeClass?.Name == "InternalsVisibleToAttribute") return true;
        return false;
    }
}
