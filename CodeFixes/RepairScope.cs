using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.CodeFixes;

/// <summary>The document that a repair looks at, bound.</summary>
internal sealed class RepairScope
{
    private readonly IReadOnlyList<ContractTable> _contracts;

    private RepairScope(Document document, SyntaxNode root, SemanticModel model, SourceText text, CancellationToken cancellation)
    {
        Document = document;
        Root = root;
        Model = model;
        Text = text;
        Cancellation = cancellation;
        _contracts = ContractFiles.Of(document.Project.AnalyzerOptions.AdditionalFiles, cancellation);
    }

    internal Document Document { get; }

    internal SyntaxNode Root { get; }

    internal SemanticModel Model { get; }

    internal SourceText Text { get; }

    internal CancellationToken Cancellation { get; }

    internal static async Task<RepairScope?> CreateAsync(Document document, CancellationToken cancellation)
    {
        SyntaxNode? root = await document.GetSyntaxRootAsync(cancellation).ConfigureAwait(false);
        SemanticModel? model = await document.GetSemanticModelAsync(cancellation).ConfigureAwait(false);
        SourceText text = await document.GetTextAsync(cancellation).ConfigureAwait(false);
        return root is null || model is null ? null : new RepairScope(document, root, model, text, cancellation);
    }

    /// <summary>The node of a finding's place, when it is of the expected kind.</summary>
    internal T? NodeAt<T>(Location place)
        where T : SyntaxNode
    {
        if (place.SourceTree != Root.SyntaxTree || !Root.FullSpan.Contains(place.SourceSpan)) return null;
        SyntaxNode node = Root.FindNode(place.SourceSpan, getInnermostNodeForTie: true);
        return node.FirstAncestorOrSelf<T>(candidate => candidate.Span == place.SourceSpan);
    }

    /// <summary>A call with a contract: its syntax, its method, and what is promised about it.</summary>
    internal Call? CallAt(Location place) => NodeAt<InvocationExpressionSyntax>(place) is { } syntax ? CallOf(syntax) : null;

    /// <inheritdoc cref="CallAt"/>
    internal Call? CallOf(InvocationExpressionSyntax syntax) =>
        Model.GetSymbolInfo(syntax, Cancellation).Symbol is IMethodSymbol method && ContractOf(method) is { } contract ? new Call(syntax, method, contract) : null;

    /// <summary>What is promised about a method, also by the contract files of the project; null: nothing.</summary>
    internal MethodContract? ContractOf(IMethodSymbol method) => ContractModel.ContractOf(method, _contracts);

    /// <summary>The member declaration, or the whole file for top-level statements, that holds a node.</summary>
    internal static SyntaxNode BodyAround(SyntaxNode node) =>
        (SyntaxNode?)node.FirstAncestorOrSelf<MemberDeclarationSyntax>(member => member is not GlobalStatementSyntax) ?? node.SyntaxTree.GetRoot();
}

/// <summary>A call of a method that has a contract.</summary>
internal sealed class Call(InvocationExpressionSyntax syntax, IMethodSymbol method, MethodContract contract)
{
    internal InvocationExpressionSyntax Syntax { get; } = syntax;

    internal IMethodSymbol Method { get; } = method;

    internal MethodContract Contract { get; } = contract;

    /// <summary>What the call passes for a parameter; null for one that is left to its default.</summary>
    internal ArgumentSyntax? ArgumentFor(int ordinal)
    {
        SeparatedSyntaxList<ArgumentSyntax> arguments = Syntax.ArgumentList.Arguments;
        foreach (ArgumentSyntax argument in arguments)
            if (argument.NameColon is { } named && ordinal < Method.Parameters.Length && named.Name.Identifier.ValueText == Method.Parameters[ordinal].Name) return argument;
        return ordinal < arguments.Count && arguments[ordinal].NameColon is null ? arguments[ordinal] : null;
    }

    /// <summary>What the call passes for an operand of its contract, as code.</summary>
    internal ExpressionSyntax? Operand(OperandReference operand) => operand.Kind switch
    {
        OperandKind.Parameter => ArgumentFor(operand.Ordinal)?.Expression,
        OperandKind.Receiver => Receiver,
        OperandKind.Number => SyntaxFactory.ParseExpression(operand.Number.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        _ => null,
    };

    /// <summary>What the call is made on: an object, or the name of a type; null when it is written bare.</summary>
    internal ExpressionSyntax? Receiver => Syntax.Expression is MemberAccessExpressionSyntax { RawKind: (int)SyntaxKind.SimpleMemberAccessExpression } access ? access.Expression : null;

    /// <summary>What the call frees, if it frees one thing and does nothing else with memory.</summary>
    internal FreeContract? OnlyFree => Contract.Frees.Count == 1 && Contract.Allocations.Count == 0 ? Contract.Frees[0] : null;
}
