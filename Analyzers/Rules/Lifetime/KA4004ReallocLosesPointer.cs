using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>The result of a reallocation overwrites the only pointer to the old memory, which lives on when the call fails.</summary>
internal sealed class KA4004ReallocLosesPointer : FlowRule
{
    internal const string Id = "KA4004";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Failed reallocation loses the old memory",
        "'{0}' is the only pointer to the old memory, which lives on when the reallocation fails; receive the result in another variable",
        RuleCategory.Lifetime,
        DiagnosticSeverity.Warning,
        "A reallocation that fails returns null and leaves the old block as it was. With its pointer overwritten, nobody can free it.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnLoss(in LossEvent loss)
    {
        if (!loss.IsReallocation || !KA4001MemoryNotFreed.MustBeFreed(loss.Allocation)) return null;
        Allocation allocation = loss.Allocation;
        return new FlowIssue(Rule, loss.Place, allocation.Name ?? "the variable")
            .Step(allocation.Site.GetLocation(), $"the old memory is allocated here by '{Names.Of(allocation.Method)}'");
    }
}
