using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>An allocation that is a statement of its own: no variable ever holds the pointer.</summary>
internal sealed class KA4003ResultDiscarded : FlowRule
{
    internal const string Id = "KA4003";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Allocation result is discarded",
        "The memory that '{0}' returns is lost at once; keep the pointer and free it with '{1}'",
        RuleCategory.Lifetime,
        DiagnosticSeverity.Warning,
        "Nothing holds the pointer, so nothing can ever free the memory.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnDiscard(in DiscardEvent discard)
    {
        Allocation allocation = discard.Allocation;
        if (!KA4001MemoryNotFreed.MustBeFreed(allocation)) return null;
        return new FlowIssue(Rule, allocation.Site.GetLocation(), Names.Of(allocation.Method), allocation.Contract.FreedBy ?? "its deallocator") { Subject = allocation.Site };
    }
}
