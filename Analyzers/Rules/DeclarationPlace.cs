using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Rules;

/// <summary>Where a finding about a whole body stands: at the name of what declares it.</summary>
internal static class DeclarationPlace
{
    internal static Location Of(SyntaxNode declaration) => declaration switch
    {
        ConstructorDeclarationSyntax node => node.Identifier.GetLocation(),
        DestructorDeclarationSyntax node => node.Identifier.GetLocation(),
        OperatorDeclarationSyntax node => node.OperatorToken.GetLocation(),
        ConversionOperatorDeclarationSyntax node => node.Type.GetLocation(),
        MethodDeclarationSyntax node => node.Identifier.GetLocation(),
        LocalFunctionStatementSyntax node => node.Identifier.GetLocation(),
        AccessorDeclarationSyntax node => node.Keyword.GetLocation(),
        PropertyDeclarationSyntax node => node.Identifier.GetLocation(),
        IndexerDeclarationSyntax node => node.ThisKeyword.GetLocation(),
        LambdaExpressionSyntax node => node.ArrowToken.GetLocation(),
        AnonymousMethodExpressionSyntax node => node.DelegateKeyword.GetLocation(),
        CompilationUnitSyntax node when node.Members.Count > 0 => node.Members[0].GetFirstToken().GetLocation(),
        var node => node.GetFirstToken().GetLocation(),
    };
}
