// The identifiers of a file, read from its text in one pass: several times faster than from its tokens, of which Roslyn makes each anew for whoever asks.
// Text, comments and numbers are passed over; the code in the holes of a text counts.
//
// What only the parser can tell is left to it (Scan says no): holes in raw texts, letters beyond ASCII, code that is being typed.

using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Host;

internal sealed class WordScanner(string text, ParseOptions options)
{
    /// <summary>Deeper texts in holes of texts are left to the parser.</summary>
    private const int MaximalNesting = 16;

    /// <summary>Optimised at once: a build is over before the runtime has found out that it is worth it.</summary>
    internal const MethodImplOptions Hot = (MethodImplOptions)512;

    /// <summary>What a character can begin.</summary>
    private const byte Plain = 0, Letter = 1, Digit = 2, Mark = 3;

    private static readonly byte[] s_kinds = Kinds();

    private static readonly char[] s_lineEnds = ['\n', '\r', '\u0085', '\u2028', '\u2029'];

    private readonly Words.Builder _words = Words.Builder.Take();
    private Conditionals? _conditionals;
    private bool _isClear = true;
    private int _nesting;

    /// <summary>The words of the text; null if they cannot be told without the parser's tokens.</summary>
    /// <param name="text">The text of a file.</param>
    /// <param name="options">With what the file is compiled.</param>
    internal static Words? Scan(string text, ParseOptions options)
    {
        var scanner = new WordScanner(text, options);
        int end = scanner.Code(0, isHole: false);
        if (scanner._isClear && end == text.Length) return scanner._words.ToWords();
        scanner._words.GiveBack();
        return null;
    }

    private char At(int index) => index < text.Length ? text[index] : '\0';

    /// <summary>Reads code up to its end, or to the brace that ends a hole.</summary>
    [MethodImpl(Hot)]
    private int Code(int at, bool isHole)
    {
        string code = text;
        byte[] kinds = s_kinds;
        int from = at, braces = 0, others = 0;
        while (at < code.Length)
        {
            char next = code[at];
            switch (next < kinds.Length ? kinds[next] : Mark)
            {
                case Plain:
                    at++;
                    continue;
                case Letter:
                    at = Word(at);
                    continue;
                case Digit:
                    while (IsPart(At(at))) at++;
                    continue;
            }

            switch (next)
            {
                case '#' when IsFirstOfLine(at, from, isHole):
                    at = Behind(at);
                    break;
                case '/' when At(at + 1) == '/':
                    at = LineEnd(at);
                    break;
                case '/' when At(at + 1) == '*':
                    int end = code.IndexOf("*/", at + 2, StringComparison.Ordinal);
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

    /// <summary>Nothing but blanks stands before it, and no hole begins there.</summary>
    private bool IsFirstOfLine(int at, int from, bool isHole)
    {
        do at--;
        while (at >= from && IsBlank(text[at]));
        return at < from ? !isHole : text[at] is '\n' or '\r';
    }

    [MethodImpl(Hot)]
    private int Word(int at)
    {
        string code = text;
        byte[] kinds = s_kinds;
        int start = at, hash = 0;
        char next;
        do hash = Words.Builder.Hash(hash, code[at]);
        while (++at < code.Length && (next = code[at]) < kinds.Length && kinds[next] is Letter or Digit);
        if (At(at) is '\\' or > '~') return Stop();
        _words.Add(code, start, at - start, hash, start > 0 && code[start - 1] == '@' ? WordUse.Identifier : UseOf(start, at));
        return at;
    }

    private WordUse UseOf(int start, int end)
    {
        if (end - start == 3 && Is("new"))
        {
            int next = end;
            while (IsBlank(At(next)) || At(next) is '\r' or '\n') next++;
            // Or a comment, behind which it may stand.
            if (At(next) is '(' or '/' or '#') _words.MakesUnnamed = true;
        }

        if (end - start == 5 && Is("using")) return IsDirective(end) ? WordUse.None : WordUse.Using;
        return WordUse.Any;

        bool Is(string word) => text[start] == word[0] && string.CompareOrdinal(text, start, word, 0, word.Length) == 0;
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

    /// <summary>Behind a directive and what it leaves out.</summary>
    private int Behind(int at) => (_conditionals ??= new Conditionals(text, options)).Behind(at) is >= 0 and var next ? next : Stop();

    private int LineEnd(int at) => LineEnd(text, at);

    internal static int LineEnd(string text, int at)
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

    [MethodImpl(Hot)]
    private int Content(int at, bool isVerbatim, bool hasHoles)
    {
        if (++_nesting > MaximalNesting) return Stop();
        while (at < text.Length)
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

    internal static bool IsBlank(char character) => character is ' ' or '\t' or '\f' or '\v' or '\u001a';

    private static byte[] Kinds()
    {
        byte[] kinds = new byte[128];
        for (char i = '\0'; i < kinds.Length; i++)
            kinds[i] = i is >= '0' and <= '9' ? Digit : IsPart(i) ? Letter : i is '#' or '/' or '\'' or '"' or '$' or '@' or '{' or '}' or '(' or ')' or '[' or ']' or ':' or '\\' or '\u007f' ? Mark : Plain;
        return kinds;
    }

    internal static bool IsPart(char character) => character is '_' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or (>= '0' and <= '9');
}
