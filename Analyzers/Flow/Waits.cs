// Whether a call of .NET that can wait does: not for no time, and not for a task that has ended. Both are read from the text around the call; in doubt it
// does not wait.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Flow;

/// <summary>A time limit that is no number.</summary>
internal static class TimeLimit
{
    /// <summary>Surely some time: made from a number that is not zero, or endless.</summary>
    internal static bool IsSome(IOperation? limit)
    {
        while (limit is IConversionOperation conversion) limit = conversion.Operand;
        return limit switch
        {
            IInvocationOperation { TargetMethod: { IsStatic: true } from, Arguments: [var first, ..] } => from.Name.StartsWith("From", StringComparison.Ordinal) && IsNotZero(first.Value),
            IObjectCreationOperation { Arguments: { Length: > 0 } arguments } => arguments.Any(argument => IsNotZero(argument.Value)),
            IFieldReferenceOperation { Field.Name: "InfiniteTimeSpan" or "MaxValue" } => true,
            _ => false,
        };
    }

    private static bool IsNotZero(IOperation value) => value.ConstantValue is { HasValue: true, Value: { } constant } && !constant.Equals(Convert.ChangeType(0, constant.GetType(), null));
}

/// <summary>Tasks that have ended when they are asked for their result.</summary>
internal static class CompletedTasks
{
    /// <summary>The method waits for a task of which it knows that it has ended: it awaited it, waited for it, or asked.</summary>
    internal static bool IsComplete(IOperation wait) => TaskOf(wait) switch
    {
        null => false,
        IInvocationOperation { TargetMethod: var callee, Instance: var receiver } when !Dispatch.IsVirtual(callee, receiver) && ReturnsCompleted(callee) => true,
        { Syntax: ExpressionSyntax name } task => HasSurelyEnded(task) || (name is IdentifierNameSyntax or MemberAccessExpressionSyntax && WasSettled(name, wait.Syntax.SpanStart)),
        var task => HasSurelyEnded(task),
    };

    /// <summary>The task is made as one that has ended.</summary>
    internal static bool HasSurelyEnded(IOperation task) => Unwrapped(task) is
        IInvocationOperation { TargetMethod: { IsStatic: true, Name: "FromResult" or "FromException" or "FromCanceled", ContainingType.Name: "Task" or "ValueTask" } }
        or IPropertyReferenceOperation { Property: { Name: "CompletedTask", ContainingType.Name: "Task" or "ValueTask" } };

    /// <summary>What is waited for; null if the operation waits for no task.</summary>
    internal static IOperation? TaskOf(IOperation wait) => wait switch
    {
        IPropertyReferenceOperation { Property.Name: "Result" } property => Unwrapped(property.Instance),
        IInvocationOperation { TargetMethod.Name: "Wait" or "GetResult" } call => Unwrapped(call.Instance),
        IAwaitOperation await => Unwrapped(await.Operation),
        _ => null,
    };

    private static IOperation? Unwrapped(IOperation? task)
    {
        while (true)
        {
            switch (task)
            {
                case IInvocationOperation { TargetMethod.Name: "GetAwaiter" or "ConfigureAwait", Instance: { } inner }:
                    task = inner;
                    continue;
                case IParenthesizedOperation { Operand: var inner }:
                    task = inner;
                    continue;
                case IConversionOperation { Operand: var inner }:
                    task = inner;
                    continue;
                default:
                    return task;
            }
        }
    }

    private static bool WasSettled(ExpressionSyntax task, int before)
    {
        string text = task.ToString();
        // The antecedent of a continuation.
        if (task.FirstAncestorOrSelf<LambdaExpressionSyntax>() is { Parent: ArgumentSyntax { Parent.Parent: InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "ContinueWith" } } } }) return true;
        SyntaxNode body = task.FirstAncestorOrSelf<MemberDeclarationSyntax>() ?? task.SyntaxTree.GetRoot();
        foreach (SyntaxNode node in body.DescendantNodes())
        {
            if (node.SpanStart >= before) break;
            switch (node)
            {
                case ExpressionSyntax expression when expression.SpanStart != task.SpanStart && expression.ToString() == text && Settles(expression):
                case VariableDeclaratorSyntax { Initializer.Value: AwaitExpressionSyntax } variable when variable.Identifier.ValueText == text:
                case AssignmentExpressionSyntax { Right: AwaitExpressionSyntax } assignment when assignment.Left.ToString() == text:
                    return true;
            }
        }

        return false;
    }

    /// <summary>The task is awaited here, waited for, or asked whether it has ended.</summary>
    private static bool Settles(ExpressionSyntax task)
    {
        if (task.Parent is MemberAccessExpressionSyntax { Name.Identifier.ValueText: "IsCompleted" or "IsCompletedSuccessfully" or "Status" or "Wait" or "Result" or "GetAwaiter" } member && member.Expression == task) return true;
        if (task.Parent is ConditionalAccessExpressionSyntax) return true;
        for (SyntaxNode? node = task.Parent; node is ExpressionSyntax or ArgumentSyntax or ArgumentListSyntax or InitializerExpressionSyntax or CollectionElementSyntax; node = node.Parent)
        {
            if (node is AwaitExpressionSyntax) return true;
            if (node is InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "WhenAll" or "WaitAll" or "WaitAny" } }) return true;
        }

        return false;
    }

    /// <summary>Of the source alone: it never awaits, or hands out tasks that have ended and no others.</summary>
    private static bool ReturnsCompleted(IMethodSymbol method)
    {
        if (method is not { DeclaringSyntaxReferences: [{ } reference], IsExtern: false } || reference.GetSyntax() is not { } body) return false;
        bool returns = false;
        foreach (SyntaxNode node in body.DescendantNodes(inner => inner == body || inner is not (AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax)))
        {
            ExpressionSyntax? task = node switch
            {
                ReturnStatementSyntax { Expression: { } value } => value,
                ArrowExpressionClauseSyntax arrow => arrow.Expression,
                _ => null,
            };
            if (method.IsAsync ? node is AwaitExpressionSyntax or CommonForEachStatementSyntax { AwaitKeyword.RawKind: not 0 } or UsingStatementSyntax { AwaitKeyword.RawKind: not 0 } or LocalDeclarationStatementSyntax { AwaitKeyword.RawKind: not 0 }
                : task is not null && !HasEnded(task)) return false;
            returns |= task is not null;
        }

        return returns || method.IsAsync;
    }

    private static bool HasEnded(ExpressionSyntax task) => task switch
    {
        ParenthesizedExpressionSyntax parenthesized => HasEnded(parenthesized.Expression),
        ConditionalExpressionSyntax choice => HasEnded(choice.WhenTrue) && HasEnded(choice.WhenFalse),
        MemberAccessExpressionSyntax { Name.Identifier.ValueText: "CompletedTask" } or DefaultExpressionSyntax or LiteralExpressionSyntax { Token.RawKind: (int)SyntaxKind.DefaultKeyword } => true,
        InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "FromResult" or "FromException" or "FromCanceled" } } => true,
        // Made from a value or from another task; what a call gives may be one.
        BaseObjectCreationExpressionSyntax { ArgumentList.Arguments: var arguments } => arguments is [] or [{ Expression: not (InvocationExpressionSyntax or ThisExpressionSyntax) }],
        ThrowExpressionSyntax => true,
        _ => false,
    };
}
