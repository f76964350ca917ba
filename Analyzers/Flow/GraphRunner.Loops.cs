// The loops of a graph: where they end, how often a path goes round, and what in them later turns may come to.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class GraphRunner
{
    /// <summary>Of one loop no more paths than these go on as they are: they differ in what was before it.</summary>
    private const int MaximalChained = 2;

    /// <summary>After so many turns a path is widened.</summary>
    private const int WidenedTurns = 2;

    /// <summary>Of so many turns, if it is known that there are no more, each is walked.</summary>
    private const int CountedTurns = 8;

    private readonly Dictionary<int, int> _chained = [];
    private readonly Dictionary<int, bool> _handsOn = [];
    private readonly bool[] _reached;

    private static int[] FindLoops(ControlFlowGraph graph)
    {
        // Per header block, the last block of the loop; -1 for other blocks.
        var ends = new int[graph.Blocks.Length];
        for (int i = 0; i < ends.Length; i++) ends[i] = -1;
        foreach (BasicBlock block in graph.Blocks)
        {
            Note(block.FallThroughSuccessor);
            Note(block.ConditionalSuccessor);
        }

        // A loop whose turn ends with another loop is left by the header of that: its last block is the inner loop's.
        for (int header = ends.Length - 1; header >= 0; header--)
            for (int inner = header + 1; inner <= ends[header]; inner++) ends[header] = Math.Max(ends[header], ends[inner]);
        return ends;

        void Note(ControlFlowBranch? branch)
        {
            if (branch?.Destination is not { } to || to.Ordinal > branch.Source.Ordinal) return;
            int end = branch.Source.Ordinal;
            // The finally blocks on the way back stand behind.
            foreach (ControlFlowRegion region in branch.FinallyRegions) end = Math.Max(end, region.LastBlockOrdinal);
            ends[to.Ordinal] = Math.Max(ends[to.Ordinal], end);
        }
    }

    /// <summary>Takes a back edge; false when the loop has been seen often enough.</summary>
    private bool GoRound(FlowState state, int header)
    {
        if (!state.Loops.TryGet(header, out LoopTurn turn)) return true;
        if (turn.IsWidened) return false;
        bool isLast = _analysis.Budget.RunsShort || (turn.Count + 1 >= WidenedTurns && !IsCounted(state, header, turn));
        if (turn.Count == 0) NoteFilled(state, header, turn.OnEntry);
        else if (isLast && turn.Count == 1 && HasChained(state, turn.OnEntry)) SendOnceMore(state, header, turn);
        else if (isLast && turn.Count == 1) SendFilled(state, header);
        if (isLast) _analysis.Evaluator.Widen(this, state, turn.OnEntry, header);
        state.Loops.Set(header, new LoopTurn(turn.Count + 1, isLast ? state.Fork() : turn.OnEntry, isLast));
        return true;
    }

    /// <summary>The loop goes round a few times, and it is known how often: memory that each of its turns makes or frees is seen turn by turn.</summary>
    private bool IsCounted(FlowState state, int header, LoopTurn turn) =>
        turn.Count < CountedTurns && state.IsAtStake && HandsOn(header)
        && _analysis.Evaluator.TurnsLeft(this, _graph.Blocks[header].BranchValue, state) is { } left && turn.Count + 1 + left <= CountedTurns;

    /// <summary>
    /// The turns linked the memory that each of them allocated. Widened, the links behind the first are not known to lead to memory that is owned: who goes on
    /// as it is comes to the ways out behind the loop with all of them.
    /// </summary>
    private void SendOnceMore(FlowState state, int header, LoopTurn turn)
    {
        _chained.TryGetValue(header, out int before);
        if (before >= MaximalChained) return;
        _chained[header] = before + 1;
        FlowState asItIs = state.Fork();
        asItIs.Loops.Set(header, turn with { Count = WidenedTurns, IsWidened = true });
        Send(asItIs, _graph.Blocks[header]);
    }

    /// <summary>Memory that a turn allocated points to what another turn got from the same call, and this body owns both.</summary>
    private static bool HasChained(FlowState state, FlowState onEntry)
    {
        if (state.AllocationCount < 2) return false;
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
        {
            int holder = state.Symbols.Root(cells.KeyAt(i));
            if (state.Symbols[holder].Kind == SymbolKind.Allocation && IsNew(new Value(holder, 0), out Allocation node) && IsNew(cells.ValueAt(i), out Allocation linked) && node.Symbol != linked.Symbol && node.Site == linked.Site) return true;
        }

        return false;

        bool IsNew(Value pointer, out Allocation allocation) =>
            state.TryGetAllocation(pointer, out allocation) && allocation.Status == AllocationStatus.Owned && !onEntry.TryGetAllocation(new Value(allocation.Symbol, 0), out _);
    }

    /// <summary>Something in the loop may free a pointer or let others keep it.</summary>
    internal bool HandsOn(int header)
    {
        if (_handsOn.TryGetValue(header, out bool known)) return known;
        for (int i = header; i <= _loopEnds[header] && !known; i++) known = Returns(_graph.Blocks[i]) || _graph.Blocks[i].AllOperations().Any(HandsOn);
        _handsOn.Add(header, known);
        return known;

        static bool Returns(BasicBlock block) => block is { FallThroughSuccessor.Semantics: ControlFlowBranchSemantics.Return, BranchValue.Type: { } type } && TypeShapes.IsPointer(type);
    }

    /// <summary>Variables in the blocks of a loop that no turn has come to so far.</summary>
    internal HashSet<ISymbol> NamedInOtherTurns(int header)
    {
        var named = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        for (int i = header; i <= _loopEnds[header]; i++)
        {
            if (_reached[i]) continue;
            foreach (IOperation operation in _graph.Blocks[i].AllOperations()) Note(operation);
        }

        return named;

        void Note(IOperation operation)
        {
            foreach (IOperation inner in operation.DescendantsAndSelf())
            {
                if (inner.Parent is ISimpleAssignmentOperation { IsRef: false } assignment && ReferenceEquals(assignment.Target, inner)) continue;
                if (inner is ILocalReferenceOperation local) named.Add(local.Local);
                if (inner is IParameterReferenceOperation parameter) named.Add(parameter.Parameter);
            }
        }
    }

    private static bool HandsOn(IOperation operation)
    {
        foreach (IOperation inner in operation.DescendantsAndSelf())
            switch (inner)
            {
                case IInvocationOperation or IFunctionPointerInvocationOperation or IObjectCreationOperation or IReturnOperation:
                case ISimpleAssignmentOperation { Target: not ILocalReferenceOperation, Type: { } type } when TypeShapes.FixedSize(type) is 0 or 8:
                    return true;
            }

        return false;
    }
}
