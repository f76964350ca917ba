using System.Globalization;
using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>Native memory whose last pointer goes out of reach on a path.</summary>
internal sealed class KA4001MemoryNotFreed : FlowRule
{
    internal const string Id = "KA4001";

    /// <summary>The property that names the variable to free, where that is right on every path to the place.</summary>
    internal const string Holder = "holder";

    /// <summary>The property that says: the place is in atomic context.</summary>
    internal const string Atomic = "atomic";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Memory is not freed on a path",
        "'{0}' is not freed {1}; free it with '{2}' before, or hand it on",
        RuleCategory.Lifetime,
        DiagnosticSeverity.Warning,
        "No collector takes native memory back: on this path the last pointer to it is lost.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    /// <summary>A pool's array is garbage when it is lost; a handle that is never freed is KA6006's.</summary>
    internal static bool MustBeFreed(Allocation allocation) => !allocation.Contract.Collected && allocation.Family != "GCHandle";

    internal override FlowIssue? OnLoss(in LossEvent loss)
    {
        Allocation allocation = loss.Allocation;
        if (!MustBeFreed(allocation) || loss.IsReallocation) return null;
        string name = allocation.Name ?? Names.Of(allocation.Method) + "(…)";
        string where = loss.Kind switch
        {
            LossKind.Overwritten => "before its last pointer is overwritten",
            LossKind.Removed => "before its last pointer is removed",
            LossKind.ScopeEnd => "before its last pointer goes out of scope",
            LossKind.Throw => "on the path that throws here",
            _ => "on the path that ends here",
        };
        string deallocator = allocation.Contract.FreedBy ?? "its deallocator";
        var issue = new FlowIssue(Rule, loss.Place, name, where, deallocator) { Subject = allocation.Site, Holder = loss.Holder, Field = loss.Field };
        issue.Properties = Deallocators.Describe(issue.Properties, allocation)
            .Add("variable", allocation.Name)
            .Add("allocation", allocation.Site.SpanStart.ToString(CultureInfo.InvariantCulture))
            .Add("kind", loss.Kind.ToString());
        if (loss.Holder is { } holder) issue.Properties = issue.Properties.Add(Holder, holder.Name);
        for (Section? section = loss.State.Sections; section is not null; section = section.Outer)
            if (section.IsAtomic) issue.Properties = issue.Properties.SetItem(Atomic, "");
        issue.Step(allocation.Site.GetLocation(), $"'{name}' is allocated here by '{Names.Of(allocation.Method)}'");
        if (FreedHolder(loss.State, allocation) is { FreedAt: { } end } freed)
            issue.Step(end.GetLocation(), $"'{freed.Name ?? "the memory"}', which holds its last pointer, is freed here");
        return issue.Branches(loss.State.Trail, allocation.TrailDepth);
    }

    /// <summary>Freed memory in which the pointer still stands: with that it was lost.</summary>
    private static Allocation? FreedHolder(FlowState state, Allocation lost)
    {
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
        {
            if (state.Canonical(cells.ValueAt(i)).Symbol != lost.Symbol) continue;
            if (state.TryGetFreed(new Value(state.Symbols.Root(cells.KeyAt(i)), 0), out Allocation holder)) return holder;
        }

        return null;
    }
}
