// What a turn of a loop does that a widened path forgets: "for (int i = 0; i < n; i++) if (i == n - 1) Free(p);" frees in the last of its turns, but a path
// that is widened after two does not know any more what i was. What one turn freed, handed on or unlocked before it went round may be what another did.

using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class GraphRunner
{
    /// <summary>By header: memory, and locks, that was there before the loop and that some turn gave up.</summary>
    private readonly Dictionary<int, SortedSet<int>> _givenUp = [];
    private readonly Dictionary<int, HashSet<Value>> _unlocked = [];

    /// <summary>By header: memory that a widened turn gave up before it went round once more.</summary>
    private readonly Dictionary<int, SortedSet<int>> _goneRound = [];

    /// <summary>By header: memory that was there before the loop and that a first turn put into other memory or an object.</summary>
    private readonly Dictionary<int, SortedSet<int>> _putAway = [];

    /// <summary>A path is where a loop goes round or ends: what it gave up since it came in.</summary>
    private void NoteTurn(FlowState state, BasicBlock block)
    {
        if (block.FallThroughSuccessor?.Destination is { } next && next.Ordinal <= block.Ordinal) NoteTurn(state, next.Ordinal);
        if (block.ConditionalSuccessor?.Destination is { } other && other.Ordinal <= block.Ordinal) NoteTurn(state, other.Ordinal);
    }

    private void NoteTurn(FlowState state, int header)
    {
        if (!state.Loops.TryGet(header, out LoopTurn turn)) return;
        if (turn.IsWidened)
        {
            NoteWidened(state, header, turn, leaves: false);
            return;
        }

        for (int i = 0; i < turn.OnEntry.AllocationCount; i++)
        {
            Allocation before = turn.OnEntry.AllocationAt(i);
            if (before.Status != AllocationStatus.Owned || !state.TryGetAllocation(new Value(before.Symbol, 0), out Allocation now)) continue;
            if (now.Status != AllocationStatus.Owned || IsHandedOn(state, turn.OnEntry, before.Symbol)) Of(_givenUp, header).Add(before.Symbol);
            if (turn.Count == 0 && IsPut(state, turn.OnEntry, before.Symbol, static (symbols, root) => symbols[root].Kind is not (SymbolKind.Local or SymbolKind.Capture))) Of(_putAway, header).Add(before.Symbol);
        }

        for (int i = 0; i < state.AllocationCount; i++)
        {
            Allocation now = state.AllocationAt(i);
            if (now.Status == AllocationStatus.Freed && state.Symbols[now.Symbol].Kind != SymbolKind.Allocation && !turn.OnEntry.IsFreed(now.Symbol)) Of(_givenUp, header).Add(now.Symbol);
        }

        for (Section? open = turn.OnEntry.Sections; open is not null; open = open.Outer)
            if (!open.Identity.IsZero && !Section.Holds(state.Sections, open.Identity)) Of(_unlocked, header).Add(open.Identity);
    }

    private T Of<T>(Dictionary<int, T> all, int header) where T : new()
    {
        if (!all.TryGetValue(header, out T? set)) all.Add(header, set = new T());
        return set;
    }

    /// <summary>
    /// What a widened turn gives up other turns have given up too, unless other memory stands in its place, as <c>realloc</c> leaves it. A turn that leaves the
    /// loop with it says so of what is in doubt only.
    /// </summary>
    private void NoteWidened(FlowState state, int header, LoopTurn turn, bool leaves, Value returned = default)
    {
        for (int i = 0; i < turn.OnEntry.AllocationCount; i++)
        {
            Allocation before = turn.OnEntry.AllocationAt(i);
            if (before.Status != AllocationStatus.Owned || (leaves && before.DoubtedIn == 0)) continue;
            if (returned.Symbol == before.Symbol || !IsKept(state, turn.OnEntry, before.Symbol) || IsHandedOn(state, turn.OnEntry, before.Symbol))
            {
                Of(_givenUp, header).Add(before.Symbol);
                if (!leaves) Of(_goneRound, header).Add(before.Symbol);
            }
        }
    }

    /// <summary>Each place that held the memory does so still, or holds memory that this turn allocated.</summary>
    private static bool IsKept(FlowState state, FlowState onEntry, int allocation)
    {
        SmallMap<Value, Value> cells = onEntry.Cells;
        for (int i = 0; i < cells.Count; i++)
        {
            if (cells.ValueAt(i).Symbol != allocation || state.Symbols[state.Symbols.Root(cells.KeyAt(i))].Kind == SymbolKind.Capture) continue;
            if (!state.TryPeek(cells.KeyAt(i), out Value held) || !state.TryGetAllocation(held, out Allocation now) || now.Status != AllocationStatus.Owned) return false;
            if (now.Symbol != allocation && onEntry.TryGetAllocation(held, out _)) return false;
        }

        return true;
    }

    /// <summary>The turn put the memory where others find it.</summary>
    private static bool IsHandedOn(FlowState state, FlowState onEntry, int allocation) => IsPut(state, onEntry, allocation, static (symbols, root) => !symbols.IsPrivate(root));

    private static bool IsPut(FlowState state, FlowState onEntry, int allocation, Func<SymbolTable, int, bool> isThere)
    {
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
            if (cells.ValueAt(i).Symbol == allocation && isThere(state.Symbols, state.Symbols.Root(cells.KeyAt(i))) && !(onEntry.Cells.TryGet(cells.KeyAt(i), out Value before) && before.Symbol == allocation)) return true;
        return false;
    }

    /// <summary>
    /// The path comes past the loop without a turn. Whoever writes "for (int i = 0; i &lt; n; i++) rows[i] = data + (i * width);" and then frees <c>rows[0]</c> knows
    /// that there is one.
    /// </summary>
    private bool IsPassedBy(int header, LoopTurn turn, ControlFlowBranch? branch) =>
        turn is { Count: 0, IsWidened: false } && branch?.Source.Ordinal == header && _loopEnds[header] > header && branch.Source.ConditionKind != ControlFlowConditionKind.None && HandsOn(header);

    private void LetGo(FlowState state, SortedSet<int> memory)
    {
        foreach (int symbol in memory)
            if (!state.IsFreed(symbol)) _analysis.Evaluator.Escape(state, new Value(symbol, 0));
    }

    /// <summary>A path leaves the loop. If it is widened, what some turn gave up may be gone.</summary>
    private void LeaveLoop(FlowState state, int index, ControlFlowBranch branch)
    {
        (int header, LoopTurn turn) = (state.Loops.KeyAt(index), state.Loops.ValueAt(index));
        if (!turn.IsWidened)
        {
            if (_putAway.TryGetValue(header, out SortedSet<int>? put) && IsPassedBy(header, turn, branch)) LetGo(state, put);
            return;
        }

        if (_givenUp.TryGetValue(header, out SortedSet<int>? memory)) LetGo(state, memory);
        if (_unlocked.TryGetValue(header, out HashSet<Value>? locks)) state.Sections = Section.Doubt(state.Sections, locks);
        for (int i = 0; i < state.AllocationCount; i++)
        {
            if (state.AllocationAt(i) is not { Status: AllocationStatus.Owned } doubted || doubted.DoubtedIn != DoubtOf(header)) continue;
            if (WasSeen(header)) state.SetAllocation(doubted with { DoubtedIn = 0 });
            else _analysis.Evaluator.Escape(state, new Value(doubted.Symbol, 0));
        }
    }

    /// <summary>Memory in doubt was overwritten in a turn. All turns are walked: if none gives it up, it was lost there.</summary>
    private void SettleDoubts() => _analysis.SettleDoubts(Depth, (header, symbol) => WasSeen(header) && !(_goneRound.TryGetValue(header, out SortedSet<int>? gone) && gone.Contains(symbol)));

    /// <summary>What tells the loop apart from those of functions that run in place in it.</summary>
    internal int DoubtOf(int header) => (Depth << 16) + header;

    /// <summary>All of the loop was walked: no path was left out that may have come to another part of it.</summary>
    private bool WasSeen(int header)
    {
        foreach ((_, int block, _) in _leftOut)
            if (block >= header && block <= _loopEnds[header]) return false;
        return NamedInOtherTurns(header).Count == 0;
    }

    // Paths that leave a loop wait until all of its turns are walked.

    private readonly List<(int Header, ControlFlowBranch Branch, FlowState State, Value Value)> _leaving = [];

    /// <summary>The path leaves widened loops with memory that other turns may give up, or comes past a loop: it waits for the outermost of them.</summary>
    private bool Waits(ControlFlowBranch branch, FlowState state, Value value)
    {
        int outermost = NoteLeft(state, branch.Destination!.Ordinal, branch.Semantics == ControlFlowBranchSemantics.Return ? state.Canonical(value) : default, branch);
        if (outermost < 0 || !state.HoldsAny) return false;
        _leaving.Add((outermost, branch, state, value));
        return true;
    }

    /// <summary>The outermost of the loops that the path leaves, of those that matter; -1 if there is none.</summary>
    private int NoteLeft(FlowState state, int target, Value returned, ControlFlowBranch? branch = null)
    {
        int outermost = -1;
        for (int i = 0; i < state.Loops.Count; i++)
        {
            (int header, LoopTurn turn) = (state.Loops.KeyAt(i), state.Loops.ValueAt(i));
            if (target >= header && target <= _loopEnds[header]) continue;
            if (turn.IsWidened) NoteWidened(state, header, turn, leaves: true, returned);
            else if (!IsPassedBy(header, turn, branch)) continue;
            if (outermost < 0) outermost = header;
        }

        return outermost;
    }

    /// <summary>Lets those go whose loop nobody walks any more, of loops in one another the inner ones first.</summary>
    private void LeaveWalked()
    {
        while (_leaving.Count > 0)
        {
            int innermost = _leaving.Max(static path => path.Header);
            if (_queue.GetViewBetween(innermost, _loopEnds[innermost]).Count > 0) return;
            List<(int Header, ControlFlowBranch Branch, FlowState State, Value Value)> ready = _leaving.FindAll(path => path.Header == innermost);
            _leaving.RemoveAll(path => path.Header == innermost);
            foreach ((_, ControlFlowBranch branch, FlowState state, Value value) in ready) Go(branch, state, value);
        }
    }
}
