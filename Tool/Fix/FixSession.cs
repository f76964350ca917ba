// Repairs findings in memory, one group of like repairs after the other, until none is left that can be repaired.
//
// Invariant: after each accepted step every project compiles as well as it did before. A step that would break a compilation, or that leaves
// its finding in place, is dropped and its findings are remembered as not repairable. A file that several projects or frameworks compile is
// changed in all of them. Nothing is written here.

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Tool.Fix;

/// <summary>One file that was repaired, in memory.</summary>
internal sealed record ChangedFile(string Path, SourceText Before, string After);

/// <summary>The repairs of one run.</summary>
internal sealed class FixSession(Solution original, RuleCatalog rules, IReadOnlySet<string> wanted, string cacheFolder, Action<string> onStep)
{
    // Each accepted round repairs at least one finding; the bound only stops two rules that undo each other's repair.
    private const int MostRounds = 1000;

    private readonly HashSet<string> _notRepairable = new(StringComparer.Ordinal);
    private readonly Dictionary<ProjectId, HashSet<string>> _knownErrors = [];
    private readonly SortedDictionary<string, int> _repaired = new(StringComparer.Ordinal);
    private readonly Solution _original = original;
    private (Compilation? Compilation, IReadOnlyList<Diagnostic> Findings) _analysed;
    private Solution _solution = original;

    /// <summary>How many findings of each rule were repaired.</summary>
    internal IReadOnlyDictionary<string, int> Repaired => _repaired;

    /// <summary>Repairs that were offered, but would have broken the code.</summary>
    internal int Dropped { get; private set; }

    internal async Task<IReadOnlyList<ChangedFile>> RunAsync(CancellationToken cancellationToken)
    {
        foreach (ProjectId id in _original.ProjectIds) _knownErrors[id] = [.. (await ErrorsAsync(_original.GetProject(id)!, cancellationToken))];
        foreach (ProjectId id in _original.ProjectIds)
        {
            onStep($"Repairing {_original.GetProject(id)!.Name}");
            for (int round = 0; round < MostRounds && await RepairNextAsync(id, cancellationToken); round++)
            {
            }
        }

        return await ChangesAsync(cancellationToken);
    }

    // True if something was repaired, so that the project must be analysed anew.
    private async Task<bool> RepairNextAsync(ProjectId id, CancellationToken cancellationToken)
    {
        Project project = _solution.GetProject(id)!;
        IReadOnlyList<Diagnostic> findings = [.. (await FindingsAsync(project, cancellationToken)).Where(f => !_notRepairable.Contains(Identity(f)))];
        foreach (QuickFix fix in await QuickFix.OffersAsync(project, findings, rules.Fixes, cancellationToken))
        {
            if (await TryAsync(project, fix.Findings, await fix.ApplyAllAsync(project, cancellationToken), cancellationToken)) return true;
            if (fix.Findings.Count == 1)
            {
                GiveUp(fix.Findings[0]);
                continue;
            }

            foreach (Diagnostic finding in fix.Findings)
            {
                if (await TryAsync(project, [finding], await fix.ApplyOneAsync(project, finding, cancellationToken), cancellationToken)) return true;
                GiveUp(finding);
            }
        }

        return false;
    }

    private void GiveUp(Diagnostic finding)
    {
        _notRepairable.Add(Identity(finding));
        Dropped++;
    }

    private async Task<bool> TryAsync(Project project, IReadOnlyList<Diagnostic> findings, Solution? changed, CancellationToken cancellationToken)
    {
        if (changed is null || await SpreadAsync(changed, cancellationToken) is not { } candidate) return false;
        foreach (ProjectId id in candidate.GetChanges(_solution).GetProjectChanges().Select(c => c.ProjectId))
        {
            IEnumerable<string> errors = await ErrorsAsync(candidate.GetProject(id)!, cancellationToken);
            if (!_knownErrors[id].IsSupersetOf(errors)) return false;
        }

        int before = (await FindingsAsync(project, cancellationToken)).Count(f => f.Id == findings[0].Id);
        int after = (await FindingsAsync(candidate.GetProject(project.Id)!, cancellationToken)).Count(f => f.Id == findings[0].Id);
        if (after >= before) return false;

        _repaired[findings[0].Id] = _repaired.GetValueOrDefault(findings[0].Id) + before - after;
        _solution = candidate;
        return true;
    }

