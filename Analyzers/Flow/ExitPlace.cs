// Where a path leaves a body or a scope, as a place in the source that a reader would point at: the return, the break or continue, or the
// closing brace. Roslyn's branches carry no syntax, so it is found from what was evaluated last.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Flow;

internal static class ExitPlace
{
    /// <summary>The place at which control leaves along the branch.</summary>
    internal static Location Of(ControlFlowBranch branch, SyntaxNode body)
    {
        BasicBlock block = branch.Source;
        if (block.BranchValue is { } value && block.ConditionKind == ControlFlowConditionKind.None)
            return Returned(value.Syntax);
        SyntaxNode? last = null;
        bool? taken = null;
        if (block.BranchValue is { } condition)
        {
            last = condition.Syntax;
            taken = (block.ConditionKind == ControlFlowConditionKind.WhenTrue) == branch.IsConditionalSuccessor;
        }
        else if (block.Operations.Length > 0)
        {
            last = block.Operations[block.Operations.Length - 1].Syntax;
        }
        else if (Predecessor(block) is { } before)
        {
            return Of(before, body);
        }

        return last is null ? EndOf(body) : Jump(last, taken, body);
    }

    private static ControlFlowBranch? Predecessor(BasicBlock block)
    {
        foreach (ControlFlowBranch branch in block.Predecessors)
            if (branch.Source.Ordinal < block.Ordinal) return branch;
        return null;
    }

    private static Location Returned(SyntaxNode value)
    {
        for (SyntaxNode? node = value; node is not null; node = node.Parent)
            if (node is ReturnStatementSyntax or ThrowStatementSyntax or ThrowExpressionSyntax or ArrowExpressionClauseSyntax or YieldStatementSyntax) return node.GetLocation();
            else if (node is StatementSyntax) break;
        return value.GetLocation();
    }

    private static Location Jump(SyntaxNode last, bool? taken, SyntaxNode body)
    {
        StatementSyntax? statement = last.FirstAncestorOrSelf<StatementSyntax>();
        if (taken is { } truth && statement is IfStatementSyntax branch && branch.Condition.Span.Contains(last.Span))
        {
            StatementSyntax? way = truth != IsNegated(last, branch.Condition) ? branch.Statement : branch.Else?.Statement;
            if (FirstJump(way) is { } jump) return jump.GetLocation();
            if (way is BlockSyntax { Statements.Count: 0 } empty) statement = empty;
        }

        if (taken == true && last.FirstAncestorOrSelf<SwitchSectionSyntax>() is { Statements.Count: > 0 } section && section.Labels.Span.Contains(last.Span) && FirstJump(section.Statements[0]) is { } inSection)
            return inSection.GetLocation();
        while (statement is not null && body.Span.Contains(statement.Span))
        {
            if (IsJump(statement)) return statement.GetLocation();
            if (Next(statement) is { } next)
            {
                if (FirstJump(next) is { } jump) return jump.GetLocation();
                break;
            }

            SyntaxNode? parent = statement.Parent;
            if (parent is BlockSyntax block && (block.Parent is not StatementSyntax || block.Parent is LocalFunctionStatementSyntax || IsLoop(block.Parent)))
                return block.CloseBraceToken.GetLocation();
            statement = parent?.FirstAncestorOrSelf<StatementSyntax>();
        }

        return statement is not null && body.Span.Contains(statement.Span) ? EndOf(EnclosingBlock(statement) ?? body) : EndOf(body);
    }

    /// <summary>A part of a condition stands behind a "!", which the graph has no operation for.</summary>
    private static bool IsNegated(SyntaxNode part, SyntaxNode condition)
    {
        bool negated = false;
        for (SyntaxNode? node = part; node is not null && node != condition; node = node.Parent)
            if (node.Parent is PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression }) negated = !negated;
        return negated;
    }

    private static SyntaxNode? EnclosingBlock(StatementSyntax statement) => statement.Parent?.FirstAncestorOrSelf<BlockSyntax>();

    private static bool IsLoop(SyntaxNode? node) => node is ForStatementSyntax or WhileStatementSyntax or DoStatementSyntax or CommonForEachStatementSyntax;

    private static StatementSyntax? FirstJump(StatementSyntax? statement) => statement switch
    {
        BlockSyntax { Statements: { Count: > 0 } statements } => FirstJump(statements[0]),
        LabeledStatementSyntax labeled => FirstJump(labeled.Statement),
        not null when IsJump(statement) => statement,
        _ => null,
    };

    private static bool IsJump(StatementSyntax statement) =>
        statement is ReturnStatementSyntax or BreakStatementSyntax or ContinueStatementSyntax or GotoStatementSyntax or ThrowStatementSyntax or YieldStatementSyntax { RawKind: (int)SyntaxKind.YieldBreakStatement };

    private static StatementSyntax? Next(StatementSyntax statement)
    {
        SyntaxList<StatementSyntax> siblings = statement.Parent switch
        {
            BlockSyntax block => block.Statements,
            SwitchSectionSyntax section => section.Statements,
            _ => default,
        };
        int index = siblings.IndexOf(statement);
        return index >= 0 && index + 1 < siblings.Count ? siblings[index + 1] : null;
    }

    internal static Location EndOf(SyntaxNode body)
    {
        BlockSyntax? block = body switch
        {
            BlockSyntax self => self,
            BaseMethodDeclarationSyntax method => method.Body,
            AccessorDeclarationSyntax accessor => accessor.Body,
            LocalFunctionStatementSyntax function => function.Body,
            AnonymousFunctionExpressionSyntax function => function.Block,
            _ => null,
        };
        return block is not null ? block.CloseBraceToken.GetLocation() : body.GetLastToken().GetLocation();
    }
}
