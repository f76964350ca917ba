// Operations that turn out in one way only: they call nothing. Most statements are of that kind, and are performed on the state itself, where others
// need a copy of it for each way.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

/// <summary>Which operations of a graph's blocks go straight on, found at the first visit of a block.</summary>
internal sealed class Straight(ControlFlowGraph graph)
{
    private readonly bool[]?[] _known = new bool[]?[graph.Blocks.Length];

    /// <summary>For each operation of the block, and last for its branch value.</summary>
    internal bool[] Of(BasicBlock block)
    {
        if (_known[block.Ordinal] is { } known) return known;
        bool[] straight = new bool[block.Operations.Length + 1];
        for (int i = 0; i < block.Operations.Length; i++) straight[i] = IsStraight(block.Operations[i]);
        straight[block.Operations.Length] = block.BranchValue is { } value && IsStraight(value);
        return _known[block.Ordinal] = straight;
    }

    private static bool IsStraight(IOperation operation)
    {
        foreach (IOperation inner in operation.DescendantsAndSelf())
        {
            switch (inner)
            {
                case IExpressionStatementOperation or IParenthesizedOperation or ISimpleAssignmentOperation or IFlowCaptureOperation or IFlowCaptureReferenceOperation:
                case ILocalReferenceOperation or IParameterReferenceOperation or IFieldReferenceOperation or IInstanceReferenceOperation or IArrayElementReferenceOperation:
                case ILiteralOperation or ISizeOfOperation or IDefaultValueOperation or IAddressOfOperation or IIsNullOperation:
                case IConversionOperation { OperatorMethod: null } or IBinaryOperation { OperatorMethod: null } or IUnaryOperation { OperatorMethod: null }:
                case ICompoundAssignmentOperation { OperatorMethod: null } or IIncrementOrDecrementOperation { OperatorMethod: null }:
                case { Kind: OperationKind.None }:
                    break;
                default:
                    return false;
            }
        }

        return true;
    }
}
