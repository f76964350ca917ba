using System.Globalization;
using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Size;

/// <summary>Pages freed with another order than they were allocated with.</summary>
internal sealed class KA3001OrderMismatch : FlowRule
{
    internal const string Id = "KA3001";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Order at free differs from order at allocation",
        "'{0}' frees order {1}, but '{2}' was allocated with order {3}; free it with order {3}",
        RuleCategory.Size,
        DiagnosticSeverity.Error,
        "A block of 2^order pages must go back with the order it came with: a smaller one loses the rest, a larger one frees pages of somebody else.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnFree(in FreeEvent free)
    {
        if (free.Order is not { } freed || free.Allocation.Order is not { } allocated || !free.Contract.Takes(free.Family)) return null;
        Value difference = free.State.Binary(Operator.Subtract, free.State.Canonical(freed), free.State.Canonical(allocated));
        if (!difference.IsConstant || difference.IsZero) return null;
        string name = free.Allocation.Name ?? free.Call.SyntaxOf(free.Contract.Target)?.Syntax.ToString() ?? "memory";
        string right = OrderText(free.Allocation, allocated);
        var issue = new FlowIssue(Rule, free.Call.Syntax.GetLocation(), free.Call.DisplayName, FreedText(free, freed), name, right);
        issue.Properties = issue.Properties.Add("order", right);
        // A view (page_address) is not what the allocation's own deallocator takes: only its order can be put right.
        if (free.Pointer == new Value(free.Allocation.Symbol, 0)) issue.Properties = Deallocators.Describe(issue.Properties, free.Allocation);
        if (free.Contract.Order.Kind == OperandKind.Parameter) issue.Properties = issue.Properties.Add("order.parameter", free.Call.Method.Parameters[free.Contract.Order.Ordinal].Name);
        return issue.Step(free.Allocation.Site.GetLocation(), $"'{name}' is allocated here by '{Names.Of(free.Allocation.Method)}' with order {right}");
    }

    /// <summary>No block that the field can hold has the order that it is freed with.</summary>
    internal override FlowIssue? OnFieldFree(in FieldFreeEvent freed)
    {
        FieldFree free = freed.Free;
        if (freed.Orders.Count == 0) return null;
        foreach (FieldStore source in freed.Sources)
            if (!free.Contract.Takes(free.View ?? source.Family!) || source.Order is not { } order || freed.Orders.Contains(order)) return null;
        FieldStore first = freed.Sources[0];
        string right = first.Order!.Value.ToString(CultureInfo.InvariantCulture);
        var issue = new FlowIssue(Rule, free.Call.GetLocation(), free.Deallocator, free.Order?.ToString(CultureInfo.InvariantCulture) ?? free.OrderText ?? "unknown", free.Name, right);
        if (freed.Sources.All(source => source.Order == first.Order)) issue.Properties = issue.Properties.Add("order", right);
        if (free.View is null && first.Family == first.Memory!.Family) issue.Properties = Deallocators.Describe(issue.Properties, first.Memory);
        if (free.OrderParameter is { } parameter) issue.Properties = issue.Properties.Add("order.parameter", parameter);
        foreach (FieldStore source in freed.Sources)
            issue.Step(source.Memory!.Site.GetLocation(), $"'{source.Field.Name}' gets its memory here from '{Names.Of(source.Memory.Method)}' with order {source.Order}");
        return issue;
    }

    private static string FreedText(in FreeEvent free, Value order) =>
        order.IsConstant ? order.Offset.ToString(CultureInfo.InvariantCulture) : free.Call.SyntaxOf(free.Contract.Order)?.Syntax.ToString() ?? "unknown";

    private static string OrderText(Allocation allocation, Value order)
    {
        if (order.IsConstant) return order.Offset.ToString(CultureInfo.InvariantCulture);
        int parameter = allocation.Contract.Order.Ordinal;
        return allocation.OrderSyntax ?? allocation.Method.Parameters[parameter].Name;
    }
}
