// Every body of a file, from syntax alone: what RegisterOperationBlockAction delivers, without its price (it makes the driver build the
// operations of all bodies, half of a compilation's binding time again).
//
//   method, constructor (with initialiser), destructor, operator, conversion, accessor   the declaration       IMethodBodyOperation &c.
//   int P => e;  int this[int i] => e;                                                   the arrow clause      IBlockOperation
//   int f = e;   int P { get; } = e;                                                     the equals clause     I…InitializerOperation
//   class C(int a) : B(e)                                                                the base type         IInvocationOperation
//   top-level statements                                                                 the compilation unit  IMethodBodyOperation
//
// Invariant: each piece of code that can run lies in exactly one body. Local functions and lambdas come with the body that holds them.
// Left out, as they hold nothing that runs: const fields, enum members, parameter defaults, attributes.
// Cost: one visit per declaration; statements are not entered. No semantic model.

using System.Collections.Generic;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Analyzers.Host;

/// <summary>What kind of declaration a body belongs to.</summary>
internal enum BodyKind
{
    Method,
    Constructor,
    PrimaryConstructorBase,
    Destructor,
    Operator,
    Conversion,
    Accessor,
    ArrowProperty,
    FieldInitializer,
    PropertyInitializer,
    TopLevel,
}

/// <summary>One body: where its operations hang, and what declares it.</summary>
internal readonly struct BodySyntax(SyntaxNode node, SyntaxNode declaration, BodyKind kind)
{
    /// <summary>The node to give to <see cref="SemanticModel.GetOperation"/>.</summary>
    public SyntaxNode Node { get; } = node;

    /// <summary>The node to give to <c>SemanticModel.GetDeclaredSymbol</c>: member, accessor, variable declarator, type or compilation unit.</summary>
    public SyntaxNode Declaration { get; } = declaration;

    public BodyKind Kind { get; } = kind;

    private TypeSyntax? DeclaredType => Kind switch
    {
        BodyKind.FieldInitializer => (Declaration.Parent as VariableDeclarationSyntax)?.Type,
        BodyKind.PropertyInitializer or BodyKind.ArrowProperty => (Declaration as BasePropertyDeclarationSyntax)?.Type,
        _ => null,
    };

    /// <summary>
    /// The nodes that together are the body's text: <see cref="Node"/>, except that top-level statements share theirs with the types of the file. With a value
    /// that is written <c>new(…)</c> the declared type says what is made.
    /// </summary>
    public IEnumerable<SyntaxNode> Parts
    {
        get
        {
            if (Kind != BodyKind.TopLevel)
            {
                yield return Node;
                if (DeclaredType is { } type && TreeScan.Of(Node.SyntaxTree, CancellationToken.None).Words.MakesUnnamed && Node.DescendantNodes().Any(static node => node is ImplicitObjectCreationExpressionSyntax)) yield return type;
                yield break;
            }

            foreach (MemberDeclarationSyntax member in ((CompilationUnitSyntax)Node).Members)
            {
                if (member is GlobalStatementSyntax) yield return member;
            }
        }
    }
}

/// <summary>Enumerates the bodies of a file.</summary>
internal static class BodyWalk
{
    /// <summary>All bodies below <paramref name="root"/> (a compilation unit or a member), in source order of their types' members.</summary>
    internal static IEnumerable<BodySyntax> Enumerate(SyntaxNode root)
    {
        var pending = new Stack<SyntaxNode>();
        pending.Push(root);
        while (pending.Count > 0)
        {
            SyntaxNode node = pending.Pop();
            switch (node)
            {
                case CompilationUnitSyntax unit:
                    if (unit.Members.Any(SyntaxKind.GlobalStatement)) yield return new BodySyntax(unit, unit, BodyKind.TopLevel);
                    PushReversed(pending, unit.Members);
                    break;
                case BaseNamespaceDeclarationSyntax space:
                    PushReversed(pending, space.Members);
                    break;

                // Also extension blocks, whose own class changed its name between compiler versions.
                case TypeDeclarationSyntax type:
                    if (PrimaryBase(type) is { } baseCall) yield return new BodySyntax(baseCall, type, BodyKind.PrimaryConstructorBase);
                    PushReversed(pending, type.Members);
                    break;
                default:
                    foreach (BodySyntax body in OfMember(node)) yield return body;
                    break;
            }
        }
    }

