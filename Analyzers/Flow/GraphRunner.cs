// Walks one control flow graph with several states a block.
//
//   blocks are taken in source order, a loop's turn as a whole before the next
//   a block's pending states are first reduced: equal content becomes one, at most 16 stay, of each ownership as many, and fewer as the budget goes;
//   where nothing is at stake two stand for all, and those that were left out go on in the end if they lead to something new
//   a back edge is followed once; the second time the loop is widened (what it changes becomes unknown), the third time the path ends
//   finally blocks run with a continuation kept beside the state; exceptions of calls are sent to handlers of the body once per ownership
//
// Cost: 16 states a block were enough in every measurement; the budget of visits ends a walk that explodes.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class GraphRunner
{
    /// <summary>One of so many places is left for exceptions of calls.</summary>
    private const int ShareOfExceptions = 4;

    /// <summary>With more states than this at a block they are tidied: it costs as much as a few statements.</summary>
    private const int TidyAbove = 4;

    /// <summary>States of one content that stay apart by what they assume, while something is owned or held.</summary>
    private const int WaysToOneContent = 3;

    /// <summary>From no more states than these a statement goes all of its ways, as long as the budget lets many stay.</summary>
    private const int FewStates = 4;

    private readonly FlowAnalysis _analysis;
    private readonly ControlFlowGraph _graph;
    private readonly GraphRunner? _outer;
    private readonly SyntaxNode _body;
    private readonly SortedSet<int> _queue = [];
    private readonly List<FlowState>?[] _pending;
    private readonly int[] _loopEnds;
    private readonly Straight _straight;
    private readonly HashSet<(ControlFlowRegion, long)> _sent = [];
    private readonly Dictionary<ControlFlowBranch, Location> _exitPlaces = [];
    private LastUses? _lastUses;

    internal GraphRunner(FlowAnalysis analysis, ControlFlowGraph graph, GraphRunner? outer, GraphRunner? caller, SyntaxNode body, IMethodSymbol? method)
    {
        _analysis = analysis;
        _graph = graph;
        _outer = outer;
        _body = body;
        Caller = caller;
        Method = method;
        Depth = caller is null ? 0 : caller.Depth + 1;
        _pending = new List<FlowState>?[graph.Blocks.Length];
        _loopEnds = FindLoops(graph);
        _straight = new Straight(graph);
        _reached = new bool[graph.Blocks.Length];
    }

    internal GraphRunner? Caller { get; }

    internal IMethodSymbol? Method { get; }

    /// <summary>How many lambdas and local functions are being run in place around this one.</summary>
    internal int Depth { get; }

    internal ControlFlowGraph Graph => _graph;

    /// <summary>Paths that returned, with what they returned and where.</summary>
    internal List<(FlowState State, Value Value, Location Place)> Returns { get; } = [];

    /// <summary>Paths that a throw statement of this body ended.</summary>
    internal List<(FlowState State, SyntaxNode Statement)> Throws { get; } = [];

    internal ControlFlowGraph? FindLocalFunction(IMethodSymbol method, out GraphRunner? owner)
    {
        for (owner = this; owner is not null; owner = owner._outer)
            if (owner._graph.LocalFunctions.Contains(method)) return owner._graph.GetLocalFunctionControlFlowGraph(method, _analysis.Cancellation);
        return null;
    }

    internal ControlFlowGraph? FindLambda(IFlowAnonymousFunctionOperation lambda, out GraphRunner? owner)
    {
        owner = _analysis.OwnerOf(lambda);
        return owner?._graph.GetAnonymousFunctionControlFlowGraph(lambda, _analysis.Cancellation);
    }

    internal void Run(FlowState entry)
    {
        Send(entry, _graph.Blocks[0]);
        do RunPending();
        while (Resume());
        SettleDoubts();
    }

    private void RunPending()
    {
        for (LeaveWalked(); _queue.Count > 0; LeaveWalked())
        {
            int ordinal = Next();
            _queue.Remove(ordinal);
            List<FlowState> states = _pending[ordinal]!;
            _pending[ordinal] = null;
            DropDone(states, ordinal);
            states = Reduce(states, ordinal, 0);
            foreach (FlowState state in states)
            {
                if (!_analysis.Visit()) return;
                if (state.HasGrown) Tidy(state, ordinal);
                _analysis.Trace?.Reach(_graph, _graph.Blocks[ordinal], state);
            }

            RunBlock(_graph.Blocks[ordinal], states, 0);
        }
    }

    /// <summary>The first block that waits, but the next turn of a loop only when all states have ended this one: so they meet, and become fewer.</summary>
    private int Next()
    {
        int next = _queue.Min;
        while (_loopEnds[next] > next && _queue.GetViewBetween(next + 1, _loopEnds[next]) is { Count: > 0 } inside) next = inside.Min;
        return next;
    }

    private void Send(FlowState state, BasicBlock block)
    {
        (_pending[block.Ordinal] ??= []).Add(state);
        _queue.Add(block.Ordinal);
    }

    /// <summary>States that differ only in assumptions, or in what no later step can tell, become one.</summary>
    /// <param name="states">The states.</param>
    /// <param name="block">Where they are.</param>
    /// <param name="statement">The one that comes next in the block.</param>
    private List<FlowState> Reduce(List<FlowState> states, int block, int statement)
    {
        int entered = statement == 0 ? block : -1;
        if (states.Count <= 1) return states;
        List<FlowState> kept = Merge(states, entered);
        if (kept.Count > TidyAbove)
        {
            foreach (FlowState state in kept) Tidy(state, entered);
            FlowState.AlignEpochs(kept);
            kept = Merge(kept, entered);
        }

        return kept.Count > PlacesFor(kept) ? Choose(kept, block, statement) : kept;
    }

    private void Tidy(FlowState state, int block)
    {
        LastUses uses = _lastUses ??= new LastUses(_graph, _loopEnds);
        state.Tidy(_analysis.Compaction, local => uses.IsOver(local, block));
    }

    /// <summary>
    /// Of too many states some of each: of each way that they go on to after a finally block, and there of each ownership, the first first. Exceptions of calls
    /// come after all others, since less is told of them. Those that stay keep their order.
    /// </summary>
    private List<FlowState> Choose(List<FlowState> states, int block, int statement)
    {
        int places = PlacesFor(states);
        _analysis.LosePaths();
        List<List<int>> ways = Group([.. Enumerable.Range(0, states.Count)], (a, b) => Continuation.Same(states[a].Pending, states[b].Pending));
        var chosen = new SortedSet<int>();
        Deal(ways.FindAll(way => !IsExceptional(states[way[0]])), places - (places / ShareOfExceptions));
        Deal(ways.FindAll(way => IsExceptional(states[way[0]])), places);
        Deal(ways, places);
        var kept = new List<FlowState>(chosen.Count);
        for (int i = 0; i < states.Count; i++)
        {
            if (chosen.Contains(i)) kept.Add(states[i]);
            else _leftOut.Enqueue((states[i], block, statement));
        }

        return kept;

        void Deal(List<List<int>> hands, int limit)
        {
            List<List<int>> sorted = hands.ConvertAll(hand => Interleave(Group(hand, (a, b) => states[a].Acts == states[b].Acts && states[a].SameOwnership(states[b]))));
            foreach (int index in Interleave(sorted))
                if (chosen.Count < limit) chosen.Add(index);
        }
    }

    /// <summary>Where nothing is owned, freed or held on any of the paths, few of them stand for all.</summary>
    private int PlacesFor(List<FlowState> states) =>
        states.Exists(static state => state.IsAtStake) ? _analysis.Budget.StatesPerBlock : _analysis.Budget.IdleStatesPerBlock;

    private static bool IsExceptional(FlowState state) => state.Pending?.Exception is { IsImplicit: true };

    private static List<List<int>> Group(List<int> indices, Func<int, int, bool> same)
    {
        var groups = new List<List<int>>();
        foreach (int index in indices)
        {
            List<int>? group = null;
            for (int i = 0; i < groups.Count && group is null; i++)
                if (same(groups[i][0], index)) group = groups[i];
            if (group is null) groups.Add(group = []);
            group.Add(index);
        }

        return groups;
    }

    /// <summary>The first of each, the second of each, and so on.</summary>
    private static List<int> Interleave(List<List<int>> groups)
    {
        var all = new List<int>();
        bool hasMore = true;
        for (int rank = 0; hasMore; rank++)
        {
            hasMore = false;
            foreach (List<int> group in groups)
            {
                if (rank < group.Count) all.Add(group[rank]);
                hasMore |= rank + 1 < group.Count;
            }
        }

        return all;
    }

    private List<FlowState> Merge(List<FlowState> states, int block)
    {
        var kept = new List<FlowState>();
        bool? isOneCondition = null;
        bool acts = states.Exists(static state => state.Acts);
        foreach (FlowState state in states)
        {
            FlowState? same = null;
            int alike = 0;
            foreach (FlowState other in kept)
            {
                if (!state.SameContent(other) || (_analysis.IsInCircle && !Log.Same(state.Log, other.Log))) continue;
                same ??= other;
                alike++;
            }

            // "if (a || b) p = Make(); … if (a || b) Free(p);": both ways of the first are needed to see that the second is one of them.
            bool staysApart = same is not null && !_analysis.IsInCircle
                && (state.HoldsAny || acts || state.AsksElements || same.AsksElements || (isOneCondition ??= block >= 0 && ShortCircuits.Meet(_graph.Blocks[block])) == true);
            if (same is null || (staysApart && alike < WaysToOneContent && kept.Count < _analysis.Budget.StatesPerBlock)) kept.Add(state);
            // One that assumes less than either of two would go ways that neither can: it is better left out, if it may be lost on the way.
            else if (!staysApart || !state.HoldsAny) same!.IntersectAssumptions(state);
        }

        return kept;
    }

    /// <summary>Runs a block on all states that wait for it, statement by statement: within it, too, there are no more than may stay.</summary>
    private void RunBlock(BasicBlock block, List<FlowState> states, int statement)
    {
        if (!_reached[block.Ordinal])
        {
            _reached[block.Ordinal] = true;
            _leadsToNew = null;
        }

        foreach (FlowState entry in states)
            if (_loopEnds[block.Ordinal] >= 0 && !entry.Loops.Contains(block.Ordinal)) entry.Loops.Set(block.Ordinal, new LoopTurn(0, entry.Fork()));
        bool guarded = IsGuarded(block);
        bool[] straight = _straight.Of(block);
        for (int i = statement; i < block.Operations.Length; i++)
        {
            IOperation operation = block.Operations[i];
            // A block can hold thousands of statements.
            _analysis.Cancellation.ThrowIfCancellationRequested();
            if (_analysis.GaveUp) return;
            if (straight[i])
            {
                states.RemoveAll(state => !_analysis.Evaluator.RunStraight(this, operation, state, out _));
                continue;
            }

            List<FlowState> after = RunEach(block, operation, states, guarded).ConvertAll(static way => way.State);
            states = after.Count > PlacesFor(after) ? Reduce(after, block.Ordinal, i + 1) : after;
        }

        if (block.BranchValue is not { } value)
        {
            foreach (FlowState state in states) Follow(block.FallThroughSuccessor, state, Value.Zero);
            return;
        }

        bool isReference = block.FallThroughSuccessor?.Semantics == ControlFlowBranchSemantics.Return && Method is { RefKind: not RefKind.None };
        if (straight[block.Operations.Length])
        {
            foreach (FlowState state in states)
                if (_analysis.Evaluator.RunStraight(this, value, state, out Value only, isReference)) RunBranch(block, value, state, only);
            return;
        }

        foreach ((FlowState after, Value result) in RunEach(block, value, states, guarded, isReference)) RunBranch(block, value, after, result);
    }

    /// <summary>
    /// The ways that a statement can turn out from each of the states. Of all that they have together no more than a few can stay: each of many states
    /// goes some of its ways only, and each begins with another.
    /// </summary>
    private List<(FlowState State, Value Value)> RunEach(BasicBlock block, IOperation operation, List<FlowState> states, bool guarded, bool isReference = false)
    {
        if (states.Count == 0) return [];
        IOperation? throwing = guarded ? Throwing(operation) : null;
        int places = _analysis.Budget.StatesPerBlock;
        bool areMany = states.Count > FewStates || places <= FewStates;
        // Twice as many as may stay: some of them become one.
        int ways = areMany ? Math.Max(1, 2 * places / states.Count) : Choices.MaximalCombinations;
        var outcomes = new List<(FlowState State, Value Value)>();
        for (int i = 0; i < states.Count; i++)
        {
            if (throwing is not null) UnwindFrom(throwing.Syntax, block, states[i]);
            var choices = new Choices(areMany ? i : 0, ways);
            _analysis.Evaluator.Run(this, operation, states[i], outcomes, choices, isReference);
            if (choices.HasMore) _analysis.LosePaths();
        }

        return outcomes;
    }

    private void RunBranch(BasicBlock block, IOperation operation, FlowState state, Value value)
    {
        if (block.ConditionKind == ControlFlowConditionKind.None)
        {
            Follow(block.FallThroughSuccessor, state, value);
            return;
        }

        bool jumpsWhen = block.ConditionKind == ControlFlowConditionKind.WhenTrue;
        value = state.Canonical(value);
        if (value.IsConstant)
        {
            Follow((value.Offset != 0) == jumpsWhen ? block.ConditionalSuccessor : block.FallThroughSuccessor, state, Value.Zero);
            return;
        }

        FlowState other = state.Fork();
        bool canJump = state.Decide(value, jumpsWhen), canFall = other.Decide(value, !jumpsWhen);
        if (canJump && canFall && !operation.IsImplicit)
        {
            state.Branch(operation.Syntax, jumpsWhen);
            other.Branch(operation.Syntax, !jumpsWhen);
        }

        if (canJump) Follow(block.ConditionalSuccessor, state, Value.Zero);
        if (canFall) Follow(block.FallThroughSuccessor, other, Value.Zero);
    }

    private void Follow(ControlFlowBranch? branch, FlowState state, Value value)
    {
        if (branch is null) return;
        switch (branch.Semantics)
        {
            case ControlFlowBranchSemantics.Throw:
                Unwind(state, branch.Source.EnclosingRegion, new Unwinding(ThrownType(branch.Source.BranchValue), ThrowStatement(branch.Source.BranchValue)));
                return;
            case ControlFlowBranchSemantics.Rethrow:
                Unwind(state, branch.Source.EnclosingRegion, new Unwinding(null, null));
                return;
            case ControlFlowBranchSemantics.StructuredExceptionHandling:
                Resume(state, branch);
                return;
            case ControlFlowBranchSemantics.ProgramTermination or ControlFlowBranchSemantics.Error or ControlFlowBranchSemantics.None:
                return;
        }

        if (branch.FinallyRegions.Length > 0)
        {
            // The returned value outlives the finally blocks: park it where Arrive finds it.
            if (branch.Semantics == ControlFlowBranchSemantics.Return) state.Store(ReturnSlot, value);
            RunFinally(state, new Continuation(branch, 0, null, null, state.Pending));
        }
        else
        {
            Arrive(branch, state, value);
        }
    }

    private Value ReturnSlot => _analysis.Symbols.Make(SymbolKind.Capture, tag: -1 - Depth);

    private void Arrive(ControlFlowBranch branch, FlowState state, Value value)
    {
        if (branch.Destination is not { } block) return;
        if (state.Loops.Count > 0) NoteTurn(state, branch.Source);
        if (state.Loops.Count == 0 || !Waits(branch, state, value)) Go(branch, state, value);
    }

    private void Go(ControlFlowBranch branch, FlowState state, Value value)
    {
        BasicBlock block = branch.Destination!;
        if (branch.Semantics == ControlFlowBranchSemantics.Return || block.Kind == BasicBlockKind.Exit)
        {
            for (int i = 0; i < state.Loops.Count; i++) LeaveLoop(state, i, branch);
            if (Depth == 0 && Method is not null && Iterators.GivesInTheEnd(Method)) value = _analysis.Evaluator.Given(Method);
            else if (Depth == 0) value = _analysis.Evaluator.Enclose(state, value);
            Returns.Add((state, value, PlaceOf(branch)));
            return;
        }

        LeaveScopes(branch, state);
        int source = branch.Source.Ordinal, target = block.Ordinal;
        for (int i = state.Loops.Count - 1; i >= 0; i--)
        {
            int header = state.Loops.KeyAt(i);
            if (target >= header && target <= _loopEnds[header]) continue;
            LeaveLoop(state, i, branch);
            state.Loops.RemoveAt(i);
        }

        if (target <= source && !GoRound(state, target)) return;
        Send(state, block);
    }

    private Location PlaceOf(ControlFlowBranch branch)
    {
        if (!_exitPlaces.TryGetValue(branch, out Location? place)) _exitPlaces.Add(branch, place = ExitPlace.Of(branch, _body));
        return place;
    }

    /// <summary>Locals of the regions that the branch leaves are gone; the last pointer to an allocation may have been among them.</summary>
    private void LeaveScopes(ControlFlowBranch branch, FlowState state)
    {
        foreach (ControlFlowRegion region in branch.LeavingRegions)
        {
            if (region.Kind == ControlFlowRegionKind.Filter && region.EnclosingRegion == state.Pending?.UnwindFrom) state.Pending = state.Pending!.Outer;
            foreach (CaptureId capture in region.CaptureIds) state.Clear(_analysis.Symbols.Make(SymbolKind.Capture, tag: Depth * 2, item: capture));
            foreach (ILocalSymbol local in region.Locals)
            {
                Value variable = _analysis.PlaceOf(local);
                bool held = state.TryPeek(variable, out Value value);
                if (held && _analysis.HasLambdas && state.TryGetAllocation(value, out _)) _analysis.Evaluator.EscapeToFunctions(state, local, value, branch);
                if ((held || !TypeShapes.IsScalar(local.Type)) && !state.IsExposed(variable.Symbol)) state.Clear(variable);
                if (!TypeShapes.IsPointer(local.Type) && !(held && state.TryGetAllocation(value, out _))) continue;
                var place = CodePlace.Of(PlaceOf(branch));
                if (held) _analysis.CheckLost(state, value, place, LossKind.ScopeEnd, local);
                else _analysis.NoteUnset(place, local);
            }
        }
    }
}
