// One call with its operands evaluated, addressed the way contracts name them.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal sealed class CallSite
{
    internal CallSite(IOperation operation, IMethodSymbol method, IOperation? receiver)
        : this(operation, method, receiver, new Value[method.Parameters.Length], new IOperation?[method.Parameters.Length])
    {
    }

    private CallSite(IOperation operation, IMethodSymbol method, IOperation? receiver, Value[] arguments, IOperation?[] argumentSyntax) =>
        (Operation, Method, ReceiverSyntax, Arguments, ArgumentSyntax) = (operation, method, receiver, arguments, argumentSyntax);

    internal IOperation Operation { get; }

    internal SyntaxNode Syntax => Operation.Syntax;

    /// <summary>The call inside of the called method that performs the primitive; null if this call does so itself.</summary>
    internal LogSite? Inner { get; private init; }

    /// <summary>What the called method names what it gets there: two calls inside of it may look the same from here.</summary>
    internal int InnerResult { get; private init; }

    /// <summary>This call and those inside of it, down to the primitive.</summary>
    internal LogSite Chain => new(Syntax, Method, Inner);

    internal IMethodSymbol Method { get; }

    /// <summary>The method's own body runs, virtual or not.</summary>
    internal bool IsResolved { get; private init; }

    internal IOperation? ReceiverSyntax { get; }

    internal Value Receiver { get; set; }

    /// <summary>The receiver is a struct in a variable: <see cref="Receiver"/> is its address.</summary>
    internal bool ReceiverIsPlace { get; set; }

    /// <summary>By parameter ordinal; for a by-reference parameter, the address.</summary>
    internal Value[] Arguments { get; }

    internal IOperation?[] ArgumentSyntax { get; }

    /// <summary>The same call, taken for one of the method that a value turned out to be.</summary>
    internal CallSite Of(IMethodSymbol method, Value receiver, IReadOnlyList<Value> arguments) =>
        new(Operation, method, null, [.. arguments], arguments.Count == ArgumentSyntax.Length && Inner is null ? ArgumentSyntax : new IOperation?[arguments.Count])
    {
        Receiver = receiver,
        IsResolved = true,
        Inner = Inner,
        InnerResult = InnerResult,
    };

    /// <summary>The same call, of the body that it runs.</summary>
    internal CallSite As(IMethodSymbol body) => Copy(body, isResolved: true, Inner, InnerResult);

    /// <summary>The same call, of something that happens deeper inside of what it calls.</summary>
    internal CallSite Through(LogSite inner, int result = 0) => Copy(Method, IsResolved, inner, unchecked((InnerResult * 8191) + result));

    private CallSite Copy(IMethodSymbol method, bool isResolved, LogSite? inner, int result) => new(Operation, method, ReceiverSyntax, Arguments, ArgumentSyntax)
    {
        Receiver = Receiver,
        ReceiverIsPlace = ReceiverIsPlace,
        IsResolved = isResolved,
        Inner = inner,
        InnerResult = result,
    };

    internal bool IsByReference(int ordinal) => Method.Parameters[ordinal].RefKind != RefKind.None;

    /// <summary>What the user wrote for an operand, for messages and fixes.</summary>
    internal IOperation? SyntaxOf(OperandReference operand) => operand.Kind switch
    {
        OperandKind.Parameter => ArgumentSyntax[operand.Ordinal],
        OperandKind.Receiver => ReceiverSyntax,
        _ => null,
    };

    /// <summary>The method as a user names it: <c>kfree</c>, <c>NativeMemory.Free</c>, <c>handle.Free</c>.</summary>
    internal string DisplayName => Names.Of(Method, Syntax);
}

/// <summary>How messages name methods.</summary>
internal static class Names
{
    /// <summary>A lambda has no name but that of what is called: <c>drop()</c> calls <c>drop</c>.</summary>
    internal static string Of(IMethodSymbol method, SyntaxNode call) =>
        method.MethodKind != MethodKind.AnonymousFunction ? Of(method)
        : call is InvocationExpressionSyntax { Expression: IdentifierNameSyntax or MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax or ThisExpressionSyntax } } named ? named.Expression.ToString()
        : "a lambda";

    internal static string Of(IMethodSymbol method)
    {
        if (method.MethodKind == MethodKind.Constructor) return "new " + method.ContainingType.Name;
        string name = method.AssociatedSymbol?.Name ?? method.Name;
        // Kernel names are used bare, through "using static"; .NET names are known by their type.
        bool bare = method.ContainingType is null || name.Length == 0 || char.IsLower(name[0]) || name[0] == '_' || method.MethodKind == MethodKind.LocalFunction;
        return bare ? name : method.ContainingType!.Name + "." + name;
    }
}
