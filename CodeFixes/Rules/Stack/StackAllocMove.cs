// Moves a local's stackalloc into memory of its own, freed on every exit by try/finally: a stack buffer ends with its frame on any way out, and
// so does its replacement.
//
//   kernel code   T* p = stackalloc T[n]       (T*)kmalloc(n * sizeof(T), GFP_KERNEL), null check, kfree
//   elsewhere     T* p = stackalloc T[n]       NativeMemory.Alloc, NativeMemory.Free
//   elsewhere     Span<T> s = stackalloc T[n]  ArrayPool<T>.Shared.Rent, Return
//
// Only where the pointer keeps its value, does not leave the block and no label lies in what moves into the try block.

using System.Globalization;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Formatting;
using Microsoft.CodeAnalysis.Simplification;

namespace KAlloc.CodeFixes.Rules.Stack;

/// <summary>Where the moved memory comes from.</summary>
internal enum MoveTarget
{
    Kmalloc,
    NativeMemory,
    ArrayPool,
}

/// <summary>One local's <c>stackalloc</c> that can move; null from <see cref="Find"/> where it cannot.</summary>
internal sealed class StackAllocMove
{
    private readonly SemanticModel _model;
    private readonly LocalDeclarationStatementSyntax _statement;
    private readonly BlockSyntax _block;
    private readonly VariableDeclaratorSyntax _variable;
    private readonly ITypeSymbol _element;
    private readonly string _count;
    private readonly string? _onNull;
    private readonly string _flags;

    private StackAllocMove(
        SemanticModel model, LocalDeclarationStatementSyntax statement, BlockSyntax block, VariableDeclaratorSyntax variable, ITypeSymbol element, string count, MoveTarget target, string? onNull, string flags)
    {
        _model = model;
        _statement = statement;
        _block = block;
        _variable = variable;
        _element = element;
        _count = count;
        _onNull = onNull;
        _flags = flags;
        Target = target;
    }

    internal MoveTarget Target { get; }

    internal static StackAllocMove? Find(VariableDeclaratorSyntax? variable, SemanticModel model, bool isKernel, bool isAtomic)
    {
        if (variable is not { Initializer.Value: StackAllocArrayCreationExpressionSyntax { Initializer: null, Type: ArrayTypeSyntax array } }) return null;
        if (variable.Parent is not VariableDeclarationSyntax { Variables.Count: 1, Parent: LocalDeclarationStatementSyntax { Parent: BlockSyntax block } statement }) return null;
        ExpressionSyntax? size = array.RankSpecifiers.FirstOrDefault()?.Sizes.FirstOrDefault();
        if (size is null || model.GetConstantValue(size) is not { HasValue: true, Value: int and > 0 }) return null;
        if (model.GetTypeInfo(array.ElementType).Type is not { IsUnmanagedType: true } element || model.GetDeclaredSymbol(variable) is not ILocalSymbol local) return null;
        if (!StaysInPlace(local, block, statement, model)) return null;

        string count = size is LiteralExpressionSyntax or IdentifierNameSyntax or ParenthesizedExpressionSyntax ? size.ToString() : $"({size})";
        bool isPointer = local.Type.TypeKind == TypeKind.Pointer;
        if (!isKernel) return new StackAllocMove(model, statement, block, variable, element, count, isPointer ? MoveTarget.NativeMemory : MoveTarget.ArrayPool, null, "");
        if (!isPointer || NullReturn(statement, model) is not { } onNull || LinuxName("kmalloc", statement, model) is null || LinuxName("kfree", statement, model) is null) return null;
        return LinuxName(isAtomic ? "GFP_ATOMIC" : "GFP_KERNEL", statement, model) is { } flags
            ? new StackAllocMove(model, statement, block, variable, element, count, MoveTarget.Kmalloc, onNull, flags)
            : null;
    }

