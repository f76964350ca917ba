using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using SymbolKind = KAlloc.Analyzers.Flow.SymbolKind;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>A free of what no allocator returned: the stack, a variable, a pinned object, or the middle of a block.</summary>
internal sealed class KA4008NotTheStart : FlowRule
{
    internal const string Id = "KA4008";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Freed pointer is not the start of an allocation",
        "'{0}' points to {1}, which '{2}' must not free; {3}",
        RuleCategory.Lifetime,
        DiagnosticSeverity.Error,
        "A deallocator finds what it needs from the address that the allocator returned. Any other address makes it destroy memory that it does not own.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnForeignFree(in ForeignFreeEvent free)
    {
        OperandReference target = free.Contract.Target;
        // What is made of the parameter of a callee is freed there: that may be an address in a number.
        bool isPointer = target.Kind != OperandKind.Parameter ? free.Call.Inner is not null
            : free.Call.Method.Parameters[target.Ordinal].Type is var type && (TypeShapes.IsPointer(type) || (free.Call.Inner is not null && TypeShapes.IsPrimitive(type)));
        if (!isPointer) return null;
        if (WhatItIs(free.State.Symbols, free.Pointer) is not { } what) return null;
        return new FlowIssue(Rule, free.Call.Syntax.GetLocation(), TextOf(free.Call, free.Contract), what, free.Call.DisplayName, "remove the call");
    }

    internal override FlowIssue? OnFree(in FreeEvent free)
    {
        // Blocks of pages may be split and freed page by page.
        if (free.Allocation.IsAdopted || !free.Contract.Takes(free.Family) || free.Family is "pages" or "get_free_pages" || !IsInside(free.State, free.Pointer, free.Allocation)) return null;
        string name = free.Allocation.Name ?? "the start";
        return new FlowIssue(Rule, free.Call.Syntax.GetLocation(), TextOf(free.Call, free.Contract), "the middle of an allocation", free.Call.DisplayName, "free the pointer that the allocation returned")
            .Step(free.Allocation.Site.GetLocation(), $"'{name}' is allocated here by '{Names.Of(free.Allocation.Method)}'");
    }

    private static string TextOf(CallSite call, FreeContract contract) => call.SyntaxOf(contract.Target)?.Syntax.ToString() ?? "the pointer";

    /// <summary>Memory that no allocator returned; null if the pointer may come from one.</summary>
    private static string? WhatItIs(SymbolTable symbols, Value pointer)
    {
        SymbolData data = symbols.Of(pointer);
        while (data.Kind is SymbolKind.Field or SymbolKind.Element)
        {
            // fixed (T* p = array)
            if (data is { Kind: SymbolKind.Element, Tag: Evaluator.PinnedTag } or { Item: IFieldSymbol { ContainingType.IsReferenceType: true } }) return "memory inside a managed object";
            data = symbols.Of(data.A);
        }

        return data.Kind switch
        {
            SymbolKind.Local or SymbolKind.Captured => "a variable",
            SymbolKind.Stack => "memory on the stack",
            SymbolKind.Static => "a static field",
            SymbolKind.New => "memory inside a managed object",
            _ => null,
        };
    }

    /// <summary>Surely behind the start: by a constant, or at a field that is not the first.</summary>
    private static bool IsInside(FlowState state, Value pointer, Allocation allocation)
    {
        pointer = state.Canonical(pointer);
        if (pointer.Symbol == allocation.Symbol) return pointer.Offset != 0;
        SymbolData data = state.Symbols.Of(pointer);
        if (data.A != new Value(allocation.Symbol, 0) || pointer.Offset != 0) return data.Kind == SymbolKind.View && data.A.Symbol == allocation.Symbol && pointer.Offset != 0;
        return data.Kind switch
        {
            SymbolKind.Element => data.Tag == 0 && data.B.IsConstant && !data.B.IsZero,
            SymbolKind.Field => data.Item is IFieldSymbol field && !IsFirst(field),
            _ => false,
        };
    }

    private static bool IsFirst(IFieldSymbol field)
    {
        foreach (AttributeData attribute in field.ContainingType.GetAttributes())
            if (attribute.AttributeClass?.Name == "StructLayoutAttribute") return true;
        foreach (ISymbol member in field.ContainingType.GetMembers())
            if (member is IFieldSymbol { IsStatic: false, IsConst: false }) return SymbolEqualityComparer.Default.Equals(member, field.OriginalDefinition);
        return true;
    }
}
