using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>A call that leads to one that sleeps, made where the code must not sleep.</summary>
internal sealed class KA1004CallChainSleepsInAtomicContext : FlowRule
{
    internal const string Id = "KA1004";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Call chain sleeps in atomic context",
        "'{0}' may sleep {1}: {2}; call it where sleeping is allowed, or let it not sleep",
        RuleCategory.Context,
        DiagnosticSeverity.Warning,
        "A method that allocates with sleeping flags, takes a mutex or waits makes every method that calls it one that may sleep. Under a spin lock, with interrupts or preemption off, or in a handler that must not happen.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnSleepInside(in SleepEvent sleep)
    {
        if (sleep.MaySleep != true || sleep.Forbidding is not { } section) return null;
        var chain = new List<string>();
        for (LogSite? site = sleep.Call.Chain; site is not null; site = site.Inner) chain.Add(site.Name);
        var issue = new FlowIssue(Rule, sleep.Call.Syntax.GetLocation(), sleep.Call.DisplayName, AtomicPath.Describe(section), string.Join(" → ", chain));
        AtomicPath.Show(issue, section, sleep.State);
        string caller = sleep.Call.DisplayName;
        for (LogSite? site = sleep.Call.Inner; site is not null; site = site.Inner)
        {
            string callee = site.Name;
            issue.Step(site.Syntax.GetLocation(), site.Inner is null ? $"'{caller}' calls '{callee}' here, which may sleep" : $"'{caller}' calls '{callee}' here");
            caller = callee;
        }

        return issue;
    }
}
