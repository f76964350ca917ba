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
    /// <summary>The words that stand for keywords among identifiers; none can be spelled so.</summary>
    internal const string LockStatement = "lock ", StackAlloc = "stackalloc ", Fixed = "fixed ";

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

    internal static Words Of(SyntaxTree tree, CancellationToken cancellation)
    {
        SyntaxNode root = tree.GetRoot(cancellation);
        return WordScanner.Scan(tree.GetText(cancellation).ToString(), root) ?? OfTokens(root);
    }

    internal static Words OfTokens(SyntaxNode root)
    {
        var builder = Builder.Take();
        foreach (SyntaxToken token in root.DescendantTokens())
        {
            if (token.IsKind(SyntaxKind.NewKeyword)) builder.MakesUnnamed |= token.Parent is ImplicitObjectCreationExpressionSyntax;
            switch (token.Kind())
            {
                case SyntaxKind.IdentifierToken:
                    builder.Add(token.ValueText, token.SpanStart);
                    break;
                case SyntaxKind.LockKeyword or SyntaxKind.StackAllocKeyword or SyntaxKind.FixedKeyword:
                    builder.AddKeyword(token.Text, token.SpanStart);
                    break;
                case SyntaxKind.UsingKeyword when token.Parent is not UsingDirectiveSyntax:
                    builder.Add("Dispose", token.SpanStart);
                    break;
            }
        }

        return builder.ToWords();
    }

    /// <summary>Collects the words of one file. A thread uses the same one again: what it holds is several times what is kept of it.</summary>
    internal sealed class Builder
    {
        /// <summary>The number of a keyword, which is no word.</summary>
        private const int Reserved = -1;

        /// <summary>A larger one is not worth holding.</summary>
        private const int MaximalKept = 1 << 16;

        // Files of one program spell the same words: by hash, the last word with it. Threads that write at the same time lose a spelling.
        private static readonly string?[] s_spellings = new string?[1 << 12];

        [ThreadStatic]
        private static Builder? t_free;

        private readonly List<string> _names = [];
        private readonly List<int> _places = [];
        private readonly List<int> _numbers = [];

        // By hash, the last entry with it, and from each the one before; 0 ends.
        private int[] _heads = new int[256];
        private readonly List<(string Word, int Number, int Next, int Hash)> _entries = [];

        private Builder()
        {
        }

        internal bool MakesUnnamed { get; set; }

        /// <summary>An empty one.</summary>
        internal static Builder Take()
        {
            Builder builder = t_free ?? new Builder();
            t_free = null;
            return builder;
        }

        /// <summary>A word as the text has it.</summary>
        internal void Add(string text, int start, int length, WordUse use)
        {
            if (use == WordUse.None) return;
            if (use == WordUse.Using)
            {
                Add("Dispose", start);
                return;
            }

            int number = NumberOf(text, start, length);
            if (use == WordUse.Identifier) Note(IsKeyword(number) ? NumberOf(text, start - 1, length + 1) : number, start - 1);
            else if (number != Reserved) Note(number, start);
        }

        /// <summary>An identifier as the parser has it.</summary>
        internal void Add(string name, int place)
        {
            int number = NumberOf(name, 0, name.Length);
            // Only with an at sign can a name be spelled so.
            Note(IsKeyword(number) ? NumberOf("@" + name, 0, name.Length + 1) : number, place);
        }

        internal void AddKeyword(string keyword, int place) => Note(NumberOf(keyword, 0, keyword.Length), place);

        private bool IsKeyword(int number) => number == Reserved || _names[number] is LockStatement or StackAlloc or Fixed;

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
            for (int entry = _heads[hash & (_heads.Length - 1)]; entry > 0; entry = _entries[entry - 1].Next)
            {
                (string known, int its, _, int itsHash) = _entries[entry - 1];
                if (itsHash == hash && Is(known, text, start, length)) return its;
            }

            string word = Spelling(text, start, length, hash);
            int number = Reserved;
            if (NameOf(word) is { } name)
            {
                number = _names.Count;
                _names.Add(name);
            }

            if (_entries.Count >= _heads.Length) Grow();
            _entries.Add((word, number, 0, hash));
            Link(_entries.Count);
            return number;
        }

        private static bool Is(string known, string text, int start, int length) => known.Length == length && string.CompareOrdinal(known, 0, text, start, length) == 0;

        private static string Spelling(string text, int start, int length, int hash)
        {
            ref string? spelling = ref s_spellings[hash & (s_spellings.Length - 1)];
            return spelling is { } known && Is(known, text, start, length) ? known : spelling = text.Substring(start, length);
        }

        /// <summary>What a word counts as; null if it is a keyword that nobody asks for.</summary>
        private static string? NameOf(string word) => SyntaxFacts.GetKeywordKind(word) switch
        {
            SyntaxKind.LockKeyword => LockStatement,
            SyntaxKind.StackAllocKeyword => StackAlloc,
            SyntaxKind.FixedKeyword => Fixed,
            var kind => SyntaxFacts.IsReservedKeyword(kind) ? null : word.TrimStart('@'),
        };

        private void Grow()
        {
            _heads = new int[2 * _heads.Length];
            for (int entry = 1; entry <= _entries.Count; entry++) Link(entry);
        }

        private void Link(int entry)
        {
            ref int head = ref _heads[_entries[entry - 1].Hash & (_heads.Length - 1)];
            _entries[entry - 1] = _entries[entry - 1] with { Next = head };
            head = entry;
        }

        /// <summary>The words, with which this is at its end.</summary>
        internal Words ToWords()
        {
            var words = new Words([.. _names], [.. _places], [.. _numbers], MakesUnnamed);
            GiveBack();
            return words;
        }

        internal void GiveBack()
        {
            if (_places.Capacity > MaximalKept) return;
            _names.Clear();
            _places.Clear();
            _numbers.Clear();
            _entries.Clear();
            Array.Clear(_heads, 0, _heads.Length);
            MakesUnnamed = false;
            t_free = this;
        }
    }
}
