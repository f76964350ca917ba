// Structs that hold memory in .NET's containers, and what takes them out again: nothing here is lost, and nothing is freed twice.

using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Tasks;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Buffer
{
    public byte* data;
    public int size;

    public readonly void Free() => kfree(data);

    public void Reset()
    {
        kfree(data);
        data = null;
    }
}

sealed class Keeper
{
    private readonly List<Buffer> _all = new();
    private Buffer[] _array = new Buffer[4];
    private int _count;
    private Buffer _one;

    public void Keep(Buffer b) => _all.Add(b);

    public void Put(in Buffer b) => _array[_count++] = b;

    public void SetOne(Buffer b)
    {
        _one.Reset();
        _one = b;
    }

    public Buffer TakeOne()
    {
        Buffer b = _one;
        _one = default;
        return b;
    }

    public void FreeAll()
    {
        foreach (Buffer b in _all) b.Free();
        _all.Clear();
        for (int i = 0; i < _count; i++) _array[i].Free();
        _count = 0;
    }
}

unsafe static class Bodies
{
    static Buffer Make() => new Buffer { data = (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL), size = 8 };

    static void Free(Buffer b) => kfree(b.data);

    static void FreeRef(ref Buffer b)
    {
        kfree(b.data);
        b = default;
    }

    static void InList()
    {
        var all = new List<Buffer> { Make(), Make() };
        foreach (Buffer b in all) Free(b);
    }

    static void InListByIndex()
    {
        var all = new List<Buffer>();
        all.Add(Make());
        all.Add(Make());
        for (int i = 0; i < all.Count; i++) kfree(all[i].data);
    }

    static void InListOverwritten()
    {
        var all = new List<Buffer> { Make() };
        kfree(all[0].data);
        all[0] = Make();
        kfree(all[0].data);
    }

    static void InListRemoved()
    {
        var all = new List<Buffer> { Make(), Make() };
        Buffer last = all[^1];
        all.RemoveAt(all.Count - 1);
        Free(last);
        Free(all[0]);
    }

    static void InListBySpan()
    {
        var all = new List<Buffer> { Make(), Make() };
        foreach (ref Buffer b in CollectionsMarshal.AsSpan(all)) FreeRef(ref b);
        foreach (Buffer b in all) Free(b);
    }

    static void InListCopied()
    {
        var all = new List<Buffer> { Make() };
        Buffer b = all[0];
        b.size = 3;
        all[0] = b;
        kfree(all[0].data);
    }

    static void InArray()
    {
        var all = new Buffer[3];
        for (int i = 0; i < all.Length; i++) all[i] = Make();
        for (int i = 0; i < all.Length; i++) FreeRef(ref all[i]);
        for (int i = 0; i < all.Length; i++) all[i].Free();
    }

    static void InArrayGrown()
    {
        var all = new Buffer[1];
        all[0] = Make();
        Array.Resize(ref all, 2);
        all[1] = Make();
        foreach (Buffer b in all) b.Free();
    }

    static void InRented(int n)
    {
        Buffer[] all = ArrayPool<Buffer>.Shared.Rent(n);
        for (int i = 0; i < n; i++) all[i] = Make();
        for (int i = 0; i < n; i++) all[i].Free();
        ArrayPool<Buffer>.Shared.Return(all);
    }

    static void InStackAlloc(int n)
    {
        Span<Buffer> all = stackalloc Buffer[4];
        all[0] = Make();
        all[1] = Make();
        foreach (Buffer b in all.Slice(0, 2)) b.Free();
    }

    static void InStack()
    {
        var all = new Stack<Buffer>();
        all.Push(Make());
        all.Push(Make());
        while (all.TryPop(out Buffer b)) b.Free();
    }

    static void InQueue()
    {
        var all = new Queue<Buffer>();
        all.Enqueue(Make());
        all.Enqueue(Make());
        while (all.Count > 0) all.Dequeue().Free();
    }

    static void InConcurrentQueue()
    {
        var all = new ConcurrentQueue<Buffer>();
        all.Enqueue(Make());
        while (all.TryDequeue(out Buffer b)) b.Free();
    }

    static void InMap()
    {
        var all = new Dictionary<int, Buffer>();
        all[1] = Make();
        all.Add(2, Make());
        if (all.TryGetValue(1, out Buffer b)) b.Free();
        if (all.Remove(2, out Buffer c)) c.Free();
        all.Remove(1);
    }

    static void InMapOfNames()
    {
        var all = new Dictionary<string, Buffer> { ["a"] = Make(), ["b"] = Make() };
        foreach (KeyValuePair<string, Buffer> pair in all) pair.Value.Free();
        foreach ((string name, Buffer b) in all) _ = b.size + name.Length;
    }

