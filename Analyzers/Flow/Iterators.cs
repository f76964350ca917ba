// Iterators that do all they do before they give their first element. A loop over the call of such a one finds that done when it begins, and then goes
// through the elements as through a list: that is what the call stands for there.
//
//   IEnumerable<nint> All(int n) { nint p = Make(n); yield return p; }      foreach (nint p in All(8)) Free(p);
//
// What goes on between two elements (a loop, a try around one) runs in turns with the body of the loop, and is not followed.

using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal static class Iterators
{
    private static readonly ConditionalWeakTable<IMethodSymbol, object> s_known = new();

    /// <summary>Whether nothing happens once the first element was given.</summary>
    internal static bool GivesInTheEnd(IMethodSymbol method) =>
        ElementOf(method) is not null && (bool)s_known.GetValue(method.OriginalDefinition, static known => Find(known));

    /// <summary>What an iterator gives one by one.</summary>
    private static ITypeSymbol? ElementOf(IMethodSymbol method) =>
        method.ReturnType is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Collections_Generic_IEnumerable_T, TypeArguments: [var element] } && TypeShapes.IsScalar(element) ? element : null;

    /// <summary>The elements that a loop over the call goes through; null if the call is no such one.</summary>
    internal static ITypeSymbol? GoneThrough(IOperation source) =>
        source is IInvocationOperation { TargetMethod: var method } call && GivesInTheEnd(method) && IsGoneThrough(call) ? ElementOf(method) : null;

    /// <summary>A loop begins with it: elsewhere it may run later, or never.</summary>
    internal static bool IsGoneThrough(IOperation call)
    {
        IOperation? parent = call.Parent;
        while (parent is IConversionOperation { IsImplicit: true }) parent = parent.Parent;
        return parent is IInvocationOperation { IsImplicit: true, TargetMethod.Name: "GetEnumerator" };
    }

    private static object Find(IMethodSymbol method)
    {
        if (method.IsAsync || method.DeclaringSyntaxReferences is not [{ } reference] || reference.GetSyntax() is not MethodDeclarationSyntax { Body: { } body }) return false;
        int first = -1;
        foreach (SyntaxNode node in body.DescendantNodes(static node => node is not (LambdaExpressionSyntax or LocalFunctionStatementSyntax)))
        {
            if (node is YieldStatementSyntax yield)
            {
                for (SyntaxNode? around = yield.Parent; around != body; around = around!.Parent)
                    if (around is not (BlockSyntax or IfStatementSyntax or ElseClauseSyntax)) return false;
                if (first < 0 && yield.IsKind(SyntaxKind.YieldReturnStatement)) first = yield.Span.End;
            }
            else if (node is LocalDeclarationStatementSyntax { UsingKeyword.RawKind: not 0 })
            {
                // What it disposes of goes with the last element.
                return false;
            }
            else if (first >= 0 && node.SpanStart >= first && node is InvocationExpressionSyntax or ObjectCreationExpressionSyntax or ImplicitObjectCreationExpressionSyntax or AssignmentExpressionSyntax or LocalFunctionStatementSyntax)
            {
                return false;
            }
        }

        return first >= 0;
    }
}
