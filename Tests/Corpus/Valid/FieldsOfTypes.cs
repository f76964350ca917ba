// Types whose fields own memory in ways that look wrong: freed elsewhere, by a flag's family, through another object, or never on purpose.

using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

public sealed unsafe class EitherFamily(nuint size) : IDisposable
{
    private readonly bool _isMapped = size > 65536;
    private void* _data = size > 65536 ? vmalloc(size) : kmalloc(size, GFP_KERNEL);

    public void Dispose()
    {
        if (_isMapped) vfree(_data);
        else kfree(_data);
        _data = null;
    }
}

public sealed unsafe class Scratch : IDisposable
{
    private byte* _work;
    private byte* _result = (byte*)NativeMemory.Alloc(64);

    public void Begin(nuint size)
    {
        if (_work != null) throw new InvalidOperationException();
        _work = (byte*)NativeMemory.Alloc(size);
    }

    public void End()
    {
        NativeMemory.Free(_work);
        _work = null;
    }

    public void Dispose()
    {
        byte* result = _result;
        _result = null;
        if (result != null) NativeMemory.Free(result);
    }
}

public static unsafe class Module
{
    private static void* s_table;

    public static int Init()
    {
        s_table = vzalloc(1 << 20);
        return s_table == null ? -12 : 0;
    }

    public static void Exit() => vfree(s_table);
}

public sealed unsafe class Registry
{
    private static readonly Registry s_registry = new();
    private readonly long* _counters = (long*)NativeMemory.AllocZeroed(64, sizeof(long));

    public static void Count(int index) => s_registry._counters[index]++;
}

public sealed unsafe class Chain
{
    private Link* _first;

    private struct Link
    {
        public Link* Next;
        public void* Data;
    }

    public void Push(nuint size)
    {
        Link* link = (Link*)kmalloc((nuint)sizeof(Link), GFP_KERNEL);
        if (link == null) return;
        link->Data = kmalloc(size, GFP_KERNEL);
        link->Next = _first;
        _first = link;
    }

    public void Clear()
    {
        while (_first != null)
        {
            Link* link = _first;
            _first = link->Next;
            kfree(link->Data);
            kfree(link);
        }
    }
}

public sealed unsafe class Shared : IDisposable
{
    private int _references = 1;
    private nint _block = Marshal.AllocHGlobal(256);

    public void Share() => Interlocked.Increment(ref _references);

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _references) == 0) Destroy();
    }

    private void Destroy()
    {
        Marshal.FreeHGlobal(_block);
        _block = 0;
    }
}

public sealed unsafe class LateBound : IDisposable
{
    private nint _block = Marshal.AllocHGlobal(16);
    private Action? _close;

    public LateBound() => _close = Close;

    public void Dispose() => Interlocked.Exchange(ref _close, null)?.Invoke();

    private void Close()
    {
        Marshal.FreeHGlobal(_block);
        _block = 0;
    }
}

public sealed unsafe class GrowingBuffer : IDisposable
{
    private byte* _data;
    private nuint _capacity;

    public void Reserve(nuint capacity)
    {
        if (capacity <= _capacity) return;
        _data = (byte*)NativeMemory.Realloc(_data, capacity);
        _capacity = capacity;
    }

    public void Dispose()
    {
        NativeMemory.Free(_data);
        _data = null;
        _capacity = 0;
    }
}

public sealed unsafe class PageOwner
{
    private Page* _pages;
    private int _order;

    public bool Open(int order)
    {
        _pages = alloc_pages(GFP_KERNEL, order);
        _order = order;
        return _pages != null;
    }

    public void Close()
    {
        if (_pages != null) __free_pages(_pages, _order);
        _pages = null;
    }
}
