// The identifiers of a file, read from its text in one pass: several times faster than from its tokens, of which Roslyn makes each anew for whoever asks.
// Text, comments and numbers are passed over; the code in the holes of a text counts.
//
// What only the parser can tell is left to it (Scan says no): holes in raw texts, letters beyond ASCII, code that is being typed. Which stretches conditional
// compilation leaves out it is asked.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Host;

internal sealed class WordScanner(string text, SyntaxNode root)
{
    /// <summary>Deeper texts in holes of texts are left to the parser.</summary>
    private const int MaximalNesting = 16;

    private static readonly char[] s_lineEnds = ['\n', '\r', '\u0085', '\u2028', '\u2029'];

    private readonly Words.Builder _words = Words.Builder.Take();
    private Dictionary<int, int>? _leftOut;
    private bool _isClear = true;
    private int _nesting;

    /// <summary>The words of the text; null if they cannot be told without the parser's tokens.</summary>
    /// <param name="text">The text of a file.</param>
    /// <param name="root">What the parser made of it.</param>
    internal static Words? Scan(string text, SyntaxNode root)
    {
        var scanner = new WordScanner(text, root);
        int end = scanner.Code(0, isHole: false);
        if (scanner._isClear && end == text.Length) return scanner._words.ToWords();
        scanner._words.GiveBack();
        return null;
    }

    private char At(int index) => index < text.Length ? text[index] : '\0';

    /// <summary>Reads code up to its end, or to the brace that ends a hole.</summary>
    private int Code(int at, bool isHole)
    {
        int braces = 0, others = 0;
        bool isLineStart = !isHole;
        while (at < text.Length && _isClear)
        {
            char next = text[at];
            if (next is '\n' or '\r') isLineStart = true;
            else if (!IsBlank(next))
            {
                if (next == '#' && isLineStart)
                {
                    at = Behind(at);
                    continue;
                }

                isLineStart = false;
            }

            switch (next)
            {
                case '_' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z'):
                    at = Word(at, isVerbatim: at > 0 && text[at - 1] == '@');
                    break;
                case >= '0' and <= '9':
                    while (IsPart(At(at))) at++;
                    break;
                case '/' when At(at + 1) == '/':
                    at = LineEnd(at);
                    break;
                case '/' when At(at + 1) == '*':
                    int end = text.IndexOf("*/", at + 2, StringComparison.Ordinal);
                    at = end < 0 ? Stop() : end + 2;
                    break;
                case '\'':
                    at = Character(at + 1);
                    break;
                case '"' or '$':
                case '@' when At(at + 1) is '"' or '$':
                    at = Text(at);
                    break;
                case '{':
                    braces++;
                    at++;
                    break;
                case '}' when isHole && braces == 0:
                    return at + 1;
                case '}':
                    braces--;
                    at++;
                    break;
                case '(' or '[':
                    others++;
                    at++;
                    break;
                case ')' or ']':
                    others--;
                    at++;
                    break;
                case ':' when isHole && braces == 0 && others == 0:
                    return At(at + 1) == ':' ? Stop() : Format(at + 1);
                case '\\' or > '~':
                    at = next == '\uFEFF' && at == 0 ? at + 1 : Stop();
                    break;
                default:
                    at++;
                    break;
            }
        }

        return isHole ? Stop() : at;
    }

    private int Word(int at, bool isVerbatim)
    {
        int start = at;
        while (IsPart(At(at))) at++;
        if (At(at) is '\\' or > '~') return Stop();
        _words.Add(text, start, at - start, isVerbatim ? WordUse.Identifier : UseOf(start, at));
        return at;
    }

    private WordUse UseOf(int start, int end)
    {
        switch (end - start)
        {
            case 3 when Is("new"):
                int next = end;
                while (IsBlank(At(next)) || At(next) is '\r' or '\n') next++;
                // Or a comment, behind which it may stand.
                if (At(next) is '(' or '/' or '#') _words.MakesUnnamed = true;
                return WordUse.Any;
            case 5 when Is("using"):
                return IsDirective(end) ? WordUse.None : WordUse.Using;
            default:
                return WordUse.Any;
        }

        bool Is(string word) => string.CompareOrdinal(text, start, word, 0, word.Length) == 0;
    }

