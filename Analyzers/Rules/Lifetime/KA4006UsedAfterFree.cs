using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>Memory that is read, written, passed on, returned or stored after it was freed.</summary>
internal sealed class KA4006UsedAfterFree : FlowRule
{
    internal const string Id = "KA4006";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Memory is used after it was freed",
        "'{0}' {1} memory that '{2}' freed; use it before, or free it later",
        RuleCategory.Lifetime,
        DiagnosticSeverity.Error,
        "After the free the block belongs to the allocator and soon to somebody else: what is read is theirs, and what is written destroys it.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnUse(in UseEvent use)
    {
        Allocation freed = use.Allocation;
        if (!FreedMemory.IsNative(freed)) return null;
        string does = use.Kind switch
        {
            UseKind.Pass => "passes on",
            UseKind.Return => "is returned but points to",
            UseKind.Store => "stores a pointer to",
            _ => "reaches into",
        };
        var issue = new FlowIssue(Rule, use.Place, use.Text.Length == 0 ? "the result" : use.Text, does, freed.FreedBy ?? "");
        return FreedMemory.Show(issue, freed, "before").Branches(use.State.Trail, freed.TrailDepth);
    }
}
