// Frees the memory before the path ends: before the return, throw, break or continue, before the closing brace, or before the assignment that
// overwrites the last pointer. The engine names the variable ("holder") only if on every path to that place it holds null or memory that the
// same call frees; a null check is not needed, because every deallocator takes null.

using System.Collections.Immutable;
using System.Composition;
using System.Globalization;
using KAlloc.Analyzers.Rules.Lifetime;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes.Rules.Lifetime;

/// <summary>Frees memory on the path that loses it.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class KA4001MemoryNotFreedCodeFix : RepairProvider
{
    /// <summary>The fix that frees before the path ends.</summary>
    public const string FreeKey = "KA4001.FreeBefore";

    /// <summary>The fix that jumps to the method's own unwind label.</summary>
    public const string UnwindKey = "KA4001.Unwind";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [KA4001MemoryNotFreed.Id];

    private protected override IEnumerable<Repair> FindRepairs(RepairScope scope, Diagnostic finding)
    {
        ImmutableDictionary<string, string?> facts = finding.Properties;
        if (!facts.TryGetValue(KA4001MemoryNotFreed.Holder, out string? holder) || holder is null) yield break;
        if (finding.AdditionalLocations is not [var site, ..] || scope.CallAt(site) is not { } allocation) yield break;
        int rank = allocation.Syntax.SpanStart;
        IdentifierNameSyntax pointer = SyntaxFactory.IdentifierName(holder);
        if (facts.ContainsKey(KA4001MemoryNotFreed.Atomic) && DeallocatorCall.Candidates(scope, finding, allocation).Any(candidate => scope.ContractOf(candidate.Method)?.Sleep is not null)) yield break;

        if (LeavingStatement(scope, finding.Location) is { } exit)
        {
            if (VariableAt(scope, pointer, exit.SpanStart) is not { } variable || Needs(scope, exit, variable)) yield break;
            if (DeallocatorCall.Write(scope, finding, allocation, pointer, exit.SpanStart) is not { } code) yield break;
            StatementSyntax place = BehindLaterAllocations(scope, exit, variable, rank);
            yield return new Repair($"Free with '{code}' before", FreeKey, edits => edits.InsertBefore(place, code + ";", rank));
            if (UnwindLabel.Find(scope, exit, variable) is { } jump) yield return new Repair($"Jump to '{jump.Label}'", UnwindKey, jump.Apply);
        }
        else if (scope.Root.FindToken(finding.Location.SourceSpan.Start) is { RawKind: (int)SyntaxKind.CloseBraceToken, Parent: BlockSyntax block } brace && brace.Span == finding.Location.SourceSpan)
        {
            int position = brace.SpanStart - 1;
            if (block.Statements.Count == 0 || VariableAt(scope, pointer, position) is null || !IsReachable(scope, block)) yield break;
            if (DeallocatorCall.Write(scope, finding, allocation, pointer, position) is { } code)
                yield return new Repair($"Free with '{code}' at the end", FreeKey, edits => edits.InsertBefore(brace, code + ";", rank));
        }
    }

    /// <summary>The statement that the path ends with: a jump, or an assignment of its own.</summary>
    private static StatementSyntax? LeavingStatement(RepairScope scope, Location place)
    {
        if (scope.NodeAt<StatementSyntax>(place) is { } jump)
        {
            return jump is ReturnStatementSyntax or ThrowStatementSyntax or BreakStatementSyntax or ContinueStatementSyntax or GotoStatementSyntax
                or YieldStatementSyntax { RawKind: (int)SyntaxKind.YieldBreakStatement } ? jump : null;
        }

        return scope.NodeAt<AssignmentExpressionSyntax>(place) is { RawKind: (int)SyntaxKind.SimpleAssignmentExpression, Left: IdentifierNameSyntax, Parent: ExpressionStatementSyntax statement } ? statement : null;
    }

    private static ISymbol? VariableAt(RepairScope scope, ExpressionSyntax pointer, int position) =>
        scope.Model.GetSpeculativeSymbolInfo(position, pointer, SpeculativeBindingOption.BindAsExpression).Symbol is (ILocalSymbol or IParameterSymbol) and var variable ? variable : null;

    private static bool IsReachable(RepairScope scope, BlockSyntax block) =>
        scope.Model.AnalyzeControlFlow(block.Statements[0], block.Statements[block.Statements.Count - 1]) is { Succeeded: true, EndPointIsReachable: true };

    /// <summary>Whether the memory is still used behind the place: by what the statement computes, or by a finally block that runs after it.</summary>
    private static bool Needs(RepairScope scope, StatementSyntax exit, ISymbol variable)
    {
        SyntaxNode? computed = exit is ExpressionStatementSyntax { Expression: AssignmentExpressionSyntax assignment } ? assignment.Right : exit;
        if (Mentions(scope, computed, variable, 0)) return true;
        for (SyntaxNode? node = exit; node is not null and not MemberDeclarationSyntax; node = node.Parent)
        {
            if (node.Parent is TryStatementSyntax guarded && node != guarded.Finally)
            {
                if (guarded.Finally is { } last && Mentions(scope, last, variable, 0)) return true;
                if (exit is ThrowStatementSyntax && node == guarded.Block && guarded.Catches.Any(handler => Mentions(scope, handler, variable, 0))) return true;
            }

            if (node.Parent is FixedStatementSyntax @fixed && Mentions(scope, @fixed.Declaration, variable, 0)) return true;
        }

        return false;
    }

    /// <summary>Names the variable, or another one that was computed from it and may point into the memory.</summary>
    private static bool Mentions(RepairScope scope, SyntaxNode node, ISymbol variable, int depth)
    {
        foreach (SyntaxNode inner in node.DescendantNodesAndSelf())
        {
            if (inner is not IdentifierNameSyntax name || scope.Model.GetSymbolInfo(name, scope.Cancellation).Symbol is not { } symbol) continue;
            if (SymbolEqualityComparer.Default.Equals(symbol, variable)) return true;
            if (symbol is not ILocalSymbol local || !(Pointers.IsPointerLike(local.Type) || local.Type.IsRefLikeType || local.IsRef)) continue;
            if (depth > 3 || Variables.ValuesOf(scope, local, RepairScope.BodyAround(node)) is not { } values || values.Exists(value => Mentions(scope, value, variable, depth + 1))) return true;
        }

        return false;
    }

    /// <summary>Frees go in reverse order of allocation: before those that stand here already for what was allocated earlier.</summary>
    private static StatementSyntax BehindLaterAllocations(RepairScope scope, StatementSyntax exit, ISymbol variable, int rank)
    {
        if (exit.Parent is not BlockSyntax block) return exit;
        StatementSyntax place = exit;
        for (int i = block.Statements.IndexOf(exit) - 1; i >= 0; i--)
        {
            if (block.Statements[i] is not ExpressionStatementSyntax { Expression: InvocationExpressionSyntax syntax } || scope.CallOf(syntax) is not { OnlyFree: { } free } call) break;
            if (call.Operand(free.Target) is not { } argument || scope.Model.GetSymbolInfo(Pointers.Strip(scope, argument), scope.Cancellation).Symbol is not ILocalSymbol other) break;
            if (SymbolEqualityComparer.Default.Equals(other, variable) || AllocatedAt(scope, other) is not { } position || position > rank) break;
            place = block.Statements[i];
        }

        return place;
    }

    private static int? AllocatedAt(RepairScope scope, ILocalSymbol variable) =>
        variable.DeclaringSyntaxReferences is [var reference] && Variables.ValuesOf(scope, variable, RepairScope.BodyAround(reference.GetSyntax(scope.Cancellation))) is { Count: > 0 } values ? values[values.Count - 1].SpanStart : null;
}
