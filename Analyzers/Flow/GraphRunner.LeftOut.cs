// Paths that were left out where there were too many. Those that were kept can all go the same way at a branch further down: what stands on the other
// side would never be seen. So when all is walked, paths that were left out go on, as far as they can come to a block that none has come to.

using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class GraphRunner
{
    private readonly Queue<(FlowState State, int Block, int Statement)> _leftOut = new();

    /// <summary>What the paths that were kept took, as long as others go on.</summary>
    private (int Visits, int Work)? _taken;

    /// <summary>Of each block, whether it leads to one that no path has come to; null when that must be found again.</summary>
    private bool[]? _leadsToNew;

    /// <summary>Goes on with one; false if there is none left.</summary>
    private bool Resume()
    {
        _taken ??= (_analysis.Budget.Visits, _analysis.Budget.Work);
        while (_leftOut.Count > 0 && !IsEnough)
        {
            (FlowState state, int block, int statement) = _leftOut.Dequeue();
            if (!LeadsToNew(block)) continue;
            if (_analysis.Visit()) RunBlock(_graph.Blocks[block], [state], statement);
            return true;
        }

        return false;
    }

    /// <summary>They took half as much: blocks that no path can come to are common.</summary>
    private bool IsEnough =>
        _taken is { } taken && (_analysis.Budget.RunsShort || 2 * _analysis.Budget.Visits > 3 * taken.Visits || 2 * _analysis.Budget.Work > 3 * Math.Max(taken.Work, taken.Visits));

    /// <summary>Ends the paths that go on for what is new and have seen all of it, where nothing is at stake.</summary>
    private void DropDone(List<FlowState> states, int block)
    {
        if (_taken is null) return;
        for (int i = states.Count - 1; i >= 0; i--)
            if (!states[i].IsAtStake && (IsEnough || (!states[i].Acts && !LeadsToNew(block)))) states.RemoveAt(i);
    }

    private bool LeadsToNew(int block)
    {
        if (_leadsToNew is { } known) return known[block];
        bool[] leads = Array.ConvertAll(_reached, static reached => !reached);
        // Callers see the end.
        leads[leads.Length - 1] = false;
        for (bool grew = true; grew;)
        {
            grew = false;
            for (int i = leads.Length - 1; i >= 0; i--)
                if (!leads[i] && (Leads(_graph.Blocks[i].FallThroughSuccessor) || Leads(_graph.Blocks[i].ConditionalSuccessor))) grew = leads[i] = true;
        }

        return (_leadsToNew = leads)[block];

        bool Leads(ControlFlowBranch? branch) => branch?.Destination is { } next && leads[next.Ordinal];
    }
}
