// Edits of a document, gathered before they are applied, so that many repairs can meet in one place.
//
//   replacements      of expressions; an equal one is taken once, one that overlaps an earlier one is left out
//   insertions        of a statement before another one; those that meet before an embedded statement share the braces it needs
//
// Text, not trees: all trivia outside of an edit stays as it is, line ends follow the file, and what results is what the compiler will parse.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.CodeFixes;

internal sealed class TextEdits(SourceText text)
{
    private readonly List<TextChange> _replacements = [];
    private readonly List<(StatementSyntax Statement, List<(string Code, int Rank)> Code)> _before = [];
    private readonly List<(SyntaxToken Brace, List<(string Code, int Rank)> Code)> _beforeBrace = [];

    internal void Replace(SyntaxNode node, string code) => Replace(node.Span, code);

    internal void Replace(TextSpan span, string code)
    {
        var change = new TextChange(span, code);
        if (!_replacements.Exists(other => other.Span.OverlapsWith(span) || other.Equals(change))) _replacements.Add(change);
    }

    /// <summary>
    /// Inserts a statement before another one, which gets braces if it has none around it. Of several before one, the higher
    /// <paramref name="rank"/> comes first.
    /// </summary>
    internal void InsertBefore(StatementSyntax statement, string code, int rank)
    {
        int index = _before.FindIndex(entry => entry.Statement == statement);
        if (index < 0) _before.Add((statement, [(code, rank)]));
        else Insert(_before[index].Code, code, rank);
    }

    /// <summary>Inserts a statement at the end of a block.</summary>
    internal void InsertBefore(SyntaxToken closeBrace, string code, int rank)
    {
        int index = _beforeBrace.FindIndex(entry => entry.Brace == closeBrace);
        if (index < 0) _beforeBrace.Add((closeBrace, [(code, rank)]));
        else Insert(_beforeBrace[index].Code, code, rank);
    }

    /// <summary>Replaces a statement by several.</summary>
    internal void ReplaceStatement(StatementSyntax statement, string[] code)
    {
        for (int i = 0; i < code.Length - 1; i++) InsertBefore(statement, code[i], -i);
        Replace(statement, code[code.Length - 1]);
    }

    /// <summary>Removes a statement, with its line if it has one of its own.</summary>
    internal void Remove(StatementSyntax statement)
    {
        TextLine first = text.Lines.GetLineFromPosition(statement.SpanStart), last = text.Lines.GetLineFromPosition(statement.Span.End);
        bool ownLine = IsFirstOnLine(statement.SpanStart) && text.ToString(TextSpan.FromBounds(statement.Span.End, last.End)).Trim().Length == 0;
        int end = statement.Span.End;
        while (end < last.End && text[end] == ' ') end++;
        Replace(ownLine ? TextSpan.FromBounds(first.Start, last.EndIncludingLineBreak) : TextSpan.FromBounds(statement.SpanStart, end), "");
    }

    private static void Insert(List<(string Code, int Rank)> codes, string code, int rank)
    {
        if (codes.Exists(entry => entry.Code == code)) return;
        int index = codes.FindIndex(entry => entry.Rank < rank);
        codes.Insert(index < 0 ? codes.Count : index, (code, rank));
    }

    internal SourceText ToText()
    {
        var changes = new List<TextChange>(_replacements);
        foreach ((StatementSyntax statement, List<(string Code, int)> code) in _before) Render(statement, code.ConvertAll(entry => entry.Code), changes);
        foreach ((SyntaxToken brace, List<(string Code, int)> code) in _beforeBrace) Render(brace, code.ConvertAll(entry => entry.Code), changes);
        return changes.Count == 0 ? text : text.WithChanges(changes.OrderBy(change => change.Span.Start).ThenBy(change => change.Span.End));
    }

    private void Render(StatementSyntax statement, List<string> code, List<TextChange> changes)
    {
        if (IsEmbedded(statement))
        {
            Embrace(statement, code, changes);
            return;
        }

        int start = statement.SpanStart;
        bool ownLine = IsFirstOnLine(start);
        string separator = ownLine ? NewLine + IndentAt(start) : " ";
        changes.Add(new TextChange(new TextSpan(start, 0), string.Concat(code.Select(line => line + separator))));
    }

