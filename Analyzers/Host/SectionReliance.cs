// A method that returns with a lock held is a lock helper if somebody relies on it, and a mistake if nobody can ever release the lock. Read alone the
// two look alike, so this asks the compilation, and only where such a method was found. Silent unless it is certain:
//
//   it says so           a contract, or a name ("LockQueue", "BeginUpdate", "AcquireAll")
//   it has callers       they see the open section in their own paths, and the question is theirs
//   it can be called     from outside of the assembly, or through a base class or an interface, and the lock can be released from there
//   it has a partner     a body that releases what it did not take, the same lock as far as can be told, and that somebody can call
//
// Cost: one search for the method's name over cached identifiers; the bodies that name a releasing call are looked at once for a compilation.

using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Host;

internal sealed class SectionReliance(Compilation compilation, CompilationFacts facts)
{
    /// <summary>A name with more mentions is taken to mean the method somewhere.</summary>
    private const int MaximalMentions = 64;

    /// <summary>More bodies are not looked at: one of them is taken to be the partner.</summary>
    private const int MaximalBodies = 512;

    private static readonly string[] s_words = ["lock", "acquire", "enter", "begin", "start", "hold", "disable", "suspend", "freeze", "claim", "grab"];

    private List<Release>? _releases;

    /// <summary>A body that somebody can call releases what it did not take. Of what is not known, everything.</summary>
    private sealed record Release(SectionKind Kind, bool HasLock, IFieldSymbol? Lock)
    {
        internal static readonly Release OfAnything = new((SectionKind)~0, false, null);

        internal bool Ends(HeldSection held) =>
            (Kind & held.Kind) != 0 && (Kind == OfAnything.Kind || (HasLock == held.HasLock && (Lock is null || held.Lock is null || SymbolEqualityComparer.Default.Equals(Lock, held.Lock))));
    }

    internal bool IsRelied(HeldSection held, CancellationToken cancellation)
    {
        IMethodSymbol method = held.Method;
        if (SaysSo(method.Name) || IsSubstitute(method)) return true;
        bool isOwnLock = held.Lock is { } field && !IsVisibleOutside(field);
        if (IsVisibleOutside(method) && !isOwnLock) return true;
        if (MentionsOf(method, cancellation) is not { Count: 0 }) return true;
        return ReleasesOf(cancellation).Exists(release => release.Ends(held));
    }

    private static bool SaysSo(string name)
    {
        foreach (string word in s_words)
            if (name.IndexOf(word, StringComparison.OrdinalIgnoreCase) >= 0) return true;
        return false;
    }

    /// <summary>Called through something else than its own name.</summary>
    private static bool IsSubstitute(IMethodSymbol method)
    {
        if (method.IsOverride || method.IsVirtual || method.IsAbstract || method.ExplicitInterfaceImplementations.Length > 0) return true;
        // Operators and accessors have another name where they are called; a using statement calls Dispose of a ref struct without naming it.
        if (method.MethodKind is MethodKind.UserDefinedOperator or MethodKind.Conversion or MethodKind.PropertyGet or MethodKind.PropertySet) return true;
        if (method is { Name: "Dispose", Parameters.IsEmpty: true, ContainingType.IsRefLikeType: true }) return true;
        foreach (INamedTypeSymbol contract in method.ContainingType.AllInterfaces)
            foreach (ISymbol member in contract.GetMembers(method.Name))
                if (SymbolEqualityComparer.Default.Equals(method.ContainingType.FindImplementationForInterfaceMember(member), method)) return true;
        return false;
    }

    private bool IsVisibleOutside(ISymbol symbol) => Visibility.ReachesOutside(symbol, compilation.Assembly);

    /// <summary>Where the compilation names the method; null if that is not known.</summary>
    private List<SyntaxNode>? MentionsOf(IMethodSymbol method, CancellationToken cancellation)
    {
        var mentions = new List<SyntaxNode>();
        int seen = 0;
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            if (!TreeScan.Of(tree, cancellation).Identifiers.Contains(method.Name)) continue;
            foreach (SyntaxToken token in tree.GetRoot(cancellation).DescendantTokens())
            {
                if (!token.IsKind(SyntaxKind.IdentifierToken) || token.ValueText != method.Name || token.Parent is not SimpleNameSyntax name) continue;
                if (++seen > MaximalMentions) return null;
                SymbolInfo info = facts.ModelOf(tree).GetSymbolInfo(name, cancellation);
                bool isOther = info.Symbol is { } other && !SymbolEqualityComparer.Default.Equals(Definition(other), method.OriginalDefinition);
                if (!isOther) mentions.Add(name);
            }
        }

