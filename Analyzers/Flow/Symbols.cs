// Symbolic values, hash-consed per body: the same expression over the same unmodified inputs is the same symbol, so that two tests of one
// thing agree without a solver.
//
//   Value = symbol + constant offset       symbol 0 is the number 0, so a constant c is (0, c)
//   an address is a value too: (Local x, 0) is &x, (Field(p, f), 0) is &p->f, (p, 8) is p + 8
//
// Symbols are numbered in order of creation within a body: results never depend on hash order or on which body came first.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

/// <summary>A symbol plus a constant offset.</summary>
internal readonly record struct Value(int Symbol, long Offset) : IComparable<Value>
{
    internal static readonly Value Zero = new(0, 0);
    internal static readonly Value One = new(0, 1);

    internal static Value Constant(long number) => new(0, number);

    internal bool IsConstant => Symbol == 0;

    internal bool IsZero => Symbol == 0 && Offset == 0;

    internal Value Plus(long offset) => new(Symbol, unchecked(Offset + offset));

    public int CompareTo(Value other) => Symbol != other.Symbol ? Symbol.CompareTo(other.Symbol) : Offset.CompareTo(other.Offset);
}

internal enum SymbolKind : byte
{
    /// <summary>The number zero; only symbol 0.</summary>
    Zero,

    /// <summary>A value nothing is known about.</summary>
    Unknown,

    /// <summary>The value that the caller passed for a parameter.</summary>
    Argument,

    /// <summary>The object that the method was called on.</summary>
    This,

    /// <summary>The address of a local or parameter of the analysed body.</summary>
    Local,

    /// <summary>The address of a variable of an enclosing method that is not part of the analysis.</summary>
    Captured,

    /// <summary>The address of a static field, or what stands for a question about the platform: Item is the field, or the question in words.</summary>
    Static,

    /// <summary>What memory held at first sight: A is the address, Tag the epoch.</summary>
    Load,

    /// <summary>The address of a field: A is the object's or struct's address.</summary>
    Field,

    /// <summary>The address of an element: A is the array or pointer, B the index.</summary>
    Element,

    /// <summary>An operation over A and B; Tag is the <see cref="Operator"/>.</summary>
    Binary,

    /// <summary>The result of an allocation; Item is the call's syntax, Tag the loop turn.</summary>
    Allocation,

    /// <summary>Another view of the allocation A; Item is the family.</summary>
    View,

    /// <summary>A managed object made in this body.</summary>
    New,

    /// <summary>Memory on the stack: a stackalloc, or a struct temporary.</summary>
    Stack,

    /// <summary>A method or lambda.</summary>
    Function,

    /// <summary>A flow capture's slot.</summary>
    Capture,
}

internal enum Operator { Equal, Less, Not, And, Or, Xor, Add, Subtract, Multiply, Divide, Remainder, ShiftLeft, ShiftRight, Complement, Negate, UnsignedShiftRight, Min, Max }

/// <summary>What a symbol stands for.</summary>
internal sealed class SymbolData(SymbolKind kind, Value a, Value b, int tag, object? item)
{
    internal SymbolKind Kind { get; } = kind;

    internal Value A { get; } = a;

    internal Value B { get; } = b;

    internal int Tag { get; } = tag;

    internal object? Item { get; } = item;

    internal long Low { get; init; } = long.MinValue;

    internal long High { get; init; } = long.MaxValue;

    /// <summary>Of the table: what the symbol is found by, and the next one of the same bucket.</summary>
    internal int Hash { get; init; }

    internal int Next { get; set; }

    /// <summary>Some path of the body has found it equal to something, or bounded it: only then is it worth to ask.</summary>
    internal bool IsReplaced { get; set; }

    internal bool IsBounded { get; set; }

    /// <summary>How many symbols it is made of, each as often as it is in there.</summary>
    internal int Size { get; init; } = 1;

    /// <summary>See <see cref="SymbolTable.Root"/>.</summary>
    internal int Root { get; init; }

    /// <summary>See <see cref="SymbolTable.Origin"/>.</summary>
    internal int Origin { get; init; }

    /// <summary>See <see cref="SymbolTable.AllocationOf"/>.</summary>
    internal int Allocation { get; init; }
}

