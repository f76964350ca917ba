// Conditional compilation, as far as a scan of a file's text needs it: which branch of an #if counts, by the symbols of the project and of the file. What
// is not written as the language has it is left to the parser.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Host;

internal sealed class Conditionals(string text, ParseOptions options)
{
    private readonly HashSet<string> _symbols = [.. options.PreprocessorSymbolNames];
    private int _open;

    /// <summary>
    /// Where the scan of code goes on behind a directive: at the end of its line, or of the directive that ends what it leaves out; -1 if only the parser knows.
    /// </summary>
    /// <param name="hash">Where the number sign is.</param>
    internal int Behind(int hash)
    {
        int at = Blanks(hash + 1), end = LineEnd(at);
        switch (Name(ref at))
        {
            case "if":
                _open++;
                return Decide(at, end);
            case "elif" or "else":
                return _open > 0 ? LeaveOut(end, isDecided: true) : -1;
            case "endif":
                return --_open >= 0 ? end : -1;
            case "define":
                return Name(ref at) is { } defined ? Set(defined, true) : -1;
            case "undef":
                return Name(ref at) is { } undefined ? Set(undefined, false) : -1;
            default:
                return end;
        }

        int Set(string symbol, bool isDefined)
        {
            if (isDefined) _symbols.Add(symbol);
            else _symbols.Remove(symbol);
            return end;
        }
    }

    private int LineEnd(int at) => WordScanner.LineEnd(text, at);

    private int Decide(int at, int end)
    {
        bool? holds = Either(ref at);
        if (holds is null || !IsOver(at, end)) return -1;
        return holds == true ? end : LeaveOut(end, isDecided: false);
    }

    /// <summary>Passes over lines up to the branch that counts, or the end of them all.</summary>
    /// <param name="at">The end of a line.</param>
    /// <param name="isDecided">A branch has counted.</param>
    private int LeaveOut(int at, bool isDecided)
    {
        int inner = 0;
        while (at < text.Length)
        {
            at = Blanks(at + 1);
            if (at < text.Length && text[at] > '~' && char.IsWhiteSpace(text[at])) return -1;
            int end = LineEnd(at);
            if (at < text.Length && text[at] == '#')
            {
                at = Blanks(at + 1);
                switch (Name(ref at))
                {
                    case "if":
                        inner++;
                        break;
                    case "endif" when inner-- == 0:
                        _open--;
                        return end;
                    case "else" when inner == 0 && !isDecided:
                        return end;
                    case "elif" when inner == 0 && !isDecided:
                        return Decide(at, end);
                }
            }

            at = end;
        }

        return at;
    }

    private bool? Either(ref int at)
    {
        bool? left = Both(ref at);
        while (left is { } known && Skip(ref at, "||")) left = Both(ref at) is { } right ? known | right : null;
        return left;
    }

    private bool? Both(ref int at)
    {
        bool? left = Equal(ref at);
        while (left is { } known && Skip(ref at, "&&")) left = Equal(ref at) is { } right ? known & right : null;
        return left;
    }

    private bool? Equal(ref int at)
    {
        bool? left = One(ref at);
        while (left is { } known)
        {
            bool isEquality = Skip(ref at, "==");
            if (!isEquality && !Skip(ref at, "!=")) return left;
            left = One(ref at) is { } right ? known == right == isEquality : null;
        }

        return left;
    }

    private bool? One(ref int at)
    {
        if (Skip(ref at, "!")) return !One(ref at);
        if (Skip(ref at, "(")) return Either(ref at) is { } inner && Skip(ref at, ")") ? inner : null;
        at = Blanks(at);
        return Name(ref at) switch
        {
            null => null,
            "true" => true,
            "false" => false,
            var symbol => _symbols.Contains(symbol),
        };
    }

    private bool Skip(ref int at, string sign)
    {
        int start = Blanks(at);
        if (string.CompareOrdinal(text, start, sign, 0, sign.Length) != 0) return false;
        at = start + sign.Length;
        return true;
    }

    /// <summary>Nothing but a comment is left of the line.</summary>
    private bool IsOver(int at, int end)
    {
        at = Blanks(at);
        return at >= end || string.CompareOrdinal(text, at, "//", 0, 2) == 0;
    }

    /// <summary>The word that begins there, behind blanks; null if none does, or one with letters beyond ASCII.</summary>
    private string? Name(ref int at)
    {
        int start = at = Blanks(at);
        while (at < text.Length && WordScanner.IsPart(text[at])) at++;
        bool isWord = at > start && text[start] is not (>= '0' and <= '9') && (at == text.Length || text[at] is not ('\\' or > '~'));
        return isWord ? text.Substring(start, at - start) : null;
    }

    private int Blanks(int at)
    {
        while (at < text.Length && WordScanner.IsBlank(text[at])) at++;
        return at;
    }
}