    private void Render(SyntaxToken brace, List<string> code, List<TextChange> changes)
    {
        int start = brace.SpanStart;
        if (!IsFirstOnLine(start))
        {
            string gap = start > 0 && char.IsWhiteSpace(text[start - 1]) ? "" : " ";
            changes.Add(new TextChange(new TextSpan(start, 0), gap + string.Concat(code.Select(line => line + " "))));
            return;
        }

        string indent = IndentAt(start);
        changes.Add(new TextChange(new TextSpan(start, 0), Unit(indent) + string.Join(NewLine + indent + Unit(indent), code) + NewLine + indent));
    }

    /// <summary><c>if (x) return;</c> becomes a block with the new statements and the old one.</summary>
    private void Embrace(StatementSyntax statement, List<string> code, List<TextChange> changes)
    {
        string indent = IndentAt(statement.Parent!.SpanStart), inner = indent + Unit(indent);
        int gap = statement.SpanStart;
        while (gap > 0 && char.IsWhiteSpace(text[gap - 1])) gap--;
        bool sameLine = OpensBracesOnSameLine(statement) && !EndsInComment(statement.GetFirstToken());
        string open = (sameLine ? " {" : NewLine + indent + "{") + NewLine + inner + string.Join(NewLine + inner, code) + NewLine + inner;
        changes.Add(new TextChange(TextSpan.FromBounds(gap, statement.SpanStart), open));

        // A comment behind the statement belongs to it; what else follows on the line goes behind the brace.
        int end = statement.Span.End;
        foreach (SyntaxTrivia trivia in statement.GetTrailingTrivia())
            if (trivia.IsKind(SyntaxKind.SingleLineCommentTrivia) || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia)) end = trivia.Span.End;
        SyntaxToken next = statement.GetLastToken().GetNextToken();
        bool elseFollows = next.IsKind(SyntaxKind.ElseKeyword) && text.Lines.IndexOf(next.SpanStart) == text.Lines.IndexOf(statement.Span.End) && end == statement.Span.End;
        changes.Add(new TextChange(elseFollows ? TextSpan.FromBounds(end, next.SpanStart) : new TextSpan(end, 0), NewLine + indent + "}" + (!elseFollows ? "" : sameLine ? " " : NewLine + indent)));
    }

    private static bool IsEmbedded(StatementSyntax statement)
    {
        SyntaxNode? parent = statement.Parent;
        while (parent is LabeledStatementSyntax) parent = parent.Parent;
        return parent is not (BlockSyntax or SwitchSectionSyntax or GlobalStatementSyntax);
    }

    private static bool EndsInComment(SyntaxToken token)
    {
        foreach (SyntaxTrivia trivia in token.GetPreviousToken().TrailingTrivia)
            if (trivia.IsKind(SyntaxKind.SingleLineCommentTrivia)) return true;
        return token.LeadingTrivia.Any(trivia => trivia.IsDirective || trivia.IsKind(SyntaxKind.SingleLineCommentTrivia));
    }

    /// <summary>Whether the file writes <c>if (x) {</c> on one line.</summary>
    private bool OpensBracesOnSameLine(StatementSyntax statement)
    {
        foreach (SyntaxNode node in RepairScope.BodyAround(statement).DescendantNodes())
        {
            if (node is not BlockSyntax { Parent: IfStatementSyntax or ForStatementSyntax or WhileStatementSyntax or CommonForEachStatementSyntax or ElseClauseSyntax } block) continue;
            if (text.Lines.IndexOf(block.OpenBraceToken.SpanStart) != text.Lines.IndexOf(block.CloseBraceToken.SpanStart)) return !IsFirstOnLine(block.OpenBraceToken.SpanStart);
        }

        return false;
    }

    private bool IsFirstOnLine(int position) => text.Lines.GetLineFromPosition(position).Start + IndentAt(position).Length == position;

    private string IndentAt(int position)
    {
        int start = text.Lines.GetLineFromPosition(position).Start, end = start;
        while (end < text.Length && text[end] is ' ' or '\t') end++;
        return text.ToString(TextSpan.FromBounds(start, end));
    }

    private static string Unit(string indent) => indent.IndexOf('\t') >= 0 ? "\t" : "    ";

    private string NewLine
    {
        get
        {
            TextLine first = text.Lines[0];
            return first.EndIncludingLineBreak > first.End ? text.ToString(TextSpan.FromBounds(first.End, first.EndIncludingLineBreak)) : "\n";
        }
    }
}
