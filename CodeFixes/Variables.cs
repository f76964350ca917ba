// What a repair must know about variables before it names one at another place: whether it still holds what it held.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes;

internal static class Variables
{
    /// <summary>Whether the expression, written again anywhere in the body where it binds, has the same value and no side effect.</summary>
    internal static bool IsStable(RepairScope scope, ExpressionSyntax expression, SyntaxNode body)
    {
        if (scope.Model.GetConstantValue(expression, scope.Cancellation).HasValue) return true;
        switch (expression)
        {
            case LiteralExpressionSyntax or ThisExpressionSyntax or SizeOfExpressionSyntax or PredefinedTypeSyntax or BaseExpressionSyntax:
                return true;
            case ParenthesizedExpressionSyntax inner:
                return IsStable(scope, inner.Expression, body);
            case CastExpressionSyntax cast:
                return IsStable(scope, cast.Expression, body);
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression or (int)SyntaxKind.BitwiseNotExpression or (int)SyntaxKind.AddressOfExpression } unary:
                return IsStable(scope, unary.Operand, body);
            case BinaryExpressionSyntax binary:
                return IsStable(scope, binary.Left, body) && IsStable(scope, binary.Right, body);
            case MemberAccessExpressionSyntax access:
                return IsStable(scope, access.Expression, body) && IsUnwritten(scope, access, body);
            case SimpleNameSyntax:
                return IsUnwritten(scope, expression, body);
            default:
                return false;
        }
    }

    private static bool IsUnwritten(RepairScope scope, ExpressionSyntax name, SyntaxNode body) => scope.Model.GetSymbolInfo(name, scope.Cancellation).Symbol switch
    {
        INamespaceOrTypeSymbol => true,
        ILocalSymbol { IsConst: true } or IFieldSymbol { IsConst: true } or IFieldSymbol { IsReadOnly: true } => true,
        ILocalSymbol { RefKind: RefKind.None } local => DeclaresValue(local, scope.Cancellation) && !WritesTo(scope, local, body).Any(),
        IParameterSymbol { RefKind: RefKind.None or RefKind.In } parameter => !WritesTo(scope, parameter, body).Any(),
        IFieldSymbol field => !WritesTo(scope, field, body).Any(),
        IPropertySymbol { Parameters.IsEmpty: true } property => !WritesTo(scope, property, body).Any(),
        _ => false,
    };

    private static bool DeclaresValue(ILocalSymbol local, CancellationToken cancellation) =>
        local.DeclaringSyntaxReferences is [var reference] && reference.GetSyntax(cancellation) switch
        {
            VariableDeclaratorSyntax declarator => declarator.Initializer is not null || declarator.Parent?.Parent is FixedStatementSyntax or UsingStatementSyntax,
            SingleVariableDesignationSyntax => true,
            ForEachStatementSyntax => false,
            _ => false,
        };

    /// <summary>Every place in the body that gives the variable a value or lets others do so; its own initialiser is none.</summary>
    internal static IEnumerable<SyntaxNode> WritesTo(RepairScope scope, ISymbol variable, SyntaxNode body)
    {
        foreach (SyntaxNode node in body.DescendantNodes())
        {
            if (node is not SimpleNameSyntax name || name.Identifier.ValueText != variable.Name || WriteAt(name) is not { } write) continue;
            if (SymbolEqualityComparer.Default.Equals(scope.Model.GetSymbolInfo(name, scope.Cancellation).Symbol, variable)) yield return write;
        }
    }

    /// <summary>The node that writes the named variable, if the name stands where it is written.</summary>
    private static SyntaxNode? WriteAt(SimpleNameSyntax name)
    {
        SyntaxNode node = name;
        while (node.Parent is ParenthesizedExpressionSyntax || (node.Parent is MemberAccessExpressionSyntax access && access.Name == node)) node = node.Parent;
        return node.Parent switch
        {
            AssignmentExpressionSyntax assignment when assignment.Left == node => assignment,
            PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.PreIncrementExpression or (int)SyntaxKind.PreDecrementExpression or (int)SyntaxKind.AddressOfExpression } prefix => prefix,
            PostfixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.PostIncrementExpression or (int)SyntaxKind.PostDecrementExpression } postfix => postfix,
            ArgumentSyntax { RefKindKeyword.RawKind: (int)SyntaxKind.RefKeyword or (int)SyntaxKind.OutKeyword } argument => argument,
            ArgumentSyntax { Parent: TupleExpressionSyntax { Parent: AssignmentExpressionSyntax assignment } tuple } when assignment.Left == tuple => assignment,
            RefExpressionSyntax reference => reference,
            _ => null,
        };
    }

    /// <summary>
    /// Whether everything that the variable is ever given in the body is null or memory that <paramref name="deallocator"/> takes: then a call of
    /// it is right however control came there.
    /// </summary>
    internal static bool HoldsOnly(RepairScope scope, ISymbol variable, FreeContract deallocator, SyntaxNode body) =>
        ValuesOf(scope, variable, body) is { } values && values.TrueForAll(value => IsNull(scope, value) || Allocates(scope, value, deallocator) || values.Count == 1);

    /// <summary>What the variable is given in the body, each way of a conditional by itself, without casts; null if it is also written otherwise.</summary>
    internal static List<ExpressionSyntax>? ValuesOf(RepairScope scope, ISymbol variable, SyntaxNode body)
    {
        var values = new List<ExpressionSyntax>();
        foreach (SyntaxReference reference in variable.DeclaringSyntaxReferences)
        {
            switch (reference.GetSyntax(scope.Cancellation))
            {
                case VariableDeclaratorSyntax { Initializer.Value: { } initial }:
                    AddWays(initial);
                    break;
                case VariableDeclaratorSyntax or ParameterSyntax:
                    break;
                default:
                    return null;
            }
        }

        foreach (SyntaxNode write in WritesTo(scope, variable, body))
        {
            if (write is not AssignmentExpressionSyntax { RawKind: (int)SyntaxKind.SimpleAssignmentExpression } assignment || assignment.Left is TupleExpressionSyntax) return null;
            AddWays(assignment.Right);
        }

        return values;

        void AddWays(ExpressionSyntax value)
        {
            value = Pointers.Strip(scope, value);
            if (value is ConditionalExpressionSyntax choice)
            {
                AddWays(choice.WhenTrue);
                AddWays(choice.WhenFalse);
            }
            else if (value is not RefExpressionSyntax)
            {
                values.Add(value);
            }
        }
    }

    internal static bool IsNull(RepairScope scope, ExpressionSyntax value) =>
        Pointers.Strip(scope, value) is LiteralExpressionSyntax { RawKind: (int)SyntaxKind.NullLiteralExpression or (int)SyntaxKind.DefaultLiteralExpression or (int)SyntaxKind.NumericLiteralExpression }
            or DefaultExpressionSyntax or MemberAccessExpressionSyntax { Name.Identifier.ValueText: "Zero" };

    private static bool Allocates(RepairScope scope, ExpressionSyntax value, FreeContract deallocator) =>
        Pointers.Strip(scope, value) is InvocationExpressionSyntax syntax && scope.CallOf(syntax) is { Contract.Allocations: [var allocation] } && deallocator.Takes(allocation.Family);
}