/// <summary>The symbols of one body.</summary>
internal sealed class SymbolTable
{
    /// <summary>
    /// What is computed from more symbols than this is a symbol that nothing is known about: <c>hash = hash * 31 + next</c>, a thousand times. Whoever looks at what a
    /// value is made of goes no deeper, and comes to no symbol more often.
    /// </summary>
    private const int MaximalSize = 256;

    /// <summary>A power of two.</summary>
    private const int FirstBuckets = 32;

    private static readonly object s_cut = new();

    private readonly List<SymbolData> _symbols = [new SymbolData(SymbolKind.Zero, default, default, 0, null)];
    private readonly Dictionary<(SymbolKind, Value, Value, int, object?), int> _cuts = [];
    private readonly Dictionary<int, INamedTypeSymbol> _classes = [];
    private readonly HashSet<int> _open = [];
    private int[] _buckets = new int[FirstBuckets];

    internal SymbolData this[int symbol] => _symbols[symbol];

    internal SymbolData Of(Value value) => _symbols[value.Symbol];

    internal SymbolKind KindOf(Value value) => _symbols[value.Symbol].Kind;

    internal int Count => _symbols.Count;

    internal Value Make(SymbolKind kind, Value a = default, Value b = default, int tag = 0, object? item = null, long low = long.MinValue, long high = long.MaxValue)
    {
        int hash = Hash(kind, a, b, tag, item);
        for (int known = _buckets[hash & (_buckets.Length - 1)]; known != 0; known = _symbols[known].Next)
        {
            SymbolData data = _symbols[known];
            if (data.Hash == hash && data.Kind == kind && data.Tag == tag && data.A == a && data.B == b && SameItem(data.Item, item)) return new Value(known, 0);
        }

        int size = 1 + Of(a).Size + Of(b).Size;
        if (size > MaximalSize && (kind is SymbolKind.Binary or SymbolKind.Load || (kind == SymbolKind.Element && !b.IsConstant))) return Cut(kind, a, b, tag, item, low, high);
        return Add(kind, a, b, tag, item, low, high, size, hash);
    }

    /// <summary>The symbol of which nothing is known that stands for something that is made of too much.</summary>
    private Value Cut(SymbolKind kind, Value a, Value b, int tag, object? item, long low, long high)
    {
        var key = (kind, a, b, tag, item);
        if (_cuts.TryGetValue(key, out int known)) return new Value(known, 0);
        _cuts.Add(key, _symbols.Count);
        return Add(SymbolKind.Unknown, default, default, _symbols.Count, s_cut, low, high, 1, Hash(SymbolKind.Unknown, default, default, _symbols.Count, s_cut));
    }

    private Value Add(SymbolKind kind, Value a, Value b, int tag, object? item, long low, long high, int size, int hash)
    {
        int symbol = _symbols.Count;
        if (symbol >= _buckets.Length) Grow();
        ref int first = ref _buckets[hash & (_buckets.Length - 1)];
        _symbols.Add(new SymbolData(kind, a, b, tag, item)
        {
            Hash = hash,
            Next = first,
            Low = low,
            High = high,
            Size = size,
            Root = kind is SymbolKind.Field or SymbolKind.Element ? Of(a).Root : symbol,
            Origin = kind is SymbolKind.Field or SymbolKind.Element or SymbolKind.View ? Of(a).Origin : symbol,
            Allocation = FindAllocation(kind, a, b, tag, symbol),
        });
        first = symbol;
        return new Value(symbol, 0);
    }

    private void Grow()
    {
        _buckets = new int[4 * _buckets.Length];
        for (int i = 1; i < _symbols.Count; i++)
        {
            ref int first = ref _buckets[_symbols[i].Hash & (_buckets.Length - 1)];
            _symbols[i].Next = first;
            first = i;
        }
    }

    private static int Hash(SymbolKind kind, Value a, Value b, int tag, object? item)
    {
        int of = item switch
        {
            null => 0,
            ISymbol symbol => SymbolEqualityComparer.Default.GetHashCode(symbol),
            _ => item.GetHashCode(),
        };
        unchecked
        {
            uint hash = (uint)((((((int)kind * 31) + tag) * 31 + of) * 31 + a.Symbol) * 31 + b.Symbol) * 31 + (uint)a.Offset + (uint)((int)b.Offset * 961);
            hash *= 0x9E3779B1;
            return (int)(hash ^ (hash >> 15));
        }
    }

