using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>One test for each call on caches, on the kernel face, with what each refuses.</summary>
[Collection("alone")]
public unsafe class SlabCallTests
{
    private static int s_constructed;

    [Fact]
    public void kmem_cache_create_MakesACacheThatDestroyTakesBack()
    {
        kmem_cache* cache = kmem_cache_create("task_struct", 1000, 0, SLAB_HWCACHE_ALIGN);
        Assert.Equal(1000u, kmem_cache_size(cache));
        void* task = kmem_cache_alloc(cache, GFP_KERNEL);
        Assert.Equal(0, (nint)task % 64);
        Assert.Contains("is a task_struct object", KernelMemory.Default.Describe(task));
        kmem_cache_free(cache, task);
        kmem_cache_destroy(cache);
        Bug("the cache was destroyed", () => kmem_cache_alloc(cache, GFP_KERNEL));
        kmem_cache_destroy(null);
    }

    [Theory]
    [InlineData("", 10, 0)]
    [InlineData("zero", 0, 0)]
    [InlineData("huge", 5 << 20, 0)]
    [InlineData("askew", 64, 48)]
    public void kmem_cache_create_BadArguments_IsNullWithAWarning(string name, int size, int align)
    {
        KernelReport report = Assert.Single(Reports(() => Assert.True(kmem_cache_create(name, size, align, 0) == null)));
        Assert.Contains("integrity check failed", report.Text);
        Bug("failed to create slab", () => kmem_cache_create(name, size, align, SLAB_PANIC));
    }

