// A map for what a path notes and seldom changes, thousands of entries in a long body: what was noted lately lies over what many states share, so that
// a write after a fork copies dozens of entries instead of all.

namespace KAlloc.Analyzers.Flow;

internal struct LongMap<TKey, TValue>
    where TKey : struct, IComparable<TKey>
{
    private const int MaximalRecent = 64;

    private SmallMap<TKey, TValue> _recent;
    private Layer? _old;

    internal LongMap<TKey, TValue> Fork() => new() { _recent = _recent.Fork(), _old = _old };

    internal readonly bool TryGet(TKey key, out TValue value) => _recent.TryGet(key, out value) || (_old is not null && _old.Entries.TryGet(key, out value));

    internal readonly bool Contains(TKey key) => _recent.Contains(key) || (_old is not null && _old.Entries.Contains(key));

    internal void Set(TKey key, TValue value)
    {
        if (_old is not null && TryGet(key, out TValue known) && EqualityComparer<TValue>.Default.Equals(known, value)) return;
        if (_recent.IsShared && _recent.Count > MaximalRecent)
        {
            _old = new Layer(_old is null ? _recent : _recent.Over(_old.Entries));
            _recent = default;
        }

        _recent.Set(key, value);
    }

    internal void Remove(TKey key)
    {
        Fold();
        _recent.Remove(key);
    }

    /// <summary>All entries, in order: for what is done seldom.</summary>
    internal SmallMap<TKey, TValue> All()
    {
        Fold();
        return _recent;
    }

    private void Fold()
    {
        if (_old is null) return;
        _recent = _recent.Over(_old.Entries);
        _old = null;
    }

    private sealed class Layer(SmallMap<TKey, TValue> entries)
    {
        internal readonly SmallMap<TKey, TValue> Entries = entries;
    }
}
