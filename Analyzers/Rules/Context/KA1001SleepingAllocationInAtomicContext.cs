using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>An allocation whose flags allow direct reclaim, made where the code must not sleep.</summary>
internal sealed class KA1001SleepingAllocationInAtomicContext : FlowRule
{
    internal const string Id = "KA1001";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Sleeping allocation in atomic context",
        "'{0}' may sleep{1} {2}; use GFP_ATOMIC or GFP_NOWAIT, or allocate before",
        RuleCategory.Context,
        DiagnosticSeverity.Warning,
        "Flags that allow direct reclaim let the allocator wait for memory. Under a spin lock, with interrupts or preemption off, or in a handler that must not happen.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    /// <summary>An allocation that sleeps or not as its flags say.</summary>
    internal static bool Speaks(in SleepEvent sleep) => sleep.Contract.Allocations.Count > 0 && sleep.Sleep.Decider.IsPresent;

    internal override FlowIssue? OnSleep(in SleepEvent sleep, GfpModel gfp)
    {
        if (sleep.MaySleep != true || !Speaks(sleep) || sleep.Forbidding is not { } section) return null;
        if (KA1002VmallocInAtomicContext.Speaks(sleep.Contract)) return null;
        OperandReference flags = sleep.Sleep.Decider;
        string because = sleep.Call.SyntaxOf(flags)?.Syntax is { } written ? $" with '{written}'" : "";
        var issue = new FlowIssue(Rule, sleep.Call.Syntax.GetLocation(), sleep.Call.DisplayName, because, AtomicPath.Describe(section));
        if (flags.Kind == OperandKind.Parameter) issue.Properties = issue.Properties.Add("flags.parameter", sleep.Call.Method.Parameters[flags.Ordinal].Name);
        if (AtomicPath.IsOnlyLocks(section)) issue.Properties = issue.Properties.Add(AtomicPath.OnlyLocks, "");
        return AtomicPath.Show(issue, section, sleep.State);
    }
}
