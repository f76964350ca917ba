using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>How a section that a call opened is left: whether anybody else could, and the call that does, as code.</summary>
internal static class SectionEnd
{
    /// <summary>The property with the call that releases, as code.</summary>
    internal const string Release = "release";

    /// <summary>The property that orders several releases at one place: what was taken last is released first.</summary>
    internal const string Rank = "release.rank";

    /// <summary>A call as messages show it.</summary>
    internal static string TextOf(SyntaxNode call)
    {
        string text = call.ToString().Replace("\r", "").Replace("\n", " ");
        return text.Length <= 60 ? text : text.Substring(0, 59) + "…";
    }

    /// <summary>
    /// Nobody but this body can end the section: it was entered as a handler, the lock is a variable or in an object of its own, or the saved state that its
    /// counterpart needs lies in a variable that dies with the path.
    /// </summary>
    internal static bool IsOutOfReach(BodyExit exit, Section section)
    {
        for (Section? outer = section.Outer; outer is not null; outer = outer.Outer)
            if (outer.Entry != EntryContext.Unknown) return true;
        FlowState state = exit.State;
        int owner = state.Symbols.Root(section.Identity);
        if (state.Symbols[owner].Kind == Flow.SymbolKind.Local && !state.IsExposed(owner)) return true;
        if (Reachability.IsLost(state, section.Identity, exit.Returned)) return true;
        if (section.Saved.IsZero) return false;
        Value saved = state.Canonical(section.Saved);
        if (exit.Returned == saved) return false;
        SmallMap<Value, Value> cells = state.Cells;
        for (int i = 0; i < cells.Count; i++)
        {
            if (state.Canonical(cells.ValueAt(i)) != saved) continue;
            int root = state.Symbols.Root(cells.KeyAt(i));
            if (!state.Symbols.IsPrivate(root) || state.IsExposed(root)) return false;
        }

        return true;
    }

    /// <summary>The call that leaves what <paramref name="site"/> entered: the same lock, and the saved state where there is one.</summary>
    internal static string? Write(Section section, SyntaxNode site)
    {
        if (section.Contract is not { LeftBy: { } name } || site is not InvocationExpressionSyntax call) return null;
        string qualifier = call.Expression is MemberAccessExpressionSyntax access ? access.Expression + "." : "";
        var arguments = new List<string>();
        if (section.Contract.Taken.IsPresent) return $"{qualifier}{name}()";
        if (section.Contract.Saves.Kind == OperandKind.Result) return KeptIn(call) is { } kept ? $"{qualifier}{name}({kept})" : null;
        foreach (ArgumentSyntax argument in call.ArgumentList.Arguments)
        {
            arguments.Add(argument switch
            {
                { Expression: DeclarationExpressionSyntax { Designation: SingleVariableDesignationSyntax saved } } => saved.Identifier.Text,
                { RefKindKeyword.RawKind: (int)Microsoft.CodeAnalysis.CSharp.SyntaxKind.OutKeyword } => argument.Expression.ToString(),
                _ => argument.ToString(),
            });
        }

        return $"{qualifier}{name}({string.Join(", ", arguments)})";
    }

    /// <summary>The variable that the call's result is put into.</summary>
    private static string? KeptIn(InvocationExpressionSyntax call) => call.Parent switch
    {
        EqualsValueClauseSyntax { Parent: VariableDeclaratorSyntax { Identifier.Text: var name } } => name,
        AssignmentExpressionSyntax { Left: IdentifierNameSyntax variable } => variable.ToString(),
        _ => null,
    };
}
