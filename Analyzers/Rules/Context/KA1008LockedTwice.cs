using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>A lock that a path takes while it holds it.</summary>
internal sealed class KA1008LockedTwice : FlowRule
{
    internal const string Id = "KA1008";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Lock is taken twice",
        "'{0}' takes a lock that this path holds since '{1}', and waits for itself; take it once",
        RuleCategory.Context,
        DiagnosticSeverity.Warning,
        "The kernel's locks do not nest: a second attempt by the same thread never succeeds.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnLockedTwice(in LockedTwiceEvent locked)
    {
        if (locked.Held.Site is not { } site) return null;
        return new FlowIssue(Rule, locked.Call.Syntax.GetLocation(), SectionEnd.TextOf(locked.Call.Syntax), SectionEnd.TextOf(site))
            .Step(site.GetLocation(), $"'{locked.Held.Name}' takes it here first").Branches(locked.State.Trail, 0);
    }
}
