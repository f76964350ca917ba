using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>How large slabs are and what is in them, what is kept, and what goes back to the page allocator.</summary>
[Collection("alone")]
public unsafe class CacheGeometryTests
{
    /// <summary>Objects and pages of a slab as a running kernel with two CPUs has them.</summary>
    [Theory]
    [InlineData(96, 42, 1)]
    [InlineData(1024, 16, 4)]
    [InlineData(8192, 4, 8)]
    [InlineData(5824, 5, 8)]
    public void Order_IsTheRunningKernels(uint size, int objects, int pages)
    {
        int order = SlabAllocator.OrderFor(size, 2);
        Assert.Equal(pages, 1 << order);
        Assert.Equal(objects, (pages << 12) / (int)size);
    }

    [Fact]
    public void Order_FollowsTheWasteRule()
    {
        for (uint size = 8; size <= 200_000; size += size < 20_000 ? 8u : 1000u)
        {
            int order = SlabAllocator.OrderFor(size, 2);
            uint bytes = 4096u << order, waste = bytes % size;
            if (size > 32_768)
            {
                Assert.True(bytes >= size && bytes / 2 < size);
                continue;
            }

            // As many objects as the rule wants, if the largest usual order holds them.
            Assert.True(order <= 3 && bytes / size >= Math.Min(12, 32_768 / size), $"size {size}: order {order}");
            uint fraction = 16;
            while (waste > bytes / fraction) fraction /= 2;
            Assert.True(fraction >= 2, $"size {size}: {waste} of {bytes} wasted");

            // No smaller order that is allowed is as good, and no other is better than this one's step.
            for (int other = 0; other <= 3; other++)
            {
                uint otherBytes = 4096u << other;
                if (otherBytes / size < Math.Min(12, 32_768 / size)) continue;
                if (other < order) Assert.True(otherBytes % size > otherBytes / fraction, $"size {size}: order {other} would do");
                if (fraction < 16) Assert.True(otherBytes % size > otherBytes / (fraction * 2), $"size {size}: order {other} is better");
            }
        }
    }

