// Which bodies of a file are worth an estimate, found without binding: by the words of the file, cached per tree, then of the bodies in the few files that
// have one.
//
// Outside kernel code only frames over 8 KiB matter. They come from stackalloc or from a struct with a big fixed or inline array, so
// the names of such structs are gathered from all files (and of structs that hold them, one level by level, by name).

using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using KAlloc.Analyzers.Host;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Stack;

/// <summary>What the words of one file say.</summary>
internal sealed class StackFileScan
{
    /// <summary>Arrays in structs shorter than this do not make a frame of 8 KiB by themselves.</summary>
    private const int LargeArray = 512;

    private static readonly ConditionalWeakTable<SyntaxTree, StackFileScan> s_scans = new();

    private static readonly HashSet<string> s_contexts = WithSuffix(KernelCode.AttributeNames);

    private static readonly HashSet<string> s_buffers = [Words.Fixed, .. WithSuffix(["InlineArray", "StructLayout"])];

    private readonly TreeScan _words;

    private StackFileScan(SyntaxTree tree, CancellationToken cancellationToken)
    {
        _words = TreeScan.Of(tree, cancellationToken);
        HasStackAlloc = _words.Identifiers.Contains(Words.StackAlloc);
        HasContextAttribute = _words.Mentions(s_contexts);
        if (_words.Mentions(s_buffers)) Structs = FindStructs(tree.GetRoot(cancellationToken));
    }

    public bool HasStackAlloc { get; }

    public bool HasContextAttribute { get; }

    /// <summary>The structs of the file: name, whether it holds a large array itself, the names of its fields' types.</summary>
    public IReadOnlyList<(string Name, bool IsLarge, string[] FieldTypes)> Structs { get; } = [];

    internal static StackFileScan Of(SyntaxTree tree, CancellationToken cancellationToken) =>
        s_scans.TryGetValue(tree, out StackFileScan? known) ? known : s_scans.GetValue(tree, key => new StackFileScan(key, cancellationToken));

    /// <summary>The names of all structs of the compilation that may be large.</summary>
    internal static HashSet<string> LargeStructs(Compilation compilation, CancellationToken cancellationToken)
    {
        var all = new List<(string Name, bool IsLarge, string[] FieldTypes)>();
        foreach (SyntaxTree tree in compilation.SyntaxTrees) all.AddRange(Of(tree, cancellationToken).Structs);
        var large = new HashSet<string>(all.Where(type => type.IsLarge).Select(type => type.Name), StringComparer.Ordinal);
        bool grew = large.Count > 0;
        while (grew)
        {
            grew = false;
            foreach ((string name, _, string[] fields) in all)
            {
                if (fields.Any(large.Contains)) grew |= large.Add(name);
            }
        }

        return large;
    }

    /// <summary>Does any body of the file name something large?</summary>
    internal bool MentionsAny(HashSet<string> largeStructs) => HasStackAlloc || _words.Mentions(largeStructs);

    /// <summary>Does the body name something large?</summary>
    internal bool Mentions(SyntaxNode part, HashSet<string> largeStructs)
    {
        Words words = _words.Words;
        foreach (int word in words.In(part.Span))
        {
            string name = words.Names[word];
            if (ReferenceEquals(name, Words.StackAlloc) || largeStructs.Contains(name)) return true;
        }

        return false;
    }

    /// <summary>Is a context attribute's name on the declaration, inside it, or on what encloses it?</summary>
    internal static bool HasContextAttributeAround(SyntaxNode declaration)
    {
        IEnumerable<AttributeSyntax> around = declaration.Ancestors().OfType<MemberDeclarationSyntax>().SelectMany(member => member.AttributeLists).SelectMany(list => list.Attributes);
        return around.Concat(declaration.DescendantNodes().OfType<AttributeSyntax>()).Any(attribute => IsContextName(attribute.Name.ToString()));
    }

    private static bool IsContextName(string name)
    {
        int dot = name.LastIndexOf('.');
        string simple = dot < 0 ? name : name.Substring(dot + 1);
        if (simple.EndsWith("Attribute", StringComparison.Ordinal)) simple = simple.Substring(0, simple.Length - "Attribute".Length);
        return KernelCode.AttributeNames.Contains(simple);
    }

    private static HashSet<string> WithSuffix(string[] names) => [.. names, .. names.Select(name => name + "Attribute")];

    private static List<(string Name, bool IsLarge, string[] FieldTypes)> FindStructs(SyntaxNode root)
    {
        var structs = new List<(string, bool, string[])>();
        foreach (SyntaxNode node in root.DescendantNodes(node => node is CompilationUnitSyntax or BaseNamespaceDeclarationSyntax or TypeDeclarationSyntax))
        {
            if (node is not TypeDeclarationSyntax { RawKind: (int)SyntaxKind.StructDeclaration or (int)SyntaxKind.RecordStructDeclaration } type) continue;
            FieldDeclarationSyntax[] fields = [.. type.Members.OfType<FieldDeclarationSyntax>()];
            bool large = fields.Any(HasLargeBuffer) || type.AttributeLists.SelectMany(list => list.Attributes).Any(HasLargeArgument);
            structs.Add((type.Identifier.ValueText, large, [.. fields.Select(field => SimpleName(field.Declaration.Type))]));
        }

        return structs;
    }

    private static bool HasLargeBuffer(FieldDeclarationSyntax field) =>
        field.Modifiers.Any(SyntaxKind.FixedKeyword)
        && field.Declaration.Variables.Any(variable => variable.ArgumentList is { Arguments.Count: 1 } list && IsLarge(list.Arguments[0].Expression));

    private static bool HasLargeArgument(AttributeSyntax attribute)
    {
        if (attribute.ArgumentList is not { } list) return false;
        string name = attribute.Name.ToString();
        if (name.Contains("InlineArray")) return list.Arguments.Count > 0 && IsLarge(list.Arguments[0].Expression);
        return name.Contains("StructLayout") && list.Arguments.Any(argument => argument.NameEquals?.Name.Identifier.ValueText == "Size" && IsLarge(argument.Expression));
    }

    private static bool IsLarge(ExpressionSyntax length) => length is not LiteralExpressionSyntax { Token.Value: int value } || value >= LargeArray;

    private static string SimpleName(TypeSyntax type) => type switch
    {
        SimpleNameSyntax simple => simple.Identifier.ValueText,
        QualifiedNameSyntax qualified => qualified.Right.Identifier.ValueText,
        _ => "",
    };
}
