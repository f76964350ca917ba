// A method or lambda as a value: what a delegate or function pointer in a variable is known to call.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;

namespace KAlloc.Analyzers.Flow;

internal sealed class FunctionValue(IMethodSymbol method, IFlowAnonymousFunctionOperation? lambda, IReadOnlyList<ISymbol> captures)
{
    internal IMethodSymbol Method { get; } = method;

    internal IFlowAnonymousFunctionOperation? Lambda { get; } = lambda;

    /// <summary>Variables of enclosing methods that the function mentions.</summary>
    internal IReadOnlyList<ISymbol> Captures { get; } = captures;

    public override bool Equals(object? obj) => obj is FunctionValue other && SymbolEqualityComparer.Default.Equals(Method, other.Method);

    public override int GetHashCode() => SymbolEqualityComparer.Default.GetHashCode(Method);

    /// <summary>The variables of <paramref name="known"/> that the function's syntax names.</summary>
    internal static IReadOnlyList<ISymbol> CapturesOf(SyntaxNode function, IEnumerable<ISymbol> known)
    {
        var names = new HashSet<string>();
        foreach (SyntaxNode node in function.DescendantNodes())
            if (node is IdentifierNameSyntax name) names.Add(name.Identifier.ValueText);
        var captured = new List<ISymbol>();
        foreach (ISymbol variable in known)
            if (names.Contains(variable.Name)) captured.Add(variable);
        return captured;
    }
}
