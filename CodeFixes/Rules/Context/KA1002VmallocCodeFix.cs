// Takes the vmalloc family out of atomic context: vfree becomes vfree_atomic; vmalloc of a small constant size becomes kmalloc with GFP_ATOMIC,
// together with every vfree of that memory, because one without the other frees with the wrong allocator.

using System.Collections.Immutable;
using System.Composition;
using KAlloc.Analyzers.Model;
using KAlloc.Analyzers.Rules.Context;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes.Rules.Context;

/// <summary>Replaces vmalloc by kmalloc where the size fits, and vfree by vfree_atomic.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
public sealed class KA1002VmallocCodeFix : RepairProvider
{
    /// <summary>The fix that puts the freeing off.</summary>
    public const string FreeAtomicKey = "KA1002.FreeAtomic";

    /// <summary>The fix that allocates and frees with kmalloc.</summary>
    public const string KmallocKey = "KA1002.Kmalloc";

    /// <summary>KMALLOC_MAX_SIZE: 2^MAX_ORDER pages of 4 KiB.</summary>
    private const long KmallocMaxSize = 4 << 20;

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [KA1002VmallocInAtomicContext.Id];

    private protected override IEnumerable<Repair> FindRepairs(RepairScope scope, Diagnostic finding)
    {
        if (scope.CallAt(finding.Location) is not { } call) yield break;
        if (call.OnlyFree is { } free)
        {
            if (Sibling(call, call.Method.Name + "_atomic") is { } sibling && scope.ContractOf(sibling) is { Sleep: null, Frees: [var atomic] } && atomic.Takes(free.Families[0]) && HasSameParameters(call.Method, sibling) && CanRename(scope, call, sibling))
                yield return new Repair($"Free with '{sibling.Name}'", FreeAtomicKey, edits => Rename(call, sibling, edits));
        }
        else if (FindPair(scope, call) is { } pair)
        {
            yield return new Repair($"Allocate with '{pair.Title}'", KmallocKey, pair.Apply);
        }
    }

    private static (string Title, Action<TextEdits> Apply)? FindPair(RepairScope scope, Call call)
    {
        if (call.Contract.Allocations is not [{ Family: "vmalloc", Flags.IsPresent: false } made] || !Fits(scope, call, made)) return null;
        if (Counterpart(scope, call, made) is not { } allocator || GfpWriter.Create(scope) is not { } gfp || !CanRename(scope, call, allocator)) return null;
        AllocationContract contract = scope.ContractOf(allocator)!.Allocations[0];
        if (Sibling(call, contract.FreedBy) is not { } deallocator || scope.ContractOf(deallocator)?.Frees is not [var right]) return null;
        if (AssignedLocal(scope, call) is not { } variable || Variables.ValuesOf(scope, variable, RepairScope.BodyAround(call.Syntax)) is not { } values) return null;
        if (values.Exists(value => value != call.Syntax && !Variables.IsNull(scope, value))) return null;
        if (FreesOf(scope, variable, call, right) is not { Count: > 0 } frees || frees.Exists(free => !CanRename(scope, free, deallocator))) return null;
        string flags = gfp.Atomic(call.Syntax.SpanStart);
        return ($"{allocator.Name}(…, {flags})", edits =>
        {
            Rename(call, allocator, edits);
            edits.Replace(new Microsoft.CodeAnalysis.Text.TextSpan(call.Syntax.ArgumentList.CloseParenToken.SpanStart, 0), ", " + flags);
            foreach (Call free in frees) Rename(free, deallocator, edits);
        });
    }

    private static bool Fits(RepairScope scope, Call call, AllocationContract made)
    {
        return Constant(made.Size) is > 0 and <= KmallocMaxSize and var size && (!made.Count.IsPresent || (Constant(made.Count) is > 0 and <= KmallocMaxSize and var count && size * count <= KmallocMaxSize));

        long? Constant(OperandReference operand) => call.Operand(operand) is not { } expression ? null : scope.Model.GetConstantValue(expression, scope.Cancellation).Value switch
        {
            int value => value,
            uint value => value,
            long value => value,
            ulong value and <= long.MaxValue => (long)value,
            ushort value => value,
            _ => null,
        };
    }

    /// <summary>vzalloc → kzalloc: the same name in the other family, the same parameters and gfp flags behind them.</summary>
    private static IMethodSymbol? Counterpart(RepairScope scope, Call call, AllocationContract made)
    {
        if (call.Method.Name[0] != 'v' || Sibling(call, "k" + call.Method.Name.Substring(1)) is not { } sibling) return null;
        bool fits = scope.ContractOf(sibling) is { Allocations: [{ Family: "kmalloc" } other] } && other.Zeroed == made.Zeroed
            && other.Flags == OperandReference.Parameter(sibling.Parameters.Length - 1) && sibling.Parameters.Length == call.Method.Parameters.Length + 1;
        return fits ? sibling : null;
    }

