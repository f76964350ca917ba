// Replaces the wrong deallocator by the one of the memory's own family.

using System.Composition;
using System.Collections.Immutable;
using KAlloc.Analyzers.Model;
using KAlloc.Analyzers.Rules.Lifetime;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes.Rules.Lifetime;

/// <summary>Frees memory with its own family's deallocator.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class KA4007WrongDeallocatorCodeFix : RepairProvider
{
    /// <summary>The fix that calls the family's own deallocator.</summary>
    public const string OwnDeallocatorKey = "KA4007.OwnDeallocator";

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [KA4007WrongDeallocator.Id];

    private protected override IEnumerable<Repair> FindRepairs(RepairScope scope, Diagnostic finding)
    {
        if (finding.AdditionalLocations is not [var site, ..] || scope.CallAt(finding.Location) is not { OnlyFree: { } wrong } call) yield break;
        if (scope.CallAt(site) is not { } allocation || call.Operand(wrong.Target) is not { } argument || !MayReplace(scope, call, wrong)) yield break;
        ExpressionSyntax pointer = Pointers.Strip(scope, argument);
        int position = call.Syntax.SpanStart;
        if (!IsRightForAllThatCome(scope, finding, allocation, pointer)) yield break;
        string? instead = null;
        if (Clears(call.Method) && (instead = ClearingDeallocator(allocation.Method)) is null) yield break;
        if (DeallocatorCall.Write(scope, finding, allocation, pointer, position, instead) is not { } code) yield break;
        yield return new Repair($"Free with '{code}'", OwnDeallocatorKey, edits => edits.Replace(call.Syntax, code));
    }

    /// <summary>The call also wipes a secret, which the new one must not leave behind.</summary>
    private static bool Clears(IMethodSymbol method) =>
        method.Name.StartsWith("ZeroFree", StringComparison.Ordinal) || method.Name.EndsWith("_sensitive", StringComparison.Ordinal) || method.Name == "kzfree";

    /// <summary>The call that wipes and frees a string that <see cref="System.Runtime.InteropServices.Marshal"/> made: its length is counted in the string's own characters.</summary>
    private static string? ClearingDeallocator(IMethodSymbol allocator) => allocator.Name switch
    {
        "StringToHGlobalAnsi" or "SecureStringToGlobalAllocAnsi" => "ZeroFreeGlobalAllocAnsi",
        "StringToHGlobalUni" or "SecureStringToGlobalAllocUnicode" => "ZeroFreeGlobalAllocUnicode",
        "StringToCoTaskMemAnsi" or "SecureStringToCoTaskMemAnsi" => "ZeroFreeCoTaskMemAnsi",
        "StringToCoTaskMemUni" or "SecureStringToCoTaskMemUnicode" => "ZeroFreeCoTaskMemUnicode",
        "StringToCoTaskMemUTF8" => "ZeroFreeCoTaskMemUTF8",
        "StringToBSTR" or "SecureStringToBSTR" => "ZeroFreeBSTR",
        _ => null,
    };

    /// <summary>Nothing but the free may get lost: no result that is used, no other argument that does something.</summary>
    private static bool MayReplace(RepairScope scope, Call call, FreeContract wrong)
    {
        if (!call.Method.ReturnsVoid && call.Syntax.Parent is not ExpressionStatementSyntax) return false;
        foreach (ArgumentSyntax other in call.Syntax.ArgumentList.Arguments)
            if (other != call.ArgumentFor(wrong.Target.Kind == OperandKind.Parameter ? wrong.Target.Ordinal : -1) && !Variables.IsStable(scope, other.Expression, call.Syntax)) return false;
        return true;
    }

    /// <summary>A variable that holds memory of another family on another path must not get this one's deallocator.</summary>
    private static bool IsRightForAllThatCome(RepairScope scope, Diagnostic finding, Call allocation, ExpressionSyntax pointer)
    {
        if (scope.Model.GetSymbolInfo(pointer, scope.Cancellation).Symbol is not (ILocalSymbol or IParameterSymbol) and var other) return other is not null;
        foreach ((_, FreeContract free) in DeallocatorCall.Candidates(scope, finding, allocation))
            return Variables.HoldsOnly(scope, scope.Model.GetSymbolInfo(pointer, scope.Cancellation).Symbol!, free, RepairScope.BodyAround(pointer));
        return false;
    }
}
