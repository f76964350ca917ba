using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using SymbolKind = KAlloc.Analyzers.Flow.SymbolKind;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>A cache's object that is given to another cache.</summary>
internal sealed class KA4009OtherCache : FlowRule
{
    internal const string Id = "KA4009";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Object is freed to another cache",
        "'{0}' comes from the cache '{1}' but is freed to '{2}'; free it to '{1}'",
        RuleCategory.Lifetime,
        DiagnosticSeverity.Error,
        "A cache's slabs hold objects of one size and one constructor. A foreign object on its free list is handed out as something that it is not.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnFree(in FreeEvent free)
    {
        Allocation allocation = free.Allocation;
        if (free.Family != "kmem_cache" || !free.Contract.Takes(free.Family) || allocation.Cache is not { } home || free.Cache is not { } other) return null;
        if (!AreTwo(free.State, free.State.Canonical(home), free.State.Canonical(other))) return null;
        string from = allocation.CacheSyntax ?? "its own", to = free.Call.SyntaxOf(free.Contract.Cache)?.Syntax.ToString() ?? "another";
        if (from == to) return null;
        return new FlowIssue(Rule, free.Call.Syntax.GetLocation(), free.Name, from, to)
            .Step(allocation.Site.GetLocation(), $"'{free.Name}' is allocated here from '{from}'");
    }

    /// <summary>Two caches that were created here, or that two fields hold: fields that share one cache would have no reason to be two.</summary>
    private static bool AreTwo(FlowState state, Value a, Value b)
    {
        if (a == b || a.IsConstant || b.IsConstant || LockIdentity.AreSimilar(state.Symbols, a, b)) return false;
        SymbolData x = state.Symbols.Of(a), y = state.Symbols.Of(b);
        if (x.Kind == SymbolKind.Allocation && y.Kind == SymbolKind.Allocation) return true;
        if (x.Kind != SymbolKind.Load || y.Kind != SymbolKind.Load) return false;
        SymbolData p = state.Symbols.Of(x.A), q = state.Symbols.Of(y.A);
        bool fields = p.Kind == q.Kind && p.Kind is SymbolKind.Static or SymbolKind.Field && p.A == q.A;
        return fields && !SymbolEqualityComparer.Default.Equals(p.Item as ISymbol, q.Item as ISymbol);
    }
}
