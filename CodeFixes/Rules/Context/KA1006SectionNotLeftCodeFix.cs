// Leaves the lock or section before the path ends: before the return or throw, or at the end of the block. A value that is returned is computed
// first, under the lock; where it may depend on what the lock protects, it is no constant, and nothing is offered.

using System.Collections.Immutable;
using System.Composition;
using System.Globalization;
using KAlloc.Analyzers.Rules.Context;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes.Rules.Context;

/// <summary>Leaves a lock or section on the path that forgets it.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class KA1006SectionNotLeftCodeFix : RepairProvider
{
    /// <summary>The fix that leaves before the path ends.</summary>
    public const string LeaveKey = "KA1006.LeaveBefore";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [KA1006SectionNotLeft.Id];

    private protected override IEnumerable<Repair> FindRepairs(RepairScope scope, Diagnostic finding)
    {
        if (!finding.Properties.TryGetValue(SectionEnd.Release, out string? release) || release is null) yield break;
        if (!finding.Properties.TryGetValue(SectionEnd.Rank, out string? text) || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int rank)) yield break;
        if (finding.AdditionalLocations is not [var site, ..] || scope.CallAt(site) is not { Syntax: var entered }) yield break;
        if (scope.NodeAt<StatementSyntax>(finding.Location) is { } exit)
        {
            if (exit is not (ReturnStatementSyntax or ThrowStatementSyntax) || !SameFunction(entered, exit) || !IsIndependent(scope, exit) || !Binds(scope, release, exit.SpanStart)) yield break;
            yield return new Repair($"Call '{release}' before", LeaveKey, edits => edits.InsertBefore(BeforeOuterReleases(scope, exit, entered), release + ";", rank));
        }
        else if (scope.Root.FindToken(finding.Location.SourceSpan.Start) is { RawKind: (int)SyntaxKind.CloseBraceToken, Parent: BlockSyntax { Statements.Count: > 0 } block } brace && brace.Span == finding.Location.SourceSpan)
        {
            // A path that left it already may come along here as well.
            if (!SameFunction(entered, block) || Leaves(scope, block, release) || !Binds(scope, release, brace.SpanStart - 1)) yield break;
            yield return new Repair($"Call '{release}' at the end", LeaveKey, edits => edits.InsertBefore(brace, release + ";", rank));
        }
    }

    private static bool SameFunction(SyntaxNode a, SyntaxNode b) => FunctionAround(a) == FunctionAround(b);

    private static SyntaxNode? FunctionAround(SyntaxNode node) =>
        node.FirstAncestorOrSelf<SyntaxNode>(candidate => candidate is AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax or MemberDeclarationSyntax or AccessorDeclarationSyntax);

    /// <summary>What the statement computes is the same behind the release: nothing, a constant, or a variable of the method's own.</summary>
    private static bool IsIndependent(RepairScope scope, StatementSyntax exit) => exit switch
    {
        ReturnStatementSyntax { Expression: { } value } => scope.Model.GetConstantValue(value, scope.Cancellation).HasValue || scope.Model.GetSymbolInfo(value, scope.Cancellation).Symbol is ILocalSymbol { RefKind: RefKind.None } or IParameterSymbol { RefKind: RefKind.None },
        ReturnStatementSyntax => true,
        ThrowStatementSyntax { Expression: ObjectCreationExpressionSyntax { ArgumentList: var arguments } } => arguments is null || arguments.Arguments.All(argument => scope.Model.GetConstantValue(argument.Expression, scope.Cancellation).HasValue),
        _ => false,
    };

    /// <summary>Locks go in reverse order: before the releases that stand here already of what was taken earlier.</summary>
    private static StatementSyntax BeforeOuterReleases(RepairScope scope, StatementSyntax exit, InvocationExpressionSyntax entered)
    {
        if (exit.Parent is not BlockSyntax block) return exit;
        StatementSyntax place = exit;
        for (int i = block.Statements.IndexOf(exit) - 1; i >= 0; i--)
        {
            if (block.Statements[i] is not ExpressionStatementSyntax { Expression: InvocationExpressionSyntax syntax } || scope.CallOf(syntax) is not { Contract.Leave: { } leave } call) break;
            if (TakenAt(scope, entered, call.Operand(leave.Lock)?.ToString()) is not { } taken || taken > entered.SpanStart) break;
            place = block.Statements[i];
        }

        return place;
    }

    /// <summary>Where the method took the lock last, before the given call or behind it.</summary>
    private static int? TakenAt(RepairScope scope, SyntaxNode within, string? @lock)
    {
        int? taken = null;
        foreach (SyntaxNode node in RepairScope.BodyAround(within).DescendantNodes())
            if (node is InvocationExpressionSyntax syntax && scope.CallOf(syntax) is { Contract.Enter: { } enter } call && call.Operand(enter.Lock)?.ToString() == @lock) taken = syntax.SpanStart;
        return taken;
    }

    private static bool Binds(RepairScope scope, string call, int position) =>
        scope.Model.GetSpeculativeSymbolInfo(position, SyntaxFactory.ParseExpression(call), SpeculativeBindingOption.BindAsExpression).Symbol is IMethodSymbol;

    private static bool Leaves(RepairScope scope, BlockSyntax block, string release)
    {
        foreach (SyntaxNode node in block.DescendantNodes())
            if (node is InvocationExpressionSyntax call && call.ToString() == release) return true;
        return false;
    }
}
