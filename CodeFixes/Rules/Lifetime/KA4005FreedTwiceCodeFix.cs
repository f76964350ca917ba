// Removes the second free, where every path to it has gone through the first: the engine says so.

using System.Collections.Immutable;
using System.Composition;
using KAlloc.Analyzers.Rules.Lifetime;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes.Rules.Lifetime;

/// <summary>Removes a free of memory that is freed already.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class KA4005FreedTwiceCodeFix : RepairProvider
{
    /// <summary>The fix that removes the second free.</summary>
    public const string RemoveKey = "KA4005.Remove";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [KA4005FreedTwice.Id];

    private protected override IEnumerable<Repair> FindRepairs(RepairScope scope, Diagnostic finding)
    {
        if (!finding.Properties.ContainsKey(KA4005FreedTwice.AlwaysSecond)) yield break;
        // Only a call that does nothing else, in a place where a statement may be missing.
        if (scope.CallAt(finding.Location) is not { OnlyFree: not null, Syntax.Parent: ExpressionStatementSyntax { Parent: BlockSyntax } statement }) yield break;
        yield return new Repair($"Remove '{statement}'", RemoveKey, edits => edits.Remove(statement));
    }
}
