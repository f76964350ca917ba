using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>A call of .NET that blocks the thread, made where the code must not.</summary>
internal sealed class KA1005BlockingCallInAtomicContext : FlowRule
{
    internal const string Id = "KA1005";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Blocking .NET call where code must not block",
        "'{0}' may block {1}; do it before or after, or use a call that does not wait",
        RuleCategory.Context,
        DiagnosticSeverity.Warning,
        "A monitor, a task or a file makes the thread wait for others. Whoever holds a spin lock or must be done in time, as an audio callback or an interrupt handler, may not.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnSleep(in SleepEvent sleep, GfpModel gfp)
    {
        if (sleep.MaySleep != true || !sleep.Sleep.Blocks || sleep.Forbidding is not { } section) return null;
        return Report(sleep.Call.Syntax.GetLocation(), sleep.Call.Chain.Name, section, sleep.State);
    }

    /// <summary>In .NET's own words; under a lock of the kernel and in its handlers it is KA1003's.</summary>
    internal override FlowIssue? OnAwait(in AwaitEvent await) =>
        await.Forbidding is { } section && Speaks(section) ? Report(AtomicPath.PlaceOf(await.Await), "await", section, await.State) : null;

    /// <summary>What forbids to wait is code that is declared so, or a lock of .NET.</summary>
    internal static bool Speaks(Section section) => section.Entry == EntryContext.Atomic || section.Contract is { Taken.IsPresent: true };

    private static FlowIssue Report(Location place, string what, Section section, FlowState state) =>
        AtomicPath.Show(new FlowIssue(Rule, place, what, AtomicPath.Describe(section)), section, state);
}
