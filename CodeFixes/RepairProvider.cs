// How every fix of this assembly works: a rule's provider looks at one finding and says which repairs are right for it, each as edits of the
// document's text. One repair is a quick fix; the same repair of all findings of a document is its Fix All.
//
// Invariant: a repair is only offered after everything that it needs has been checked, so applying one cannot fail and never changes nothing.

using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.CodeFixes;

/// <summary>One way to repair a finding.</summary>
internal sealed class Repair(string title, string key, Action<TextEdits> apply)
{
    internal string Title { get; } = title;

    internal string Key { get; } = key;

    internal Action<TextEdits> Apply { get; } = apply;
}

/// <summary>A code fix that repairs findings of one document by editing its text.</summary>
public abstract class RepairProvider : CodeFixProvider
{
    private protected RepairProvider()
    {
    }

    /// <summary>The repairs that are right for the finding, best first; none where nothing is certain.</summary>
    private protected abstract IEnumerable<Repair> FindRepairs(RepairScope scope, Diagnostic finding);

    /// <inheritdoc/>
    public sealed override FixAllProvider GetFixAllProvider() => FixAllProvider.Create(async (context, document, findings) =>
    {
        if (await RepairScope.CreateAsync(document, context.CancellationToken).ConfigureAwait(false) is not { } scope) return document;
        IEnumerable<Repair> repairs =
            from finding in findings
            orderby finding.Location.SourceSpan.Start
            let repair = FindRepairs(scope, finding).FirstOrDefault(candidate => candidate.Key == context.CodeActionEquivalenceKey)
            where repair is not null
            select repair;
        return Apply(scope, repairs);
    });

    /// <inheritdoc/>
    public sealed override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        if (await RepairScope.CreateAsync(context.Document, context.CancellationToken).ConfigureAwait(false) is not { } scope) return;
        foreach (Diagnostic finding in context.Diagnostics)
            foreach (Repair repair in FindRepairs(scope, finding))
                context.RegisterCodeFix(CodeAction.Create(repair.Title, _ => Task.FromResult(Apply(scope, [repair])), repair.Key), finding);
    }

    private static Document Apply(RepairScope scope, IEnumerable<Repair> repairs)
    {
        var edits = new TextEdits(scope.Text);
        foreach (Repair repair in repairs) repair.Apply(edits);
        SourceText text = edits.ToText();
        return ReferenceEquals(text, scope.Text) ? scope.Document : scope.Document.WithText(text);
    }
}
