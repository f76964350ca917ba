// Random work on the whole kernel face from several threads: pages of all orders, kmalloc of all sizes, caches, vmalloc. Everything is stamped at both
// ends when it is allocated and checked when it is freed; a part of it is freed by another thread. At intervals the threads stand still and
// Validate() looks at everything. In the end all is freed and every zone must be largest blocks again.

using System.Collections.Concurrent;
using static KAlloc.Linux;

namespace KAlloc.ChildHost;

internal sealed unsafe class Stress(int seed, long operations, int threads)
{
    private const int Phases = 10;
    private const int LiveLimit = 2000;
    private readonly ConcurrentQueue<Item> _travelling = new();
    private readonly nint[] _caches = new nint[4];
    private readonly List<string> _errors = [];
    private int _failures;

    private enum Kind
    {
        Kmalloc,
        Cache,
        Pages,
        Address,
        Exact,
        Vmalloc,
        Kvmalloc,
    }

    private record struct Item(Kind Kind, nint Memory, long Size, int Detail, long Stamp);

    internal int Run()
    {
        ulong before = KernelMemory.Default.FreeBytes;
        int[] sizes = [24, 88, 320, 2500];
        for (int i = 0; i < sizes.Length; i++) _caches[i] = (nint)kmem_cache_create($"stress-{sizes[i]}", sizes[i], 0, 0);
        using var barrier = new Barrier(threads, _ => Inspect());
        var workers = new Thread[threads];
        for (int t = 0; t < threads; t++)
        {
            int number = t;
            workers[t] = new Thread(() => Work(new Random(seed + number), barrier));
            workers[t].Start();
        }

        foreach (Thread worker in workers) worker.Join();
        foreach (nint cache in _caches) kmem_cache_destroy((KmemCache*)cache);
        KernelMemory.Default.Shrink();
        Inspect();
        if (KernelMemory.Default.FreeBytes != before) Fail($"{before - KernelMemory.Default.FreeBytes} bytes are missing");
        foreach (Zone zone in KernelMemory.Default.Pages.Zones)
        {
            if (zone.FreeBlocks(10) << 10 != zone.End - zone.Start) Fail($"zone {zone.Type} is not in largest blocks");
        }

        foreach (string error in _errors) Console.WriteLine(error);
        Console.WriteLine($"seed {seed}, {operations} operations, {threads} threads: {_failures} failures");
        return _failures == 0 ? 0 : 1;
    }

    private void Work(Random random, Barrier barrier)
    {
        var live = new List<Item>(LiveLimit);
        long share = operations / threads;
        for (int phase = 0; phase < Phases; phase++)
        {
            for (long i = 0; i < share / Phases; i++) Step(random, live);
            barrier.SignalAndWait();
        }

        foreach (Item item in live) Free(item);
        while (_travelling.TryDequeue(out Item item)) Free(item);

        // Parked blocks can be drained by the main thread; a thread that has merely ended is parked some time later.
        barrier.SignalAndWait();
        KernelMemory.DetachThread();
    }

    private void Step(Random random, List<Item> live)
    {
        bool allocate = live.Count == 0 || (live.Count < LiveLimit && random.Next(2) == 0);
        if (allocate)
        {
            Item item = Allocate(random);
            if (item.Memory != 0) live.Add(item);
            return;
        }

        int index = random.Next(live.Count);
        Item old = live[index];
        live[index] = live[^1];
        live.RemoveAt(live.Count - 1);
        if (random.Next(20) == 0) _travelling.Enqueue(old);
        else Free(old);
        if (random.Next(20) == 0 && _travelling.TryDequeue(out Item other)) Free(other);
    }

    private Item Allocate(Random random)
    {
        int choice = random.Next(10_000);
        long stamp = random.NextInt64();
        gfp_t flags = (random.Next(4) == 0 ? GFP_ATOMIC : GFP_KERNEL) | __GFP_NOWARN;
        Item item;
        if (choice < 7000)
        {
            long size = 16 + random.NextInt64(random.Next(20) == 0 ? 60_000 : 600);
            item = new(Kind.Kmalloc, (nint)kmalloc(size, flags), size, 0, stamp);
        }
        else if (choice < 9000)
        {
            int cache = random.Next(_caches.Length);
            item = new(Kind.Cache, (nint)kmem_cache_alloc((KmemCache*)_caches[cache], flags), (int)kmem_cache_size((KmemCache*)_caches[cache]), cache, stamp);
        }
        else if (choice < 9900)
        {
            int order = Math.Min(random.Next(8), random.Next(8));
            if (random.Next(10) == 0) flags |= GFP_DMA;
            item = random.Next(2) == 0
                ? new(Kind.Pages, (nint)alloc_pages(flags, order), PAGE_SIZE << order, order, stamp)
                : new(Kind.Address, (nint)__get_free_pages(flags, order), PAGE_SIZE << order, order, stamp);
        }
        else if (choice < 9970)
        {
            long size = 16 + random.NextInt64(40_000);
            item = new(Kind.Exact, (nint)alloc_pages_exact(size, flags), size, 0, stamp);
        }
        else
        {
            long size = 16 + random.NextInt64(100_000);
            item = random.Next(2) == 0
                ? new(Kind.Vmalloc, (nint)vmalloc(size), size, 0, stamp)
                : new(Kind.Kvmalloc, (nint)kvmalloc(size, GFP_KERNEL), size, 0, stamp);
        }

        if (item.Memory == 0) return item;
        byte* start = Start(item);
        *(long*)start = stamp;
        *(long*)(start + item.Size - 8) = ~stamp;
        return item;
    }

    private void Free(Item item)
    {
        byte* start = Start(item);
        if (*(long*)start != item.Stamp || *(long*)(start + item.Size - 8) != ~item.Stamp) Fail($"{item.Kind} of {item.Size} bytes at 0x{item.Memory:x} was overwritten");
        switch (item.Kind)
        {
            case Kind.Kmalloc: kfree((void*)item.Memory); break;
            case Kind.Cache: kmem_cache_free((KmemCache*)_caches[item.Detail], (void*)item.Memory); break;
            case Kind.Pages: __free_pages((Page*)item.Memory, item.Detail); break;
            case Kind.Address: free_pages((nuint)item.Memory, item.Detail); break;
            case Kind.Exact: free_pages_exact((void*)item.Memory, item.Size); break;
            case Kind.Vmalloc: vfree((void*)item.Memory); break;
            default: kvfree((void*)item.Memory); break;
        }
    }

    private static byte* Start(Item item) => item.Kind == Kind.Pages ? (byte*)page_address((Page*)item.Memory) : (byte*)item.Memory;

    private void Inspect()
    {
        foreach (string error in KernelMemory.Default.Validate()) Fail(error);
    }

    private void Fail(string text)
    {
        lock (_errors)
        {
            _failures++;
            if (_errors.Count < 20) _errors.Add(text);
        }
    }
}
