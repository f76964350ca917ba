using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>A call of the vmalloc family, which builds or takes down page tables, made where the code must not sleep.</summary>
internal sealed class KA1002VmallocInAtomicContext : FlowRule
{
    internal const string Id = "KA1002";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "vmalloc family in atomic context",
        "'{0}' may sleep {1}; {2}",
        RuleCategory.Context,
        DiagnosticSeverity.Warning,
        "vmalloc, vmap and their counterparts change page tables and may wait. Under a spin lock, with interrupts or preemption off, or in a handler that must not happen.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    /// <summary>Whether a sleeping call is this rule's business: memory that is mapped page by page.</summary>
    internal static bool Speaks(MethodContract contract)
    {
        foreach (AllocationContract allocation in contract.Allocations)
            if (IsMapped(allocation.Family)) return true;
        foreach (FreeContract free in contract.Frees)
            if (IsMapped(free.Families[0])) return true;
        return false;
    }

    private static bool IsMapped(string family) => family is "vmalloc" or "vmap" or "kvmalloc";

    internal override FlowIssue? OnSleep(in SleepEvent sleep, GfpModel gfp)
    {
        if (sleep.MaySleep != true || !Speaks(sleep.Contract) || sleep.Forbidding is not { } section) return null;
        bool allocates = sleep.Contract.Allocations.Count > 0;
        string remedy = allocates ? "use kmalloc with GFP_ATOMIC where the size fits, or allocate before" : "use vfree_atomic, or free after";
        var issue = new FlowIssue(Rule, sleep.Call.Syntax.GetLocation(), sleep.Call.DisplayName, AtomicPath.Describe(section), remedy);
        return AtomicPath.Show(issue, section, sleep.State);
    }
}
