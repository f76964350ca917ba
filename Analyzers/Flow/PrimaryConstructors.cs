// The parameters of a primary constructor that members use are fields of the object: "class Owner(byte* memory) { … Free(memory) … }". Members that
// begin with one of them hold it as well: "readonly byte* _memory = memory", and the properties of a record.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal static class PrimaryConstructors
{
    /// <summary>Whether a variable that a body mentions is a parameter of its type's primary constructor.</summary>
    internal static bool Captures(ISymbol variable, ISymbol body) =>
        variable is IParameterSymbol { ContainingSymbol: IMethodSymbol { MethodKind: MethodKind.Constructor } constructor }
        && !SymbolEqualityComparer.Default.Equals(constructor, body) && DeclarationOf(constructor) is not null;

    /// <summary>
    /// What the constructor keeps, if that is all that it does with its arguments: each under the parameter itself, and under the members that begin with
    /// it. Null if they go to a base class or into an expression.
    /// </summary>
    internal static List<(ISymbol Place, IParameterSymbol Parameter)>? KeptBy(IMethodSymbol constructor)
    {
        if (DeclarationOf(constructor) is not { } type || type.BaseList?.Types[0] is PrimaryConstructorBaseTypeSyntax) return null;
        var kept = new List<(ISymbol, IParameterSymbol)>();
        foreach (IParameterSymbol parameter in constructor.Parameters)
        {
            kept.Add((parameter, parameter));
            if (type is RecordDeclarationSyntax && Member(parameter.Name) is IPropertySymbol property && TypeShapes.IsAutomatic(property)) kept.Add((property, parameter));
        }

        foreach (MemberDeclarationSyntax member in type.Members)
        {
            if (member.Modifiers.Any(SyntaxKind.StaticKeyword) || member.Modifiers.Any(SyntaxKind.ConstKeyword)) continue;
            if (member is PropertyDeclarationSyntax { Initializer: { } initial } declared && !Keep(declared.Identifier.ValueText, initial)) return null;
            if (member is not FieldDeclarationSyntax field) continue;
            foreach (VariableDeclaratorSyntax variable in field.Declaration.Variables)
                if (variable.Initializer is { } initializer && !Keep(variable.Identifier.ValueText, initializer)) return null;
        }

        return kept;

        ISymbol? Member(string name) => constructor.ContainingType.GetMembers(name) is [var only, ..] ? only : null;

        bool Keep(string name, EqualsValueClauseSyntax initializer)
        {
            if (initializer.Value is IdentifierNameSyntax whole && ParameterOf(whole.Identifier) is { } parameter)
            {
                if (Member(name) is { } place) kept.Add((place, parameter));
                return true;
            }

            foreach (SyntaxToken token in initializer.DescendantTokens())
                if (ParameterOf(token) is not null) return false;
            return true;
        }

        IParameterSymbol? ParameterOf(SyntaxToken token)
        {
            foreach (IParameterSymbol parameter in constructor.Parameters)
                if (token.IsKind(SyntaxKind.IdentifierToken) && parameter.Name == token.ValueText) return parameter;
            return null;
        }
    }

    internal static bool IsOne(IMethodSymbol constructor) => DeclarationOf(constructor) is not null;

    private static TypeDeclarationSyntax? DeclarationOf(IMethodSymbol constructor) =>
        constructor.DeclaringSyntaxReferences is [{ } reference] ? reference.GetSyntax() as TypeDeclarationSyntax : null;
}
