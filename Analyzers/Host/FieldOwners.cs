// What the bodies of a type do to a field together, on demand and cached for the compilation. A body that frees what a field holds asks where that
// comes from; a body that leaves memory in a field asks who frees it. All bodies that name the field are walked for the answer, and a single one
// that cannot be followed makes it "not known". Every report stands in the body that asked.

using System.Collections.Concurrent;
using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Host;

internal sealed class FieldOwners(Compilation compilation, CompilationFacts facts)
{
    private readonly ConcurrentDictionary<IFieldSymbol, FieldHistory> _histories = new(SymbolEqualityComparer.Default);

    /// <summary>All that is said of a body, each mistake once.</summary>
    internal List<FlowIssue> IssuesOf(ISymbol root, BodyResult result, CancellationToken cancellation)
    {
        // An object that never frees its field is the mistake of its class, told there, and not of everybody who drops such an object.
        var issues = new List<FlowIssue>();
        foreach (FlowIssue issue in result.Issues)
            if (issue.Field is not { } field || !ClosedFields.IsTracked(field) || HistoryOf(field, cancellation).Release is null) issues.Add(issue);
        foreach (FlowIssue issue in OfFields(root, result, cancellation))
            if (!issues.Exists(told => told.Subject is not null && told.Subject == issue.Subject)) issues.Add(issue);
        return issues;
    }

    /// <summary>What the rules say about what a body does to fields.</summary>
    private IEnumerable<FlowIssue> OfFields(ISymbol root, BodyResult result, CancellationToken cancellation)
    {
        if (result.Fields is not { } uses) yield break;
        foreach (FieldFree free in uses.Frees)
        {
            if (SourcesOf(free.Field, cancellation) is not { Count: > 0 } sources) continue;
            var freed = new FieldFreeEvent(free, sources, OrdersOf(free, cancellation));
            foreach (FlowRule rule in Rules.FlowRules.All)
                if (rule.OnFieldFree(freed) is { } issue) yield return issue;
        }

        foreach (FieldStore kept in uses.Kept)
        {
            FieldHistory history = HistoryOf(kept.Field, cancellation);
            if (history.Release is not { } release) continue;
            foreach (FlowRule rule in Rules.FlowRules.All)
                if (rule.OnFieldKept(new FieldKeptEvent(kept, release, root is IFieldSymbol or IMethodSymbol { MethodKind: MethodKind.Constructor })) is { } issue) yield return issue;
        }
    }

    /// <summary>The orders that a call may free with: what it says, or what the field that it names can hold, with the zero that a field begins with.</summary>
    private IReadOnlyList<long> OrdersOf(FieldFree free, CancellationToken cancellation)
    {
        if (free.Order is { } stated) return [stated];
        if (free.OrderField is not { } field || ClosedFields.MayBeNull(field) || HistoryOf(field, cancellation).Stores is not { } stores) return [];
        var orders = new List<long> { 0 };
        foreach (FieldStore store in stores)
        {
            if (store.Number is not { } number) return [];
            orders.Add(number);
        }

        return orders;
    }

    /// <summary>All memory that the field can hold, also by way of other fields; null if that is not known.</summary>
    private List<FieldStore>? SourcesOf(IFieldSymbol field, CancellationToken cancellation)
    {
        var sources = new List<FieldStore>();
        var fields = new List<IFieldSymbol> { field };
        for (int i = 0; i < fields.Count; i++)
        {
            if (HistoryOf(fields[i], cancellation).Stores is not { } stores) return null;
            foreach (FieldStore store in stores)
            {
                if (store.IsUnknown || store.Number is not null) return null;
                if (store.Memory is not null) sources.Add(store);
                if (store.Source is { } source && !fields.Contains(source, SymbolEqualityComparer.Default)) fields.Add(source);
            }
        }

        return sources;
    }

    private FieldHistory HistoryOf(IFieldSymbol field, CancellationToken cancellation) =>
        _histories.TryGetValue(field, out FieldHistory? known) ? known : _histories.GetOrAdd(field, MakeHistory(field, cancellation));

    private FieldHistory MakeHistory(IFieldSymbol field, CancellationToken cancellation)
    {
        if (ClosedFields.WritersOf(field) is not { } writers) return FieldHistory.Unknown;
        var bodies = new List<FieldBody>();
        var name = new HashSet<string> { field.Name };
        foreach (SyntaxReference reference in writers.DeclaringSyntaxReferences)
        {
            if (!compilation.ContainsSyntaxTree(reference.SyntaxTree)) return FieldHistory.Unknown;
            SyntaxNode declaration = reference.GetSyntax(cancellation);
            SemanticModel model = facts.ModelOf(reference.SyntaxTree);
            foreach (BodySyntax syntax in BodyWalk.Enumerate(declaration))
            {
                // An initializer of the field itself does not name it.
                bool isOwn = syntax.Declaration is VariableDeclaratorSyntax variable && variable.Identifier.ValueText == field.Name;
                if (!isOwn && !Demand.Mentions(syntax.Node, name) && !(field.ContainingType.IsValueType && PassesItself(syntax.Node))) continue;
                if (Bodies.RootOf(syntax, model, cancellation) is not { } root) return FieldHistory.Unknown;
                BodyResult result = facts.Results.Walked(Bodies.Make(syntax, root), cancellation);
                if (result.Fields is not { } uses || uses.Open.Contains(field)) return FieldHistory.Unknown;
                bodies.Add(new FieldBody(root, syntax, uses));
            }
        }

        return new FieldHistory(Distinct(field, bodies), Releases.Find(field, writers, bodies, cancellation));
    }

    /// <summary>A struct is passed as a whole, by its address, so that others may do to the field what they like without naming it.</summary>
    private static bool PassesItself(SyntaxNode body)
    {
        foreach (SyntaxNode node in body.DescendantNodes())
            if (node is ThisExpressionSyntax && node.Parent is ArgumentSyntax { RefKindKeyword.RawKind: not 0 } or PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.AddressOfExpression }) return true;
        return false;
    }

    private static IReadOnlyList<FieldStore> Distinct(IFieldSymbol field, List<FieldBody> bodies)
    {
        var stores = new List<FieldStore>();
        foreach (FieldBody body in bodies)
            foreach (FieldStore store in body.Uses.Stores)
                if (SymbolEqualityComparer.Default.Equals(store.Field, field) && !store.IsNull && !stores.Exists(known => known.SameValue(store))) stores.Add(store);

        // By place: the parts of a type have no order of their own.
        stores.Sort((a, b) => string.CompareOrdinal(a.Site.SyntaxTree.FilePath, b.Site.SyntaxTree.FilePath) is var order and not 0 ? order : a.Site.SpanStart.CompareTo(b.Site.SpanStart));
        return stores;
    }
}

/// <summary>A body that names a field, and what it does to fields.</summary>
internal sealed record FieldBody(ISymbol Root, BodySyntax Syntax, FieldUses Uses);

/// <summary>What a whole program does to a field.</summary>
/// <param name="Stores">Every value but null that it gets, each once; null if that is not known.</param>
/// <param name="Release">What is wrong with how its memory is freed; null if nothing is, or if that is not known.</param>
internal sealed record FieldHistory(IReadOnlyList<FieldStore>? Stores, FieldRelease? Release)
{
    internal static readonly FieldHistory Unknown = new(null, null);
}
