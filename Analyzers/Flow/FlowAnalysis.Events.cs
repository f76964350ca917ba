// What happens on a path and at its end is told to the rules, and what they answer is kept: each once, and at last without what another says better.

using KAlloc.Analyzers.Rules.Lifetime;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed partial class FlowAnalysis
{
    /// <summary>Set while something is performed again that its own body has told of.</summary>
    internal bool IsMuted { get; set; }

    internal bool Raise(in SleepEvent sleep)
    {
        // A call may throw anywhere in a section: what a finally block does then is no statement about the section.
        if (_unwinding > 0 || IsUnwinding(sleep.State)) return false;
        bool told = false;
        foreach (FlowRule rule in Rules) told |= Add(sleep.Call.Inner is null ? rule.OnSleep(sleep, Model.Gfp) : rule.OnSleepInside(sleep), sleep.State);
        return told;
    }

    internal void Raise(in AwaitEvent await)
    {
        if (_unwinding > 0 || IsUnwinding(await.State)) return;
        foreach (FlowRule rule in Rules) Add(rule.OnAwait(await), await.State);
    }

    internal bool Raise(in FreeEvent free, bool again)
    {
        if (!again) NoteFirstFree(free.Call);
        bool told = false;
        foreach (FlowRule rule in Rules) told |= Add(again ? rule.OnFreeAgain(free) : rule.OnFree(free), free.State);
        return told;
    }

    internal bool Raise(in ForeignFreeEvent free)
    {
        NoteFirstFree(free.Call);
        bool told = false;
        foreach (FlowRule rule in Rules) told |= Add(rule.OnForeignFree(free), free.State);
        return told;
    }

    internal bool Raise(in UseEvent use)
    {
        bool told = false;
        foreach (FlowRule rule in Rules) told |= Add(rule.OnUse(use), use.State);
        return told;
    }

    internal bool Raise(in DiscardEvent discard)
    {
        bool told = false;
        foreach (FlowRule rule in Rules) told |= Add(rule.OnDiscard(discard), discard.State);
        return told;
    }

    internal bool Raise(in LockedTwiceEvent locked)
    {
        bool told = false;
        foreach (FlowRule rule in Rules) told |= Add(rule.OnLockedTwice(locked), locked.State);
        return told;
    }

    internal bool Raise(in UnlockEvent unlock)
    {
        bool told = false;
        foreach (FlowRule rule in Rules) told |= Add(rule.OnUnlock(unlock), unlock.State);
        return told;
    }

    /// <summary>On some path the call frees what is not freed yet: it must stay.</summary>
    private void NoteFirstFree(CallSite call) => _firstFrees.Add(CodePlace.Of(call.Syntax));

    private IReadOnlyList<FlowRule> Rules => IsMuted ? [] : _scope.Rules;

    /// <summary>The path that the issue is told of must be one that can be taken.</summary>
    private bool Add(FlowIssue? issue, FlowState state) => issue is not null && state.IsFeasible() && Add(issue);

    private bool Add(FlowIssue? issue)
    {
        if (issue is null) return false;
        var key = (issue.Descriptor.Id, issue.Place, issue.Subject);
        if (!_told.TryGetValue(key, out int index))
        {
            _told.Add(key, _issues.Count);
            _issues.Add(issue);
        }
        else if (_issues[index].Throws && !issue.Throws)
        {
            // That nothing needs to throw for it is the graver news.
            _issues[index] = issue;
        }

        return true;
    }

    // Losses

    /// <summary>A variable that held <paramref name="old"/> is overwritten or goes out of scope.</summary>
    internal void CheckLost(FlowState state, Value old, in CodePlace place, LossKind kind, ISymbol? variable, bool isReallocation = false)
    {
        bool owned = state.TryGetAllocation(old, out Allocation allocation) && allocation.Status == AllocationStatus.Owned && !Reachability.IsReachable(state, allocation.Symbol);
        if (variable is not null && !old.IsZero && !Holders.IsWidened(state, old) && (!owned || old.Offset != 0)) _holders.Spoil(place, variable);
        if (owned && allocation.DoubtedIn != 0)
        {
            if (kind == LossKind.Overwritten) _doubted.Add(new LossEvent(state.Fork(), allocation, _body, place.ToLocation(), kind, variable) { IsReallocation = isReallocation });
            state.SetAllocation(allocation with { Status = AllocationStatus.Escaped });
        }
        else if (owned) Lose(new LossEvent(state, allocation, _body, place.ToLocation(), kind, variable) { IsReallocation = isReallocation });
    }

    /// <summary>Tells of memory in doubt that was overwritten in loops which are walked now, unless another turn may have given it up.</summary>
    internal void SettleDoubts(int depth, Func<int, int, bool> isLost)
    {
        for (int i = 0; i < _doubted.Count; i++)
        {
            int loop = _doubted[i].Allocation.DoubtedIn;
            if (loop >> 16 != depth) continue;
            if (isLost(loop & 0xffff, _doubted[i].Allocation.Symbol)) Lose(_doubted[i]);
            _doubted.RemoveAt(i--);
        }
    }

    /// <summary>On this path the variable held nothing yet.</summary>
    internal void NoteUnset(in CodePlace place, ISymbol variable) => _holders.Spoil(place, variable);

    private void Lose(in LossEvent loss)
    {
        foreach (FlowRule rule in _scope.Rules) Add(rule.OnLoss(loss), loss.State);
        // Reported once on this path.
        loss.State.SetAllocation(loss.Allocation with { Status = AllocationStatus.Escaped });
    }

    /// <summary>What is open at the exits. The summary leaves out what was told here.</summary>
    private List<BodyExit> CheckSections(GraphRunner runner)
    {
        // Neither the rules nor callers hear of a path that nothing can take.
        runner.Returns.RemoveAll(static way => way.State.HoldsAny && !way.State.IsFeasible());
        runner.Throws.RemoveAll(static way => way.State.HoldsAny && !way.State.IsFeasible());
        var exits = new List<BodyExit>();
        foreach ((FlowState state, Value value, Location place) in runner.Returns) exits.Add(new BodyExit(state, place, LossKind.Return, state.Canonical(value)));
        foreach ((FlowState state, SyntaxNode statement) in runner.Throws) exits.Add(new BodyExit(state, statement.GetLocation(), LossKind.Throw, Value.Zero));
        var all = new BodyExits(exits, _root as IMethodSymbol, _root is IMethodSymbol method ? Model.Find(method) : null, _leftSites);
        foreach (FlowRule rule in _scope.Rules)
        {
            foreach (FlowIssue issue in rule.OnExits(all))
            {
                Add(issue);
                if (issue is { UnlessRelied: null, Subject: { } section }) _toldSections.Add(section);
            }
        }

        return exits;
    }

    /// <summary>Pointers to freed memory that the body stored where others find them.</summary>
    private void CheckLeft(FlowState state)
    {
        for (int i = 0; i < state.AllocationCount; i++)
            if (state.AllocationAt(i) is { Status: AllocationStatus.Freed, Left.Site: { } site } freed) Raise(new UseEvent(state, freed, UseKind.Store, site.GetLocation(), site.ToString()));
    }

    private void CheckLosses(GraphRunner runner, List<BodyExit> exits)
    {
        foreach ((FlowState state, Value value, Location place) in runner.Returns)
        {
            Evaluator.CheckReturned(state, value, place, _root as IMethodSymbol);
            Evaluator.EscapeReturned(state, value);
        }

        foreach (BodyExit exit in exits) CheckLeft(exit.State);
        // All losses are found before one is told, which changes its state.
        var losses = new List<LossEvent>();
        foreach ((FlowState state, Location place, LossKind kind, _) in exits)
        {
            for (int i = 0; i < state.AllocationCount; i++)
            {
                Allocation allocation = state.AllocationAt(i);
                if (allocation is not { Status: AllocationStatus.Owned, DoubtedIn: 0 }) continue;
                ISymbol? holder = Holders.AtExit(state, allocation, exits.FindAll(other => other.Place.Equals(place)).ConvertAll(other => other.State));
                losses.Add(new LossEvent(state, allocation, _body, place, kind, holder));
            }
        }

        foreach (LossEvent loss in losses) Lose(loss);
    }

    private static bool IsWithin(Location inner, Location outer) => inner.SourceTree == outer.SourceTree && outer.SourceSpan.Contains(inner.SourceSpan);

    private void Finish(List<FlowIssue> issues)
    {
        foreach (FlowIssue issue in _issues)
        {
            // A call that uses freed memory and frees it again is one mistake.
            if (issue.Descriptor.Id == KA4006UsedAfterFree.Id && _issues.Exists(other => other.Descriptor.Id == KA4005FreedTwice.Id && IsWithin(issue.Place, other.Place))) continue;
            if (issue.Holder is { } holder && _holders.IsSpoiled(CodePlace.Of(issue.Place), holder)) issue.Properties = issue.Properties.Remove(KA4001MemoryNotFreed.Holder);
            if (_firstFrees.Contains(CodePlace.Of(issue.Place))) issue.Properties = issue.Properties.Remove(KA4005FreedTwice.AlwaysSecond);
            issues.Add(issue);
        }
    }
}
