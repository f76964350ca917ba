using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>Memory freed by a function of another allocator.</summary>
internal sealed class KA4007WrongDeallocator : FlowRule
{
    internal const string Id = "KA4007";

    /// <summary>The option that says: kfree takes a cache's object, as in today's kernel.</summary>
    private const string KfreeOption = "kalloc.kfree_takes_cache_objects";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Memory is freed by the wrong deallocator",
        "'{0}' comes from '{1}' and must not be freed with '{2}'; free it with '{3}'",
        RuleCategory.Lifetime,
        DiagnosticSeverity.Error,
        "Each allocator takes back only its own memory. A mix that works on one platform corrupts the heap on another.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnFree(in FreeEvent free)
    {
        if (free.Contract.Takes(free.Family)) return null;
        Allocation allocation = free.Allocation;
        string name = allocation.Name ?? free.Call.SyntaxOf(free.Contract.Target)?.Syntax.ToString() ?? "memory";
        string deallocator = allocation.Contract.FreedBy ?? "its own deallocator";
        // kfree of a cache's object is legal in today's kernel and a mistake in the book's: the runtime frees it correctly.
        bool toleratedByKernel = free.Family == "kmem_cache" && free.Contract.Takes("kmalloc");
        var issue = new FlowIssue(Rule, free.Call.Syntax.GetLocation(), name, Names.Of(allocation.Method), free.Call.DisplayName, deallocator)
        {
            Severity = toleratedByKernel ? DiagnosticSeverity.Warning : null,
            SilencedBy = toleratedByKernel ? KfreeOption : null,
        };
        // A view or an interior pointer is not what the deallocator takes: no data for a fix.
        if (free.Pointer == new Value(allocation.Symbol, 0)) issue.Properties = Deallocators.Describe(issue.Properties, allocation);
        if (free.Contract.Target.Kind == OperandKind.Parameter) issue.Properties = issue.Properties.Add("pointer.parameter", free.Call.Method.Parameters[free.Contract.Target.Ordinal].Name);
        return issue.Step(allocation.Site.GetLocation(), $"'{name}' is allocated here by '{Names.Of(allocation.Method)}'");
    }

    /// <summary>Whatever the field holds, it comes from another allocator. Where a flag tells two families apart, each free fits one of them.</summary>
    internal override FlowIssue? OnFieldFree(in FieldFreeEvent freed)
    {
        FieldFree free = freed.Free;
        bool tolerated = true;
        foreach (FieldStore source in freed.Sources)
        {
            if (free.Contract.Takes(free.View ?? source.Family!)) return null;
            tolerated &= source.Family == "kmem_cache" && free.Contract.Takes("kmalloc");
        }

        Allocation allocation = freed.Sources[0].Memory!;
        var issue = new FlowIssue(Rule, free.Call.GetLocation(), free.Name, Names.Of(allocation.Method), free.Deallocator, allocation.Contract.FreedBy ?? "its own deallocator")
        {
            Severity = tolerated ? DiagnosticSeverity.Warning : null,
            SilencedBy = tolerated ? KfreeOption : null,
        };
        if (free.View is null && freed.Sources[0].Family == allocation.Family) issue.Properties = Deallocators.Describe(issue.Properties, allocation);
        if (free.PointerParameter is { } parameter) issue.Properties = issue.Properties.Add("pointer.parameter", parameter);
        foreach (FieldStore source in freed.Sources) issue.Step(source.Memory!.Site.GetLocation(), $"'{source.Field.Name}' gets its memory here from '{Names.Of(source.Memory.Method)}'");
        return issue;
    }
}
