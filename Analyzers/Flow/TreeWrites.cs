using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

/// <summary>
/// The names that one file writes to, or may write to through a reference, from syntax alone; cached for as long as the tree lives. Few names are asked for,
/// so each is looked for in the text.
/// </summary>
internal sealed class TreeWrites
{
    private static readonly ConditionalWeakTable<SyntaxTree, TreeWrites> Cache = new();
    private readonly ConcurrentDictionary<string, IReadOnlyList<SyntaxNode>> _writes = new(StringComparer.Ordinal);
    private readonly SyntaxNode _root;
    private readonly string _text;
    private readonly bool _hasEscapes;

    private TreeWrites(SyntaxTree tree)
    {
        _root = tree.GetRoot();
        _text = tree.GetText().ToString();
        _hasEscapes = _text.IndexOf("\\u", StringComparison.OrdinalIgnoreCase) >= 0;
    }

    internal static TreeWrites Of(SyntaxTree tree) => Cache.TryGetValue(tree, out TreeWrites? known) ? known : Cache.GetValue(tree, t => new TreeWrites(t));

    /// <summary>The assignments, arguments and operators that write to something of that name.</summary>
    internal IReadOnlyList<SyntaxNode> To(string name) => _writes.TryGetValue(name, out IReadOnlyList<SyntaxNode>? known) ? known : _writes.GetOrAdd(name, Find(name));

    private IReadOnlyList<SyntaxNode> Find(string name)
    {
        List<SyntaxNode>? writes = null;
        // A name that is written with an escape cannot be seen in the text.
        foreach (IdentifierNameSyntax found in _hasEscapes ? _root.DescendantNodes().OfType<IdentifierNameSyntax>() : InText(name))
            if (found.Identifier.ValueText == name && WriteOf(found) is { } write) (writes ??= []).Add(write);
        return writes ?? (IReadOnlyList<SyntaxNode>)[];
    }

    private IEnumerable<IdentifierNameSyntax> InText(string name)
    {
        for (int at = name.Length == 0 ? -1 : _text.IndexOf(name, StringComparison.Ordinal); at >= 0; at = _text.IndexOf(name, at + name.Length, StringComparison.Ordinal))
        {
            if (IsPartOfWord(at - 1) || IsPartOfWord(at + name.Length)) continue;
            SyntaxToken token = _root.FindToken(at);
            if (token.Span.Contains(at) && token.Parent is IdentifierNameSyntax found) yield return found;
        }
    }

    private bool IsPartOfWord(int at) => at >= 0 && at < _text.Length && (_text[at] == '_' || char.IsLetterOrDigit(_text[at]));

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
