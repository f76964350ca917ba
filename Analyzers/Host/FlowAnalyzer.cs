// The host of all flow rules. One semantic-model action a file: the cached identifier scan decides whether anything here can matter, operations
// and graphs are made only for bodies that name a contract member or lead to one (Demand), and each body is walked once for all rules. (An operation action instead
// would make the driver build the operation tree of every body: half of binding again.)

using System.Collections.Immutable;
using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using KAlloc.Analyzers.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Analyzers.Host;

/// <summary>Finds misuse of native memory by walking the paths of each body.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class FlowAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [.. FlowRules.All.Select(rule => rule.Descriptor)];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(start =>
        {
            var facts = new CompilationFacts(start.Compilation, start.Options.AdditionalFiles);
            start.RegisterSemanticModelAction(action => AnalyzeFile(action, facts));
        });
    }

    private static void AnalyzeFile(SemanticModelAnalysisContext context, CompilationFacts facts)
    {
        SyntaxTree tree = context.SemanticModel.SyntaxTree;
        CancellationToken cancellation = context.CancellationToken;
        NameClosure names = facts.InterestingNames(cancellation);
        bool mayBeAtomic = facts.MayBeAtomic(cancellation);
        if (!mayBeAtomic && !names.IsMentionedIn(TreeScan.Of(tree, cancellation))) return;
        foreach (BodySyntax syntax in BodyWalk.Enumerate(tree.GetRoot(cancellation)))
        {
            bool mentions = Mentions(syntax, names, cancellation);
            if (!mentions && !mayBeAtomic) continue;
            try
            {
                AnalyzeBody(context, facts, syntax, mentions, mayBeAtomic);
            }
            catch (InsufficientExecutionStackException)
            {
                // An expression that the compiler cannot bind with this thread's stack.
            }
        }
    }

    private static void AnalyzeBody(SemanticModelAnalysisContext context, CompilationFacts facts, in BodySyntax syntax, bool mentions, bool mayBeAtomic)
    {
        CancellationToken cancellation = context.CancellationToken;
        if (Bodies.RootOf(syntax, context.SemanticModel, cancellation) is not { } root || facts.Results.IsSilent(root)) return;
        bool isAtomic = mayBeAtomic && IsAtomic(syntax, root, facts, cancellation);
        if (!mentions && !isAtomic) return;
        IOperation? operation = context.SemanticModel.GetOperation(syntax.Node, cancellation);
        if (operation is null) return;
        var calls = BodyCalls.Of(operation);
        if (!calls.Binds || !facts.Demand.HasEffect(calls, isAtomic, cancellation)) return;
        BodyResult result = facts.Results.Of(Bodies.Make(syntax, root), calls, cancellation);
        Report(context, facts, facts.Fields.IssuesOf(root, result, cancellation));
    }

    /// <summary>The body, or a function inside of it, is declared to run where it must not block.</summary>
    private static bool IsAtomic(in BodySyntax syntax, ISymbol root, CompilationFacts facts, CancellationToken cancellation)
    {
        if (root is IMethodSymbol method && facts.EntryContextOf(method, cancellation) is not (EntryContext.Unknown or EntryContext.Process)) return true;
        if (!TreeScan.Of(syntax.Node.SyntaxTree, cancellation).NamesContexts) return false;
        foreach (SyntaxNode part in syntax.Parts)
        {
            foreach (SyntaxNode node in part.DescendantNodes())
                if (node is LocalFunctionStatementSyntax { AttributeLists.Count: > 0 } or LambdaExpressionSyntax { AttributeLists.Count: > 0 }) return true;
        }

        return false;
    }

    /// <summary>A function that is called in place is walked there and by itself: a finding at one place counts once.</summary>
    private static void Report(SemanticModelAnalysisContext context, CompilationFacts facts, IEnumerable<FlowIssue> issues)
    {
        var reported = new HashSet<(string, Location, SyntaxNode?)>();
        foreach (FlowIssue issue in issues)
        {
            if (issue.SilencedBy is { } option && IsOn(context, option)) continue;
            if (issue.UnlessRelied is { } held && facts.Reliance.IsRelied(held, context.CancellationToken)) continue;
            if (reported.Add((issue.Descriptor.Id, issue.Place, issue.Subject))) context.ReportDiagnostic(issue.ToDiagnostic());
        }
    }

    private static bool IsOn(SemanticModelAnalysisContext context, string option) =>
        context.Options.AnalyzerConfigOptionsProvider.GetOptions(context.SemanticModel.SyntaxTree).TryGetValue(option, out string? value) && bool.TryParse(value, out bool on) && on;

    private static bool Mentions(in BodySyntax body, NameClosure names, CancellationToken cancellation)
    {
        foreach (SyntaxNode part in body.Parts)
            if (names.IsMentionedIn(part, cancellation)) return true;
        return false;
    }
}
