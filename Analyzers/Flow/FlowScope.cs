using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

/// <summary>What the engine needs from the host to analyse bodies of one compilation.</summary>
internal sealed class FlowScope(
    ContractModel model,
    IReadOnlyList<FlowRule> rules,
    Func<IMethodSymbol, EntryContext> entryContextOf,
    Func<IMethodSymbol, bool> mayLeaveSections,
    Func<IMethodSymbol, int, ParameterEffect> effectOf,
    Action<Diagnostic> report,
    CancellationToken cancellation)
{
    private readonly HashSet<(string, Location, SyntaxNode?)> _reported = [];

    internal ContractModel Model { get; } = model;

    internal IReadOnlyList<FlowRule> Rules { get; } = rules;

    internal CancellationToken Cancellation { get; } = cancellation;

    internal EntryContext EntryContextOf(IMethodSymbol method) => entryContextOf(method);

    internal bool MayLeaveSections(IMethodSymbol method) => mayLeaveSections(method);

    internal ParameterEffect EffectOf(IMethodSymbol method, int ordinal) => effectOf(method, ordinal);

    /// <summary>Reports a finding once: a lambda that is called in place is walked there and by itself.</summary>
    internal void Report(FlowIssue issue)
    {
        if (_reported.Add((issue.Descriptor.Id, issue.Place, issue.Subject))) report(issue.ToDiagnostic());
    }
}
