// How many bytes a stackalloc takes, from its syntax: the operation tree has no node for it.
//
//   stackalloc T[n], stackalloc T[] { … }, stackalloc[] { … }      n: a constant; products with sizeof(T); a local that is set once to a
//                                                                  constant; Math.Min(x, constant)
//   x <= 256 ? stackalloc T[x] : …                                 the guard's bound
// Anything else is unknown here, and the business of KA5003.

using System;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Stack;

/// <summary>Reads the size of a <c>stackalloc</c>.</summary>
internal readonly struct StackAllocSize(SemanticModel model, TypeLayouts layouts, FrameFeatures features)
{
    internal static bool IsStackAlloc(SyntaxNode syntax) => syntax is StackAllocArrayCreationExpressionSyntax or ImplicitStackAllocArrayCreationExpressionSyntax;

    /// <summary>Its bytes; null: not constant and not bounded.</summary>
    internal long? BytesOf(SyntaxNode syntax)
    {
        switch (syntax)
        {
            case ImplicitStackAllocArrayCreationExpressionSyntax listed:
                ITypeSymbol? inferred = ElementType(model.GetTypeInfo(listed));
                return inferred is null ? null : (long)layouts.Of(inferred).Size * listed.Initializer.Expressions.Count;
            case StackAllocArrayCreationExpressionSyntax { Type: ArrayTypeSyntax array } written:
                if (model.GetTypeInfo(array.ElementType).Type is not { } element) return null;
                ExpressionSyntax? count = array.RankSpecifiers.FirstOrDefault()?.Sizes.FirstOrDefault();
                long? elements = count is null or OmittedArraySizeExpressionSyntax ? written.Initializer?.Expressions.Count : Evaluate(count) ?? GuardedBound(count);
                return elements * layouts.Of(element).Size;
            default:
                return null;
        }
    }

    /// <summary>How often a counted loop turns, if its bounds are constants; 0: unknown.</summary>
    internal static long TurnsOf(IForLoopOperation loop)
    {
        if (loop.Before.Length != 1 || loop.AtLoopBottom.Length != 1 || loop.Condition is not IBinaryOperation test) return 0;
        IVariableDeclaratorOperation[] counters = [.. loop.Before[0].Descendants().OfType<IVariableDeclaratorOperation>()];
        if (counters.Length != 1 || counters[0].Initializer?.Value.ConstantValue is not { HasValue: true, Value: { } first }) return 0;
        if (test.RightOperand.ConstantValue is not { HasValue: true, Value: { } last }) return 0;
        if (test.LeftOperand is not ILocalReferenceOperation { Local: { } tested } || !SymbolEqualityComparer.Default.Equals(tested, counters[0].Symbol)) return 0;
        bool countsUp = loop.AtLoopBottom[0] is IExpressionStatementOperation { Operation: IIncrementOrDecrementOperation { Kind: OperationKind.Increment } };
        if (!countsUp || ToNumber(first) is not { } low || ToNumber(last) is not { } high) return 0;
        return test.OperatorKind switch
        {
            BinaryOperatorKind.LessThan or BinaryOperatorKind.NotEquals => Math.Max(0, high - low),
            BinaryOperatorKind.LessThanOrEqual => Math.Max(0, high - low + 1),
            _ => 0,
        };
    }

    internal static long? ToNumber(object? constant) => constant switch
    {
        int value => value,
        long value => value,
        uint value => value,
        ulong value when value <= long.MaxValue => (long)value,
        short value => value,
        ushort value => value,
        byte value => value,
        sbyte value => value,
        char value => value,
        _ => null,
    };

    private long? Evaluate(ExpressionSyntax expression)
    {
        if (model.GetConstantValue(expression) is { HasValue: true, Value: { } constant }) return ToNumber(constant);
        switch (expression)
        {
            case ParenthesizedExpressionSyntax parenthesized:
                return Evaluate(parenthesized.Expression);
            case CastExpressionSyntax cast:
                return Evaluate(cast.Expression);
            case SizeOfExpressionSyntax sizeOf:
                return model.GetTypeInfo(sizeOf.Type).Type is { } type ? layouts.Of(type).Size : null;
            case InvocationExpressionSyntax invocation:
                return OfCall(invocation);
            case BinaryExpressionSyntax binary:
                long? left = Evaluate(binary.Left), right = Evaluate(binary.Right);
                return binary.Kind() switch
                {
                    SyntaxKind.MultiplyExpression => left * right,
                    SyntaxKind.AddExpression => left + right,
                    SyntaxKind.SubtractExpression => left - right,
                    SyntaxKind.DivideExpression when right is not (null or 0) => left / right,
                    SyntaxKind.LeftShiftExpression when right is >= 0 and < 32 => left << (int)right,
                    _ => null,
                };
            case IdentifierNameSyntax:
                return model.GetSymbolInfo(expression).Symbol is ILocalSymbol local && features.Variables.TryGetValue(local, out FrameVariable? variable)
                    && variable is { Writes: 1, IsExposed: false, IsInHeap: false, IsInClosure: false } ? variable.ConstantInitializer : null;
            default:
                return null;
        }
    }

    private long? OfCall(InvocationExpressionSyntax invocation)
    {
        if (model.GetSymbolInfo(invocation).Symbol is not IMethodSymbol method) return null;
        if (method is { Name: "SizeOf", ContainingType.Name: "Unsafe" or "Marshal", TypeArguments: { Length: 1 } types }) return layouts.Of(types[0]).Size;
        if (method is not { Name: "Min", ContainingType: { Name: "Math", ContainingNamespace.Name: "System" } }) return null;

        // The smaller of two is at most the one that is known.
        SeparatedSyntaxList<ArgumentSyntax> arguments = invocation.ArgumentList.Arguments;
        long? first = Evaluate(arguments[0].Expression), second = Evaluate(arguments[1].Expression);
        return first is null ? second : second is null ? first : Math.Min(first.Value, second.Value);
    }

    private long? GuardedBound(ExpressionSyntax count)
    {
        string text = count.ToString();
        foreach (SyntaxNode ancestor in count.Ancestors())
        {
            if (ancestor is StatementSyntax) return null;
            if (ancestor is not ConditionalExpressionSyntax { Condition: BinaryExpressionSyntax test } conditional) continue;
            bool inTrue = conditional.WhenTrue.Span.Contains(count.Span);
            (SyntaxKind atMost, SyntaxKind below) = inTrue
                ? (SyntaxKind.LessThanOrEqualExpression, SyntaxKind.LessThanExpression)
                : (SyntaxKind.GreaterThanExpression, SyntaxKind.GreaterThanOrEqualExpression);
            if (test.Left.ToString() != text || Evaluate(test.Right) is not { } bound) continue;
            if (test.IsKind(atMost)) return bound;
            if (test.IsKind(below)) return bound - 1;
        }

        return null;
    }

    private static ITypeSymbol? ElementType(TypeInfo info) => (info.Type ?? info.ConvertedType) switch
    {
        IPointerTypeSymbol pointer => pointer.PointedAtType,
        INamedTypeSymbol { TypeArguments: { Length: 1 } arguments } => arguments[0],
        _ => null,
    };
}