    private static bool SameItem(object? x, object? y) => ReferenceEquals(x, y) || (x is ISymbol a && y is ISymbol b ? SymbolEqualityComparer.Default.Equals(a, b) : Equals(x, y));

    internal Value Unknown(object site, int tag = 0, long low = long.MinValue, long high = long.MaxValue) =>
        Make(SymbolKind.Unknown, default, default, tag, site, low, high);

    /// <summary>What the value was made of is not known any more.</summary>
    internal bool IsCut(Value value) => ReferenceEquals(_symbols[value.Symbol].Item, s_cut);

    /// <summary>The class of an object that was made here; null if it is not known.</summary>
    internal INamedTypeSymbol? ClassOf(Value value) => value.Offset == 0 && _classes.TryGetValue(value.Symbol, out INamedTypeSymbol? type) ? type : null;

    internal void SetClass(Value value, INamedTypeSymbol type) => _classes[value.Symbol] = type;

    /// <summary>What a call gives that is performed again where more is known: there it may be memory.</summary>
    internal bool IsOpen(int symbol) => _open.Contains(symbol);

    internal void SetOpen(Value value)
    {
        if (!value.IsConstant) _open.Add(value.Symbol);
    }

    internal Value Local(ISymbol variable) => Make(SymbolKind.Local, item: variable);

    internal Value Field(Value container, ISymbol field) => Make(SymbolKind.Field, container, item: field.OriginalDefinition);

    /// <summary>The outermost symbol that an address is inside of: what owns the memory.</summary>
    internal int Root(Value address) => Of(address).Root;

    /// <summary>The pointer that an address was computed from, also through another view of the same memory.</summary>
    internal int Origin(Value address) => Of(address).Origin;

    /// <summary>The allocation that a pointer points to or into, through views and interior arithmetic; 0 if none.</summary>
    internal int AllocationOf(Value pointer) => Of(pointer).Allocation;

    private int FindAllocation(SymbolKind kind, Value a, Value b, int tag, int symbol) => kind switch
    {
        SymbolKind.Allocation => symbol,
        SymbolKind.View or SymbolKind.Field or SymbolKind.Element => AllocationOf(a),
        // Offsets and tags: the pointer is one operand, usually the first.
        SymbolKind.Binary when (Operator)tag is Operator.Add or Operator.Subtract or Operator.And or Operator.Or => AllocationOf(b) is var second and not 0 ? second : AllocationOf(a),
        _ => 0,
    };

    /// <summary>Whether the symbol is an address that differs from every other region's and is never null.</summary>
    internal bool IsDistinctRegion(int symbol) =>
        _symbols[symbol].Kind is SymbolKind.Local or SymbolKind.Captured or SymbolKind.Static or SymbolKind.New or SymbolKind.Stack or SymbolKind.Function or SymbolKind.This;

    internal bool IsParameter(Value address) => _symbols[address.Symbol] is { Kind: SymbolKind.Local, Item: IParameterSymbol };

    /// <summary>Elements of the type that are counted from a field of that type on: the fields behind it.</summary>
    internal bool IsWithinField(Value container, object? element) =>
        container.Offset == 0 && _symbols[container.Symbol] is { Kind: SymbolKind.Field, Item: IFieldSymbol field } && SymbolEqualityComparer.Default.Equals(field.Type, element as ITypeSymbol);

    /// <summary>Where a span keeps what memory it covers: it owns nothing of it.</summary>
    internal bool IsSpanSlot(Value address) => _symbols[address.Symbol] is { Kind: SymbolKind.Element, Tag: Evaluator.SpanTag };

    /// <summary>Where an array keeps its length, which never changes. That of a collection does, and lies elsewhere.</summary>
    internal bool IsLength(Value address) => _symbols[address.Symbol] is { Kind: SymbolKind.Element, Tag: Evaluator.LengthTag, B.IsZero: true };

    /// <summary>An array or memory on the stack, which nobody frees.</summary>
    internal bool IsOwnMemory(int symbol) => _symbols[symbol].Kind is SymbolKind.New or SymbolKind.Stack;

    /// <summary>Memory that only this body can reach until it lets a pointer to it go.</summary>
    internal bool IsPrivate(int symbol) => _symbols[symbol].Kind is SymbolKind.Local or SymbolKind.New or SymbolKind.Stack or SymbolKind.Allocation or SymbolKind.Capture;
}