    [Fact]
    public void kmem_cache_create_ctor_RunsOnceForEachObject()
    {
        kmem_cache* cache = kmem_cache_create("constructed", 64, 0, 0, &Construct);
        var seen = new HashSet<nint>();
        void** objects = stackalloc void*[200];
        for (int round = 0; round < 3; round++)
        {
            Assert.Equal(200, kmem_cache_alloc_bulk(cache, GFP_KERNEL, 200, objects));
            for (int i = 0; i < 200; i++)
            {
                seen.Add((nint)objects[i]);
                Assert.Equal(0x600D, *(int*)objects[i]);
            }

            kmem_cache_free_bulk(cache, 200, objects);
        }

        Assert.InRange(s_constructed, seen.Count, seen.Count + 200);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void kmem_cache_create_delegate_KeepsTheConstructorAlive()
    {
        int value = 1234;
        kmem_cache* cache = kmem_cache_create_delegate("managed_ctor", 32, 0, 0, obj => *(int*)obj = value);
        GC.Collect();
        void* obj = kmem_cache_alloc(cache, GFP_KERNEL);
        Assert.Equal(1234, *(int*)obj);
        kmem_cache_free(cache, obj);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void kmem_cache_alloc_ManyObjects_DoNotOverlap()
    {
        kmem_cache* cache = kmem_cache_create("stamped", 88, 0, 0);
        var live = new nint[5000];
        for (int i = 0; i < live.Length; i++)
        {
            live[i] = (nint)kmem_cache_alloc(cache, GFP_KERNEL);
            new Span<int>((void*)live[i], 22).Fill(i);
        }

        for (int i = 0; i < live.Length; i++)
        {
            Assert.Equal(-1, new Span<int>((void*)live[i], 22).IndexOfAnyExcept(i));
            kmem_cache_free(cache, (void*)live[i]);
        }

        Assert.Equal(0, kmem_cache_shrink(cache));
        Sound(KernelMemory.Default);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void kmem_cache_zalloc_ReadsAsZero()
    {
        kmem_cache* cache = kmem_cache_create("zeroed", 120, 0, 0);
        void* dirty = kmem_cache_alloc(cache, GFP_KERNEL);
        new Span<byte>(dirty, 120).Fill(0xFF);
        kmem_cache_free(cache, dirty);
        void* zeroed = kmem_cache_zalloc(cache, GFP_KERNEL);
        Assert.Equal(-1, new Span<byte>(zeroed, 120).IndexOfAnyExcept((byte)0));
        kmem_cache_free(cache, zeroed);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void kmem_cache_free_WrongCache_IsABugThatNamesBoth()
    {
        kmem_cache* apples = kmem_cache_create("apples", 64, 0, 0);
        kmem_cache* pears = kmem_cache_create("pears", 64, 0, 0);
        void* apple = kmem_cache_alloc(apples, GFP_KERNEL);
        Bug("Wrong slab cache. pears but object is from apples", () => kmem_cache_free(pears, apple));
        int local = 0;
        nuint stack = (nuint)(&local);
        Bug("No slab cache for object", () => kmem_cache_free(pears, (void*)stack));
        kmem_cache_free(apples, apple);
        Bug("double free", () => kmem_cache_free(apples, apple));
        kmem_cache_free(apples, null);
        kmem_cache_destroy(apples);
        kmem_cache_destroy(pears);
    }

    [Fact]
    public void kmem_cache_destroy_LiveObject_IsABugAndTheCacheLivesOn()
    {
        kmem_cache* cache = kmem_cache_create("leaky", 200, 0, 0);
        void* leaked = kmem_cache_alloc(cache, GFP_KERNEL);
        Bug($"Object 0x{(nuint)leaked:x} @offset=", () => kmem_cache_destroy(cache));
        Bug("Slab cache still has 1 object", () => kmem_cache_destroy(cache));
        kmem_cache_free(cache, leaked);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void kmem_cache_destroy_ObjectsFreedByOtherThreads_AreFound()
    {
        kmem_cache* cache = kmem_cache_create("travellers", 48, 0, 0);
        nint address = (nint)cache;
        var done = new ManualResetEventSlim();
        var threads = new Thread[3];
        for (int t = 0; t < threads.Length; t++)
        {
            threads[t] = new Thread(() =>
            {
                var objects = new nint[300];
                for (int i = 0; i < objects.Length; i++) objects[i] = (nint)kmem_cache_alloc((KmemCache*)address, GFP_KERNEL);
                foreach (nint obj in objects) kmem_cache_free((KmemCache*)address, (void*)obj);
                done.Wait();
            });
            threads[t].Start();
        }

        Thread.Sleep(100);
        foreach (Thread thread in threads) Assert.True(thread.IsAlive);
        kmem_cache_destroy(cache);
        done.Set();
        foreach (Thread thread in threads) thread.Join();
        Sound(KernelMemory.Default);
    }

    [Fact]
    public void kmem_cache_create_TenThousandCaches()
    {
        var caches = new nint[10_000];
        for (int i = 0; i < caches.Length; i++)
        {
            kmem_cache* cache = kmem_cache_create($"many-{i}", 40, 0, 0);
            caches[i] = (nint)cache;
            void* obj = kmem_cache_alloc(cache, GFP_KERNEL);
            *(int*)obj = i;
            kmem_cache_free(cache, obj);
        }

        foreach (nint cache in caches) kmem_cache_destroy((KmemCache*)cache);
        Sound(KernelMemory.Default);
    }

    [Fact]
    public void kmem_cache_alloc_bulk_IsAllOrNothing()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, megabytes: 8);
        KmemCache* cache = memory.CreateCache("bulk-small", 4096);
        var objects = new nint[3000];
        ulong before = memory.FreeBytes;
        fixed (nint* p = objects)
        {
            Assert.Equal(0, kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_NOWARN, objects.Length, (void**)p));
            memory.Shrink();
            Assert.Equal(before, memory.FreeBytes);
            Assert.Equal(500, kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_ZERO, 500, (void**)p));
            Assert.Equal(500, objects.Take(500).Distinct().Count());
            Assert.All(objects.Take(500), obj => Assert.Equal(-1, new Span<byte>((void*)obj, 4096).IndexOfAnyExcept((byte)0)));
            kmem_cache_free_bulk(cache, 500, (void**)p);
        }

        memory.DestroyCache(cache);
        Sound(memory);
    }

    [Theory]
    [InlineData(48, 1)]
    [InlineData(48, 64)]
    [InlineData(48, 1000)]
    [InlineData(1000, 54)]
    [InlineData(1000, 64)]
    [InlineData(6000, 100)]
    public void kmem_cache_alloc_bulk_OnSheaves_GivesDistinctObjects(int size, int count)
    {
        kmem_cache* cache = kmem_cache_create("bulk-sheaves", size, 0, 0);
        var seen = new HashSet<nint>();
        var objects = new nint[count];
        fixed (nint* p = objects)
        {
            for (int round = 0; round < 20; round++)
            {
                Assert.Equal(count, kmem_cache_alloc_bulk(cache, GFP_KERNEL, count, (void**)p));
                seen.Clear();
                Assert.All(objects, obj => Assert.True(obj != 0 && seen.Add(obj)));
                kmem_cache_free_bulk(cache, count, (void**)p);
            }
        }

        kmem_cache_destroy(cache);
    }

    [Theory]
    [InlineData(48)]
    [InlineData(1000)]
    public void kmem_cache_free_bulk_SameObjectTwiceInARow_IsABugWhereverASheafEnds(int size)
    {
        const int Count = 200;
        kmem_cache* cache = kmem_cache_create("bulk-twice", size, 0, 0);
        void** objects = stackalloc void*[Count + 1];
        for (int twice = 0; twice < Count; twice++)
        {
            Assert.Equal(Count, kmem_cache_alloc_bulk(cache, GFP_KERNEL, Count, objects));
            for (int i = Count; i > twice; i--) objects[i] = objects[i - 1];
            Bug("Object already free", () => kmem_cache_free_bulk(cache, Count + 1, objects));

            // What the report cut off, with gaps: null is ignored.
            for (int i = twice + 2; i <= Count; i += 3)
            {
                kmem_cache_free(cache, objects[i]);
                objects[i] = null;
            }

            kmem_cache_free_bulk(cache, Count - 1 - twice, objects + twice + 2);
        }

        kmem_cache_destroy(cache);
    }

    [Fact]
    public void BulkCalls_WithInterruptsOff_AreWarnings_AndDoTheirWork() => Cpu.Run(() =>
    {
        kmem_cache* cache = kmem_cache_create("bulk-irq", 100, 0, 0);
        void** objects = stackalloc void*[4];
        local_irq_disable();
        List<KernelReport> reports = Reports(() =>
        {
            Assert.Equal(4, kmem_cache_alloc_bulk(cache, GFP_ATOMIC, 4, objects));
            kmem_cache_free_bulk(cache, 4, objects);
        });
        local_irq_enable();
        Assert.Equal(["WARNING: kmem_cache_alloc_bulk with interrupts disabled", "WARNING: kmem_cache_free_bulk with interrupts disabled"], reports.Select(report => report.Text));
        kmem_cache_destroy(cache);
    });

    [Fact]
    public void kmem_cache_free_bulk_WrongObject_IsABug()
    {
        kmem_cache* cache = kmem_cache_create("bulk-wrong", 48, 0, 0);
        nint* objects = stackalloc nint[3];
        objects[0] = (nint)kmem_cache_alloc(cache, GFP_KERNEL);
        objects[1] = (nint)kmalloc(48, GFP_KERNEL);
        objects[2] = (nint)kmem_cache_alloc(cache, GFP_KERNEL);
        Bug("Wrong slab cache. bulk-wrong but object is from kmalloc-64", () => kmem_cache_free_bulk(cache, 3, (void**)objects));
        kfree((void*)objects[1]);
        kmem_cache_free(cache, (void*)objects[2]);
        kmem_cache_destroy(cache);
    }

    private static void Construct(void* obj)
    {
        Interlocked.Increment(ref s_constructed);
        *(int*)obj = 0x600D;
    }
}
