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

    private readonly List<TreeScan> _scans;
    private readonly HashSet<string> _names, _distinct;
    private readonly Dictionary<string, HashSet<string>> _shared = [];
    private readonly HashSet<DeclaredBody> _reached = [];

    // By number, of the words of each file that was asked about.
    private readonly ConditionalWeakTable<Words, Lead[]> _leads = new();

    /// <param name="scans">The files.</param>
    /// <param name="contracts">The names of contract members.</param>
    /// <param name="distinct">Names that lead on by themselves, however many share them, once one of them leads at all: how memory is given back is looked for everywhere.</param>
    /// <param name="cancellation">Stops it.</param>
    internal NameClosure(List<TreeScan> scans, HashSet<string> contracts, HashSet<string> distinct, CancellationToken cancellation)
    {
        (_scans, _names, _distinct) = (scans, [.. contracts], distinct);
        Grow(contracts, cancellation);
    }

    /// <summary>What <paramref name="less"/> holds, and what leads to <paramref name="more"/>.</summary>
    internal NameClosure(NameClosure less, HashSet<string> more, CancellationToken cancellation)
    {
        (_scans, _names, _distinct) = (less._scans, [.. less._names, .. more], less._distinct);
        foreach (KeyValuePair<string, HashSet<string>> shared in less._shared) _shared.Add(shared.Key, [.. shared.Value]);
        _reached.UnionWith(less._reached);
        Grow(more, cancellation);
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

    private void Grow(HashSet<string> names, CancellationToken cancellation)
    {
        List<DeclaredBody> next = [];
        while (names.Count > 0)
        {
            NameSet frontier = NameSet.Of(names);
            List<TreeScan> mentioning = _scans.FindAll(scan => scan.MentionsAny(frontier));
            Add(next, mentioning, cancellation);
            next = [];
            foreach (TreeScan scan in mentioning)
            {
                cancellation.ThrowIfCancellationRequested();
                Lead[] leads = Array.ConvertAll(scan.Words.Names, name => frontier.Names.Contains(name) ? LeadOf(name) : Lead.Nowhere);
                foreach (DeclaredBody body in scan.Bodies(cancellation))
                {
                    if (_reached.Contains(body) || !Leads(body, scan.Words.Names, leads)) continue;
                    _reached.Add(body);
                    if (!_names.Contains(body.Name)) next.Add(body);
                }
            }

            names = [.. next.Select(static body => body.Name)];
        }
    }

    /// <summary>Adds the names of bodies that lead to a contract, given all files that mention one of these names.</summary>
    private void Add(List<DeclaredBody> bodies, List<TreeScan> scans, CancellationToken cancellation)
    {
        var declarations = new Dictionary<string, int>();
        foreach (DeclaredBody body in bodies) declarations[body.Name] = 0;
        foreach (TreeScan scan in scans)
            foreach (DeclaredBody body in scan.Bodies(cancellation))
                if (declarations.TryGetValue(body.Name, out int count)) declarations[body.Name] = count + 1;
        foreach (DeclaredBody body in bodies)
        {
            if (!body.IsPrivate && (declarations[body.Name] <= MaximalDeclarations || _distinct.Contains(body.Name))) _names.Add(body.Name);
            else if (body.Types is [string type, ..]) OwnersOf(body.Name).Add(type);
        }
    }

    private HashSet<string> OwnersOf(string name)
    {
        if (!_shared.TryGetValue(name, out HashSet<string>? owners)) _shared.Add(name, owners = []);
        return owners;
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