        return mentions;
    }

    private static ISymbol Definition(ISymbol symbol) => symbol is IMethodSymbol called ? Demand.DefinitionOf(called) : symbol.OriginalDefinition;

    private List<Release> ReleasesOf(CancellationToken cancellation)
    {
        if (_releases is { } known) return known;
        var releases = new HashSet<Release>();
        var asked = new HashSet<ISymbol>(SymbolEqualityComparer.Default);
        var open = new Stack<BodySyntax>();
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            if (!TreeScan.Of(tree, cancellation).Mentions(facts.Model.LeavingNames)) continue;
            foreach (BodySyntax body in BodyWalk.Enumerate(tree.GetRoot(cancellation)))
                if (body.Parts.Any(Leaves)) open.Push(body);
        }

        while (open.Count > 0 && asked.Count <= MaximalBodies)
        {
            BodySyntax syntax = open.Pop();
            if (Bodies.RootOf(syntax, facts.ModelOf(syntax.Node.SyntaxTree), cancellation) is not { } root || !asked.Add(root)) continue;
            List<Release> own = ReleasesIn(syntax, root, cancellation);
            own.RemoveAll(release => EntersItself(root, release, cancellation));
            if (own.Count > 0 && IsFinal(root, open, cancellation)) releases.UnionWith(own);
        }

        if (open.Count > 0) releases.Add(Release.OfAnything);
        return _releases = [.. releases];
    }

    /// <summary>
    /// A ref struct takes the section when it is made and leaves it when it is disposed: it is nobody else's partner, and nothing but the method
    /// that made it can dispose of it.
    /// </summary>
    private bool EntersItself(ISymbol root, Release release, CancellationToken cancellation)
    {
        if (root is not IMethodSymbol { Name: "Dispose", Parameters.IsEmpty: true, ContainingType: { IsRefLikeType: true } guard }) return false;
        foreach (IMethodSymbol constructor in guard.InstanceConstructors)
        {
            if (Bodies.Of(constructor, compilation, cancellation) is not { } body || facts.Results.Followed(body, cancellation).Summary is not { } summary) continue;
            foreach (Outcome outcome in summary.Outcomes)
                foreach (Primitive primitive in outcome.Log)
                    if (primitive is { Kind: PrimitiveKind.Enter, Contract: EnterContract enter } && (enter.Kind & release.Kind) != 0) return true;
        }

        return false;
    }

    private bool Leaves(SyntaxNode code) => code.DescendantTokens().Any(token => token.IsKind(SyntaxKind.IdentifierToken) && facts.Model.LeavingNames.Contains(token.ValueText));

    private List<Release> ReleasesIn(in BodySyntax syntax, ISymbol root, CancellationToken cancellation)
    {
        Summary? summary = facts.Results.Followed(Bodies.Make(syntax, root), cancellation).Summary;
        var releases = new List<Release>();
        // Of a body that was given up, what it names.
        if (summary is null)
        {
            foreach (SyntaxNode part in syntax.Parts) AddNamed(part, releases, cancellation);
            return releases;
        }

        // A lambda may run at any time.
        foreach (SyntaxNode node in syntax.Node.DescendantNodes())
            if (node is AnonymousFunctionExpressionSyntax) AddNamed(node, releases, cancellation);
        foreach (Outcome outcome in summary.Outcomes)
            foreach (Primitive primitive in outcome.Log)
                if (primitive is { Kind: PrimitiveKind.Leave, Flag: true, Contract: LeaveContract contract })
                    releases.Add(new Release(contract.Kind, !primitive.A.IsZero, summary.Symbols.Of(primitive.A).Item as IFieldSymbol));
        return releases;
    }

    /// <summary>What the calls in a piece of code can release, whatever leads to them.</summary>
    private void AddNamed(SyntaxNode code, List<Release> releases, CancellationToken cancellation)
    {
        foreach (SyntaxNode node in code.DescendantNodes())
        {
            if (node is not SimpleNameSyntax name || !facts.Model.LeavingNames.Contains(name.Identifier.ValueText)) continue;
            SyntaxNode called = name.Parent is MemberAccessExpressionSyntax access && access.Name == name ? access : name;
            SemanticModel model = facts.ModelOf(code.SyntaxTree);
            if (called.Parent is not InvocationExpressionSyntax call || call.Expression != called || model.GetSymbolInfo(call, cancellation).Symbol is not IMethodSymbol method)
            {
                // Handed on as a function, or of unknown meaning.
                if (model.GetSymbolInfo(name, cancellation).Symbol is null or IMethodSymbol) releases.Add(Release.OfAnything);
            }
            else if (facts.Model.Find(method)?.Leave is { } leave)
            {
                ExpressionSyntax? @lock = leave.Lock.Kind == OperandKind.Parameter && leave.Lock.Ordinal < call.ArgumentList.Arguments.Count ? call.ArgumentList.Arguments[leave.Lock.Ordinal].Expression : null;
                releases.Add(new Release(leave.Kind, leave.Lock.IsPresent, @lock is null ? null : model.GetSymbolInfo(@lock, cancellation).Symbol as IFieldSymbol));
            }
        }
    }

    /// <summary>
    /// Whether it counts what the body releases: somebody calls it from where the engine does not see. Bodies that call it are asked themselves; what
    /// nobody can call counts for nothing.
    /// </summary>
    private bool IsFinal(ISymbol root, Stack<BodySyntax> open, CancellationToken cancellation)
    {
        if (root is not IMethodSymbol { MethodKind: MethodKind.Ordinary } method || IsVisibleOutside(method) || IsSubstitute(method)) return true;
        if (MentionsOf(method, cancellation) is not { } mentions) return true;
        if (mentions.Count == 0) return method.DeclaredAccessibility != Accessibility.Private;
        bool isFinal = false;
        foreach (SyntaxNode name in mentions)
        {
            SyntaxNode called = name.Parent is MemberAccessExpressionSyntax access && access.Name == name ? access : name;
            if (called.Parent is InvocationExpressionSyntax call && call.Expression == called && BodyOf(name) is { } body) open.Push(body);
            else isFinal = true;
        }

        return isFinal;
    }

    private static BodySyntax? BodyOf(SyntaxNode code)
    {
        for (SyntaxNode? node = code; node is not null; node = node.Parent)
        {
            if (node is not MemberDeclarationSyntax || node is BaseTypeDeclarationSyntax or BaseNamespaceDeclarationSyntax or GlobalStatementSyntax) continue;
            foreach (BodySyntax body in BodyWalk.Enumerate(node))
                if (body.Node.Span.Contains(code.Span)) return body;
        }

        return null;
    }
}
