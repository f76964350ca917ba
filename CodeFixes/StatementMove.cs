// Moves an allocation out of a locked region, to before the statement that takes the lock. Only where that changes nothing but the time of the
// allocation: both stand in one block, nothing between leaves it, and what the allocation is computed from is the same before the lock.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.CodeFixes;

internal static class StatementMove
{
    /// <summary>The edit that moves the call's statement before the outermost of the locks; null where it is not certain to be right.</summary>
    internal static Action<TextEdits>? BeforeLock(RepairScope scope, InvocationExpressionSyntax call, IReadOnlyList<Location> locks)
    {
        if (call.FirstAncestorOrSelf<StatementSyntax>() is not { Parent: BlockSyntax block } statement || locks.Count == 0) return null;
        if (AllocatedVariable(scope, statement, call) is not { } variable) return null;
        int last = block.Statements.IndexOf(statement), first = last;
        foreach (Location place in locks)
        {
            if (scope.NodeAt<InvocationExpressionSyntax>(place)?.Parent is not ExpressionStatementSyntax taking || taking.Parent != block) return null;
            first = Math.Min(first, block.Statements.IndexOf(taking));
        }

        for (int i = first; i < last; i++)
            if (!IsIndependent(scope, block.Statements[i], variable)) return null;
        if (!IsKnownBefore(scope, call, block.Statements[first].SpanStart)) return null;
        if (Lines(scope, statement) is not { } moved || Lines(scope, block.Statements[first]) is not { } target) return null;
        string code = scope.Text.ToString(moved);
        return edits =>
        {
            edits.Replace(moved, "");
            edits.Replace(new TextSpan(target.Start, 0), code);
        };
    }

    /// <summary>The local that the statement gives the memory to, if it does nothing else.</summary>
    private static ISymbol? AllocatedVariable(RepairScope scope, StatementSyntax statement, InvocationExpressionSyntax call)
    {
        switch (statement)
        {
            case LocalDeclarationStatementSyntax { UsingKeyword.RawKind: 0, Declaration.Variables: [{ Initializer.Value: { } value } variable] } when Pointers.Strip(scope, value) == call:
                return scope.Model.GetDeclaredSymbol(variable, scope.Cancellation);
            case ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.SimpleAssignmentExpression, Left: IdentifierNameSyntax target } assignment } when Pointers.Strip(scope, assignment.Right) == call:
                return scope.Model.GetSymbolInfo(target, scope.Cancellation).Symbol as ILocalSymbol;
            default:
                return null;
        }
    }

    /// <summary>A plain statement that neither leaves the block nor knows the variable.</summary>
    private static bool IsIndependent(RepairScope scope, StatementSyntax statement, ISymbol variable)
    {
        if (statement is not (LocalDeclarationStatementSyntax or ExpressionStatementSyntax)) return false;
        foreach (SyntaxNode node in statement.DescendantNodes())
        {
            if (node is ThrowExpressionSyntax or AnonymousFunctionExpressionSyntax or AwaitExpressionSyntax) return false;
            if (node is IdentifierNameSyntax name && name.Identifier.ValueText == variable.Name && SymbolEqualityComparer.Default.Equals(scope.Model.GetSymbolInfo(name, scope.Cancellation).Symbol, variable)) return false;
        }

        return true;
    }

    /// <summary>Every operand is a constant, a type, or a variable of the method that has the same value before the lock; shared memory may change until it is held.</summary>
    private static bool IsKnownBefore(RepairScope scope, InvocationExpressionSyntax call, int position)
    {
        foreach (ArgumentSyntax argument in call.ArgumentList.Arguments)
        {
            foreach (SyntaxNode node in argument.Expression.DescendantNodesAndSelf())
            {
                if (node is InvocationExpressionSyntax or AssignmentExpressionSyntax or ElementAccessExpressionSyntax) return false;
                if (node is not SimpleNameSyntax name) continue;
                bool known = scope.Model.GetSymbolInfo(name, scope.Cancellation).Symbol switch
                {
                    INamespaceOrTypeSymbol or IFieldSymbol { IsConst: true } => true,
                    IFieldSymbol { IsReadOnly: true, IsStatic: true } => true,
                    ILocalSymbol local => local.IsConst || (IsDeclaredBefore(local, position) && Variables.IsStable(scope, name, RepairScope.BodyAround(call))),
                    IParameterSymbol => Variables.IsStable(scope, name, RepairScope.BodyAround(call)),
                    _ => false,
                };
                if (!known) return false;
            }
        }

        return true;
    }

    private static bool IsDeclaredBefore(ILocalSymbol local, int position) => local.DeclaringSyntaxReferences is [var declaration] && declaration.Span.End < position;

    /// <summary>The whole lines of a statement with the comments above it; null if other code shares them.</summary>
    private static TextSpan? Lines(RepairScope scope, StatementSyntax statement)
    {
        if (statement.GetLeadingTrivia().Any(trivia => trivia.IsDirective) || statement.DescendantTrivia().Any(trivia => trivia.IsDirective)) return null;
        SourceText text = scope.Text;
        int start = statement.SpanStart;
        foreach (SyntaxTrivia trivia in statement.GetLeadingTrivia().Reverse())
            if (trivia.IsKind(SyntaxKind.SingleLineCommentTrivia) || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia)) start = trivia.SpanStart;
        start = text.Lines.GetLineFromPosition(start).Start;
        int end = text.Lines.GetLineFromPosition(statement.Span.End).EndIncludingLineBreak;
        SyntaxToken before = statement.GetFirstToken().GetPreviousToken(), after = statement.GetLastToken().GetNextToken();
        return before.Span.End <= start && after.SpanStart >= end ? TextSpan.FromBounds(start, end) : null;
    }
}
