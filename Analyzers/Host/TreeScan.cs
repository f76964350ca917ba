// What one file names, from its tokens alone, cached for as long as the tree lives: a keystroke scans one file again. A file that names no
// contract member costs nothing more than this.

using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Host;

internal sealed class TreeScan
{
    private static readonly ConditionalWeakTable<SyntaxTree, TreeScan> Cache = new();

    private static readonly HashSet<string> ContractAttributes =
    [
        "Allocates", "Reallocates", "Frees", "ViewOf", "Consumes", "Owned", "MightSleep", "MightSleepIf", "EntersAtomic", "LeavesAtomic", "EntersScope", "LeavesScope",
        "AtomicContext", "InterruptHandler", "SoftIrq", "Tasklet", "TimerCallback",
    ];

    /// <summary>The word that stands for lock statements among identifiers; none can be spelled so.</summary>
    internal const string LockStatement = "lock ";

    /// <summary>How many answers a file remembers: of what makes code atomic, and of each step of the closures over names.</summary>
    private const int Remembered = 12;

    private readonly SyntaxTree _tree;
    private readonly bool _makesUnnamed;
    private Answer[] _answers = [];
    private DeclaredBody[]? _bodies;

    private TreeScan(SyntaxTree tree, SyntaxNode root)
    {
        _tree = tree;
        var members = new HashSet<string>();
        foreach (SyntaxToken token in root.DescendantTokens())
        {
            if (token.IsKind(SyntaxKind.NewKeyword)) _makesUnnamed |= token.Parent is ImplicitObjectCreationExpressionSyntax;
            if (WordOf(token) is not { } text) continue;
            Identifiers.Add(text);
            if (IsContractAttribute(text) && token.Parent?.FirstAncestorOrSelf<AttributeSyntax>() is { } attribute && DeclaredName(attribute) is { } name) members.Add(name);
        }

        ContractMembers = members;
    }

    /// <summary>Every identifier that the file mentions.</summary>
    internal HashSet<string> Identifiers { get; } = [];

    /// <summary>Names of the members that the file declares with contract attributes.</summary>
    internal IReadOnlyCollection<string> ContractMembers { get; }

    internal static TreeScan Of(SyntaxTree tree, CancellationToken cancellation) =>
        Cache.TryGetValue(tree, out TreeScan? scan) ? scan : Cache.GetValue(tree, t => new TreeScan(t, t.GetRoot(cancellation)));

    /// <summary>Whether the file mentions one of the names.</summary>
    internal bool MentionsAny(NameSet names)
    {
        Answer[] answers = Volatile.Read(ref _answers);
        foreach (Answer answer in answers)
            if (ReferenceEquals(answer.Names, names)) return answer.IsYes;
        var own = new Answer(names, names.Names.Overlaps(Identifiers));

        // Threads that write at the same time lose an answer of the other, which is found again.
        Volatile.Write(ref _answers, [own, .. answers.Take(Remembered - 1)]);
        return own.IsYes;
    }

    /// <summary>Each body of the file under the name that calls it, with what it names. Made only where some file names a contract member.</summary>
    internal IReadOnlyList<DeclaredBody> Bodies(CancellationToken cancellation)
    {
        if (_bodies is { } known) return known;
        var bodies = new List<DeclaredBody>();

        // One set for all bodies: growing a new one for each was half of the scan.
        var identifiers = new HashSet<string>();
        SyntaxNode root = _tree.GetRoot(cancellation);
        if (_makesUnnamed) AddFields(root, bodies);
        foreach (BodySyntax body in BodyWalk.Enumerate(root))
        {
            if (NameOf(body.Declaration) is not { } name) continue;
            identifiers.Clear();
            foreach (SyntaxNode part in body.Parts)
                foreach (SyntaxToken token in part.DescendantTokens())
                    if (WordOf(token) is { } word) identifiers.Add(word);
            bodies.Add(new DeclaredBody(name, body.Declaration.FirstAncestorOrSelf<TypeDeclarationSyntax>()?.Identifier.ValueText, [.. identifiers]));
        }

        return _bodies = [.. bodies];
    }

    /// <summary>Where objects are made as <c>new(…)</c>, a field that is assigned stands for its type.</summary>
    private static void AddFields(SyntaxNode root, List<DeclaredBody> bodies)
    {
        foreach (SyntaxNode node in root.DescendantNodes(static node => node is CompilationUnitSyntax or BaseNamespaceDeclarationSyntax or TypeDeclarationSyntax))
        {
            if (node is not FieldDeclarationSyntax { Declaration: { Type: SimpleNameSyntax type, Variables: var variables } }) continue;
            foreach (VariableDeclaratorSyntax variable in variables)
                bodies.Add(new DeclaredBody(variable.Identifier.ValueText, (node.Parent as TypeDeclarationSyntax)?.Identifier.ValueText, [type.Identifier.ValueText]));
        }
    }

    /// <summary>What a token names: itself if it is an identifier; a lock statement is a call in other words, and <c>using</c> calls Dispose.</summary>
    internal static string? WordOf(SyntaxToken token) => token.Kind() switch
    {
        SyntaxKind.IdentifierToken => token.ValueText,
        SyntaxKind.LockKeyword => LockStatement,
        SyntaxKind.UsingKeyword when token.Parent is not UsingDirectiveSyntax => "Dispose",
        _ => null,
    };

    private static string? NameOf(SyntaxNode declaration) => declaration switch
    {
        VariableDeclaratorSyntax field => field.Identifier.ValueText,
        MethodDeclarationSyntax method => method.Identifier.ValueText,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.ValueText,
        PropertyDeclarationSyntax property => property.Identifier.ValueText,
        AccessorDeclarationSyntax { Parent.Parent: PropertyDeclarationSyntax property } => property.Identifier.ValueText,
        _ => null,
    };

    private static bool IsContractAttribute(string text) =>
        ContractAttributes.Contains(text) || (text.EndsWith("Attribute", StringComparison.Ordinal) && ContractAttributes.Contains(text.Substring(0, text.Length - 9)));

    private static string? DeclaredName(AttributeSyntax attribute)
    {
        for (SyntaxNode? node = attribute.Parent; node is not null; node = node.Parent)
        {
            switch (node)
            {
                case MethodDeclarationSyntax method: return method.Identifier.ValueText;
                case PropertyDeclarationSyntax property: return property.Identifier.ValueText;
                case ConstructorDeclarationSyntax constructor: return constructor.Identifier.ValueText;
                case LocalFunctionStatementSyntax function: return function.Identifier.ValueText;
                case BaseTypeDeclarationSyntax or DelegateDeclarationSyntax: return null;
            }
        }

        return null;
    }

    private readonly record struct Answer(NameSet Names, bool IsYes);
}

/// <summary>A body that can be called by name, the type that declares it, and the identifiers in it. A field's initializer is what calls through it run.</summary>
internal sealed class DeclaredBody(string name, string? type, string[] identifiers)
{
    internal string Name { get; } = name;

    internal string? Type { get; } = type;

    internal string[] Identifiers { get; } = identifiers;
}
