// KA5001: moves the largest stackalloc out of the frame, and the next ones if that is not enough. Offered only if the result compiles and the
// rule is silent there: both are tried before the fix is registered.

using System.Collections.Immutable;
using System.Composition;
using System.Linq;
using KAlloc.Analyzers.Rules.Stack;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Formatting;
using Microsoft.CodeAnalysis.Simplification;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.CodeFixes.Rules.Stack;

/// <summary>Moves large stack buffers to <c>kmalloc</c>, <c>ArrayPool</c> or <c>NativeMemory</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp)]
[Shared]
public sealed class KA5001FrameTooLargeCodeFix : CodeFixProvider
{
    /// <summary>Moves to <c>kmalloc</c>.</summary>
    public const string KmallocKey = "KA5001.kmalloc";

    /// <summary>Moves to <c>ArrayPool</c>.</summary>
    public const string ArrayPoolKey = "KA5001.ArrayPool";

    /// <summary>Moves to <c>NativeMemory</c>.</summary>
    public const string NativeMemoryKey = "KA5001.NativeMemory";

    /// <summary>Buffers of one method that the fix moves at most.</summary>
    private const int MostMoves = 4;

    /// <inheritdoc/>
    public override ImmutableArray<string> FixableDiagnosticIds { get; } = [KA5001FrameTooLargeAnalyzer.Id];

    /// <inheritdoc/>
    public override FixAllProvider GetFixAllProvider() => FixAllProvider.Create(FixAllAsync);

    /// <inheritdoc/>
    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        foreach (Diagnostic diagnostic in context.Diagnostics)
        {
            if (await FixAsync(context.Document, diagnostic, context.CancellationToken).ConfigureAwait(false) is not { } fix) continue;
            (string title, string key) = fix.Target switch
            {
                MoveTarget.Kmalloc => ("Allocate the buffer with kmalloc", KmallocKey),
                MoveTarget.ArrayPool => ("Rent the buffer from ArrayPool", ArrayPoolKey),
                _ => ("Allocate the buffer with NativeMemory", NativeMemoryKey),
            };
            context.RegisterCodeFix(CodeAction.Create(title, _ => Task.FromResult(fix.Document), key), diagnostic);
        }
    }

    private static async Task<Document?> FixAllAsync(FixAllContext context, Document document, ImmutableArray<Diagnostic> diagnostics)
    {
        // From the end, so that the places of the earlier ones stay right.
        foreach (Diagnostic diagnostic in diagnostics.OrderByDescending(diagnostic => diagnostic.Location.SourceSpan.Start))
        {
            if (await FixAsync(document, diagnostic, context.CancellationToken).ConfigureAwait(false) is { } fix && KeyOf(fix.Target) == context.CodeActionEquivalenceKey) document = fix.Document;
        }

        return document;
    }

    private static string KeyOf(MoveTarget target) => target switch
    {
        MoveTarget.Kmalloc => KmallocKey,
        MoveTarget.ArrayPool => ArrayPoolKey,
        _ => NativeMemoryKey,
    };

    private static async Task<(Document Document, MoveTarget Target)?> FixAsync(Document document, Diagnostic diagnostic, CancellationToken cancellation)
    {
        MoveTarget? target = null;
        for (int moves = 0; moves < MostMoves; moves++)
        {
            if (!diagnostic.Properties.ContainsKey(KA5001FrameTooLargeAnalyzer.MovableKey) || diagnostic.AdditionalLocations.Count == 0) return null;
            if (await document.GetSyntaxRootAsync(cancellation).ConfigureAwait(false) is not { } root) return null;
            if (await document.GetSemanticModelAsync(cancellation).ConfigureAwait(false) is not { } model) return null;
            var variable = root.FindToken(diagnostic.AdditionalLocations[0].SourceSpan.Start).Parent as VariableDeclaratorSyntax;
            bool isKernel = diagnostic.Properties.ContainsKey(KA5001FrameTooLargeAnalyzer.ScopeKey), isAtomic = diagnostic.Properties.ContainsKey(KA5001FrameTooLargeAnalyzer.AtomicKey);
            if (StackAllocMove.Find(variable, model, isKernel, isAtomic) is not { } move) return null;

            // The method's own place lies before every edit, so it is found again by position.
            int place = diagnostic.Location.SourceSpan.Start;
            document = document.WithSyntaxRoot(move.Apply(root));
            document = await Simplifier.ReduceAsync(document, Simplifier.Annotation, cancellationToken: cancellation).ConfigureAwait(false);
            document = await Formatter.FormatAsync(document, Formatter.Annotation, cancellationToken: cancellation).ConfigureAwait(false);
            target ??= move.Target;
            (bool compiles, Diagnostic? left) = await JudgeAsync(document, place, cancellation).ConfigureAwait(false);
            if (!compiles) return null;
            if (left is null) return (document, target.Value);
            diagnostic = left;
        }

        return null;
    }

    private static async Task<(bool Compiles, Diagnostic? Left)> JudgeAsync(Document document, int place, CancellationToken cancellation)
    {
        if (await document.GetSemanticModelAsync(cancellation).ConfigureAwait(false) is not { } model) return (false, null);
        if (await document.GetSyntaxRootAsync(cancellation).ConfigureAwait(false) is not { } root) return (false, null);
        TextSpan member = root.FindToken(place).Parent?.FirstAncestorOrSelf<MemberDeclarationSyntax>()?.Span ?? root.Span;
        if (model.GetDiagnostics(member, cancellation).Any(found => found.Severity == DiagnosticSeverity.Error)) return (false, null);
        CompilationWithAnalyzers analysis = model.Compilation.WithAnalyzers([new KA5001FrameTooLargeAnalyzer()], document.Project.AnalyzerOptions);
        ImmutableArray<Diagnostic> findings = await analysis.GetAnalyzerSemanticDiagnosticsAsync(model, null, cancellation).ConfigureAwait(false);
        return (true, findings.FirstOrDefault(finding => finding.Location.SourceSpan.Start == place));
    }
}
