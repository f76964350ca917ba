using KAlloc.Analyzers.Flow;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>What the rules about freed memory share: of which memory they speak, and how they show where it was allocated and freed.</summary>
internal static class FreedMemory
{
    /// <summary>A pool's arrays and GC handles have rules of their own. What a disposed object owned is gone even where nobody had to dispose it.</summary>
    internal static bool IsNative(Allocation freed) =>
        (!freed.Contract.Collected || freed.Contract.IsDisposable) && freed.FreedWith is { Families: [var family, ..] } && family is not ("ArrayPool" or "GCHandle");

    internal static FlowIssue Show(FlowIssue issue, Allocation freed, string when)
    {
        if (!freed.IsAdopted) issue.Step(freed.Site.GetLocation(), $"'{freed.Name ?? "the memory"}' is allocated here by '{Names.Of(freed.Method)}'");
        return freed.FreedAt is { } place ? issue.Step(place.GetLocation(), $"'{freed.FreedBy}' frees it here {when}") : issue;
    }
}
