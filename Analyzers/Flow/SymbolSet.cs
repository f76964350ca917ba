// Sets of symbols and maps from them, made by the thousand for a body: emptied by a new number for the turn, and used again.

namespace KAlloc.Analyzers.Flow;

/// <summary>A set of the symbols of one table; whoever is done with it disposes it.</summary>
internal sealed class SymbolSet(Stack<SymbolSet> pool) : IDisposable
{
    private int[] _turns = [];
    private int _turn = 1;

    internal int Count { get; private set; }

    internal bool Contains(int symbol) => symbol < _turns.Length && _turns[symbol] == _turn;

    internal bool Add(int symbol)
    {
        if (symbol >= _turns.Length) Array.Resize(ref _turns, Math.Max(64, 2 * symbol));
        if (_turns[symbol] == _turn) return false;
        _turns[symbol] = _turn;
        Count++;
        return true;
    }

    public void Dispose()
    {
        _turn++;
        Count = 0;
        pool.Push(this);
    }
}

/// <summary>What the symbols of another table are in this one; whoever is done with it disposes it.</summary>
internal sealed class SymbolMap(Stack<SymbolMap> pool) : IDisposable
{
    private int[] _turns = [];
    private Value[] _values = [];
    private int _turn = 1;

    internal Value this[int symbol]
    {
        set
        {
            if (symbol >= _turns.Length)
            {
                int size = Math.Max(64, 2 * symbol);
                Array.Resize(ref _turns, size);
                Array.Resize(ref _values, size);
            }

            _turns[symbol] = _turn;
            _values[symbol] = value;
        }
    }

    internal bool TryGetValue(int symbol, out Value value)
    {
        bool known = symbol < _turns.Length && _turns[symbol] == _turn;
        value = known ? _values[symbol] : default;
        return known;
    }

    public void Dispose()
    {
        _turn++;
        pool.Push(this);
    }
}