    /// <summary>The file's root with the buffer moved.</summary>
    internal SyntaxNode Apply(SyntaxNode root)
    {
        string name = _variable.Identifier.Text;
        string type = _element.ToMinimalDisplayString(_model, _statement.SpanStart);
        string bytes = _element.SpecialType is SpecialType.System_Byte or SpecialType.System_SByte ? _count : $"{_count} * sizeof({type})";
        string declared = ((VariableDeclarationSyntax)_variable.Parent!).Type.ToString();
        (string[] before, string free) = Target switch
        {
            MoveTarget.Kmalloc => (
                new[] { $"{declared} {name} = ({type}*){LinuxName("kmalloc", _statement, _model)}({bytes}, {_flags});", $"if ({name} == null) {_onNull}" },
                $"{LinuxName("kfree", _statement, _model)}({name});"),
            MoveTarget.NativeMemory => (
                new[] { $"{declared} {name} = ({type}*)System.Runtime.InteropServices.NativeMemory.Alloc({NativeSize(type)});" },
                $"System.Runtime.InteropServices.NativeMemory.Free({name});"),
            _ => Pooled(name, type, declared),
        };

        int index = _block.Statements.IndexOf(_statement);
        StatementSyntax[] rest = [.. _block.Statements.Skip(index + 1)];
        string newLine = root.ToString().Contains("\r\n") ? "\r\n" : "\n";
        TryStatementSyntax guarded = SyntaxFactory.TryStatement(
            SyntaxFactory.Block(rest.Select((statement, i) => i == 0 ? WithoutBlankLine(statement) : statement)),
            default,
            SyntaxFactory.FinallyClause(SyntaxFactory.Block(SyntaxFactory.ParseStatement(free))));
        SyntaxTrivia end = SyntaxFactory.ElasticEndOfLine(newLine);
        var statements = before.Select(text => SyntaxFactory.ParseStatement(text).WithTrailingTrivia(end)).Append(guarded).Select(Prepare).ToArray();
        statements[0] = statements[0].WithLeadingTrivia(_statement.GetLeadingTrivia());

        SyntaxList<StatementSyntax> all = SyntaxFactory.List(_block.Statements.Take(index).Concat(statements));
        BlockSyntax block = _block.WithStatements(all);

        // A body on one line is opened up, for a try block fits no line.
        if (!_block.OpenBraceToken.TrailingTrivia.Any(SyntaxKind.EndOfLineTrivia))
            block = block.WithOpenBraceToken(block.OpenBraceToken.WithTrailingTrivia(end)).WithCloseBraceToken(block.CloseBraceToken.WithLeadingTrivia(end));
        return root.ReplaceNode(_block, block.WithAdditionalAnnotations(Formatter.Annotation));

        static StatementSyntax Prepare(StatementSyntax statement) => statement.WithAdditionalAnnotations(Formatter.Annotation, Simplifier.Annotation);
    }

    private (string[] Before, string Free) Pooled(string name, string type, string declared)
    {
        string array = name + "Array";
        for (int i = 2; !_model.LookupSymbols(_statement.SpanStart, name: array).IsEmpty; i++) array = name + "Array" + i.ToString(CultureInfo.InvariantCulture);
        return (
            [$"{type}[] {array} = System.Buffers.ArrayPool<{type}>.Shared.Rent({_count});", $"{declared} {name} = new {declared}({array}, 0, {_count});"],
            $"System.Buffers.ArrayPool<{type}>.Shared.Return({array});");
    }

    private string NativeSize(string type) =>
        _element.SpecialType is SpecialType.System_Byte or SpecialType.System_SByte ? _count : $"{_count}, (nuint)sizeof({type})";

    private static StatementSyntax WithoutBlankLine(StatementSyntax statement)
    {
        SyntaxTriviaList trivia = statement.GetLeadingTrivia();
        return trivia.Count > 0 && trivia[0].IsKind(SyntaxKind.EndOfLineTrivia) ? statement.WithLeadingTrivia(trivia.RemoveAt(0)) : statement;
    }

