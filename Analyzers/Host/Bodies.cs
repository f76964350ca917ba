// From a method to its body: the syntax, the operations, the graph. Operations and graphs are made when they are asked for and not kept, since
// they pin the bound trees of their file.

using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KAlloc.Analyzers.Host;

/// <summary>A body in source: what declares it, and the node that its operations hang on.</summary>
internal readonly record struct Body(ISymbol Root, SyntaxNode Node, SyntaxNode Declaration);

internal static class Bodies
{
    internal static Body Make(in BodySyntax syntax, ISymbol root) =>
        new(root, syntax.Node, syntax.Declaration is VariableDeclaratorSyntax ? syntax.Node : syntax.Declaration);

    /// <summary>What declares the body: for an arrow property, its getter.</summary>
    internal static ISymbol? RootOf(in BodySyntax body, SemanticModel model, CancellationToken cancellation) =>
        model.GetDeclaredSymbol(body.Declaration, cancellation) switch
        {
            IPropertySymbol { GetMethod: { } getter } when body.Kind == BodyKind.ArrowProperty => getter,
            { } symbol => symbol,
            null => null,
        };

    /// <summary>The body of a source method; null if it has none of its own.</summary>
    internal static Body? Of(IMethodSymbol method, Compilation compilation, CancellationToken cancellation)
    {
        method = method.PartialImplementationPart ?? method;
        if (method.DeclaringSyntaxReferences is not [{ } reference] || !compilation.ContainsSyntaxTree(reference.SyntaxTree)) return null;
        SyntaxNode syntax = reference.GetSyntax(cancellation);
        return syntax switch
        {
            BaseMethodDeclarationSyntax { Body: null, ExpressionBody: null } => null,
            AccessorDeclarationSyntax { Body: null, ExpressionBody: null } => null,
            BaseMethodDeclarationSyntax or AccessorDeclarationSyntax => new Body(method, syntax, syntax),
            AnonymousFunctionExpressionSyntax => new Body(method, syntax, syntax),
            ArrowExpressionClauseSyntax { Parent: { } property } => new Body(method, syntax, property),
            _ => null,
        };
    }

    /// <summary>
    /// Whoever runs this body, and waits for the task that an async one returns, runs it as a whole: it does not put off its work. Which body a virtual call runs
    /// is Dispatch's question.
    /// </summary>
    internal static bool RunsAtOnce(IMethodSymbol method)
    {
        if (method.IsAbstract || method.IsExtern || (method.IsAsync && !Evaluator.CanBeAwaited(method)) || (method.IsIterator() && !Iterators.GivesInTheEnd(method))) return false;
        return method.MethodKind is MethodKind.Ordinary or MethodKind.Constructor or MethodKind.PropertyGet or MethodKind.PropertySet
            or MethodKind.ExplicitInterfaceImplementation or MethodKind.AnonymousFunction or MethodKind.UserDefinedOperator or MethodKind.Conversion;
    }

    internal static IOperation? OperationOf(in Body body, Compilation compilation, CancellationToken cancellation) =>
        // Inside an analyzer the driver hands out its own cached model and operations, so this binds nothing twice.
#pragma warning disable RS1030
        compilation.GetSemanticModel(body.Node.SyntaxTree).GetOperation(body.Node, cancellation);
#pragma warning restore RS1030

    internal static ControlFlowGraph? GraphOf(IOperation operation, CancellationToken cancellation) => operation switch
    {
        IMethodBodyOperation method => ControlFlowGraph.Create(method, cancellation),
        IConstructorBodyOperation constructor => ControlFlowGraph.Create(constructor, cancellation),
        IBlockOperation { Parent: null } block => ControlFlowGraph.Create(block, cancellation),
        IFieldInitializerOperation { Parent: null } field => ControlFlowGraph.Create(field, cancellation),
        IPropertyInitializerOperation { Parent: null } property => ControlFlowGraph.Create(property, cancellation),
        IAnonymousFunctionOperation lambda => GraphOf(lambda, cancellation),
        _ => null,
    };

    /// <summary>A lambda's graph hangs on that of the body around it.</summary>
    private static ControlFlowGraph? GraphOf(IAnonymousFunctionOperation lambda, CancellationToken cancellation)
    {
        IOperation outermost = lambda;
        while (outermost.Parent is { } parent) outermost = parent;
        if (outermost == lambda || GraphOf(outermost, cancellation) is not { } graph) return null;
        foreach (IFlowAnonymousFunctionOperation inner in FlowAnalysis.LambdasOf(graph))
            if (inner.Syntax == lambda.Syntax) return graph.GetAnonymousFunctionControlFlowGraph(inner, cancellation);
        return null;
    }
}
