// Rewrites gfp flags for code that must not sleep: what lets the allocator wait goes, every other modifier stays, in the words that the user
// uses (GFP_ATOMIC beside GFP_KERNEL, GfpFlags.Atomic beside GfpFlags.Kernel).

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.CodeFixes;

internal sealed class GfpWriter
{
    private readonly RepairScope _scope;
    private readonly INamedTypeSymbol _flags;
    private readonly INamedTypeSymbol? _kernel;
    private readonly uint _directReclaim, _noFail, _plain;

    private GfpWriter(RepairScope scope, INamedTypeSymbol flags)
    {
        _scope = scope;
        _flags = flags;
        _kernel = scope.Model.Compilation.GetTypeByMetadataName("KAlloc.Linux");
        _directReclaim = Value("DirectReclaim");
        _noFail = Value("NoFail");
        // What the sleeping flag sets consist of, besides modifiers that mean something in atomic context too.
        _plain = Value("Reclaim") | Value("Io") | Value("Fs") | Value("HardWall");
    }

    internal static GfpWriter? Create(RepairScope scope) =>
        scope.Model.Compilation.GetTypeByMetadataName("KAlloc.GfpFlags") is { } flags ? new GfpWriter(scope, flags) : null;

    /// <summary>The flags with <paramref name="atomic"/> in place of what sleeps; null if they are not all constants, or must not fail.</summary>
    internal string? WithoutSleep(ExpressionSyntax flags, string atomic)
    {
        var parts = new List<ExpressionSyntax>();
        Split(flags, parts);
        var written = new List<string>();
        bool replaced = false;
        foreach (ExpressionSyntax part in parts)
        {
            if (_scope.Model.GetConstantValue(part, _scope.Cancellation) is not { HasValue: true, Value: uint value } || (value & _noFail) != 0) return null;
            if ((value & _directReclaim) == 0)
            {
                Add(part.WithoutTrivia().ToString());
                continue;
            }

            if (!replaced && !Add(Spell(part, Value(atomic), "GFP_", atomic))) return null;
            replaced = true;
            for (uint rest = value & ~_plain; rest != 0; rest &= rest - 1)
                if (!Add(Spell(part, rest & (~rest + 1), "__GFP_", null))) return null;
        }

        return replaced ? string.Join(" | ", written) : null;

        bool Add(string? text)
        {
            if (text is not null && !written.Contains(text)) written.Add(text);
            return text is not null;
        }
    }

    private static void Split(ExpressionSyntax flags, List<ExpressionSyntax> parts)
    {
        switch (flags)
        {
            case ParenthesizedExpressionSyntax inner:
                Split(inner.Expression, parts);
                break;
            case BinaryExpressionSyntax { RawKind: (int)SyntaxKind.BitwiseOrExpression } or:
                Split(or.Left, parts);
                Split(or.Right, parts);
                break;
            default:
                parts.Add(flags);
                break;
        }
    }

    private uint Value(string name) => _flags.GetMembers(name) is [IFieldSymbol { ConstantValue: uint value }] ? value : 0;

    /// <summary>The name of a flag value in the manner of the part that it replaces.</summary>
    private string? Spell(ExpressionSyntax model, uint value, string prefix, string? name)
    {
        IFieldSymbol? kernelName = _kernel?.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(field => field.ConstantValue is uint constant && constant == value && field.Name.StartsWith(prefix, StringComparison.Ordinal));
        IFieldSymbol? enumName = _flags.GetMembers().OfType<IFieldSymbol>().FirstOrDefault(field => field.ConstantValue is uint constant && constant == value && (name is null || field.Name == name));
        int position = model.SpanStart;
        INamedTypeSymbol? written = _scope.Model.GetSymbolInfo(model, _scope.Cancellation).Symbol?.ContainingType;
        string receiver = model is MemberAccessExpressionSyntax access ? access.Expression.WithoutTrivia() + "." : "";
        if (kernelName is not null && SymbolEqualityComparer.Default.Equals(written, _kernel) && Binds(receiver + kernelName.Name, kernelName)) return receiver + kernelName.Name;
        if (enumName is not null && SymbolEqualityComparer.Default.Equals(written, _flags) && Binds(receiver + enumName.Name, enumName)) return receiver + enumName.Name;
        if (kernelName is not null && Binds(kernelName.Name, kernelName)) return kernelName.Name;
        return enumName is null ? null : _flags.ToMinimalDisplayString(_scope.Model, position) + "." + enumName.Name;

        bool Binds(string code, ISymbol symbol) =>
            SymbolEqualityComparer.Default.Equals(_scope.Model.GetSpeculativeSymbolInfo(position, SyntaxFactory.ParseExpression(code), SpeculativeBindingOption.BindAsExpression).Symbol, symbol);
    }

    /// <summary>The flags of an allocation that must not sleep, as a new argument at the position.</summary>
    internal string Atomic(int position)
    {
        bool bare = _scope.Model.GetSpeculativeSymbolInfo(position, SyntaxFactory.ParseExpression("GFP_ATOMIC"), SpeculativeBindingOption.BindAsExpression).Symbol is IFieldSymbol;
        return bare ? "GFP_ATOMIC" : _flags.ToMinimalDisplayString(_scope.Model, position) + ".Atomic";
    }
}
