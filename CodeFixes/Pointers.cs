// Pointers come as T*, nint, nuint, IntPtr and UIntPtr, and each allocator wants its own. A repair takes off the conversions that the old call
// needed and puts on those that the new one needs.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes;

internal static class Pointers
{
    internal static bool IsPointerLike(ITypeSymbol? type) =>
        type is IPointerTypeSymbol || type?.SpecialType is SpecialType.System_IntPtr or SpecialType.System_UIntPtr;

    /// <summary>The expression without parentheses and conversions that keep the address: casts, <c>ToPointer()</c>, <c>new IntPtr(p)</c>.</summary>
    internal static ExpressionSyntax Strip(RepairScope scope, ExpressionSyntax expression)
    {
        while (true)
        {
            ExpressionSyntax? inner = expression switch
            {
                ParenthesizedExpressionSyntax parenthesized => parenthesized.Expression,
                CastExpressionSyntax cast when KeepsAddress(scope, cast) => cast.Expression,
                InvocationExpressionSyntax { ArgumentList.Arguments.Count: 0, Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "ToPointer" } access } => access.Expression,
                ObjectCreationExpressionSyntax { ArgumentList.Arguments: [var argument] } creation when KeepsAddress(scope, creation) => argument.Expression,
                _ => null,
            };
            if (inner is null || (inner is not ParenthesizedExpressionSyntax and not CastExpressionSyntax && !IsPointerLike(scope.Model.GetTypeInfo(inner, scope.Cancellation).Type))) return expression;
            expression = inner;
        }
    }

    private static bool KeepsAddress(RepairScope scope, ExpressionSyntax conversion) =>
        scope.Model.GetTypeInfo(conversion, scope.Cancellation).Type is { } target
        && (IsPointerLike(target) || target.SpecialType is SpecialType.System_Int64 or SpecialType.System_UInt64);

    /// <summary>
    /// The pointer as code that converts to the target type: bare if it does by itself, else with a cast between pointer and native integer.
    /// Null where only another cast would do: that would turn one kind of object into another.
    /// </summary>
    internal static string? Convert(RepairScope scope, ExpressionSyntax pointer, ITypeSymbol target, int position)
    {
        ITypeSymbol? type = scope.Model.GetSpeculativeTypeInfo(position, pointer, SpeculativeBindingOption.BindAsExpression).Type;
        if (type is null) return null;
        string code = pointer.WithoutTrivia().ToString();
        Conversion conversion = ((CSharpCompilation)scope.Model.Compilation).ClassifyConversion(type, target);
        if (conversion.IsImplicit) return code;
        if (!conversion.IsExplicit || !IsPointerLike(type) || !IsPointerLike(target) || (type is IPointerTypeSymbol && target is IPointerTypeSymbol)) return null;
        bool primary = pointer is SimpleNameSyntax or MemberAccessExpressionSyntax or InvocationExpressionSyntax or ElementAccessExpressionSyntax or ParenthesizedExpressionSyntax or ThisExpressionSyntax;
        return $"({target.ToMinimalDisplayString(scope.Model, position)}){(primary ? code : "(" + code + ")")}";
    }

    internal static bool IsImplicit(RepairScope scope, ExpressionSyntax pointer, ITypeSymbol target, int position) =>
        scope.Model.GetSpeculativeTypeInfo(position, pointer, SpeculativeBindingOption.BindAsExpression).Type is { } type
        && ((CSharpCompilation)scope.Model.Compilation).ClassifyConversion(type, target).IsImplicit;

    /// <summary>Whether code at the position may use pointer types.</summary>
    internal static bool IsUnsafe(SyntaxNode root, int position)
    {
        for (SyntaxNode? node = root.FindToken(position).Parent; node is not null; node = node.Parent)
        {
            bool opens = node switch
            {
                UnsafeStatementSyntax => true,
                MemberDeclarationSyntax member => member.Modifiers.Any(SyntaxKind.UnsafeKeyword),
                LocalFunctionStatementSyntax function => function.Modifiers.Any(SyntaxKind.UnsafeKeyword),
                _ => false,
            };
            if (opens) return true;
        }

        return false;
    }
}
