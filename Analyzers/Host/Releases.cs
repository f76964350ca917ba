// Whether a type frees what one of its fields owns. Only what cannot be otherwise counts: every body that names the field was followed, and none
// of them lets the memory out, where somebody else might free it.

using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace KAlloc.Analyzers.Host;

internal static class Releases
{
    /// <summary>What is missing; null if nothing is, or if it is not known.</summary>
    internal static FieldRelease? Find(IFieldSymbol field, INamedTypeSymbol scope, List<FieldBody> bodies, CancellationToken cancellation)
    {
        // What a static field holds lives as long as the process, and so does what a type's only object holds.
        if (field.IsStatic || ClosedFields.UsersOf(field) is null || HoldsItself(field.ContainingType)) return null;
        bool isFreed = false;
        var releasing = new List<IMethodSymbol>();
        foreach (FieldBody body in bodies)
        {
            if (body.Uses.LetOut.Contains(field)) return null;
            isFreed |= body.Uses.Frees.Exists(free => SymbolEqualityComparer.Default.Equals(free.Field, field));
            if (body.Uses.Released.Contains(field)) releasing.Add((IMethodSymbol)body.Root);
        }

        INamedTypeSymbol owner = field.ContainingType;
        if (releasing.Count == 0) return new FieldRelease(isFreed ? ReleaseGap.OnlyReplaced : ReleaseGap.Never, owner.Name);
        return IsDisposed(owner, scope, releasing, cancellation) ? null : new FieldRelease(ReleaseGap.NotInDispose, owner.Name);
    }

    private static bool HoldsItself(INamedTypeSymbol type)
    {
        foreach (ISymbol member in type.GetMembers())
        {
            ITypeSymbol? held = member switch { IFieldSymbol { IsStatic: true } field => field.Type, IPropertySymbol { IsStatic: true } property => property.Type, _ => null };
            if (SymbolEqualityComparer.Default.Equals(held?.OriginalDefinition, type.OriginalDefinition)) return true;
            if (held is INamedTypeSymbol { IsGenericType: true } wrapped && wrapped.TypeArguments.Any(argument => SymbolEqualityComparer.Default.Equals(argument.OriginalDefinition, type.OriginalDefinition))) return true;
        }

        return false;
    }

    /// <summary>
    /// Whether the type's Dispose may come to a releasing method. A type without one has no duty that could be missed, and a method that can be
    /// called in ways that the text does not show may be called from there.
    /// </summary>
    private static bool IsDisposed(INamedTypeSymbol owner, INamedTypeSymbol scope, List<IMethodSymbol> releasing, CancellationToken cancellation)
    {
        if (owner.IsValueType || owner.BaseType is not { SpecialType: SpecialType.System_Object }) return true;
        var texts = new List<SyntaxNode>();
        foreach (ISymbol member in owner.GetMembers().Select(WithBody))
        {
            bool disposes = member is IMethodSymbol { Name: "Dispose" or "DisposeAsync" or "System.IDisposable.Dispose" or "Finalize" };
            if (!disposes) continue;
            if (member.IsAbstract || member.DeclaringSyntaxReferences is not [{ } reference]) return true;
            texts.Add(reference.GetSyntax(cancellation));
        }

        if (texts.Count == 0) return true;
        foreach (IMethodSymbol method in releasing)
        {
            bool isPlain = method.MethodKind == MethodKind.Ordinary && !method.IsVirtual && !method.IsOverride && !method.IsStatic && SymbolEqualityComparer.Default.Equals(method.ContainingType, owner);
            if (!isPlain) return true;
        }

        return Reaches(texts, owner, scope, releasing, cancellation);
    }

    /// <summary>By names alone: from the texts, through every member of the type, and of those that it is nested in, that is named on the way.</summary>
    private static bool Reaches(List<SyntaxNode> texts, INamedTypeSymbol owner, INamedTypeSymbol scope, List<IMethodSymbol> goals, CancellationToken cancellation)
    {
        var reached = new HashSet<SyntaxNode>(texts);
        for (int i = 0; i < texts.Count; i++)
        {
            foreach (SyntaxToken token in texts[i].DescendantTokens())
            {
                // The object is handed to code that may call anything.
                if (token.IsKind(SyntaxKind.BaseKeyword) || (token.IsKind(SyntaxKind.ThisKeyword) && token.Parent?.Parent is Microsoft.CodeAnalysis.CSharp.Syntax.ArgumentSyntax argument && !IsFinalizerNote(argument))) return true;
                if (!token.IsKind(SyntaxKind.IdentifierToken)) continue;
                foreach (ISymbol member in MembersOf(owner, scope, token.ValueText).Select(WithBody))
                {
                    if (goals.Contains(member, SymbolEqualityComparer.Default)) return true;
                    if (member.IsAbstract || member.IsVirtual || member is IFieldSymbol { Type.TypeKind: TypeKind.Delegate or TypeKind.FunctionPointer } or IEventSymbol) return true;
                    foreach (SyntaxReference reference in member.DeclaringSyntaxReferences)
                        if (reference.GetSyntax(cancellation) is var text && reached.Add(text)) texts.Add(text);
                }
            }
        }

        return false;
    }

    /// <summary>Of a partial method, the part that has one.</summary>
    private static ISymbol WithBody(ISymbol member) => (member as IMethodSymbol)?.PartialImplementationPart ?? member;

    private static IEnumerable<ISymbol> MembersOf(INamedTypeSymbol owner, INamedTypeSymbol scope, string name)
    {
        for (INamedTypeSymbol? type = owner; type is not null; type = SymbolEqualityComparer.Default.Equals(type, scope) ? null : type.ContainingType)
            foreach (ISymbol member in type.GetMembers(name)) yield return member;
    }

    private static bool IsFinalizerNote(Microsoft.CodeAnalysis.CSharp.Syntax.ArgumentSyntax argument) =>
        argument.Parent?.Parent is Microsoft.CodeAnalysis.CSharp.Syntax.InvocationExpressionSyntax { Expression: var called }
        && called.ToString() is "GC.SuppressFinalize" or "GC.KeepAlive" or "System.GC.SuppressFinalize";
}