    private static IEnumerable<BodySyntax> OfMember(SyntaxNode node)
    {
        switch (node)
        {
            case BaseMethodDeclarationSyntax method:
                // A constructor without a body can still have an initialiser in code that is being typed.
                bool hasCode = method.Body is not null || method.ExpressionBody is not null || method is ConstructorDeclarationSyntax { Initializer: not null };
                if (hasCode) yield return new BodySyntax(method, method, KindOf(method));
                break;
            case BasePropertyDeclarationSyntax property:
                ArrowExpressionClauseSyntax? arrow = property switch
                {
                    PropertyDeclarationSyntax p => p.ExpressionBody,
                    IndexerDeclarationSyntax i => i.ExpressionBody,
                    _ => null,
                };
                if (arrow is not null) yield return new BodySyntax(arrow, property, BodyKind.ArrowProperty);
                if (property.AccessorList is { } accessors)
                {
                    foreach (AccessorDeclarationSyntax accessor in accessors.Accessors)
                    {
                        if (accessor.Body is not null || accessor.ExpressionBody is not null) yield return new BodySyntax(accessor, accessor, BodyKind.Accessor);
                    }
                }

                if (property is PropertyDeclarationSyntax { Initializer: { } initializer }) yield return new BodySyntax(initializer, property, BodyKind.PropertyInitializer);
                break;
            case BaseFieldDeclarationSyntax field when !field.Modifiers.Any(SyntaxKind.ConstKeyword):
                foreach (VariableDeclaratorSyntax variable in field.Declaration.Variables)
                {
                    if (variable.Initializer is { } value) yield return new BodySyntax(value, variable, BodyKind.FieldInitializer);
                }

                break;
        }
    }

    /// <summary>Where a body's code names what it calls: not in its own name, unless that is <c>this(…)</c>. What <c>base(…)</c> is, written or not, the list of bases says.</summary>
    internal static TextSpan[] CallsIn(SyntaxNode code) => code switch
    {
        MethodDeclarationSyntax method => Around(code.Span, method.Identifier),
        ConstructorDeclarationSyntax { Initializer: null } constructor => constructor.Parent is ClassDeclarationSyntax { BaseList: { } bases } ? [.. Around(code.Span, constructor.Identifier), bases.Span] : Around(code.Span, constructor.Identifier),
        ConstructorDeclarationSyntax { Initializer.RawKind: (int)SyntaxKind.BaseConstructorInitializer, Parent: TypeDeclarationSyntax { BaseList: { } called } } => [code.Span, called.Span],
        _ => [code.Span],
    };

    private static TextSpan[] Around(TextSpan code, SyntaxToken name) => [TextSpan.FromBounds(code.Start, name.SpanStart), TextSpan.FromBounds(name.Span.End, code.End)];

    private static BodyKind KindOf(BaseMethodDeclarationSyntax method) => method switch
    {
        ConstructorDeclarationSyntax => BodyKind.Constructor,
        DestructorDeclarationSyntax => BodyKind.Destructor,
        OperatorDeclarationSyntax => BodyKind.Operator,
        ConversionOperatorDeclarationSyntax => BodyKind.Conversion,
        _ => BodyKind.Method,
    };

    private static PrimaryConstructorBaseTypeSyntax? PrimaryBase(TypeDeclarationSyntax type)
    {
        if (type.BaseList is { } bases && bases.Types.Count > 0) return bases.Types[0] as PrimaryConstructorBaseTypeSyntax;
        return null;
    }

    private static void PushReversed(Stack<SyntaxNode> pending, SyntaxList<MemberDeclarationSyntax> members)
    {
        for (int i = members.Count - 1; i >= 0; i--) pending.Push(members[i]);
    }
}