    [Fact]
    public void NewSlab_WithoutALargeBlock_TakesTheSmallestOrder()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, megabytes: 16);

        // All memory in single pages; every other one goes back, so that no larger block is free.
        var pages = new List<nint>();
        for (Page* page; (page = memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.MemAlloc | GfpFlags.NoWarn, 0)) != null;) pages.Add((nint)page);
        foreach (nint page in pages)
        {
            if ((memory.Memory.FrameOf((Page*)page) & 1) == 0) memory.FreePages((Page*)page, 0);
        }

        KmemCache* cache = memory.CreateCache("short-of-memory", 1000);
        Assert.Equal(2, cache->Order);
        var objects = new List<nint>();
        for (int i = 0; i < 40; i++) objects.Add((nint)memory.CacheAlloc(cache));
        Assert.Equal(10, memory.StatisticsOf(cache).Slabs);
        Assert.Equal(40, memory.StatisticsOf(cache).Objects);
        Sound(memory);
        foreach (nint obj in objects) memory.CacheFree(cache, (void*)obj);
        Sound(memory);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(3000)]
    [InlineData(100_000)]
    [InlineData(4 << 20)]
    public void EmptySlabs_BeyondMinPartial_GoBackAtOnce(int size)
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, megabytes: 256);
        ulong before = memory.FreeBytes;
        KmemCache* cache = memory.CreateCache("emptied", (nuint)size);
        int minPartial = Math.Clamp(System.Numerics.BitOperations.Log2(cache->Size) / 2, 5, 10);
        var objects = new nint[40 * cache->ObjectsPerSlab];
        for (int i = 0; i < objects.Length; i++) objects[i] = (nint)memory.CacheAlloc(cache);
        Assert.Equal(40, memory.StatisticsOf(cache).FullSlabs);
        foreach (nint obj in objects) memory.CacheFree(cache, (void*)obj);
        Assert.Equal((0, 0, minPartial), Slabs(memory, cache));
        Assert.Equal(before - ((ulong)minPartial << cache->Order << 12), memory.FreeBytes);
        kmem_cache_shrink(cache);
        Assert.Equal((0, 0, 0), Slabs(memory, cache));
        Assert.Equal(before, memory.FreeBytes);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(300)]
    [InlineData(4096)]
    [InlineData(30_000)]
    [InlineData(100_000)]
    [InlineData(300_000)]
    [InlineData(4 << 20)]
    public void Barn_KeepsAMebibyteAtMost_ThreadsTwoSheaves(int size)
    {
        kmem_cache* cache = kmem_cache_create($"barn-{size}", size, 0, 0);
        var objects = new nint[Math.Min(40_000, (48 << 20) / size)];
        for (int i = 0; i < objects.Length; i++) objects[i] = (nint)kmem_cache_alloc(cache, GFP_KERNEL);
        foreach (nint obj in objects) kmem_cache_free(cache, (void*)obj);
        Assert.InRange((long)cache->FullSheaves * cache->SheafCapacity * cache->Size, 0, 1 << 20);
        CacheStatistics kept = KernelMemory.Default.StatisticsOf(cache);
        Assert.InRange(kept.ActiveObjects, 0, (cache->FullSheaves + 2) * cache->SheafCapacity);
        if (size > 128 << 10) Assert.InRange(kept.ActiveObjects, 0, 2 + ((1 << 20) / size));
        Assert.InRange(kept.EmptySlabs, 0, cache->MinPartial);
        kmem_cache_shrink(cache);
        Assert.Equal(0, KernelMemory.Default.StatisticsOf(cache).Slabs);
        kmem_cache_destroy(cache);
    }

    /// <summary>The constructor runs once for each object of a slab, however often the object is used; a new slab is constructed anew.</summary>
    [Fact]
    public void Constructor_RunsOncePerObjectPerSlab()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        var runs = new Dictionary<nint, int>();
        KmemCache* cache = memory.CreateCache("inode", 500, 0, SlabFlags.None, obj =>
        {
            runs[(nint)obj] = runs.GetValueOrDefault((nint)obj) + 1;
            *(long*)obj = 42;
        });
        int slabs = 3, objects = slabs * cache->ObjectsPerSlab;
        var live = new nint[objects];
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < objects; i++)
            {
                live[i] = (nint)memory.CacheAlloc(cache);
                Assert.Equal(42, *(long*)live[i]);
            }

            foreach (nint obj in live) memory.CacheFree(cache, (void*)obj);
        }

        Assert.Equal(objects, runs.Count);
        Assert.All(runs.Values, count => Assert.Equal(1, count));

        // The slabs go and come again: once more for each.
        kmem_cache_shrink(cache);
        runs.Clear();
        for (int i = 0; i < objects; i++) live[i] = (nint)memory.CacheAlloc(cache);
        Assert.Equal(objects, runs.Count);
        Assert.All(runs.Values, count => Assert.Equal(1, count));
    }

    [Fact]
    public void Names_ThatAreTaken_OrHaveBlanks_AreWarnings()
    {
        kmem_cache* first = kmem_cache_create("twice", 8, 0, 0), second = null, blank = null;
        Assert.Equal("WARNING: kmem_cache of name 'twice' already exists", Assert.Single(Reports(() => second = kmem_cache_create("twice", 8, 0, 0))).Text);
        Assert.Contains("has blanks", Assert.Single(Reports(() => blank = kmem_cache_create("a name", 8, 0, 0))).Text);
        Assert.True(first != null && second != null && blank != null);
        kmem_cache_destroy(first);
        kmem_cache_destroy(second);
        kmem_cache_destroy(blank);
        kmem_cache* again = null;
        Assert.Empty(Reports(() => again = kmem_cache_create("twice", 8, 0, 0)));
        kmem_cache_destroy(again);
    }

    [Fact]
    public void Creation_InAnInterrupt_IsRefused()
    {
        List<KernelReport> reports;
        BugPolicy policy = KernelReports.Policy;
        KernelReports.Policy = BugPolicy.Log;
        local_bh_disable();
        try
        {
            reports = Reports(() => Assert.True(kmem_cache_create("in-interrupt", 8, 0, 0) == null));
        }
        finally
        {
            local_bh_enable();
            KernelReports.Policy = policy;
        }

        Assert.Contains(reports, report => report.Text.Contains("kmem_cache_create(in-interrupt) integrity check failed"));
    }

    private static (int Full, int Partial, int Empty) Slabs(KernelMemory memory, KmemCache* cache)
    {
        CacheStatistics now = memory.StatisticsOf(cache);
        return (now.FullSlabs, now.PartialSlabs, now.EmptySlabs);
    }
}
