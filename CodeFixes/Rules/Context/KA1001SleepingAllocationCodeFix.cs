// Makes an allocation fit for atomic context: with flags that never wait, or by making it before the lock is taken.

using System.Collections.Immutable;
using System.Composition;
using KAlloc.Analyzers.Rules.Context;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes.Rules.Context;

/// <summary>Replaces the flags, or moves the allocation before the lock.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class KA1001SleepingAllocationCodeFix : RepairProvider
{
    /// <summary>The fix that allocates with <c>GFP_ATOMIC</c>.</summary>
    public const string AtomicKey = "KA1001.Atomic";

    /// <summary>The fix that allocates with <c>GFP_NOWAIT</c>.</summary>
    public const string NoWaitKey = "KA1001.NoWait";

    /// <summary>The fix that moves the allocation before the lock.</summary>
    public const string MoveKey = "KA1001.MoveBeforeLock";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [KA1001SleepingAllocationInAtomicContext.Id];

    private protected override IEnumerable<Repair> FindRepairs(RepairScope scope, Diagnostic finding)
    {
        if (scope.CallAt(finding.Location) is not { } call || !finding.Properties.TryGetValue("flags.parameter", out string? parameter)) yield break;
        ExpressionSyntax? flags = null;
        foreach (IParameterSymbol candidate in call.Method.Parameters)
            if (candidate.Name == parameter) flags = call.ArgumentFor(candidate.Ordinal)?.Expression;
        if (flags is null) yield break;
        if (GfpWriter.Create(scope) is { } writer)
        {
            if (writer.WithoutSleep(flags, "Atomic") is { } atomic) yield return new Repair($"Allocate with '{atomic}'", AtomicKey, edits => edits.Replace(flags, atomic));
            if (writer.WithoutSleep(flags, "NoWait") is { } noWait) yield return new Repair($"Allocate with '{noWait}'", NoWaitKey, edits => edits.Replace(flags, noWait));
        }

        bool onlyLocks = finding.Properties.ContainsKey(AtomicPath.OnlyLocks);
        if (onlyLocks && StatementMove.BeforeLock(scope, call.Syntax, finding.AdditionalLocations) is { } move)
            yield return new Repair("Allocate before the lock is taken", MoveKey, move);
    }
}
