// Puts Shadow.Use around each pointer where the memory behind it is used: *p, p->f, p[i]; and Shadow.Wait around what a lock statement may wait for. The
// rest of the text stays as it is.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Differential.Tests.Oracle;

internal sealed class Instrumentation(SemanticModel model) : CSharpSyntaxRewriter
{
    internal static SyntaxTree Apply(CSharpCompilation compilation, SyntaxTree tree) =>
        tree.WithRootAndOptions(new Instrumentation(compilation.GetSemanticModel(tree)).Visit(tree.GetRoot()), tree.Options);

    public override SyntaxNode? VisitMemberAccessExpression(MemberAccessExpressionSyntax node)
    {
        var inner = (MemberAccessExpressionSyntax)base.VisitMemberAccessExpression(node)!;
        return node.IsKind(SyntaxKind.PointerMemberAccessExpression) ? inner.WithExpression(Watched(node.Expression, inner.Expression)) : inner;
    }

    public override SyntaxNode? VisitPrefixUnaryExpression(PrefixUnaryExpressionSyntax node)
    {
        var inner = (PrefixUnaryExpressionSyntax)base.VisitPrefixUnaryExpression(node)!;
        return node.IsKind(SyntaxKind.PointerIndirectionExpression) ? inner.WithOperand(Watched(node.Operand, inner.Operand)) : inner;
    }

    public override SyntaxNode? VisitElementAccessExpression(ElementAccessExpressionSyntax node)
    {
        var inner = (ElementAccessExpressionSyntax)base.VisitElementAccessExpression(node)!;
        return model.GetTypeInfo(node.Expression).Type is IPointerTypeSymbol ? inner.WithExpression(Watched(node.Expression, inner.Expression)) : inner;
    }

    public override SyntaxNode? VisitLockStatement(LockStatementSyntax node)
    {
        var inner = (LockStatementSyntax)base.VisitLockStatement(node)!;
        return inner.WithExpression(SyntaxFactory.ParseExpression($"Shadow.Wait({inner.Expression})"));
    }

    /// <summary>A span over memory: it is used here, for what follows is a part of the same statement.</summary>
    public override SyntaxNode? VisitObjectCreationExpression(ObjectCreationExpressionSyntax node)
    {
        var inner = (ObjectCreationExpressionSyntax)base.VisitObjectCreationExpression(node)!;
        if (node.ArgumentList is not { Arguments: [{ } pointer, _] } || model.GetTypeInfo(pointer.Expression).Type is not IPointerTypeSymbol) return inner;
        ArgumentSyntax rewritten = inner.ArgumentList!.Arguments[0];
        return inner.ReplaceNode(rewritten, rewritten.WithExpression(Watched(pointer.Expression, rewritten.Expression)));
    }

    private ExpressionSyntax Watched(ExpressionSyntax original, ExpressionSyntax rewritten) =>
        model.GetTypeInfo(original).Type is IPointerTypeSymbol type
            ? SyntaxFactory.ParseExpression($"(({type.ToDisplayString()})Shadow.Use((void*)({rewritten})))")
            : rewritten;
}
