// A variable that is null when a loop begins and that the loop's first turn fills: "byte* all = null; … if (i == room) all = Larger();". Widened against
// what held before the loop, the variable is one that changes, and what it holds is let go. Against what held after the first turn it stays as it is, as do
// the room, the flag and whatever else that turn set and the second left alone; so the turns that come later are those of a loop that began filled. What
// the variable holds is in doubt until all turns are walked: a turn that these two did not go like may free it.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class GraphRunner
{
    /// <summary>Of one loop no more paths than these go on filled.</summary>
    private const int MaximalFilled = 2;

    /// <summary>By header: what held after first turns that filled a variable. What they have sent on so far.</summary>
    private readonly Dictionary<int, List<FlowState>> _filled = [];
    private readonly Dictionary<int, int> _sentFilled = [];

    private void NoteFilled(FlowState state, int header, FlowState onEntry)
    {
        if (state.AllocationCount == 0 || !HasFilled(state, onEntry) || !HandsOn(header)) return;
        List<FlowState> all = Of(_filled, header);
        if (all.Count < MaximalFilled) all.Add(state.Fork());
    }

    private void SendFilled(FlowState state, int header)
    {
        if (!_filled.TryGetValue(header, out List<FlowState>? all)) return;
        _sentFilled.TryGetValue(header, out int before);
        foreach (FlowState first in all)
        {
            if (before >= MaximalFilled || !IsBehind(state.Trail, first.Trail) || !KeepsFilled(state, first)) continue;
            _sentFilled[header] = before + 1;
            FlowState filled = state.Fork();
            _analysis.Evaluator.Widen(this, filled, first, header, isFilled: true);
            filled.Loops.Set(header, new LoopTurn(WidenedTurns, filled.Fork(), IsWidened: true));
            Send(filled, _graph.Blocks[header]);
            return;
        }
    }

    /// <summary>A local, or a field of one, that was null holds memory that this turn allocated.</summary>
    private static bool HasFilled(FlowState state, FlowState onEntry)
    {
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (IsFilled(state, cells.KeyAt(i), cells.ValueAt(i)) && WasNull(cells.KeyAt(i))) return true;
        return false;

        bool WasNull(Value place) => (onEntry.Cells.TryGet(place, out Value before) || onEntry.TryGetInitial(place, out before, out _)) && before.IsZero;
    }

    /// <summary>What the first turn filled the second has left alone.</summary>
    private static bool KeepsFilled(FlowState state, FlowState first)
    {
        SmallMap<Value, Value> cells = first.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (IsFilled(first, cells.KeyAt(i), cells.ValueAt(i)) && state.Cells.TryGet(cells.KeyAt(i), out Value now) && now == cells.ValueAt(i) && IsFilled(state, cells.KeyAt(i), now)) return true;
        return false;
    }

    private static bool IsFilled(FlowState state, Value place, Value held) =>
        place.Offset == 0 && held.Offset == 0 && state.Symbols.KindOf(place) is SymbolKind.Local or SymbolKind.Field && state.Symbols[state.Symbols.Root(place)].Kind == SymbolKind.Local && state.TryGetAllocation(held, out Allocation memory) && memory.Status == AllocationStatus.Owned;

    /// <summary>The path went on from there.</summary>
    private static bool IsBehind(Trail? trail, Trail? earlier)
    {
        while (trail is not null && trail.Depth > (earlier?.Depth ?? 0)) trail = trail.Before;
        return ReferenceEquals(trail, earlier);
    }
}
