// One offered repair: which provider, which of its actions, for which findings. Findings whose first action has the same key are repaired
// together by the provider's own Fix All; where that fails they are tried one at a time.

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;

namespace KAlloc.Tool.Fix;

/// <summary>The first action that a provider offers, and the findings of one project that it repairs.</summary>
internal sealed record QuickFix(CodeFixProvider Provider, string Title, string? Key, IReadOnlyList<Diagnostic> Findings)
{
    /// <summary>Groups findings by the repair that is offered first; findings without a repair are left out.</summary>
    internal static async Task<IReadOnlyList<QuickFix>> OffersAsync(
        Project project, IReadOnlyList<Diagnostic> findings, IReadOnlyList<CodeFixProvider> providers, CancellationToken cancellationToken)
    {
        List<(CodeFixProvider Provider, CodeAction Action, Diagnostic Finding)> offers = [];
        foreach (Diagnostic finding in findings)
        {
            foreach (CodeFixProvider provider in providers.Where(p => p.FixableDiagnosticIds.Contains(finding.Id)))
            {
                if (await FirstActionAsync(project, finding, provider, cancellationToken) is not { } action) continue;
                offers.Add((provider, action, finding));
                break;
            }
        }

        return
        [
            .. offers.GroupBy(o => (o.Provider, o.Finding.Id, o.Action.EquivalenceKey))
                .Select(g => new QuickFix(g.Key.Provider, g.First().Action.Title, g.Key.EquivalenceKey, [.. g.Select(o => o.Finding)])),
        ];
    }

    /// <summary>Repairs all findings at once; null if the provider cannot.</summary>
    internal async Task<Solution?> ApplyAllAsync(Project project, CancellationToken cancellationToken)
    {
        if (Findings.Count == 1) return await ApplyOneAsync(project, Findings[0], cancellationToken);
        if (Key is null || Provider.GetFixAllProvider() is not { } fixAll || !fixAll.GetSupportedFixAllScopes().Contains(FixAllScope.Project)) return null;
        FixAllContext context = new(
            project, Provider, FixAllScope.Project, Key, Findings.Select(f => f.Id).Distinct(), new KnownFindings(Findings), cancellationToken);
        return await fixAll.GetFixAsync(context) is { } action ? await ResultAsync(action, cancellationToken) : null;
    }

    /// <summary>Repairs one finding; null if the action changes nothing in the solution.</summary>
    internal async Task<Solution?> ApplyOneAsync(Project project, Diagnostic finding, CancellationToken cancellationToken) =>
        await FirstActionAsync(project, finding, Provider, cancellationToken) is { } action ? await ResultAsync(action, cancellationToken) : null;

    private static async Task<CodeAction?> FirstActionAsync(Project project, Diagnostic finding, CodeFixProvider provider, CancellationToken cancellationToken)
    {
        if (project.GetDocument(finding.Location.SourceTree) is not { } document) return null;
        List<CodeAction> actions = [];
        await provider.RegisterCodeFixesAsync(new CodeFixContext(document, finding, (action, _) => actions.Add(action), cancellationToken));
        CodeAction? first = actions.FirstOrDefault();
        while (first is { NestedActions: [var inner, ..] }) first = inner;
        return first;
    }

    private static async Task<Solution?> ResultAsync(CodeAction action, CancellationToken cancellationToken)
    {
        ImmutableArray<CodeActionOperation> operations = await action.GetOperationsAsync(cancellationToken);
        return operations.OfType<ApplyChangesOperation>().SingleOrDefault()?.ChangedSolution;
    }

    private sealed class KnownFindings(IReadOnlyList<Diagnostic> findings) : FixAllContext.DiagnosticProvider
    {
        public override Task<IEnumerable<Diagnostic>> GetAllDiagnosticsAsync(Project project, CancellationToken cancellationToken) =>
            Task.FromResult<IEnumerable<Diagnostic>>(findings);

        public override Task<IEnumerable<Diagnostic>> GetDocumentDiagnosticsAsync(Document document, CancellationToken cancellationToken) =>
            Task.FromResult(findings.Where(f => f.Location.SourceTree?.FilePath == document.FilePath));

        public override Task<IEnumerable<Diagnostic>> GetProjectDiagnosticsAsync(Project project, CancellationToken cancellationToken) =>
            Task.FromResult(Enumerable.Empty<Diagnostic>());
    }
}
