// The parameters of a primary constructor that members use are fields of the object: "class Owner(byte* memory) { … Free(memory) … }".

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal static class PrimaryConstructors
{
    /// <summary>Whether a variable that a body mentions is a parameter of its type's primary constructor.</summary>
    internal static bool Captures(ISymbol variable, ISymbol body) =>
        variable is IParameterSymbol { ContainingSymbol: IMethodSymbol { MethodKind: MethodKind.Constructor } constructor }
        && !SymbolEqualityComparer.Default.Equals(constructor, body) && DeclarationOf(constructor) is not null;

    /// <summary>Whether all that the constructor does is to keep its arguments: it has no base call with arguments, and no member has an initializer.</summary>
    internal static bool OnlyKeeps(IMethodSymbol constructor)
    {
        if (DeclarationOf(constructor) is not { } type || type is RecordDeclarationSyntax || type.BaseList?.Types[0] is PrimaryConstructorBaseTypeSyntax) return false;
        foreach (MemberDeclarationSyntax member in type.Members)
        {
            if (member is PropertyDeclarationSyntax { Initializer: not null }) return false;
            if (member is not FieldDeclarationSyntax field || field.Modifiers.Any(Microsoft.CodeAnalysis.CSharp.SyntaxKind.StaticKeyword)) continue;
            foreach (VariableDeclaratorSyntax variable in field.Declaration.Variables)
                if (variable.Initializer is not null) return false;
        }

        return true;
    }

    private static TypeDeclarationSyntax? DeclarationOf(IMethodSymbol constructor) =>
        constructor.DeclaringSyntaxReferences is [{ } reference] ? reference.GetSyntax() as TypeDeclarationSyntax : null;
}
