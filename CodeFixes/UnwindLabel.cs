// The kernel's way out: a label at the end of the method that frees and returns. Jumping there instead of returning is right when all that the
// label does is to free this variable and to return the same value, or a variable that can be given it.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes;

internal static class UnwindLabel
{
    /// <summary>The jump that replaces a return statement; null if no label of the method does exactly what is missing.</summary>
    internal static (string Label, Action<TextEdits> Apply)? Find(RepairScope scope, StatementSyntax exit, ISymbol variable)
    {
        if (exit is not ReturnStatementSyntax leaving) return null;
        for (SyntaxNode? node = exit; node is not null and not MemberDeclarationSyntax and not LocalFunctionStatementSyntax and not AnonymousFunctionExpressionSyntax; node = node.Parent)
        {
            if (node.Parent is TryStatementSyntax) return null;
            if (node.Parent is not BlockSyntax block) continue;
            for (int i = 0; i + 1 < block.Statements.Count; i++)
            {
                if (block.Statements[i] is not LabeledStatementSyntax { Statement: ExpressionStatementSyntax { Expression: InvocationExpressionSyntax syntax } } label || label.SpanStart < exit.SpanStart) continue;
                if (block.Statements[i + 1] is not ReturnStatementSyntax target || !Frees(scope, syntax, variable) || Jump(scope, leaving, target, label) is not { } code) continue;
                return (label.Identifier.ValueText, edits => edits.ReplaceStatement(exit, code));
            }
        }

        return null;
    }

    private static bool Frees(RepairScope scope, InvocationExpressionSyntax syntax, ISymbol variable) =>
        scope.CallOf(syntax) is { OnlyFree: { } free } call && call.Operand(free.Target) is { } argument
        && SymbolEqualityComparer.Default.Equals(scope.Model.GetSymbolInfo(Pointers.Strip(scope, argument), scope.Cancellation).Symbol, variable);

    private static string[]? Jump(RepairScope scope, ReturnStatementSyntax leaving, ReturnStatementSyntax target, LabeledStatementSyntax label)
    {
        string jump = $"goto {label.Identifier.Text};";
        if (leaving.Expression is not { } value) return target.Expression is null ? [jump] : null;
        if (target.Expression is not { } returned) return null;
        Optional<object?> fixedValue = scope.Model.GetConstantValue(returned, scope.Cancellation), ownValue = scope.Model.GetConstantValue(value, scope.Cancellation);
        if (fixedValue.HasValue) return ownValue.HasValue && Equals(fixedValue.Value, ownValue.Value) ? [jump] : null;
        if (scope.Model.GetSymbolInfo(returned, scope.Cancellation).Symbol is not ILocalSymbol { RefKind: RefKind.None, IsConst: false } result || returned is not IdentifierNameSyntax) return null;
        if (!SymbolEqualityComparer.Default.Equals(scope.Model.GetSpeculativeSymbolInfo(leaving.SpanStart, returned, SpeculativeBindingOption.BindAsExpression).Symbol, result)) return null;
        if (SymbolEqualityComparer.Default.Equals(scope.Model.GetSymbolInfo(value, scope.Cancellation).Symbol, result)) return [jump];
        bool converts = ((CSharpCompilation)scope.Model.Compilation).ClassifyConversion(scope.Model.GetTypeInfo(value, scope.Cancellation).Type!, result.Type).IsImplicit;
        return converts ? [$"{result.Name} = {value.WithoutTrivia()};", jump] : null;
    }
}
