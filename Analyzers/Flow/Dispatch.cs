// Which body a call runs: a virtual or interface call on a value whose class is known runs that class's own; so does a call of an interface that
// only this compilation can implement, and that does so once.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed class Dispatch(Compilation compilation, Func<SyntaxTree, string, bool> mentions)
{
    private readonly Lazy<Dictionary<INamedTypeSymbol, List<INamedTypeSymbol>>> _implementers = new(() => FindImplementers(compilation));

    /// <summary>Fields that hold one value.</summary>
    internal SettledFields Fields { get; } = new(compilation, mentions);

    internal IMethodSymbol Resolve(IMethodSymbol method, IOperation? receiver)
    {
        if (receiver is null || !(method.IsAbstract || method.IsVirtual || method.IsOverride)) return method;
        return ClassOf(receiver) is { } type ? Resolve(method, type) : OnlyImplementation(method) ?? method;
    }

    /// <summary>The body that runs on any object at all, if there is only one.</summary>
    private IMethodSymbol? OnlyImplementation(IMethodSymbol method)
    {
        if (!method.IsAbstract || method.ContainingType is not { TypeKind: TypeKind.Interface } contract || !IsClosed(contract) || !_implementers.Value.TryGetValue(contract, out List<INamedTypeSymbol>? classes)) return null;
        IMethodSymbol? only = null;
        foreach (INamedTypeSymbol type in classes)
        {
            IMethodSymbol body = Resolve(method, type);
            if (only is not null && !SymbolEqualityComparer.Default.Equals(only, body)) return null;
            only = body;
        }

        return only;
    }

    /// <summary>No other assembly can implement the interface, and no machinery makes objects of it.</summary>
    private bool IsClosed(INamedTypeSymbol contract) =>
        !contract.IsComImport && contract.GetAttributes().Length == 0 && SymbolEqualityComparer.Default.Equals(contract.ContainingAssembly, compilation.Assembly)
        && !Visibility.ReachesOutside(contract, compilation.Assembly);

    /// <summary>For each interface, the types of this compilation of which there can be objects.</summary>
    private static Dictionary<INamedTypeSymbol, List<INamedTypeSymbol>> FindImplementers(Compilation compilation)
    {
        var found = new Dictionary<INamedTypeSymbol, List<INamedTypeSymbol>>(SymbolEqualityComparer.Default);
        var open = new Stack<INamespaceOrTypeSymbol>([compilation.Assembly.GlobalNamespace]);
        while (open.Count > 0)
        {
            foreach (ISymbol member in open.Pop().GetMembers())
            {
                if (member is not INamespaceOrTypeSymbol inner) continue;
                open.Push(inner);
                if (inner is not INamedTypeSymbol { TypeKind: TypeKind.Class or TypeKind.Struct, IsAbstract: false } type) continue;
                foreach (INamedTypeSymbol contract in type.AllInterfaces)
                {
                    if (!found.TryGetValue(contract, out List<INamedTypeSymbol>? types)) found.Add(contract, types = []);
                    types.Add(type);
                }
            }
        }

        return found;
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

    /// <summary>The class of the object, if no other can be there: a sealed class, a struct, an object made here, or the one that a field holds.</summary>
    private INamedTypeSymbol? ClassOf(IOperation receiver)
    {
        while (receiver is IConversionOperation { OperatorMethod: null } conversion) receiver = conversion.Operand;
        if (receiver is IFieldReferenceOperation { Field: var field } && Fields.ClassIn(field) is { } held) return held;
        return receiver.Type is INamedTypeSymbol type && type.TypeKind is TypeKind.Class or TypeKind.Struct && (type.IsSealed || type.IsValueType || receiver is IObjectCreationOperation) ? type : null;
    }
}
