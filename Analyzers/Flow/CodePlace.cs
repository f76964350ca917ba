using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Analyzers.Flow;

/// <summary>What a <see cref="Location"/> in source says, without an object: every assignment on every path has one.</summary>
internal readonly record struct CodePlace(SyntaxTree? Tree, TextSpan Span)
{
    internal static CodePlace Of(SyntaxNode node) => new(node.SyntaxTree, node.Span);

    internal static CodePlace Of(Location location) => new(location.SourceTree, location.SourceSpan);

    internal Location ToLocation() => Tree is null ? Location.None : Location.Create(Tree, Span);
}
