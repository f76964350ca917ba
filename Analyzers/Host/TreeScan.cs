// What one file names, from its text alone, cached for as long as the tree lives: a keystroke scans one file again. A file that names no
// contract member costs nothing more than this.

using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Analyzers.Host;

internal sealed class TreeScan
{
    private static readonly ConditionalWeakTable<SyntaxTree, TreeScan> Cache = new();

    private static readonly HashSet<string> ContextAttributes = ["AtomicContext", "InterruptHandler", "SoftIrq", "Tasklet", "TimerCallback"];

    private static readonly HashSet<string> ContractAttributes =
    [
        "Allocates", "Reallocates", "Frees", "ViewOf", "Consumes", "Owned", "MightSleep", "MightSleepIf", "EntersAtomic", "LeavesAtomic", "EntersScope", "LeavesScope",
        .. ContextAttributes,
    ];

    /// <summary>How many answers a file remembers: of what makes code atomic, and of each step of the closures over names.</summary>
    private const int Remembered = 16;

    private readonly SyntaxTree _tree;
    private readonly Answer[] _answers = new Answer[Remembered];
    private int _oldest;
    private DeclaredBody[]? _bodies;

    private TreeScan(SyntaxTree tree, CancellationToken cancellation)
    {
        _tree = tree;
        Words = Words.Of(tree, cancellation);
        Identifiers = [.. Words.Names];
        if (!Array.Exists(Words.Names, static word => IsOneOf(ContractAttributes, word))) return;
        ContractMembers = MembersIn(tree.GetRoot(cancellation));
        NamesContexts = Array.Exists(Words.Names, static word => IsOneOf(ContextAttributes, word));
    }

    /// <summary>The words of the file.</summary>
    internal Words Words { get; }

    /// <summary>Every identifier that the file mentions.</summary>
    internal HashSet<string> Identifiers { get; }

    /// <summary>Names of the members that the file declares with contract attributes.</summary>
    internal IReadOnlyCollection<string> ContractMembers { get; } = [];

    /// <summary>Something in the file may be declared to run in a context of its own.</summary>
    internal bool NamesContexts { get; }

    internal static TreeScan Of(SyntaxTree tree, CancellationToken cancellation) =>
        Cache.TryGetValue(tree, out TreeScan? scan) ? scan : Cache.GetValue(tree, t => new TreeScan(t, cancellation));

    /// <summary>Whether the file mentions one of the names.</summary>
    internal bool MentionsAny(NameSet names)
    {
        lock (_answers)
        {
            foreach (Answer answer in _answers)
                if (ReferenceEquals(answer.Names, names)) return answer.IsYes;
        }

        bool isYes = Mentions(names.Names);
        lock (_answers)
        {
            _answers[_oldest] = new Answer(names, isYes);
            _oldest = (_oldest + 1) % Remembered;
        }

        return isYes;
    }

    /// <summary>The same, for a set that is asked of the file once: the fewer are looked for among the more.</summary>
    internal bool Mentions(HashSet<string> names) => names.Count > Identifiers.Count ? names.Overlaps(Identifiers) : Identifiers.Overlaps(names);

    /// <summary>Each body of the file under the name that calls it, with what it names. Made only where some file names a contract member.</summary>
    internal IReadOnlyList<DeclaredBody> Bodies(CancellationToken cancellation)
    {
        if (_bodies is { } known) return known;
        var bodies = new List<DeclaredBody>();

        // In which body each word was seen last.
        int[] seen = new int[Words.Names.Length];
        var own = new List<int>();
        SyntaxNode root = _tree.GetRoot(cancellation);
        AddUnwritten(root, bodies);
        foreach (BodySyntax body in BodyWalk.Enumerate(root))
        {
            if (NameOf(body.Declaration) is not { } name) continue;
            own.Clear();
            int number = bodies.Count + 1;
            foreach (SyntaxNode part in body.Parts)
            {
                foreach (TextSpan span in BodyWalk.CallsIn(part))
                {
                    foreach (int word in Words.In(span))
                    {
                        if (seen[word] == number) continue;
                        seen[word] = number;
                        own.Add(word);
                    }
                }
            }

            bodies.Add(new DeclaredBody(name, TypesAround(body.Declaration), IsPrivate(body.Declaration), [.. own]));
        }

        return _bodies = [.. bodies];
    }

