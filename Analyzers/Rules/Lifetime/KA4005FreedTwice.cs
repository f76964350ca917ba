using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>Memory that one path frees two times.</summary>
internal sealed class KA4005FreedTwice : FlowRule
{
    internal const string Id = "KA4005";

    /// <summary>The property that says: on every path to the place the memory is freed already.</summary>
    internal const string AlwaysSecond = "always.second";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Memory is freed twice",
        "'{0}' was freed before by '{1}'; remove this '{2}', or set the pointer to null after the first",
        RuleCategory.Lifetime,
        DiagnosticSeverity.Error,
        "After the first free the block may be somebody else's: the second one frees that, or breaks the allocator's lists.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnFreeAgain(in FreeEvent free)
    {
        Allocation allocation = free.Allocation;
        if (!FreedMemory.IsNative(allocation) || (free.Call.Inner is null && free.Contract.Target.Kind is not (OperandKind.Parameter or OperandKind.Receiver)) || allocation.FreedAt is not { } first) return null;
        string name = free.Call.SyntaxOf(free.Contract.Target)?.Syntax.ToString() ?? free.Name;
        var issue = new FlowIssue(Rule, free.Call.Syntax.GetLocation(), name, allocation.FreedBy ?? "", free.Call.DisplayName);
        issue.Properties = issue.Properties.Add(AlwaysSecond, "");
        return FreedMemory.Show(issue, allocation, first == free.Call.Syntax ? "in an earlier turn" : "first").Branches(free.State.Trail, allocation.TrailDepth);
    }
}
