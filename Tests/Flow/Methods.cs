using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Flow.Tests;

internal static class Methods
{
    /// <summary>The only method of that name in the compilation's first file, and what it does.</summary>
    internal static (IMethodSymbol Root, IOperation Operation) BodyOf(CSharpCompilation compilation, string name)
    {
        MethodDeclarationSyntax method = compilation.SyntaxTrees[0].GetCompilationUnitRoot().DescendantNodes().OfType<MethodDeclarationSyntax>().Single(candidate => candidate.Identifier.ValueText == name);
        SemanticModel model = compilation.GetSemanticModel(method.SyntaxTree);
        return (model.GetDeclaredSymbol(method)!, model.GetOperation(method)!);
    }
}
