// The names that lead to a contract: of contract members, of methods whose bodies name one of those, and so on. From syntax alone; each file's part is
// cached with its tree, so that a keystroke costs one file and this union.
//
// A name that many declarations share ("Dispose", "Open") says too little by itself: closing over it takes in half of a program. It leads on only
// together with the type that declares the body: from bodies of that type, and from bodies that name the type.

using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Analyzers.Host;

internal sealed class NameClosure
{
    /// <summary>A name that more declarations share says too little about what a call of it runs.</summary>
    private const int MaximalDeclarations = 8;

    private readonly HashSet<string> _names, _distinct;
    private readonly Dictionary<string, HashSet<string>> _shared = [];

    // By number, of the words of each file that was asked about.
    private readonly ConditionalWeakTable<Words, Lead[]> _leads = new();

    private NameClosure(HashSet<string> contracts, HashSet<string> distinct) => (_names, _distinct) = ([.. contracts], distinct);

    /// <param name="scans">The files.</param>
    /// <param name="contracts">The names of contract members.</param>
    /// <param name="distinct">Names that lead on by themselves, however many share them, once one of them leads at all: how memory is given back is looked for everywhere.</param>
    /// <param name="cancellation">Stops it.</param>
    internal static NameClosure Of(List<TreeScan> scans, HashSet<string> contracts, HashSet<string> distinct, CancellationToken cancellation)
    {
        var closure = new NameClosure(contracts, distinct);
        NameSet names = NameSet.Of([.. contracts]);
        if (scans.Exists(scan => scan.MentionsAny(names))) closure.Grow(scans, names, cancellation);
        return closure;
    }

    /// <summary>Whether the file can matter at all.</summary>
    internal bool IsMentionedIn(TreeScan scan)
    {
        if (scan.Mentions(_names)) return true;
        foreach (string name in _shared.Keys)
            if (scan.Identifiers.Contains(name)) return true;
        return false;
    }

    /// <summary>Whether the code names a contract member or something that leads to one.</summary>
    internal bool IsMentionedIn(SyntaxNode code, CancellationToken cancellation)
    {
        Words words = TreeScan.Of(code.SyntaxTree, cancellation).Words;
        Lead[] leads = _leads.GetValue(words, LeadsIn);
        HashSet<string>? types = null;
        foreach (TextSpan span in BodyWalk.CallsIn(code))
        {
            foreach (int word in words.In(span))
            {
                if (leads[word] == Lead.Always) return true;
                if (leads[word] == Lead.WithType) (types ??= []).UnionWith(_shared[words.Names[word]]);
            }
        }

        if (types is null) return false;
        for (SyntaxNode? node = code; node is not null; node = node.Parent)
            if (node is TypeDeclarationSyntax type && types.Contains(type.Identifier.ValueText)) return true;
        foreach (TextSpan span in BodyWalk.CallsIn(code))
        {
            foreach (int word in words.In(span))
                if (types.Contains(words.Names[word])) return true;
        }

        return false;
    }

    private Lead[] LeadsIn(Words words) => Array.ConvertAll(words.Names, LeadOf);

    private Lead LeadOf(string name) => _names.Contains(name) ? Lead.Always : _shared.ContainsKey(name) ? Lead.WithType : Lead.Nowhere;

    /// <summary>Where a word leads.</summary>
    private enum Lead : byte
    {
        Nowhere,
        WithType,
        Always,
    }

    private void Grow(List<TreeScan> scans, NameSet contracts, CancellationToken cancellation)
    {
        var declarations = new Dictionary<string, int>();
        foreach (TreeScan scan in scans)
            foreach (DeclaredBody body in scan.Bodies(cancellation))
                declarations[body.Name] = declarations.TryGetValue(body.Name, out int count) ? count + 1 : 1;

        NameSet frontier = contracts;
        var reached = new HashSet<DeclaredBody>();
        while (frontier.Names.Count > 0)
        {
            var next = new HashSet<string>();
            foreach (TreeScan scan in scans)
            {
                cancellation.ThrowIfCancellationRequested();
                if (!scan.MentionsAny(frontier)) continue;
                Lead[] leads = Array.ConvertAll(scan.Words.Names, name => frontier.Names.Contains(name) ? LeadOf(name) : Lead.Nowhere);
                foreach (DeclaredBody body in scan.Bodies(cancellation))
                {
                    if (reached.Contains(body) || !Leads(body, scan.Words.Names, leads)) continue;
                    reached.Add(body);
                    if (Add(body, declarations[body.Name])) next.Add(body.Name);
                }
            }

            frontier = NameSet.Of(next);
        }
    }

    private bool Add(DeclaredBody body, int declarations)
    {
        if (!body.IsPrivate && (declarations <= MaximalDeclarations || _distinct.Contains(body.Name))) return _names.Add(body.Name);
        if (body.Types is not [string type, ..]) return false;
        if (!_shared.TryGetValue(body.Name, out HashSet<string>? owners)) _shared.Add(body.Name, owners = []);
        return owners.Add(type);
    }

    private bool Leads(DeclaredBody body, string[] names, Lead[] leads)
    {
        foreach (int word in body.Words)
        {
            if (leads[word] == Lead.Nowhere) continue;
            if (leads[word] == Lead.Always) return true;
            HashSet<string> owners = _shared[names[word]];
            if (Array.Exists(body.Types, owners.Contains)) return true;
            foreach (int type in body.Words)
                if (owners.Contains(names[type])) return true;
        }

        return false;
    }
}