    /// <summary>
    /// What runs, and is written in no body: constructors run those of the base class. Where objects are made as <c>new(…)</c>, a field that is assigned stands for its type.
    /// </summary>
    private void AddUnwritten(SyntaxNode root, List<DeclaredBody> bodies)
    {
        foreach (SyntaxNode node in root.DescendantNodes(static node => node is CompilationUnitSyntax or BaseNamespaceDeclarationSyntax or TypeDeclarationSyntax))
        {
            if (node is ClassDeclarationSyntax { BaseList: { } bases, Identifier.ValueText: var name }) bodies.Add(new DeclaredBody(name, TypesAround(node), isPrivate: false, Words.In(bases.Span).ToArray()));
            if (!Words.MakesUnnamed || node is not FieldDeclarationSyntax { Declaration: { Type: SimpleNameSyntax type, Variables: var variables } }) continue;
            foreach (VariableDeclaratorSyntax variable in variables)
                bodies.Add(new DeclaredBody(variable.Identifier.ValueText, TypesAround(node), IsPrivate(node), Words.In(type.Identifier.Span).ToArray()));
        }
    }

    /// <summary>An extension block has no name.</summary>
    private static string[] TypesAround(SyntaxNode declaration) =>
        [.. declaration.AncestorsAndSelf().OfType<TypeDeclarationSyntax>().Select(static type => type.Identifier.ValueText).Where(static name => !string.IsNullOrEmpty(name))];

    /// <summary>Nothing but the text of the type can name it. What an interface declares is for all.</summary>
    private static bool IsPrivate(SyntaxNode declaration)
    {
        MemberDeclarationSyntax? member = declaration.FirstAncestorOrSelf<MemberDeclarationSyntax>();
        if (member is not (BaseMethodDeclarationSyntax or BasePropertyDeclarationSyntax or BaseFieldDeclarationSyntax)) return false;
        if (member.Parent is not TypeDeclarationSyntax or InterfaceDeclarationSyntax) return false;
        if (member is MethodDeclarationSyntax { ExplicitInterfaceSpecifier: not null } or BasePropertyDeclarationSyntax { ExplicitInterfaceSpecifier: not null }) return false;
        return !member.Modifiers.Any(static modifier => modifier.Kind() is SyntaxKind.PublicKeyword or SyntaxKind.InternalKeyword or SyntaxKind.ProtectedKeyword or SyntaxKind.PartialKeyword);
    }

    private static HashSet<string> MembersIn(SyntaxNode root)
    {
        var members = new HashSet<string>();
        foreach (SyntaxNode node in root.DescendantNodes())
            if (node is AttributeSyntax attribute && attribute.DescendantTokens().Any(token => IsOneOf(ContractAttributes, token.ValueText)) && DeclaredName(attribute) is { } name) members.Add(name);
        return members;
    }

    private static string? NameOf(SyntaxNode declaration) => declaration switch
    {
        VariableDeclaratorSyntax field => field.Identifier.ValueText,
        MethodDeclarationSyntax method => method.Identifier.ValueText,
        ConstructorDeclarationSyntax constructor => constructor.Identifier.ValueText,
        PropertyDeclarationSyntax property => property.Identifier.ValueText,
        AccessorDeclarationSyntax { Parent.Parent: PropertyDeclarationSyntax property } => property.Identifier.ValueText,
        _ => null,
    };

    private static bool IsOneOf(HashSet<string> attributes, string text) =>
        attributes.Contains(text) || (text.EndsWith("Attribute", StringComparison.Ordinal) && attributes.Contains(text.Substring(0, text.Length - "Attribute".Length)));

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

    private readonly record struct Answer(NameSet? Names, bool IsYes);
}

/// <summary>A body that can be called by name, the types that it stands in, innermost first, and the words in it, each once. A field's initializer is what calls through it run.</summary>
internal sealed class DeclaredBody(string name, string[] types, bool isPrivate, int[] words)
{
    internal string Name { get; } = name;

    internal string[] Types { get; } = types;

    /// <summary>Only the text of its type can name it.</summary>
    internal bool IsPrivate { get; } = isPrivate;

    internal int[] Words { get; } = words;
}
