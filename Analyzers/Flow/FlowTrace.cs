using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Flow;

/// <summary>Watches a walk, for people: which states reach a block, and how the body ends.</summary>
internal abstract class FlowTrace
{
    /// <summary>A state reaches a block. It changes afterwards: what is wanted of it is read now.</summary>
    internal abstract void Reach(ControlFlowGraph graph, BasicBlock block, FlowState state);

    /// <summary>Work other than visits counts against the budget.</summary>
    internal virtual void Work(int amount)
    {
    }

    /// <summary>A body, or a function inside of one, was walked. <paramref name="summary"/> is null if it was given up.</summary>
    internal abstract void End(ISymbol root, GraphRunner runner, Summary? summary);
}
