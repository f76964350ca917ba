// Which words a file names, and where: names are looked for in files and bodies far more often than anything is found, so each is a number, and a body is
// a range of places.

using System.Runtime.CompilerServices;
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

    internal static Words Of(SyntaxTree tree, CancellationToken cancellation) =>
        WordScanner.Scan(tree.GetText(cancellation).ToString(), tree.Options) ?? OfTokens(tree.GetRoot(cancellation));

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
        private static readonly string?[] s_spellings = new string?[1 << 14];

        [ThreadStatic]
        private static Builder? t_free;

        private readonly List<string> _names = [];
        private readonly List<int> _places = [];
        private readonly List<int> _numbers = [];

        // By hash, the last entry with it, and from each the one before; 0 ends.
        private int[] _heads = new int[256];
        private Entry[] _entries = new Entry[256];
        private int _count;

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

        /// <summary>Of the characters of a word, one after the other.</summary>
        internal static int Hash(int hash, char next) => unchecked((hash * 31) + next);

        /// <summary>A word as the text has it.</summary>
        internal void Add(string text, int start, int length, int hash, WordUse use)
        {
            if (use == WordUse.None) return;
            if (use == WordUse.Using)
            {
                Add("Dispose", start);
                return;
            }

            int number = NumberOf(text, start, length, hash);
            if (use == WordUse.Identifier) Note(IsKeyword(number) ? NumberOf(text.Substring(start - 1, length + 1)) : number, start - 1);
            else if (number != Reserved) Note(number, start);
        }

        /// <summary>An identifier as the parser has it.</summary>
        internal void Add(string name, int place)
        {
            int number = NumberOf(name);
            // Only with an at sign can a name be spelled so.
            Note(IsKeyword(number) ? NumberOf("@" + name) : number, place);
        }

        internal void AddKeyword(string keyword, int place) => Note(NumberOf(keyword), place);

        private bool IsKeyword(int number) => number == Reserved || _names[number] is LockStatement or StackAlloc or Fixed;

        private void Note(int number, int place)
        {
            _places.Add(place);
            _numbers.Add(number);
        }

        private int NumberOf(string word)
        {
            int hash = 0;
            foreach (char next in word) hash = Hash(hash, next);
            return NumberOf(word, 0, word.Length, hash);
        }

        /// <summary>The number of a word as it is written; a word that is reserved has none.</summary>
        [MethodImpl(WordScanner.Hot)]
        private int NumberOf(string text, int start, int length, int hash)
        {
            Entry[] entries = _entries;
            for (int index = _heads[hash & (_heads.Length - 1)]; index > 0; index = entries[index].Next)
            {
                ref Entry entry = ref entries[index];
                if (entry.Hash == hash && Is(entry.Word, text, start, length)) return entry.Number;
            }

            return AddWord(Spelling(text, start, length, hash), hash);
        }

        private int AddWord(string word, int hash)
        {
            int number = Reserved;
            if (NameOf(word) is { } name)
            {
                number = _names.Count;
                _names.Add(name);
            }

            if (++_count >= _entries.Length) Grow();
            _entries[_count] = new Entry(word, number, hash);
            Link(_count);
            return number;
        }

        private static bool Is(string known, string text, int start, int length) => known.Length == length && text.AsSpan(start, length).SequenceEqual(known.AsSpan());

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
            Array.Resize(ref _entries, 2 * _entries.Length);
            _heads = new int[_entries.Length];
            for (int entry = 1; entry < _count; entry++) Link(entry);
        }

        private void Link(int entry)
        {
            ref int head = ref _heads[_entries[entry].Hash & (_heads.Length - 1)];
            _entries[entry].Next = head;
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
            Array.Clear(_entries, 0, _count + 1);
            _count = 0;
            Array.Clear(_heads, 0, _heads.Length);
            MakesUnnamed = false;
            t_free = this;
        }

        private struct Entry(string word, int number, int hash)
        {
            internal readonly string Word = word;
            internal readonly int Number = number, Hash = hash;
            internal int Next;
        }
    }
}
