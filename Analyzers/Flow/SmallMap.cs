// A sorted array map for the few dozen entries that a state holds, copied on the first write after a fork. A measured choice: immutable
// dictionaries cost 200 to 500 bytes an update, this costs nothing per further write.

namespace KAlloc.Analyzers.Flow;

internal struct SmallMap<TKey, TValue>
    where TKey : struct, IComparable<TKey>
{
    private TKey[]? _keys;
    private TValue[]? _values;

    // A new value for a key that is there leaves the keys shared.
    private bool _sharesKeys, _sharesValues;

    internal int Count { get; private set; }

    /// <summary>The next write copies all of it.</summary>
    internal readonly bool IsShared => _sharesKeys;

    internal readonly TKey KeyAt(int index) => _keys![index];

    internal readonly TValue ValueAt(int index) => _values![index];

    /// <summary>A second map over the same entries; whichever is written first copies them.</summary>
    internal SmallMap<TKey, TValue> Fork()
    {
        _sharesKeys = _sharesValues = true;
        return this;
    }

    internal readonly bool TryGet(TKey key, out TValue value)
    {
        int index = IndexOf(key);
        value = index >= 0 ? _values![index] : default!;
        return index >= 0;
    }

    internal readonly bool Contains(TKey key) => IndexOf(key) >= 0;

    internal void Set(TKey key, TValue value)
    {
        int index = IndexOf(key);
        if (index >= 0)
        {
            if (EqualityComparer<TValue>.Default.Equals(_values![index], value)) return;
            OwnValues();
            _values![index] = value;
            return;
        }

        Own(Count + 1);
        index = ~index;
        Array.Copy(_keys!, index, _keys!, index + 1, Count - index);
        Array.Copy(_values!, index, _values!, index + 1, Count - index);
        _keys![index] = key;
        _values![index] = value;
        Count++;
    }

    internal void Remove(TKey key)
    {
        int index = IndexOf(key);
        if (index >= 0) RemoveAt(index);
    }

    internal void RemoveAt(int index)
    {
        Own(Count);
        Count--;
        Array.Copy(_keys!, index + 1, _keys!, index, Count - index);
        Array.Copy(_values!, index + 1, _values!, index, Count - index);
        _values![Count] = default!;
    }

    internal readonly bool SameAs(in SmallMap<TKey, TValue> other)
    {
        if (Count != other.Count) return false;
        if (ReferenceEquals(_keys, other._keys) && ReferenceEquals(_values, other._values)) return true;
        for (int i = 0; i < Count; i++)
            if (_keys![i].CompareTo(other._keys![i]) != 0 || !EqualityComparer<TValue>.Default.Equals(_values![i], other._values![i])) return false;
        return true;
    }

    /// <summary>What either has; where both do, what this one has.</summary>
    internal readonly SmallMap<TKey, TValue> Over(in SmallMap<TKey, TValue> below)
    {
        var both = new SmallMap<TKey, TValue> { _keys = new TKey[Count + below.Count], _values = new TValue[Count + below.Count] };
        int own = 0, other = 0;
        while (own < Count || other < below.Count)
        {
            int order = own == Count ? 1 : other == below.Count ? -1 : _keys![own].CompareTo(below._keys![other]);
            both._keys[both.Count] = order <= 0 ? _keys![own] : below._keys![other];
            both._values[both.Count] = order <= 0 ? _values![own] : below._values![other];
            both.Count++;
            if (order <= 0) own++;
            if (order >= 0) other++;
        }

        return both;
    }

    private readonly int IndexOf(TKey key) => _keys is null ? -1 : Array.BinarySearch(_keys, 0, Count, key);

    private void Own(int capacity)
    {
        if (!_sharesKeys && !_sharesValues && _keys is not null && _keys.Length >= capacity) return;
        // A state that has begun to note things goes on to; one that changes what is there does not grow.
        int size = capacity > Count ? capacity + (capacity / 4) + 3 : capacity;
        var keys = new TKey[size];
        var values = new TValue[size];
        if (_keys is not null)
        {
            Array.Copy(_keys, keys, Count);
            Array.Copy(_values!, values, Count);
        }

        _keys = keys;
        _values = values;
        _sharesKeys = _sharesValues = false;
    }

    private void OwnValues()
    {
        if (!_sharesValues) return;
        // As long as the keys, which may be written in place later.
        var values = new TValue[_keys!.Length];
        Array.Copy(_values!, values, Count);
        _values = values;
        _sharesValues = false;
    }
}