    /// <summary>The local keeps its value, is not captured and does not leave the block; what follows may move into a try block.</summary>
    private static bool StaysInPlace(ILocalSymbol local, BlockSyntax block, LocalDeclarationStatementSyntax statement, SemanticModel model)
    {
        int index = block.Statements.IndexOf(statement);
        foreach (StatementSyntax later in block.Statements.Skip(index + 1))
        {
            if (later is LabeledStatementSyntax or LocalFunctionStatementSyntax or LocalDeclarationStatementSyntax { UsingKeyword.RawKind: (int)SyntaxKind.UsingKeyword, AwaitKeyword.RawKind: (int)SyntaxKind.AwaitKeyword }) return false;
            foreach (SyntaxNode node in later.DescendantNodes())
            {
                if (node is LabeledStatementSyntax or YieldStatementSyntax or AwaitExpressionSyntax) return false;
                if (node is not IdentifierNameSyntax identifier || identifier.Identifier.ValueText != local.Name) continue;
                if (!SymbolEqualityComparer.Default.Equals(model.GetSymbolInfo(identifier).Symbol, local)) continue;
                if (IsWritten(identifier) || Leaves(identifier)) return false;
                if (identifier.Ancestors().TakeWhile(ancestor => ancestor != block).Any(ancestor => ancestor is AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax)) return false;
            }
        }

        // Without anything after it the buffer is unused.
        return index + 1 < block.Statements.Count;
    }

    private static bool IsWritten(IdentifierNameSyntax use) => use.Parent switch
    {
        AssignmentExpressionSyntax assignment => assignment.Left == use,
        PrefixUnaryExpressionSyntax prefix => prefix.Kind() is SyntaxKind.PreIncrementExpression or SyntaxKind.PreDecrementExpression or SyntaxKind.AddressOfExpression,
        PostfixUnaryExpressionSyntax postfix => postfix.Kind() is SyntaxKind.PostIncrementExpression or SyntaxKind.PostDecrementExpression,
        ArgumentSyntax argument => argument.RefKindKeyword.RawKind != (int)SyntaxKind.None,
        RefExpressionSyntax => true,
        _ => false,
    };

    /// <summary>Returned or stored as a pointer: it would outlive its memory, as it outlived the frame before.</summary>
    private static bool Leaves(IdentifierNameSyntax use)
    {
        SyntaxNode value = use;
        while (value.Parent is CastExpressionSyntax or ParenthesizedExpressionSyntax || value.Parent is BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression or (int)SyntaxKind.SubtractExpression }) value = value.Parent;
        return value.Parent switch
        {
            ReturnStatementSyntax => true,
            AssignmentExpressionSyntax assignment => assignment.Right == value && assignment.Left is not IdentifierNameSyntax,
            _ => false,
        };
    }

    /// <summary>What the function returns when it has no memory; null: nothing that is certainly right.</summary>
    private static string? NullReturn(SyntaxNode statement, SemanticModel model)
    {
        ITypeSymbol? type = (model.GetEnclosingSymbol(statement.SpanStart) as IMethodSymbol)?.ReturnType;
        if (type is null) return null;
        if (type.TypeKind is TypeKind.Pointer or TypeKind.FunctionPointer) return "return null;";
        return type.SpecialType switch
        {
            SpecialType.System_Boolean => "return false;",
            SpecialType.System_Int32 or SpecialType.System_Int64 or SpecialType.System_IntPtr => LinuxName("ENOMEM", statement, model) is { } error ? $"return -{error};" : null,
            _ => null,
        };
    }

    /// <summary>How a member of the kernel face is written here; null: the face does not have it.</summary>
    private static string? LinuxName(string member, SyntaxNode place, SemanticModel model)
    {
        if (model.Compilation.GetTypeByMetadataName("KAlloc.Linux")?.GetMembers(member) is not { IsEmpty: false } members) return null;
        ISymbol[] visible = [.. model.LookupSymbols(place.SpanStart, name: member)];
        return visible.Any(symbol => members.Contains(symbol.OriginalDefinition, SymbolEqualityComparer.Default)) ? member
            : "KAlloc.Linux." + member;
    }
}
