using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

/// <summary>The names that one file writes to, or may write to through a reference, from syntax alone; cached for as long as the tree lives.</summary>
internal sealed class TreeWrites
{
    private static readonly ConditionalWeakTable<SyntaxTree, TreeWrites> Cache = new();
    private readonly Dictionary<string, List<SyntaxNode>> _writes = [];

    private TreeWrites(SyntaxTree tree)
    {
        foreach (SyntaxNode node in tree.GetRoot().DescendantNodes())
        {
            if (node is not IdentifierNameSyntax name || WriteOf(name) is not { } write) continue;
            if (!_writes.TryGetValue(name.Identifier.ValueText, out List<SyntaxNode>? writes)) _writes.Add(name.Identifier.ValueText, writes = []);
            writes.Add(write);
        }
    }

    internal static TreeWrites Of(SyntaxTree tree) => Cache.TryGetValue(tree, out TreeWrites? known) ? known : Cache.GetValue(tree, t => new TreeWrites(t));

    /// <summary>The assignments, arguments and operators that write to something of that name.</summary>
    internal IReadOnlyList<SyntaxNode> To(string name) => _writes.TryGetValue(name, out List<SyntaxNode>? writes) ? writes : [];

    private static SyntaxNode? WriteOf(ExpressionSyntax name)
    {
        while (name.Parent is ParenthesizedExpressionSyntax or PostfixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.SuppressNullableWarningExpression }
            || (name.Parent is MemberAccessExpressionSyntax access && access.Name == name) || name.Parent is MemberBindingExpressionSyntax) name = (ExpressionSyntax)name.Parent;
        return name.Parent switch
        {
            AssignmentExpressionSyntax assignment when assignment.Left == name => assignment,
            ArgumentSyntax { RefKindKeyword.RawKind: not 0 } or ArgumentSyntax { Parent: TupleExpressionSyntax } or RefExpressionSyntax => name.Parent,
            PrefixUnaryExpressionSyntax
            {
                RawKind: (int)SyntaxKind.AddressOfExpression or (int)SyntaxKind.PreIncrementExpression or (int)SyntaxKind.PreDecrementExpression
            } => name.Parent,
            PostfixUnaryExpressionSyntax => name.Parent,
            _ => null,
        };
    }
}