    // Takes the changed texts over to each project that compiles the same file. Null: nothing changed, or more than texts.
    private async Task<Solution?> SpreadAsync(Solution changed, CancellationToken cancellationToken)
    {
        Solution result = _solution;
        bool any = false;
        foreach (ProjectChanges change in changed.GetChanges(_solution).GetProjectChanges())
        {
            if (change.GetAddedDocuments().Any() || change.GetRemovedDocuments().Any()) return null;
            foreach (DocumentId id in change.GetChangedDocuments())
            {
                Document document = changed.GetDocument(id)!, old = _solution.GetDocument(id)!;
                SourceText before = await old.GetTextAsync(cancellationToken);
                string after = SourceFile.KeepLineEnds(before, await document.GetTextAsync(cancellationToken));
                if (after == before.ToString()) continue;
                SourceText text = SourceText.From(after, before.Encoding, before.ChecksumAlgorithm);
                foreach (DocumentId same in _solution.GetDocumentIdsWithFilePath(old.FilePath!)) result = result.WithDocumentText(same, text);
                any = true;
            }
        }

        return any ? result : null;
    }

    private async Task<IReadOnlyList<Diagnostic>> FindingsAsync(Project project, CancellationToken cancellationToken)
    {
        Compilation compilation = (await project.GetCompilationAsync(cancellationToken))!;
        if (_analysed.Compilation == compilation) return _analysed.Findings;
        List<string> failures = [];
        CompilationWithAnalyzers analysed = compilation.WithAnalyzers([.. rules.Analyzers], new CompilationWithAnalyzersOptions(
            project.AnalyzerOptions, (e, analyzer, _) => failures.Add($"{analyzer}: {e.Message}"), concurrentAnalysis: true, logAnalyzerExecutionTime: false));
        ImmutableArray<Diagnostic> all = await analysed.GetAnalyzerDiagnosticsAsync(cancellationToken);
        if (failures.Count > 0) throw new ToolException("an analyzer failed; please report this", failures);

        _analysed = (compilation,
        [
            .. all.Where(d => !d.IsSuppressed && wanted.Contains(d.Id) && IsOwnSource(project, d.Location))
                .OrderBy(d => d.Location.SourceTree!.FilePath, StringComparer.Ordinal).ThenBy(d => d.Location.SourceSpan.Start).ThenBy(d => d.Id, StringComparer.Ordinal),
        ]);
        return _analysed.Findings;
    }

    private bool IsOwnSource(Project project, Location location) =>
        project.GetDocument(location.SourceTree) is { } document && document.FilePath is { } path && !path.StartsWith(cacheFolder, StringComparison.Ordinal);

    private static async Task<IEnumerable<string>> ErrorsAsync(Project project, CancellationToken cancellationToken)
    {
        Compilation compilation = (await project.GetCompilationAsync(cancellationToken))!;
        return compilation.GetDiagnostics(cancellationToken).Where(d => d.Severity == DiagnosticSeverity.Error).Select(d => $"{d.Id} {d.GetMessage()}");
    }

    private async Task<IReadOnlyList<ChangedFile>> ChangesAsync(CancellationToken cancellationToken)
    {
        SortedDictionary<string, ChangedFile> files = new(StringComparer.Ordinal);
        foreach (DocumentId id in _solution.GetChanges(_original).GetProjectChanges().SelectMany(c => c.GetChangedDocuments()))
        {
            Document document = _solution.GetDocument(id)!;
            SourceText before = await _original.GetDocument(id)!.GetTextAsync(cancellationToken);
            files[document.FilePath!] = new ChangedFile(document.FilePath!, before, (await document.GetTextAsync(cancellationToken)).ToString());
        }

        return [.. files.Values];
    }

    // Places move as other findings are repaired, and so may the rest of the line; the member, the marked text and the message stay.
    private static string Identity(Diagnostic finding)
    {
        SyntaxTree tree = finding.Location.SourceTree!;
        MemberDeclarationSyntax? member = tree.GetRoot().FindNode(finding.Location.SourceSpan).FirstAncestorOrSelf<MemberDeclarationSyntax>();
        string name = member is BaseMethodDeclarationSyntax method ? $"{(method as MethodDeclarationSyntax)?.Identifier}{method.ParameterList}" : "";
        return $"{finding.Id}|{tree.FilePath}|{name}|{tree.GetText().ToString(finding.Location.SourceSpan)}|{finding.GetMessage()}";
    }
}
