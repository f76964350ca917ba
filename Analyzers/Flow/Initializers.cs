// What a field of a new object starts as: zero, or what is written beside it. Only literals are read, "bool _isOpen = true": they decide which way a
// Dispose goes.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal static class Initializers
{
    /// <summary>False if that is not known.</summary>
    internal static bool TryGet(ISymbol member, out Value value)
    {
        value = Value.Zero;
        if (member.DeclaringSyntaxReferences is not [{ } reference]) return false;
        switch (reference.GetSyntax())
        {
            case VariableDeclaratorSyntax { Initializer: var initializer }:
                return initializer is null || TryRead(initializer.Value, ((IFieldSymbol)member).Type, out value);
            case PropertyDeclarationSyntax { Initializer: var initializer, ExpressionBody: null }:
                return initializer is null || TryRead(initializer.Value, ((IPropertySymbol)member).Type, out value);
            default:
                return false;
        }
    }

    private static bool TryRead(ExpressionSyntax expression, ITypeSymbol type, out Value value)
    {
        value = Value.Zero;
        bool isNegative = expression.IsKind(SyntaxKind.UnaryMinusExpression);
        if (isNegative) expression = ((PrefixUnaryExpressionSyntax)expression).Operand;
        if (expression is not LiteralExpressionSyntax literal || !TypeShapes.IsScalar(type)) return false;
        if (literal.IsKind(SyntaxKind.NullLiteralExpression) || literal.IsKind(SyntaxKind.DefaultLiteralExpression)) return true;
        bool isInteger = type.SpecialType is SpecialType.System_Boolean or (>= SpecialType.System_SByte and <= SpecialType.System_UInt64) or SpecialType.System_IntPtr or SpecialType.System_UIntPtr;
        if (!isInteger || !TypeShapes.TryNumber(literal.Token.Value, out long number)) return false;
        value = Value.Constant(isNegative ? -number : number);
        return true;
    }
}
