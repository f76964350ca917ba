// Sets of symbols and maps from them, made by the thousand for a body: emptied by a new number for the turn, and used again by whatever the thread
// does next. A walk stays on its thread, and a set that belonged to a table of symbols would live as long as the summary that keeps the table.

namespace KAlloc.Analyzers.Flow;

/// <summary>Which of the symbols of a table are in a set, at the current turn.</summary>
internal struct SymbolTurns()
{
    /// <summary>What has grown larger than this is not kept for others.</summary>
    private const int MaximalKept = 1 << 16;

    private int[] _turns = [];
    private int _turn = 1;

    internal readonly bool Contains(int symbol) => symbol < _turns.Length && _turns[symbol] == _turn;

    internal void Add(int symbol)
    {
        if (symbol >= _turns.Length) Array.Resize(ref _turns, SizeFor(symbol));
        _turns[symbol] = _turn;
    }

    internal static int SizeFor(int symbol) => Math.Max(64, 2 * symbol);

    /// <summary>False if it is not worth to be kept.</summary>
    internal bool Empty() => ++_turn < int.MaxValue && _turns.Length <= MaximalKept;
}

/// <summary>A set of the symbols of one table; whoever is done with it disposes it.</summary>
internal sealed class SymbolSet : IDisposable
{
    [ThreadStatic]
    private static Stack<SymbolSet>? t_pool;

    private SymbolTurns _turns = new();

    private SymbolSet() { }

    internal int Count { get; private set; }

    /// <summary>An empty set, to be given back.</summary>
    internal static SymbolSet Take() => t_pool is { Count: > 0 } pool ? pool.Pop() : new SymbolSet();

    internal bool Contains(int symbol) => _turns.Contains(symbol);

    internal bool Add(int symbol)
    {
        if (_turns.Contains(symbol)) return false;
        _turns.Add(symbol);
        Count++;
        return true;
    }

    public void Dispose()
    {
        Count = 0;
        if (_turns.Empty()) (t_pool ??= new()).Push(this);
    }
}

/// <summary>What the symbols of another table are in this one; whoever is done with it disposes it.</summary>
internal sealed class SymbolMap : IDisposable
{
    [ThreadStatic]
    private static Stack<SymbolMap>? t_pool;

    private SymbolTurns _turns = new();
    private Value[] _values = [];

    private SymbolMap() { }

    /// <summary>An empty map, to be given back.</summary>
    internal static SymbolMap Take() => t_pool is { Count: > 0 } pool ? pool.Pop() : new SymbolMap();

    internal Value this[int symbol]
    {
        set
        {
            if (symbol >= _values.Length) Array.Resize(ref _values, SymbolTurns.SizeFor(symbol));
            _turns.Add(symbol);
            _values[symbol] = value;
        }
    }

    internal bool TryGetValue(int symbol, out Value value)
    {
        bool known = _turns.Contains(symbol);
        value = known ? _values[symbol] : default;
        return known;
    }

    public void Dispose()
    {
        if (_turns.Empty()) (t_pool ??= new()).Push(this);
    }
}
