using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Contracts;

/// <summary>A body that needs more than the engine's budget.</summary>
internal sealed class KA9003BodyGivenUp : FlowRule
{
    internal const string Id = "KA9003";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Body is too complex to be analysed",
        "'{0}' needs more than the budget of the analysis and was given up, so nothing is said about its memory and locks; split it",
        RuleCategory.Contracts,
        DiagnosticSeverity.Hidden,
        "The engine walks each body within a budget. What it found before it gave up does not count, and callers know nothing of the body.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    internal override FlowIssue? OnGivenUp(SyntaxNode body, ISymbol root)
    {
        string text = root is IMethodSymbol { MethodKind: MethodKind.AnonymousFunction } ? "lambda" : root is IMethodSymbol named ? Names.Of(named) : root.Name;
        return new FlowIssue(Rule, DeclarationPlace.Of(body), text);
    }
}
