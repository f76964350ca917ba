// Random work on kmalloc and caches from several threads, against a model: one byte for each word of physical memory, 1 where an object is live.
//
//   allocate   the object's bytes in the model must be 0, become 1          the object is filled with its stamp
//   free       they must be 1, become 0                                     the stamp must be there to the last byte
//
// So an object handed out twice, one that overlaps another, and a write of the allocator into a live object are each seen. Objects of the caches
// with a constructor begin with what it wrote, whoever had them before. A part is freed by another thread, in bulk, or resized. The threads are
// replaced at each interval, and Validate() looks at everything; in the end all
// memory is free, or in slabs whose every object is free or in a sheaf.

using System.Collections.Concurrent;
using static KAlloc.Linux;

namespace KAlloc.ChildHost;

internal sealed unsafe class SlabStress(int seed, long operations, int threads)
{
    private const int Phases = 10;
    private const int LiveLimit = 4000;
    private const int BulkLimit = 60;
    private static readonly (int Size, slab_flags_t Flags, bool Constructed)[] s_kinds =
    [
        (24, 0, false), (88, 0, true), (320, SLAB_HWCACHE_ALIGN, true), (2500, 0, false), (200, SLAB_TYPESAFE_BY_RCU, true),
        (64, SLAB_RED_ZONE | SLAB_POISON, false), (700, SLAB_RED_ZONE | SLAB_STORE_USER, true),
    ];

