// What a call without a contract may do. Code of this compilation and of other libraries may keep every pointer it is given; the BCL's static
// helpers only use theirs during the call, unless their name says that they store.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal static class CallEffects
{
    /// <summary>Whether the BCL method keeps what it is given.</summary>
    internal static bool Keeps(IMethodSymbol method)
    {
        if (!IsBcl(method)) return true;
        INamedTypeSymbol type = method.ContainingType;
        if (method.MethodKind == MethodKind.Constructor) return type.Name is not ("Span" or "ReadOnlySpan" or "String" or "Decimal");
        if (StoresByName(method.Name) || ReturnsWhatItGets(method.OriginalDefinition)) return true;
        if (method.IsStatic) return false;
        return !(type.IsValueType || type.SpecialType == SpecialType.System_String || type.Name is "Stream" or "FileStream" or "TextWriter" or "StringBuilder" or "BinaryWriter" or "BinaryReader");
    }

    /// <summary><c>Task&lt;T&gt; FromResult&lt;T&gt;(T value)</c>: what is given is in what comes back.</summary>
    private static bool ReturnsWhatItGets(IMethodSymbol method)
    {
        if (!method.IsGenericMethod || !TypeShapes.IsOpen(method.ReturnType)) return false;
        foreach (IParameterSymbol parameter in method.Parameters)
            if (parameter is { RefKind: RefKind.None, Type: ITypeParameterSymbol }) return true;
        return false;
    }

    /// <summary><c>new StrongBox&lt;T&gt;(value)</c>: its one field, and the argument that goes there; null for every other constructor.</summary>
    internal static List<(ISymbol Place, IParameterSymbol Parameter)>? KeptBy(IMethodSymbol constructor) =>
        constructor is { ContainingType: { Name: "StrongBox", Arity: 1 } box, Parameters: [var value] } && IsBcl(constructor) && box.GetMembers("Value") is [IFieldSymbol field] ? [(field, value)] : null;

    /// <summary>A constructor that nobody wrote runs that of the base class: the one that somebody did.</summary>
    internal static IMethodSymbol ConstructorRunBy(IMethodSymbol method)
    {
        while (method is { MethodKind: MethodKind.Constructor, IsImplicitlyDeclared: true, Parameters.IsEmpty: true, ContainingType: { TypeKind: TypeKind.Class, DeclaringSyntaxReferences.Length: > 0, BaseType: { SpecialType: not SpecialType.System_Object } @base } }
            && @base.InstanceConstructors.FirstOrDefault(static constructor => constructor.Parameters.IsEmpty) is { } next) method = next;
        return method;
    }

    private static bool StoresByName(string name) =>
        name is "WriteIntPtr" or "Exchange" or "CompareExchange" or "Write" or "WriteUnaligned" or "SetHandle" or "GetDelegateForFunctionPointer" or "Fill"
        || name.StartsWith("Add", StringComparison.Ordinal) || name.StartsWith("Create", StringComparison.Ordinal)
        || name.StartsWith("Set", StringComparison.Ordinal) || name.StartsWith("Register", StringComparison.Ordinal)
        || name.StartsWith("Free", StringComparison.Ordinal) || name.StartsWith("Release", StringComparison.Ordinal) || name.StartsWith("Destroy", StringComparison.Ordinal)
        || name.StartsWith("ToManaged", StringComparison.Ordinal) || name is "From" or "FromIntPtr" or "Run" or "StartNew" or "QueueUserWorkItem";

    /// <summary>Whether the call may run code that writes memory this body knows about.</summary>
    internal static bool WritesUnknownMemory(IMethodSymbol method) => method.MethodKind == MethodKind.DelegateInvoke || !IsBcl(method);

    /// <summary>The body that runs is in this compilation.</summary>
    internal static bool HasSource(IMethodSymbol method) => method is { DeclaringSyntaxReferences.Length: > 0, IsExtern: false };

    internal static bool IsBcl(IMethodSymbol method)
    {
        if (method.DeclaringSyntaxReferences.Length > 0) return false;
        INamespaceSymbol? ns = method.ContainingNamespace;
        while (ns is { ContainingNamespace: { IsGlobalNamespace: false } outer }) ns = outer;
        return ns?.Name == "System";
    }

    /// <summary>The call reads or writes native memory and does nothing else: what a bad address does is no exception that a handler is for.</summary>
    internal static bool OnlyTouches(IMethodSymbol method) => method.ContainingType is { ContainingNamespace.Name: "InteropServices" } type && IsBcl(method) && type.Name switch
    {
        "Marshal" => (method.Name.StartsWith("Read", StringComparison.Ordinal) || method.Name.StartsWith("Write", StringComparison.Ordinal)) && TypeShapes.IsPointer(method.Parameters[0].Type),
        "NativeMemory" => method.Name is "Clear" or "Fill" or "Copy",
        _ => false,
    };

    /// <summary>Whether control never comes back: it throws or ends the process.</summary>
    internal static bool NeverReturns(IMethodSymbol method)
    {
        foreach (AttributeData attribute in method.GetAttributes())
            if (attribute.AttributeClass?.Name == "DoesNotReturnAttribute") return true;
        if (method is { Name: "Exit" or "FailFast", ContainingType: { Name: "Environment", ContainingNamespace.Name: "System" } }) return true;
        return OnlyThrows(method);
    }

    /// <summary>A source method whose body is a single throw.</summary>
    private static bool OnlyThrows(IMethodSymbol method)
    {
        if (method.DeclaringSyntaxReferences.Length == 0 || method.IsVirtual || method.IsAbstract || method.IsOverride) return false;
        return method.DeclaringSyntaxReferences[0].GetSyntax() switch
        {
            BaseMethodDeclarationSyntax { ExpressionBody.Expression: ThrowExpressionSyntax } => true,
            BaseMethodDeclarationSyntax { Body.Statements: { Count: > 0 } statements } => statements[statements.Count - 1] is ThrowStatementSyntax && statements.Count == 1,
            LocalFunctionStatementSyntax { ExpressionBody.Expression: ThrowExpressionSyntax } => true,
            LocalFunctionStatementSyntax { Body.Statements: { Count: 1 } statements } => statements[0] is ThrowStatementSyntax,
            _ => false,
        };
    }

    /// <summary>The parameter that must have the given truth for the call to return, as <c>Debug.Assert</c> has; -1 if none.</summary>
    internal static int AssertedParameter(IMethodSymbol method, out bool mustBe)
    {
        mustBe = true;
        foreach (IParameterSymbol parameter in method.Parameters)
            foreach (AttributeData attribute in parameter.GetAttributes())
                if (attribute.AttributeClass?.Name == "DoesNotReturnIfAttribute" && attribute.ConstructorArguments is [{ Value: bool stops }, ..])
                {
                    mustBe = !stops;
                    return parameter.Ordinal;
                }

        return -1;
    }
}
