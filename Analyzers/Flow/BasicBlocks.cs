// What is asked of a block wherever blocks are gone through.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Flow;

internal static class BasicBlocks
{
    /// <summary>The statements of a block, and last the value that it branches on or returns.</summary>
    internal static IEnumerable<IOperation> AllOperations(this BasicBlock block)
    {
        foreach (IOperation operation in block.Operations) yield return operation;
        if (block.BranchValue is { } value) yield return value;
    }
}
