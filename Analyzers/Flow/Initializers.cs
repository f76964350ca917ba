// What a field of a new object starts as: zero, or what is written beside it. Only what says so by itself is read, "bool _isOpen = true" or
// "State _state = State.Open" or "List<nint> _blocks = new()": it decides which way a Dispose goes.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal static class Initializers
{
    /// <summary>Whether that is known: a number, or zero and <paramref name="isObject"/> for something of which no more is known than that it is not null.</summary>
    internal static bool TryGet(ISymbol member, out Value value, out bool isObject)
    {
        value = Value.Zero;
        isObject = false;
        if (member.DeclaringSyntaxReferences is not [{ } reference]) return false;
        EqualsValueClauseSyntax? initializer;
        ITypeSymbol type;
        switch (reference.GetSyntax())
        {
            case VariableDeclaratorSyntax variable:
                (initializer, type) = (variable.Initializer, ((IFieldSymbol)member).Type);
                break;
            case PropertyDeclarationSyntax { ExpressionBody: null } property:
                (initializer, type) = (property.Initializer, ((IPropertySymbol)member).Type);
                break;
            default:
                return false;
        }

        if (initializer is null) return true;
        ExpressionSyntax written = Inside(initializer.Value);
        isObject = type.IsReferenceType && MakesObject(written);
        return isObject || TryRead(written, type, member.ContainingType, out value);
    }

    /// <summary>The constructor of a struct begins with them. <c>: this()</c> makes all of it zero instead.</summary>
    internal static bool RunIn(IMethodSymbol constructor) =>
        constructor is { IsImplicitlyDeclared: false, ContainingType.IsValueType: true, DeclaringSyntaxReferences: [{ } reference] } && TypeMembers.Of(constructor.ContainingType.OriginalDefinition).HasInitializers
        && reference.GetSyntax() is not ConstructorDeclarationSyntax { Initializer.ArgumentList.Arguments.Count: 0 };

    /// <summary>Without parentheses, and without the <c>!</c> of <c>null!</c>.</summary>
    private static ExpressionSyntax Inside(ExpressionSyntax expression) => expression switch
    {
        ParenthesizedExpressionSyntax parentheses => Inside(parentheses.Expression),
        PostfixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.SuppressNullableWarningExpression } sure => Inside(sure.Operand),
        _ => expression,
    };

    private static bool MakesObject(ExpressionSyntax expression) =>
        expression is BaseObjectCreationExpressionSyntax or ArrayCreationExpressionSyntax or ImplicitArrayCreationExpressionSyntax or CollectionExpressionSyntax or InitializerExpressionSyntax
        || expression.IsKind(SyntaxKind.StringLiteralExpression);

    private static bool TryRead(ExpressionSyntax expression, ITypeSymbol type, INamedTypeSymbol around, out Value value)
    {
        value = Value.Zero;
        if (!TypeShapes.IsScalar(type)) return false;
        bool isNegative = expression.IsKind(SyntaxKind.UnaryMinusExpression);
        if (isNegative) expression = ((PrefixUnaryExpressionSyntax)expression).Operand;
        if (expression.IsKind(SyntaxKind.NullLiteralExpression) || expression.IsKind(SyntaxKind.DefaultLiteralExpression)) return true;
        bool isInteger = type.TypeKind == TypeKind.Enum || type.SpecialType is SpecialType.System_Boolean or (>= SpecialType.System_SByte and <= SpecialType.System_UInt64) or SpecialType.System_IntPtr or SpecialType.System_UIntPtr;
        object? constant = expression is LiteralExpressionSyntax literal ? literal.Token.Value : ConstantOf(expression, type, around);
        if (!isInteger || constant is null || !TypeShapes.TryNumber(constant, out long number)) return false;
        value = Value.Constant(isNegative ? -number : number);
        return true;
    }

    /// <summary>A constant of the class itself, or a member of the enumeration that the field is of: there is nothing else that such a name can mean.</summary>
    private static object? ConstantOf(ExpressionSyntax expression, ITypeSymbol type, INamedTypeSymbol around)
    {
        (INamedTypeSymbol? holder, string? name) = expression switch
        {
            IdentifierNameSyntax own => (around, own.Identifier.ValueText),
            MemberAccessExpressionSyntax { Expression: var of, Name.Identifier.ValueText: var member } when type.TypeKind == TypeKind.Enum && LastOf(of) == type.Name => ((INamedTypeSymbol)type, member),
            _ => (null, null),
        };
        return holder?.GetMembers(name!) is [IFieldSymbol { HasConstantValue: true } constant] ? constant.ConstantValue : null;
    }

    private static string? LastOf(ExpressionSyntax expression) => expression switch
    {
        SimpleNameSyntax name => name.Identifier.ValueText,
        MemberAccessExpressionSyntax access => access.Name.Identifier.ValueText,
        AliasQualifiedNameSyntax alias => alias.Name.Identifier.ValueText,
        _ => null,
    };
}
