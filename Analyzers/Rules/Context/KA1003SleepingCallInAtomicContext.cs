using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>A call that may sleep for another reason than memory, made where the code must not sleep.</summary>
internal sealed class KA1003SleepingCallInAtomicContext : FlowRule
{
    internal const string Id = "KA1003";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Sleeping call in atomic context",
        "'{0}' may sleep {1}; call it before or after, or use a variant that does not sleep",
        RuleCategory.Context,
        DiagnosticSeverity.Warning,
        "A thread that sleeps with a spin lock held, with interrupts or preemption off, or in a handler stops everybody who waits for it, in the worst case for ever.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnAwait(in AwaitEvent await)
    {
        if (await.Forbidding is not { } section || KA1005BlockingCallInAtomicContext.Speaks(section)) return null;
        return AtomicPath.Show(new FlowIssue(Rule, AtomicPath.PlaceOf(await.Await), "await", AtomicPath.Describe(section)), section, await.State);
    }

    /// <summary>Allocations are KA1001's and KA1002's: what is left sleeps whatever the flags are, or allocates nothing.</summary>
    private static bool Speaks(in SleepEvent sleep) =>
        !sleep.Sleep.Blocks && !KA1002VmallocInAtomicContext.Speaks(sleep.Contract) && !KA1001SleepingAllocationInAtomicContext.Speaks(sleep);

    internal override FlowIssue? OnSleep(in SleepEvent sleep, GfpModel gfp)
    {
        if (sleep.MaySleep != true || sleep.Forbidding is not { } section || !Speaks(sleep)) return null;
        var issue = new FlowIssue(Rule, sleep.Call.Syntax.GetLocation(), sleep.Call.DisplayName, AtomicPath.Describe(section));
        return AtomicPath.Show(issue, section, sleep.State);
    }
}