    private static IMethodSymbol? Sibling(Call call, string? name) =>
        name is null ? null : call.Method.ContainingType?.GetMembers(name).OfType<IMethodSymbol>().FirstOrDefault(method => method.Arity == 0 && method.IsStatic == call.Method.IsStatic);

    private static bool HasSameParameters(IMethodSymbol one, IMethodSymbol other) =>
        one.Parameters.Length == other.Parameters.Length && !one.Parameters.Where((parameter, i) => !SymbolEqualityComparer.Default.Equals(parameter.Type, other.Parameters[i].Type)).Any();

    private static ILocalSymbol? AssignedLocal(RepairScope scope, Call call)
    {
        SyntaxNode node = call.Syntax;
        while (node.Parent is CastExpressionSyntax or ParenthesizedExpressionSyntax) node = node.Parent;
        return node.Parent switch
        {
            EqualsValueClauseSyntax { Parent: VariableDeclaratorSyntax declarator } => scope.Model.GetDeclaredSymbol(declarator, scope.Cancellation) as ILocalSymbol,
            AssignmentExpressionSyntax { Left: IdentifierNameSyntax target, Parent: ExpressionStatementSyntax } => scope.Model.GetSymbolInfo(target, scope.Cancellation).Symbol as ILocalSymbol,
            _ => null,
        };
    }

    /// <summary>All calls that free what the variable holds; null if the memory may be freed, or its address be needed, elsewhere.</summary>
    private static List<Call>? FreesOf(RepairScope scope, ILocalSymbol variable, Call allocation, FreeContract right)
    {
        var frees = new List<Call>();
        foreach (IdentifierNameSyntax name in RepairScope.BodyAround(allocation.Syntax).DescendantNodes().OfType<IdentifierNameSyntax>())
        {
            if (name.Identifier.ValueText != variable.Name || !SymbolEqualityComparer.Default.Equals(scope.Model.GetSymbolInfo(name, scope.Cancellation).Symbol, variable)) continue;
            SyntaxNode node = name;
            while (node.Parent is CastExpressionSyntax or ParenthesizedExpressionSyntax) node = node.Parent;
            switch (node.Parent)
            {
                case ArgumentSyntax { Parent.Parent: InvocationExpressionSyntax syntax } argument:
                    if (scope.CallOf(syntax) is not { } call || call.Method.Name.Contains("vmalloc")) return null;
                    int ordinal = call.Method.Parameters.IndexOf(call.Method.Parameters.FirstOrDefault(parameter => call.ArgumentFor(parameter.Ordinal) == argument)!);
                    if (call.OnlyFree is { } free && free.Target == OperandReference.Parameter(ordinal))
                    {
                        if (!free.Takes(right.Families[0])) frees.Add(call);
                    }
                    else if (!call.Contract.Borrowed.Contains(ordinal))
                    {
                        return null;
                    }

                    break;
                case AssignmentExpressionSyntax assignment when assignment.Left == node:
                case BinaryExpressionSyntax { RawKind: (int)Microsoft.CodeAnalysis.CSharp.SyntaxKind.EqualsExpression or (int)Microsoft.CodeAnalysis.CSharp.SyntaxKind.NotEqualsExpression }:
                case IsPatternExpressionSyntax:
                case ElementAccessExpressionSyntax access when access.Expression == node && !IsReference(access):
                case PrefixUnaryExpressionSyntax { RawKind: (int)Microsoft.CodeAnalysis.CSharp.SyntaxKind.PointerIndirectionExpression } dereference when !IsReference(dereference):
                case MemberAccessExpressionSyntax { RawKind: (int)Microsoft.CodeAnalysis.CSharp.SyntaxKind.PointerMemberAccessExpression } member when member.Expression == node && !IsReference(member):
                    break;
                default:
                    return null;
            }
        }

        return frees;

        static bool IsReference(ExpressionSyntax place) => place.Parent is RefExpressionSyntax or PrefixUnaryExpressionSyntax { RawKind: (int)Microsoft.CodeAnalysis.CSharp.SyntaxKind.AddressOfExpression };
    }

    private static bool CanRename(RepairScope scope, Call call, IMethodSymbol method) =>
        call.Receiver is not null || scope.Model.LookupSymbols(call.Syntax.SpanStart, name: method.Name).Contains(method, SymbolEqualityComparer.Default);

    private static void Rename(Call call, IMethodSymbol method, TextEdits edits) =>
        edits.Replace(call.Syntax.Expression is MemberAccessExpressionSyntax access ? access.Name : call.Syntax.Expression, method.Name);
}
