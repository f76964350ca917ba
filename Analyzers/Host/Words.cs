// Which words a file names, and where: names are looked for in files and bodies far more often than anything is found, so each is a number, and a body is
// a range of places.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Analyzers.Host;

/// <summary>What a word is in its place.</summary>
internal enum WordUse
{
    /// <summary>An identifier unless it is reserved.</summary>
    Any,

    /// <summary>An identifier behind an at sign, though it may be spelled like something reserved.</summary>
    Identifier,

    /// <summary>A using statement, which calls Dispose.</summary>
    Using,

    /// <summary>Nothing.</summary>
    None,
}

internal sealed class Words
{
    /// <summary>The word that stands for lock statements among identifiers; none can be spelled so.</summary>
    internal const string LockStatement = "lock ";

    private readonly int[] _places;
    private readonly int[] _numbers;

    private Words(string[] names, int[] places, int[] numbers, bool makesUnnamed) => (Names, _places, _numbers, MakesUnnamed) = (names, places, numbers, makesUnnamed);

    /// <summary>Each word once; its index is its number.</summary>
    internal string[] Names { get; }

    /// <summary>Objects are made as <c>new(…)</c>.</summary>
    internal bool MakesUnnamed { get; }

    /// <summary>The numbers of the words in a span, in order, as often as they stand there.</summary>
    internal ReadOnlySpan<int> In(TextSpan span)
    {
        int from = FirstFrom(span.Start), to = FirstFrom(span.End);
        return _numbers.AsSpan(from, to - from);
    }

    private int FirstFrom(int place)
    {
        int index = Array.BinarySearch(_places, place);
        return index < 0 ? ~index : index;
    }

    internal static Words Of(SyntaxTree tree, CancellationToken cancellation) =>
        WordScanner.Scan(tree.GetText(cancellation).ToString()) ?? OfTokens(tree.GetRoot(cancellation));

    internal static Words OfTokens(SyntaxNode root)
    {
        var builder = new Builder();
        foreach (SyntaxToken token in root.DescendantTokens())
        {
            if (token.IsKind(SyntaxKind.NewKeyword)) builder.MakesUnnamed |= token.Parent is ImplicitObjectCreationExpressionSyntax;
            switch (token.Kind())
            {
                case SyntaxKind.IdentifierToken:
                    builder.Add(token.ValueText, token.SpanStart);
                    break;
                case SyntaxKind.LockKeyword:
                    builder.Add(LockStatement, token.SpanStart);
                    break;
                case SyntaxKind.UsingKeyword when token.Parent is not UsingDirectiveSyntax:
                    builder.Add("Dispose", token.SpanStart);
                    break;
            }
        }

        return builder.ToWords();
    }

    internal sealed class Builder
    {
        /// <summary>The number of a keyword, which is no word.</summary>
        private const int Reserved = -1;

        private const string LockKeyword = "lock";

        private readonly List<string> _names = [];
        private readonly List<int> _places = [];
        private readonly List<int> _numbers = [];

        // Words by hash, of which each holds the next with the same: -1 ends.
        private int[] _heads = NewHeads(256);
        private readonly List<(string Word, int Number, int Next, int Hash)> _entries = [];

        internal bool MakesUnnamed { get; set; }

        internal void Add(string text, int start, int length, WordUse use)
        {
            switch (use)
            {
                case WordUse.Using:
                    Add("Dispose", start);
                    return;
                case WordUse.None:
                    return;
            }

            int number = NumberOf(text, start, length);
            if (use == WordUse.Identifier) Note(number == Reserved ? NumberOf(text, start - 1, length + 1) : number, start - 1);
            else if (number != Reserved) Note(number, start);
            else if (length == LockKeyword.Length && string.CompareOrdinal(text, start, LockKeyword, 0, length) == 0) Add(LockStatement, start);
        }

        internal void Add(string name, int place)
        {
            int number = NumberOf(name, 0, name.Length);
            // Only with an at sign can a name be spelled so.
            Note(number == Reserved ? NumberOf("@" + name, 0, name.Length + 1) : number, place);
        }

        private void Note(int number, int place)
        {
            _places.Add(place);
            _numbers.Add(number);
        }

        /// <summary>The number of a word as it is written; a word that is reserved has none.</summary>
        private int NumberOf(string text, int start, int length)
        {
            int hash = length;
            for (int i = 0; i < length; i++) hash = unchecked((hash * 31) + text[start + i]);
            for (int entry = _heads[hash & (_heads.Length - 1)]; entry >= 0; entry = _entries[entry].Next)
            {
                (string known, int its, _, int itsHash) = _entries[entry];
                if (itsHash == hash && known.Length == length && string.CompareOrdinal(known, 0, text, start, length) == 0) return its;
            }

            string word = text.Substring(start, length);
            int number = Reserved;
            if (!SyntaxFacts.IsReservedKeyword(SyntaxFacts.GetKeywordKind(word)))
            {
                number = _names.Count;
                _names.Add(word.TrimStart('@'));
            }

            if (_entries.Count >= _heads.Length) Grow();
            _entries.Add((word, number, -1, hash));
            Link(_entries.Count - 1);
            return number;
        }

        private void Grow()
        {
            _heads = NewHeads(2 * _heads.Length);
            for (int i = 0; i < _entries.Count; i++) Link(i);
        }

        private void Link(int entry)
        {
            ref int head = ref _heads[_entries[entry].Hash & (_heads.Length - 1)];
            _entries[entry] = _entries[entry] with { Next = head };
            head = entry;
        }

        private static int[] NewHeads(int count)
        {
            int[] heads = new int[count];
            for (int i = 0; i < count; i++) heads[i] = -1;
            return heads;
        }

        internal Words ToWords() => new([.. _names], [.. _places], [.. _numbers], MakesUnnamed);
    }
}