    static void InMapReplaced()
    {
        var all = new Dictionary<int, Buffer> { [1] = Make() };
        if (all.TryGetValue(1, out Buffer old)) old.Free();
        all[1] = Make();
        foreach (Buffer b in all.Values) b.Free();
    }

    static void InMapByRef()
    {
        var all = new Dictionary<int, Buffer>();
        ref Buffer b = ref CollectionsMarshal.GetValueRefOrAddDefault(all, 1, out bool there);
        if (!there) b = Make();
        foreach (Buffer one in all.Values) one.Free();
    }

    static void InLinkedList()
    {
        var all = new LinkedList<Buffer>();
        all.AddLast(Make());
        all.AddFirst(Make());
        for (LinkedListNode<Buffer> node = all.First; node != null; node = node.Next) node.ValueRef.Free();
    }

    static void InTuple()
    {
        (Buffer a, Buffer b) two = (Make(), Make());
        two.a.Free();
        two.b.Free();
    }

    static void InNullable()
    {
        Buffer? b = Make();
        if (b.HasValue) b.Value.Free();
        b = null;
        b?.Free();
    }

    static void InBox()
    {
        object o = Make();
        ((Buffer)o).Free();
    }

    static void InLazy()
    {
        var lazy = new Lazy<Buffer>(Make);
        lazy.Value.Free();
    }

    static void InTask()
    {
        Buffer b = Task.FromResult(Make()).Result;
        b.Free();
    }

    static void ByDelegates()
    {
        Func<Buffer> make = Make;
        Action<Buffer> free = Free;
        free(make());
    }

    static void BySelect()
    {
        Buffer[] all = Enumerable.Range(0, 3).Select(_ => Make()).ToArray();
        foreach (Buffer b in all) b.Free();
    }

    static void ByCapture()
    {
        Buffer b = Make();
        Action free = () => b.Reset();
        free();
        b.Free();
    }

    static void ByUnsafe()
    {
        Buffer b = Make();
        byte* bytes = stackalloc byte[sizeof(Buffer)];
        Unsafe.Write(bytes, b);
        Buffer c = Unsafe.Read<Buffer>(bytes);
        c.Free();
    }

    static void ByMemoryMarshal()
    {
        Buffer b = Make();
        Span<byte> bytes = stackalloc byte[sizeof(Buffer)];
        MemoryMarshal.Write(bytes, in b);
        MemoryMarshal.Read<Buffer>(bytes).Free();
    }

    static void ByCast()
    {
        Span<Buffer> all = stackalloc Buffer[1];
        all[0] = Make();
        ref nint first = ref MemoryMarshal.Cast<Buffer, nint>(all)[0];
        kfree((void*)first);
    }

    static void ByCopyTo()
    {
        Buffer[] a = { Make() }, b = new Buffer[1];
        a.AsSpan().CopyTo(b);
        b[0].Free();
    }

    static void ByFill()
    {
        var all = new Buffer[2];
        all.AsSpan().Fill(Make());
        all[0].Free();
    }

    static void ByYield()
    {
        foreach (Buffer b in Many(3)) b.Free();
    }

    static IEnumerable<Buffer> Many(int n)
    {
        for (int i = 0; i < n; i++) yield return MakeSafe();
    }

    static Buffer MakeSafe() => Make();

    static void InKeeper()
    {
        var keeper = new Keeper();
        keeper.Keep(Make());
        keeper.Keep(Make());
        keeper.FreeAll();
    }

    static void InKeepersArray()
    {
        var keeper = new Keeper();
        keeper.Put(Make());
        keeper.FreeAll();
        keeper.FreeAll();
    }

    static void InKeepersField()
    {
        var keeper = new Keeper();
        keeper.SetOne(Make());
        keeper.SetOne(Make());
        keeper.TakeOne().Free();
        keeper.TakeOne().Free();
    }

    static void SortedFirst()
    {
        Buffer[] all = { Make(), Make() };
        Array.Sort(all, (x, y) => x.size - y.size);
        all[0].Free();
        all[1].Free();
    }

    static void Reversed()
    {
        Buffer[] all = { Make(), default };
        Array.Reverse(all);
        all[1].Free();
        all[0].Free();
    }

    static void WithChanged()
    {
        Buffer b = Make();
        Buffer c = b with { size = 3 };
        c.Free();
    }

    static void Compared()
    {
        Buffer b = Make(), c = b;
        if (b.data == c.data) b.Free();
    }
}
