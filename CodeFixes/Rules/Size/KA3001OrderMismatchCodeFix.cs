// Frees pages with the order that they were allocated with.

using System.Collections.Immutable;
using System.Composition;
using KAlloc.Analyzers.Model;
using KAlloc.Analyzers.Rules.Size;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes.Rules.Size;

/// <summary>Replaces the order at the freeing call, or the call by one that takes an order.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class KA3001OrderMismatchCodeFix : RepairProvider
{
    /// <summary>The fix that passes the right order.</summary>
    public const string RightOrderKey = "KA3001.RightOrder";

    /// <summary>The fix that calls the deallocator which takes an order.</summary>
    public const string RightCallKey = "KA3001.RightCall";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [KA3001OrderMismatch.Id];

    private protected override IEnumerable<Repair> FindRepairs(RepairScope scope, Diagnostic finding)
    {
        if (finding.AdditionalLocations is not [var site, ..] || scope.CallAt(finding.Location) is not { OnlyFree: { } freeing } call) yield break;
        if (scope.CallAt(site) is not { Contract.Allocations: [var made] } allocation || call.Operand(freeing.Target) is not { } argument) yield break;
        ExpressionSyntax pointer = Pointers.Strip(scope, argument);
        if (HoldsOtherMemory(scope, pointer)) yield break;
        int position = call.Syntax.SpanStart;
        if (freeing.Order.Kind == OperandKind.Parameter)
        {
            if (call.ArgumentFor(freeing.Order.Ordinal) is not { } wrong || DeallocatorCall.Again(scope, allocation, made.Order, position) is not { } order) yield break;
            if (order == wrong.Expression.ToString() || !Variables.IsStable(scope, wrong.Expression, call.Syntax)) yield break;
            yield return new Repair($"Free order {order}", RightOrderKey, edits => edits.Replace(wrong.Expression, order));
        }
        else if (call.Method.ReturnsVoid && DeallocatorCall.Write(scope, finding, allocation, pointer, position) is { } code)
        {
            yield return new Repair($"Free with '{code}'", RightCallKey, edits => edits.Replace(call.Syntax, code));
        }
    }

    /// <summary>A variable that gets memory in several places may hold another order on another path.</summary>
    private static bool HoldsOtherMemory(RepairScope scope, ExpressionSyntax pointer) =>
        scope.Model.GetSymbolInfo(pointer, scope.Cancellation).Symbol is (ILocalSymbol or IParameterSymbol) and var variable
        && Variables.ValuesOf(scope, variable, RepairScope.BodyAround(pointer)) is not { Count: <= 1 };
}
