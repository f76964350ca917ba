// Static fields that one body writes and no other. Whoever holds a lock may have written shared memory before this path got it, but not these: what the
// path itself put there is still there, unless the same code runs at the same time elsewhere.
//
//   private static byte* s_buffer;       written in Load() only, whose path goes: s_buffer = p; … spin_lock(…); kfree(s_buffer); use(p)

using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal sealed class SoleWriters
{
    private readonly ConcurrentDictionary<IFieldSymbol, bool> _known = new(SymbolEqualityComparer.Default);

    /// <summary>Whether all that writes to the static field stands in one body, and nothing else can get hold of its place.</summary>
    internal bool HasOneWriter(IFieldSymbol field) =>
        field is { IsStatic: true, IsVolatile: false } && (_known.TryGetValue(field, out bool known) ? known : _known.GetOrAdd(field, Find(field)));

    private static bool Find(IFieldSymbol field)
    {
        if (ClosedFields.UsersOf(field) is not { } users) return false;
        SyntaxNode? writer = null;
        foreach (SyntaxReference part in users.DeclaringSyntaxReferences)
        {
            foreach (SyntaxNode write in TreeWrites.Of(part.SyntaxTree).To(field.Name))
            {
                if (!part.Span.Contains(write.Span)) continue;
                if (write is PrefixUnaryExpressionSyntax { RawKind: (int)Microsoft.CodeAnalysis.CSharp.SyntaxKind.AddressOfExpression } or RefExpressionSyntax) return false;
                SyntaxNode? body = write.FirstAncestorOrSelf<MemberDeclarationSyntax>();
                if (writer is not null && body != writer) return false;
                writer = body;
            }
        }

        return writer is BaseMethodDeclarationSyntax;
    }
}
