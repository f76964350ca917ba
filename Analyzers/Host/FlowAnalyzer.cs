// The host of all flow rules. One semantic-model action a file: the cached identifier scan decides whether anything here can matter, operations
// and graphs are made only for bodies that name a contract member, and each body is walked once for all rules. (An operation action instead
// would make the driver build the operation tree of every body: half of binding again.)

using System.Collections.Immutable;
using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using KAlloc.Analyzers.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

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
            var facts = new CompilationFacts(start.Compilation);
            start.RegisterSemanticModelAction(action => AnalyzeFile(action, facts));
        });
    }

    private static void AnalyzeFile(SemanticModelAnalysisContext context, CompilationFacts facts)
    {
        SyntaxTree tree = context.SemanticModel.SyntaxTree;
        CancellationToken cancellation = context.CancellationToken;
        HashSet<string> names = facts.NamesOf(cancellation);
        if (!names.Overlaps(TreeScan.Of(tree, cancellation).Identifiers)) return;
        var scope = new FlowScope(
            facts.Model,
            FlowRules.All,
            method => facts.EntryContextOf(method, cancellation),
            method => facts.MayLeaveSections(method, cancellation),
            facts.Inquire(cancellation).EffectOf,
            diagnostic => context.ReportDiagnostic(diagnostic),
            cancellation);
        foreach (BodySyntax body in BodyWalk.Enumerate(tree.GetRoot(cancellation)))
            if (Mentions(body, names)) AnalyzeBody(body, context.SemanticModel, scope);
    }

    private static bool Mentions(in BodySyntax body, HashSet<string> names)
    {
        foreach (SyntaxNode part in body.Parts)
            foreach (SyntaxToken token in part.DescendantTokens())
                if (token.IsKind(SyntaxKind.IdentifierToken) && names.Contains(token.ValueText)) return true;
        return false;
    }

    private static void AnalyzeBody(in BodySyntax body, SemanticModel model, FlowScope scope)
    {
        IOperation? operation = model.GetOperation(body.Node, scope.Cancellation);
        if (operation is null || !TouchesContract(operation, scope.Model)) return;
        ControlFlowGraph? graph = operation switch
        {
            IMethodBodyOperation method => ControlFlowGraph.Create(method, scope.Cancellation),
            IConstructorBodyOperation constructor => ControlFlowGraph.Create(constructor, scope.Cancellation),
            IBlockOperation { Parent: null } block => ControlFlowGraph.Create(block, scope.Cancellation),
            IFieldInitializerOperation { Parent: null } field => ControlFlowGraph.Create(field, scope.Cancellation),
            IPropertyInitializerOperation { Parent: null } property => ControlFlowGraph.Create(property, scope.Cancellation),
            _ => null,
        };
        if (graph is null || RootOf(body, model, scope.Cancellation) is not { } root) return;
        FlowAnalysis.Run(scope, root, graph, body.Declaration is VariableDeclaratorSyntax ? body.Node : body.Declaration);
    }

    private static ISymbol? RootOf(in BodySyntax body, SemanticModel model, CancellationToken cancellation) =>
        model.GetDeclaredSymbol(body.Declaration, cancellation) switch
        {
            IPropertySymbol { GetMethod: { } getter } when body.Kind == BodyKind.ArrowProperty => getter,
            { } symbol => symbol,
            null => null,
        };

    /// <summary>Whether the body calls anything with a contract. Code that does not bind is left alone: every guess about it is wrong.</summary>
    private static bool TouchesContract(IOperation operation, ContractModel model)
    {
        bool touches = false;
        foreach (IOperation inner in operation.DescendantsAndSelf())
        {
            switch (inner)
            {
                case IInvalidOperation:
                    return false;
                case IInvocationOperation call:
                    touches |= model.Find(call.TargetMethod) is { HasEffect: true };
                    break;
                case IObjectCreationOperation { Constructor: { } constructor }:
                    touches |= model.Find(constructor) is { HasEffect: true };
                    break;
                case IPropertyReferenceOperation { Property.GetMethod: { } getter }:
                    touches |= model.Find(getter) is { HasEffect: true };
                    break;
            }
        }

        return touches;
    }
}
