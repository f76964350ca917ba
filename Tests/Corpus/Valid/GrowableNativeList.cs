// A list on NativeMemory: the buffer moves with Realloc, ownership lies in a field, Dispose may run twice.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Corpus.GrowableNativeList;

public sealed unsafe class NativeList<T> : IDisposable
    where T : unmanaged
{
    private T* _items;
    private int _count;
    private int _capacity;

    public NativeList(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        if (capacity > 0)
        {
            _items = (T*)NativeMemory.Alloc((nuint)capacity, (nuint)sizeof(T));
            _capacity = capacity;
        }
    }

    ~NativeList() => Free();

    public int Count => _count;

    public ref T this[int index]
    {
        get
        {
            if ((uint)index >= (uint)_count) throw new ArgumentOutOfRangeException(nameof(index));
            return ref _items[index];
        }
    }

    public void Add(T item)
    {
        if (_count == _capacity) Grow(_count + 1);
        _items[_count++] = item;
    }

    public void TrimExcess()
    {
        if (_count == _capacity) return;
        if (_count == 0)
        {
            Free();
            return;
        }

        _items = (T*)NativeMemory.Realloc(_items, (nuint)_count * (nuint)sizeof(T));
        _capacity = _count;
    }

    public T[] ToArray() => new ReadOnlySpan<T>(_items, _count).ToArray();

    /// <summary>The caller owns the buffer afterwards and frees it with NativeMemory.Free.</summary>
    public T* Detach(out int count)
    {
        T* items = _items;
        count = _count;
        _items = null;
        _count = _capacity = 0;
        return items;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int atLeast)
    {
        int capacity = Math.Max(atLeast, Math.Max(4, _capacity * 2));
        // Realloc of null allocates; on failure it throws and the old block stays ours.
        _items = (T*)NativeMemory.Realloc(_items, (nuint)capacity * (nuint)sizeof(T));
        _capacity = capacity;
    }

    private void Free()
    {
        NativeMemory.Free(_items);
        _items = null;
        _count = _capacity = 0;
    }
}
