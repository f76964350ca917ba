using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Rules.Lifetime;

/// <summary>Memory that a private field owns and that its type never gives back.</summary>
internal sealed class KA4011FieldNotFreed : FlowRule
{
    internal const string Id = "KA4011";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Type does not free the memory its field owns",
        "'{0}' owns memory from '{1}' that {2}; free it with '{3}' in 'Dispose'",
        RuleCategory.Lifetime,
        DiagnosticSeverity.Warning,
        "Nobody outside of the type can reach a private field: when the collector takes the object, the memory is lost.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnFieldKept(in FieldKeptEvent kept)
    {
        FieldStore store = kept.Store;
        if (store.Memory is not { } memory || !KA4001MemoryNotFreed.MustBeFreed(memory) || IsDescriptor(memory)) return null;
        // What a method other than the constructor allocates may have a method of its own that frees it, and callers who know.
        if (kept.Release.Gap == ReleaseGap.NotInDispose && !kept.InConstructor) return null;
        string type = kept.Release.Type, what = kept.Release.Gap switch
        {
            ReleaseGap.Never => $"no method of '{type}' frees",
            ReleaseGap.OnlyReplaced => $"'{type}' frees only where it gets other memory",
            _ => $"'Dispose' of '{type}' does not free",
        };
        SyntaxNode place = store.Site is EqualsValueClauseSyntax initializer ? initializer.Value : store.Site;
        var issue = new FlowIssue(Rule, place.GetLocation(), store.Field.Name, Names.Of(memory.Method), what, memory.Contract.FreedBy ?? "its deallocator") { Subject = memory.Site };
        issue.Properties = Deallocators.Describe(issue.Properties, memory);
        return issue.Step(memory.Site.GetLocation(), $"the memory is allocated here by '{Names.Of(memory.Method)}'");
    }

    /// <summary>Caches and pools are destroyed, not freed: KA4013's question.</summary>
    private static bool IsDescriptor(Allocation memory) => memory.Family.EndsWith("_descriptor", System.StringComparison.Ordinal);
}
