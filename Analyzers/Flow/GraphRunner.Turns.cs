// What a turn of a loop does that a widened path forgets: "for (int i = 0; i < n; i++) if (i == n - 1) Free(p);" frees in the last of its turns, but a path
// that is widened after two does not know any more what i was. What one turn freed, handed on or unlocked before it went round may be what another did.

using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class GraphRunner
{
    /// <summary>By header: memory, and locks, that was there before the loop and that some turn gave up.</summary>
    private readonly Dictionary<int, SortedSet<int>> _givenUp = [];
    private readonly Dictionary<int, HashSet<Value>> _unlocked = [];

    /// <summary>A path is where a loop goes round or ends: what it gave up since it came in.</summary>
    private void NoteTurn(FlowState state, BasicBlock block)
    {
        if (block.FallThroughSuccessor?.Destination is { } next && next.Ordinal <= block.Ordinal) NoteTurn(state, next.Ordinal);
        if (block.ConditionalSuccessor?.Destination is { } other && other.Ordinal <= block.Ordinal) NoteTurn(state, other.Ordinal);
    }

    private void NoteTurn(FlowState state, int header)
    {
        if (!state.Loops.TryGet(header, out LoopTurn turn) || turn.Count >= WidenedTurns) return;
        for (int i = 0; i < turn.OnEntry.AllocationCount; i++)
        {
            Allocation before = turn.OnEntry.AllocationAt(i);
            if (before.Status != AllocationStatus.Owned || !state.TryGetAllocation(new Value(before.Symbol, 0), out Allocation now)) continue;
            if (now.Status != AllocationStatus.Owned || IsHandedOn(state, turn.OnEntry, before.Symbol)) Of(_givenUp).Add(before.Symbol);
        }

        for (int i = 0; i < state.AllocationCount; i++)
        {
            Allocation now = state.AllocationAt(i);
            if (now.Status == AllocationStatus.Freed && state.Symbols[now.Symbol].Kind != SymbolKind.Allocation && !turn.OnEntry.IsFreed(now.Symbol)) Of(_givenUp).Add(now.Symbol);
        }

        for (Section? open = turn.OnEntry.Sections; open is not null; open = open.Outer)
            if (!open.Identity.IsZero && !Section.Holds(state.Sections, open.Identity)) Of(_unlocked).Add(open.Identity);

        T Of<T>(Dictionary<int, T> all) where T : new()
        {
            if (!all.TryGetValue(header, out T? set)) all.Add(header, set = new T());
            return set;
        }
    }

    /// <summary>The turn put the memory where others find it.</summary>
    private static bool IsHandedOn(FlowState state, FlowState onEntry, int allocation)
    {
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (cells.ValueAt(i).Symbol == allocation && !state.Symbols.IsPrivate(state.Symbols.Root(cells.KeyAt(i))) && !(onEntry.Cells.TryGet(cells.KeyAt(i), out Value before) && before.Symbol == allocation)) return true;
        return false;
    }

    /// <summary>A widened path leaves the loop: what some turn gave up may be gone.</summary>
    private void LeaveLoop(FlowState state, int index)
    {
        if (state.Loops.ValueAt(index).Count < WidenedTurns) return;
        int header = state.Loops.KeyAt(index);
        if (_givenUp.TryGetValue(header, out SortedSet<int>? memory))
            foreach (int symbol in memory)
                if (!state.IsFreed(symbol)) _analysis.Evaluator.Escape(state, new Value(symbol, 0));
        if (_unlocked.TryGetValue(header, out HashSet<Value>? locks)) state.Sections = Section.Doubt(state.Sections, locks);
    }
}
