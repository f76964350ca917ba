using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>A release that does not fit what the path took.</summary>
internal sealed class KA1007WrongUnlock : FlowRule
{
    internal const string Id = "KA1007";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Unlock does not match the lock",
        "'{0}' {1}; {2}",
        RuleCategory.Context,
        DiagnosticSeverity.Warning,
        "A lock that is released twice lets two threads in at once. The wrong kind of release, or a foreign saved state, leaves interrupts off or switches them on too early.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnUnlock(in UnlockEvent unlock)
    {
        string text = SectionEnd.TextOf(unlock.Call.Syntax);
        Location place = unlock.Call.Syntax.GetLocation();
        switch (unlock.Fault)
        {
            case UnlockFault.NotHeld:
                return new FlowIssue(Rule, place, text, "releases a lock that the path has released before", "remove one of the two")
                    .Step(unlock.Other!.GetLocation(), $"'{SectionEnd.TextOf(unlock.Other)}' releases it here first").Branches(unlock.State.Trail, 0);
            case UnlockFault.ForeignFlags when unlock.Section is { Site: { } taken }:
                FlowIssue foreign = new FlowIssue(Rule, place, text, $"does not restore what '{SectionEnd.TextOf(taken)}' saved", "keep a variable of its own for each saved state")
                    .Step(taken.GetLocation(), unlock.Section.Contract is { IsScope: true } ? "the scope is opened here" : "the lock is taken here");
                return unlock.Other is { } other ? foreign.Step(other.GetLocation(), "the state that is restored was saved here") : foreign;
            case UnlockFault.WrongKind when unlock.Section is { Site: { } site } section:
                return WrongKind(place, text, section, site, unlock.Call.Syntax);
            default:
                return null;
        }
    }

    /// <summary>What the release left switched off is still off at the end.</summary>
    internal override IEnumerable<FlowIssue> OnExits(BodyExits exits)
    {
        foreach (BodyExit exit in exits.All)
        {
            for (Section? section = exit.State.Sections; section is not null; section = section.Outer)
            {
                if (section is not { LeftOverBy: { } unlock, Site: { } site, Inherited: false, Uncertain: false }) continue;
                if (section.Saved.IsZero || SectionEnd.IsOutOfReach(exit, section)) yield return WrongKind(unlock.GetLocation(), SectionEnd.TextOf(unlock), section, site, unlock);
            }
        }
    }

    private static FlowIssue WrongKind(Location place, string text, Section section, SyntaxNode site, SyntaxNode unlock)
    {
        var issue = new FlowIssue(Rule, place, text, $"does not undo '{SectionEnd.TextOf(site)}'", $"use '{section.Contract?.LeftBy ?? "its counterpart"}'");
        if (unlock is Microsoft.CodeAnalysis.CSharp.Syntax.InvocationExpressionSyntax && SectionEnd.Write(section, site) is { } release)
            issue.Properties = issue.Properties.Add(SectionEnd.Release, release);
        return issue.Step(site.GetLocation(), $"'{section.Name}' is called here");
    }
}