    /// <summary>"using A.B;" and "using A = B;", but not "using (…)", "using var a = b" or "using A&lt;B&gt; c = d".</summary>
    private bool IsDirective(int at)
    {
        int names = 0;
        bool isInName = false, isAlias = true;
        for (; at < text.Length; at++)
        {
            switch (text[at])
            {
                case ';': return true;
                case '=': return names <= 1 && isAlias;
                case '(' or '{' or '"' or '/': return false;
                case ' ' or '\t' or '\r' or '\n': isInName = false; break;
                default:
                    if (!isInName && !IsModifier(at)) names++;
                    isInName = true;
                    // "using A<B>c = d"
                    isAlias &= IsPart(text[at]) || text[at] == '@';
                    break;
            }
        }

        return false;

        bool IsModifier(int start) => string.CompareOrdinal(text, start, "static ", 0, 7) == 0 || string.CompareOrdinal(text, start, "unsafe ", 0, 7) == 0;
    }

    /// <summary>Behind a directive and what it leaves out: at the end of a line, or at the next directive.</summary>
    private int Behind(int at) => (_leftOut ??= LeftOut()).TryGetValue(at, out int next) ? next : LineEnd(at);

    /// <summary>For each directive behind which code is left out, where the next one is that decides.</summary>
    private Dictionary<int, int> LeftOut()
    {
        var leftOut = new Dictionary<int, int>();
        var taken = new Stack<bool>();
        int from = -1;
        for (DirectiveTriviaSyntax? directive = root.GetFirstDirective(); directive is not null; directive = directive.GetNextDirective())
        {
            if (directive is not (BranchingDirectiveTriviaSyntax or EndIfDirectiveTriviaSyntax)) continue;
            if (from >= 0) leftOut.Add(from, directive.SpanStart);
            if (directive is not IfDirectiveTriviaSyntax && taken.Count > 0) taken.Pop();
            if (directive is BranchingDirectiveTriviaSyntax { BranchTaken: var isTaken }) taken.Push(isTaken);
            from = taken.Contains(false) ? directive.SpanStart : -1;
        }

        if (from >= 0) leftOut.Add(from, text.Length);
        return leftOut;
    }

    private int LineEnd(int at)
    {
        int end = text.IndexOfAny(s_lineEnds, at);
        return end < 0 ? text.Length : end;
    }

    private int Character(int at)
    {
        if (At(at) == '\'') return Stop();
        if (At(at) == '\\') at++;
        // '\x0041', '\u0041', '\U00000041'
        for (int length = 0; length <= 10; length++)
        {
            at++;
            if (At(at) == '\'') return at + 1;
            if (At(at) is '\r' or '\n') break;
        }

        return Stop();
    }

    /// <summary>Any text, from its first dollar, at sign or quote to behind its last quote.</summary>
    private int Text(int at)
    {
        bool isVerbatim = false;
        int holes = 0;
        for (; At(at) is '$' or '@'; at++)
        {
            if (text[at] == '$') holes++;
            else isVerbatim = true;
        }

        // An at sign before an identifier.
        if (At(at) != '"') return holes > 0 ? Stop() : at;
        int quotes = 0;
        while (At(at + quotes) == '"') quotes++;
        if (isVerbatim || quotes < 3) return quotes == 2 && !isVerbatim ? at + 2 : Content(at + 1, isVerbatim, holes > 0);
        if (holes > 0) return Stop();
        int end = text.IndexOf(new string('"', quotes), at + quotes, StringComparison.Ordinal);
        if (end < 0) return Stop();
        end += quotes;
        while (At(end) == '"') end++;
        return end;
    }

    private int Content(int at, bool isVerbatim, bool hasHoles)
    {
        if (++_nesting > MaximalNesting) return Stop();
        while (at < text.Length && _isClear)
        {
            char next = text[at];
            bool isTwice = At(at + 1) == next;
            switch (next)
            {
                case '"' when isVerbatim && isTwice:
                case '{' or '}' when hasHoles && isTwice:
                    at += 2;
                    break;
                case '"':
                    _nesting--;
                    return at + 1;
                case '\\' when !isVerbatim:
                    at += 2;
                    break;
                case '\n' or '\r' when !isVerbatim:
                    return Stop();
                case '{' when hasHoles:
                    at = Code(at + 1, isHole: true);
                    break;
                default:
                    at++;
                    break;
            }
        }

        return Stop();
    }

    /// <summary>How the value of a hole is written, up to behind the brace that ends the hole: no code.</summary>
    private int Format(int at)
    {
        while (at < text.Length && text[at] is not ('"' or '\\' or '{' or '}' or '\n' or '\r')) at++;
        return At(at) == '}' && At(at + 1) != '}' ? at + 1 : Stop();
    }

    /// <summary>Only the parser knows.</summary>
    private int Stop()
    {
        _isClear = false;
        return text.Length;
    }

    private static bool IsBlank(char character) => character is ' ' or '\t' or '\f' or '\v' or '\u001a';

    private static bool IsPart(char character) => character is '_' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9');
}