    private readonly ConcurrentQueue<Item> _travelling = new();
    private readonly nint[] _caches = new nint[s_kinds.Length];
    private readonly List<string> _errors = [];
    private readonly byte* _start = KernelMemory.Default.Memory.DirectMap;
    private readonly byte* _model = (byte*)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)KernelMemory.Default.TotalBytes / 8);
    private int _failures;
    private long _done;

    private record struct Item(nint Memory, int Size, short Cache, byte Stamp);

    internal int Run()
    {
        ulong before = Memory();
        for (int i = 0; i < _caches.Length; i++)
            _caches[i] = (nint)kmem_cache_create($"stress-{i}", s_kinds[i].Size, 0, s_kinds[i].Flags, s_kinds[i].Constructed ? &Construct : null);
        for (int phase = 0; phase < Phases; phase++)
        {
            var workers = new Thread[threads];
            for (int t = 0; t < threads; t++)
            {
                var random = new Random((seed * 1000) + (phase * threads) + t);
                workers[t] = new Thread(() => Work(random));
                workers[t].Start();
            }

            foreach (Thread worker in workers) worker.Join();
            foreach (string error in KernelMemory.Default.Validate()) Fail(error);
        }

        while (_travelling.TryDequeue(out Item item)) Free(item);
        if (new Span<long>(_model, (int)(KernelMemory.Default.TotalBytes / 64)).IndexOfAnyExcept(0) >= 0) Fail("the model has live objects");
        foreach (nint cache in _caches) kmem_cache_destroy((KmemCache*)cache);
        KernelMemory.DetachThread();
        KernelMemory.Default.Shrink();
        foreach (string error in KernelMemory.Default.Validate()) Fail(error);
        if (Memory() != before) Fail($"{(long)(before - Memory())} bytes are missing");
        CheckKept();
        foreach (string error in _errors) Console.WriteLine(error);
        Console.WriteLine($"seed {seed}, {_done} operations, {threads} threads: {_failures} failures");
        return _failures == 0 ? 0 : 1;
    }

    /// <summary>Bytes that are free or in slabs.</summary>
    private static ulong Memory() => KernelMemory.Default.FreeBytes + ((ulong)KernelMemory.Default.Slab.Validate([]) << PAGE_SHIFT);

    /// <summary>
    /// What is still out of the slabs must be in some thread's sheaves: a background thread may have adopted the block of a worker that ended, with all
    /// that was in it.
    /// </summary>
    private void CheckKept()
    {
        SlabAllocator slab = KernelMemory.Default.Slab;
        long sheaves = 0, sheavesOut = 0;
        for (uint id = 1; id < slab.IdLimit; id++)
        {
            KmemCache* cache = slab.Caches + id;
            if (cache->Magic != KmemCache.Alive) continue;
            CacheStatistics now = slab.StatisticsOf(cache);
            if (now.Name == "kmem_sheaf")
            {
                sheavesOut = now.ActiveObjects;
                continue;
            }

            long kept = 0;
            for (int cpu = 0; cpu < CpuBlocks.Count; cpu++)
            {
                CacheSlot* slot = CpuBlocks.SlotIfAny(CpuBlocks.Get(cpu), id);
                if (slot == null) continue;
                foreach (nint top in (ReadOnlySpan<nint>)[Sheaf.IsNone(slot) ? 0 : (nint)Sheaf.TopOf(slot), (nint)slot->Spare])
                {
                    if (top == 0) continue;
                    sheaves++;
                    kept += Sheaf.Objects((nint*)top, cache->SheafCapacity).Length;
                }
            }

            if (kept != now.ActiveObjects) Fail($"{now.Name}: {now.ActiveObjects} objects are out, {kept} of them in sheaves");
        }

        if (sheaves != sheavesOut) Fail($"{sheavesOut} sheaves are out, threads have {sheaves}");
    }

    private static void Construct(void* obj) => *(nint*)obj = ~(nint)obj;

    private void Work(Random random)
    {
        var live = new List<Item>(LiveLimit);
        nint* bulk = stackalloc nint[BulkLimit];
        long done = 0;
        while (done < operations / threads / Phases)
        {
            if (Step(random, live, bulk)) done++;
        }

        Interlocked.Add(ref _done, done);

        // Some outlive the thread.
        foreach (Item item in live)
        {
            if (random.Next(4) == 0) _travelling.Enqueue(item);
            else Free(item);
        }

        KernelMemory.DetachThread();
    }

    /// <summary>One call of the allocator, or a little more; false: there was nothing to do.</summary>
    private bool Step(Random random, List<Item> live, nint* bulk)
    {
        int choice = random.Next(1000);
        if (choice < 480 && live.Count < LiveLimit)
        {
            live.Add(random.Next(2) == 0 ? Kmalloc(random) : FromCache(random));
        }
        else if (choice < 490 && live.Count < LiveLimit)
        {
            int cache = random.Next(_caches.Length), count = 1 + random.Next(BulkLimit);
            if (kmem_cache_alloc_bulk((KmemCache*)_caches[cache], GFP_KERNEL, count, (void**)bulk) != count) Fail("no memory for a bulk");
            else for (int i = 0; i < count; i++) live.Add(Taken(new(bulk[i], s_kinds[cache].Size, (short)cache, (byte)random.Next(256))));
        }
        else if (choice < 500)
        {
            return FreeBulk(random, live, bulk) > 0;
        }
        else if (live.Count == 0)
        {
            return false;
        }
        else
        {
            int index = random.Next(live.Count);
            Item item = live[index];
            if (choice < 530 && item.Cache < 0)
            {
                live[index] = Resize(item, SizeOf(random));
                return true;
            }

            live[index] = live[^1];
            live.RemoveAt(live.Count - 1);
            if (choice < 560) _travelling.Enqueue(item);
            else Free(item);
            if (choice > 975 && _travelling.TryDequeue(out Item other)) Free(other);
            return choice >= 560;
        }

        return true;
    }

    private static int SizeOf(Random random) => 1 + random.Next(random.Next(40) == 0 ? 10_000 : 500);

    private Item Kmalloc(Random random)
    {
        int size = SizeOf(random), choice = random.Next(8);
        gfp_t flags = choice == 0 ? GFP_ATOMIC : choice == 1 ? GFP_KERNEL | __GFP_RECLAIMABLE : GFP_KERNEL;
        var memory = (byte*)(choice == 2 ? kzalloc(size, flags) : kmalloc(size, flags));
        if (choice == 2 && new Span<byte>(memory, size).IndexOfAnyExcept((byte)0) >= 0) Fail("kzalloc gave memory that is not zero");
        return Taken(new((nint)memory, size, -1, (byte)random.Next(256)));
    }

    private Item FromCache(Random random)
    {
        int cache = random.Next(_caches.Length);
        return Taken(new((nint)kmem_cache_alloc((KmemCache*)_caches[cache], GFP_KERNEL), s_kinds[cache].Size, (short)cache, (byte)random.Next(256)));
    }

    private Item Resize(Item item, int size)
    {
        Check(item);
        Mark(item, 1, 0);
        var memory = (nint)krealloc((void*)item.Memory, size, GFP_KERNEL);
        if (new Span<byte>((void*)memory, Math.Min(size, item.Size)).IndexOfAnyExcept(item.Stamp) >= 0) Fail($"krealloc of {item.Size} to {size} bytes lost some");
        return Taken(item with { Memory = memory, Size = size });
    }

    private int FreeBulk(Random random, List<Item> live, nint* bulk)
    {
        // All of one cache, or all of kmalloc, from the end of the list: whatever sizes these are.
        int cache = random.Next(_caches.Length + 1) - 1, count = 0;
        for (int i = live.Count - 1; i >= 0 && count < BulkLimit; i--)
        {
            if (live[i].Cache != cache) continue;
            Check(live[i]);
            Mark(live[i], 1, 0);
            bulk[count++] = live[i].Memory;
            live[i] = live[^1];
            live.RemoveAt(live.Count - 1);
        }

        if (cache < 0) kfree_bulk(count, (void**)bulk);
        else kmem_cache_free_bulk((KmemCache*)_caches[cache], count, (void**)bulk);
        return count;
    }

    private void Free(Item item)
    {
        Check(item);
        Mark(item, 1, 0);
        if (item.Cache < 0) kfree((void*)item.Memory);
        else kmem_cache_free((KmemCache*)_caches[item.Cache], (void*)item.Memory);
    }

    /// <summary>An object that was just handed out: enters it in the model and stamps it behind what its constructor wrote.</summary>
    private Item Taken(Item item)
    {
        if (item.Memory == 0)
        {
            Fail($"no memory for {item.Size} bytes");
            Environment.FailFast("The stress test is out of memory.");
        }

        if (IsConstructed(item) && *(nint*)item.Memory != ~item.Memory) Fail($"object 0x{item.Memory:x} of stress-{item.Cache} lost what its constructor wrote");
        Mark(item, 0, 1);
        Content(item).Fill(item.Stamp);
        return item;
    }

    private void Check(Item item)
    {
        if (Content(item).IndexOfAnyExcept(item.Stamp) >= 0 || (IsConstructed(item) && *(nint*)item.Memory != ~item.Memory))
            Fail($"{item.Size} bytes at 0x{item.Memory:x} were overwritten");
    }

    private void Mark(Item item, byte before, byte after)
    {
        var words = new Span<byte>(_model + (item.Memory - (nint)_start) / 8, (item.Size + 7) / 8);
        if (words.IndexOfAnyExcept(before) >= 0) Fail(before == 0 ? $"{item.Size} bytes at 0x{item.Memory:x} were handed out twice" : $"0x{item.Memory:x} is freed and was not live");
        words.Fill(after);
    }

    private static bool IsConstructed(Item item) => item.Cache >= 0 && s_kinds[item.Cache].Constructed;

    private static Span<byte> Content(Item item)
    {
        int head = IsConstructed(item) ? sizeof(nint) : 0;
        return new((void*)(item.Memory + head), item.Size - head);
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
