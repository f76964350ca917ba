// What only several methods of a type together show: which family and order the memory in a field has, and that nothing gives it back.

using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

public sealed unsafe class Histogram(int buckets)
{
    private readonly int* _buckets = (int*)NativeMemory.AllocZeroed((nuint)buckets, sizeof(int)); // expect: KA4011

    public int Total { get; private set; }

    public void Count(int bucket)
    {
        _buckets[bucket]++;
        Total++;
    }
}

public sealed unsafe class LogBuffer : IDisposable
{
    private const int Order = 2;
    private nuint _pages;
    private byte* _line;
    private int _length;

    public LogBuffer(nuint line)
    {
        _pages = __get_free_pages(GFP_KERNEL, Order);
        _line = (byte*)kvmalloc(line, GFP_KERNEL);
    }

    public void Put(byte value) => _line[_length++] = value;

    public void Dispose()
    {
        if (_pages != 0) free_pages(_pages, Order - 1); // expect: KA3001
        _pages = 0;
        vfree(_line); // expect: KA4007
        _line = null;
    }
}

public sealed unsafe class Growing
{
    private nint _items;
    private int _capacity, _count;

    public void Add(int value)
    {
        if (_count == _capacity)
        {
            int capacity = Math.Max(4, 2 * _capacity);
            nint items = Marshal.AllocHGlobal(capacity * sizeof(int));
            for (int i = 0; i < _count; i++) Marshal.WriteInt32(items, i * sizeof(int), Marshal.ReadInt32(_items, i * sizeof(int)));
            Marshal.FreeHGlobal(_items);
            _items = items; // expect: KA4011
            _capacity = capacity;
        }

        Marshal.WriteInt32(_items, _count++ * sizeof(int), value);
    }
}
