// Replaces a release of the wrong kind by the counterpart of the call that took the lock, on the same lock.

using System.Collections.Immutable;
using System.Composition;
using KAlloc.Analyzers.Rules.Context;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;

namespace KAlloc.CodeFixes.Rules.Context;

/// <summary>Calls the release that matches the lock.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class KA1007WrongUnlockCodeFix : RepairProvider
{
    /// <summary>The fix that calls the matching release.</summary>
    public const string MatchKey = "KA1007.Match";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [KA1007WrongUnlock.Id];

    private protected override IEnumerable<Repair> FindRepairs(RepairScope scope, Diagnostic finding)
    {
        if (!finding.Properties.TryGetValue(SectionEnd.Release, out string? release) || release is null) yield break;
        if (scope.CallAt(finding.Location) is not { Contract.Leave: not null, Syntax: var unlock }) yield break;
        if (scope.Model.GetSpeculativeSymbolInfo(unlock.SpanStart, SyntaxFactory.ParseExpression(release), SpeculativeBindingOption.BindAsExpression).Symbol is not IMethodSymbol) yield break;
        yield return new Repair($"Use '{release}'", MatchKey, edits => edits.Replace(unlock, release));
    }
}
