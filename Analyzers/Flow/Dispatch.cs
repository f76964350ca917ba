// Which bodies a call can run. A virtual or interface call on an object whose class is known runs that class's own; else it runs one of those that this
// compilation has, if no other assembly can add one.
//
//   sealed class, struct, new C(), a settled field      that class
//   internal interface or class, private constructor    each body that an object of it can have: at most four, and alike in what they do (SummaryShape)
//   public interface or class of a library              anything: nobody has shown that this is all there is
//
// What only the caller knows (the class of a parameter) is noted in the log with the bodies that are possible, and decided when the summary is applied.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

/// <summary>A call of which the caller of its body may know more: what a virtual one runs, or what is in the collection.</summary>
internal sealed record DeferredCall(IMethodSymbol Method, IReadOnlyList<IMethodSymbol> Bodies, bool Acts = true);

internal sealed class Dispatch(Compilation compilation, Func<SyntaxTree, string, bool> mentions)
{
    /// <summary>More bodies than these are not compared.</summary>
    internal const int MaximalJoined = 4;

    /// <summary>A method with more bodies says nothing about what a call of it runs.</summary>
    private const int MaximalBodies = 8;

    private readonly Lazy<Dictionary<INamedTypeSymbol, List<INamedTypeSymbol>>> _derived = new(() => FindDerived(compilation));

    /// <summary>Fields that hold one value.</summary>
    internal SettledFields Fields { get; } = new(compilation, mentions);

    /// <summary>Fields that one body writes.</summary>
    internal SoleWriters Writers { get; } = new();

    /// <summary>Another body than the method's own may run.</summary>
    internal static bool IsVirtual(IMethodSymbol method, IOperation? receiver) =>
        (method.IsAbstract || method.IsVirtual || (method.IsOverride && !method.IsSealed)) && !method.IsStatic && receiver is not null && !IsBase(receiver);

    /// <summary>The method may not be the one that runs.</summary>
    internal static bool MayBeOverridden(IMethodSymbol method) => !method.IsStatic && (method.IsAbstract || method.IsVirtual || (method.IsOverride && !method.IsSealed && !method.ContainingType.IsSealed));

    /// <summary>Everybody who calls the method is in this compilation, and somebody does: what is wrong with what it returns shows there.</summary>
    internal bool IsCalledHere(IMethodSymbol method)
    {
        method = method.OriginalDefinition;
        if (Visibility.ReachesOutside(method, compilation.Assembly) || method.DeclaringSyntaxReferences is not [{ } own]) return false;
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            if (!mentions(tree, method.Name)) continue;
            foreach (SyntaxNode node in tree.GetRoot().DescendantNodes())
                if (node is SimpleNameSyntax name && name.Identifier.ValueText == method.Name && !(tree == own.SyntaxTree && own.Span.Contains(node.Span))) return true;
        }

        return false;
    }

    private static bool IsBase(IOperation receiver)
    {
        while (receiver is IConversionOperation { IsImplicit: true } conversion) receiver = conversion.Operand;
        return receiver is IInstanceReferenceOperation { Syntax: BaseExpressionSyntax };
    }

    /// <summary>The body of a call on an object of the class, or what the receiver's own type tells; null if that leaves it open.</summary>
    internal IMethodSymbol? Certain(IMethodSymbol method, IOperation? receiver, INamedTypeSymbol? exact) =>
        (exact ?? (receiver is null ? null : ClassOf(receiver))) is { } type && Resolve(method, type) is { IsAbstract: false } body ? body : null;

    /// <summary>The bodies in this compilation that a call can run; none if they are too many to say.</summary>
    internal IReadOnlyList<IMethodSymbol> BodiesOf(IMethodSymbol method, ITypeSymbol? receiver)
    {
        INamedTypeSymbol root = receiver is INamedTypeSymbol { TypeKind: TypeKind.Class or TypeKind.Interface } narrower && narrower.SpecialType != SpecialType.System_Object ? narrower : method.ContainingType;
        if (root.DeclaringSyntaxReferences.Length == 0 || !_derived.Value.TryGetValue(root.OriginalDefinition, out List<INamedTypeSymbol>? classes)) return [];
        var bodies = new List<IMethodSymbol>();
        foreach (INamedTypeSymbol type in classes)
        {
            IMethodSymbol body = Resolve(method, type);
            // Of a generic class it cannot be said which of an interface's constructions it implements.
            if (body.IsAbstract || (type.IsGenericType && root.IsGenericType)) return [];
            if (bodies.Exists(known => SymbolEqualityComparer.Default.Equals(known, body))) continue;
            if (bodies.Count == MaximalBodies) return [];
            bodies.Add(body);
        }

        return bodies;
    }

    /// <summary>No other assembly can add a class, and no machinery makes objects of one.</summary>
    internal bool IsClosed(IMethodSymbol method, ITypeSymbol? receiver) => IsClosed(method.ContainingType) || (receiver is INamedTypeSymbol type && IsClosed(type));

    /// <summary>Another assembly can put a body in this one's place.</summary>
    internal bool IsOpen(IMethodSymbol body) => MayBeOverridden(body) && body.ContainingType.TypeKind == TypeKind.Class && !IsClosed(body.ContainingType);

    private bool IsClosed(INamedTypeSymbol type)
    {
        if (type.IsComImport || type.GetAttributes().Length > 0 || !SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, compilation.Assembly)) return false;
        if (compilation.Options.OutputKind is OutputKind.ConsoleApplication or OutputKind.WindowsApplication || !Visibility.ReachesOutside(type, compilation.Assembly)) return true;
        if (type.TypeKind != TypeKind.Class) return false;
        foreach (IMethodSymbol constructor in type.InstanceConstructors)
            if (Visibility.ReachesOutside(constructor, compilation.Assembly)) return false;
        return true;
    }

    /// <summary>For each interface and class of this compilation, the types of which there can be objects.</summary>
    private static Dictionary<INamedTypeSymbol, List<INamedTypeSymbol>> FindDerived(Compilation compilation)
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
                foreach (INamedTypeSymbol contract in type.AllInterfaces) Add(contract, type);
                for (INamedTypeSymbol? self = type; self is { TypeKind: TypeKind.Class, DeclaringSyntaxReferences.Length: > 0 }; self = self.BaseType) Add(self, type);
            }
        }

        return found;

        void Add(INamedTypeSymbol root, INamedTypeSymbol type)
        {
            root = root.OriginalDefinition;
            if (root.DeclaringSyntaxReferences.Length == 0) return;
            if (!found.TryGetValue(root, out List<INamedTypeSymbol>? types)) found.Add(root, types = []);
            if (types.Count == 0 || !SymbolEqualityComparer.Default.Equals(types[types.Count - 1], type)) types.Add(type);
        }
    }

    /// <summary>The body that runs on an object of exactly this class.</summary>
    internal static IMethodSymbol Resolve(IMethodSymbol method, INamedTypeSymbol type)
    {
        if (method.ContainingType.TypeKind == TypeKind.Interface)
        {
            // Asked for a construction of a generic method the compiler throws.
            if (type.FindImplementationForInterfaceMember(method.ConstructedFrom) is not IMethodSymbol implementation) return method;
            if (implementation.Arity > 0 && implementation.Arity == method.Arity) implementation = implementation.Construct([.. method.TypeArguments]);
            // A base class implements it, and this one overrides that.
            return implementation.ContainingType.TypeKind == TypeKind.Class && MayBeOverridden(implementation) ? Resolve(implementation, type) : implementation;
        }

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
