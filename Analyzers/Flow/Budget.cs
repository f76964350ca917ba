// What a walk may take, and how many states it may keep as that goes: a body that is small is gone through on all of its paths, of a large one
// each path stands for more.

namespace KAlloc.Analyzers.Flow;

internal sealed class Budget
{
    private const int MaximalVisits = 3000;

    /// <summary>Primitives of callees that are performed again, and cells of states that are copied, in tens. A tenth of a second.</summary>
    private const int MaximalWork = 30_000;

    /// <summary>At one block. So many were enough in every measurement.</summary>
    private const int MaximalStates = 16;

    /// <summary>At one block, of paths on which nothing is at stake: they differ in what they assume.</summary>
    private const int IdleStates = 2;

    /// <summary>Below this part of a budget a body is small.</summary>
    private const int ShareOfSmall = 64;

    /// <summary>For each so many blocks a body gets both again.</summary>
    private const int LongBody = 1000;

    /// <summary>No body gets them more often.</summary>
    private const int MaximalGrowth = 4;

    /// <summary>The part of both that a body gets which only moves pointers.</summary>
    private const int ShareOfMovers = 10;

    private readonly FlowScope _scope;
    private readonly int _maximalVisits, _maximalWork;

    internal Budget(FlowScope scope, int blocks)
    {
        _scope = scope;
        // Thousands of blocks in a row are no explosion.
        int size = Math.Min(Math.Max(1, blocks / LongBody), MaximalGrowth), share = scope.IsMover ? ShareOfMovers : 1;
        (_maximalVisits, _maximalWork) = (MaximalVisits * size / share, MaximalWork * size / share);
    }

    internal int Visits { get; set; }

    internal int Work { get; set; }

    /// <summary>It is used up: nothing that was found counts.</summary>
    internal bool IsSpent => Exceeds(Visits, _scope.Visits, _maximalVisits) || Exceeds(Work, _scope.Work, _maximalWork);

    /// <summary>Half of it is used up. Three loops in one another are 27 turns of the innermost: from here on each is widened after its first.</summary>
    internal bool RunsShort => IsSpentBy(2);

    /// <summary>So many states stay at a block.</summary>
    internal int StatesPerBlock => IsSpentBy(4) ? MaximalStates / 4 : IsSpentBy(8) ? MaximalStates / 2 : MaximalStates;

    /// <summary>The same where nothing is at stake on any of them.</summary>
    internal int IdleStatesPerBlock => Visits > MaximalVisits / ShareOfSmall || Work > MaximalWork / ShareOfSmall ? IdleStates : StatesPerBlock;

    /// <summary>A body and all functions inside of it get as much as two.</summary>
    private static bool Exceeds(int own, int others, int limit) => own > limit || own + others > 2 * limit;

    private bool IsSpentBy(int share) => Visits > _maximalVisits / share || Work > _maximalWork / share;
}
