// Which body a call runs: a virtual or interface call on a value whose class is known runs that class's own.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal static class Dispatch
{
    internal static IMethodSymbol Resolve(IMethodSymbol method, IOperation? receiver)
    {
        if (receiver is null || !(method.IsAbstract || method.IsVirtual || method.IsOverride)) return method;
        return ClassOf(receiver) is { } type ? Resolve(method, type) : method;
    }

    /// <summary>The body that runs on an object of exactly this class.</summary>
    internal static IMethodSymbol Resolve(IMethodSymbol method, INamedTypeSymbol type)
    {
        if (method.ContainingType.TypeKind == TypeKind.Interface) return type.FindImplementationForInterfaceMember(method) as IMethodSymbol ?? method;
        for (INamedTypeSymbol? self = type; self is not null; self = self.BaseType)
        {
            foreach (ISymbol member in self.GetMembers(method.Name))
                if (member is IMethodSymbol candidate && Overrides(candidate, method)) return candidate;
        }

        return method;
    }

    private static bool Overrides(IMethodSymbol candidate, IMethodSymbol method)
    {
        for (IMethodSymbol? self = candidate; self is not null; self = self.OverriddenMethod)
            if (SymbolEqualityComparer.Default.Equals(self.OriginalDefinition, method.OriginalDefinition)) return true;
        return false;
    }

    /// <summary>The class of the object, if no other can be there: a sealed class, a struct, or an object made here.</summary>
    private static INamedTypeSymbol? ClassOf(IOperation receiver)
    {
        while (receiver is IConversionOperation { OperatorMethod: null } conversion) receiver = conversion.Operand;
        return receiver.Type is INamedTypeSymbol type && type.TypeKind is TypeKind.Class or TypeKind.Struct && (type.IsSealed || type.IsValueType || receiver is IObjectCreationOperation) ? type : null;
    }
}
