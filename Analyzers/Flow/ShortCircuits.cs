// Blocks that a condition of several tests leads to on several ways: the first statement of "if (a || b) …". Whoever takes something on there must know
// by which test it came, or the second "if (a || b)" is no longer the same condition.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal static class ShortCircuits
{
    /// <summary>Every way to the block is a test of one condition.</summary>
    internal static bool Meet(BasicBlock block)
    {
        // A call may be true for either of two reasons, as a condition may: "if (IsLarge(n) || always)" in a method of its own.
        if (block.Predecessors is [{ Source: { ConditionKind: not ControlFlowConditionKind.None, BranchValue: IInvocationOperation } }]) return true;
        // "else owner?.Dispose();" comes two blocks after the condition that leads there.
        if (block.Predecessors is [{ Source: { BranchValue: IIsNullOperation, Predecessors.Length: > 1 } asked }]) return Meet(asked);
        if (block.Predecessors.Length < 2) return false;
        SyntaxNode? condition = null;
        foreach (ControlFlowBranch way in block.Predecessors)
        {
            if (way.Source.ConditionKind == ControlFlowConditionKind.None || way.Source.BranchValue is not { } test) return false;
            SyntaxNode whole = WholeOf(test.Syntax);
            if (whole != (condition ??= whole)) return false;
        }

        return true;
    }

    private static SyntaxNode WholeOf(SyntaxNode test)
    {
        while (test.Parent is ParenthesizedExpressionSyntax or PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression }
            or BinaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalAndExpression or (int)SyntaxKind.LogicalOrExpression }) test = test.Parent;
        return test;
    }
}
