using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Corners of kmalloc's family that its callers rely on.</summary>
public unsafe class CallContractTests
{
    [ThreadStatic]
    private static List<gfp_t>? t_asked;

    [Fact]
    public void PowersOfTwo_AreAlignedToThemselves_OtherSizesToTheirLargestPowerOfTwo()
    {
        for (int size = 1; size <= 1 << 20; size = size < 9000 ? size + 8 - (size % 8) + (size / 64 * 8) : size * 2)
        {
            void* first = kmalloc(size, GFP_KERNEL), second = kmalloc(size, GFP_KERNEL);
            nuint alignment = (nuint)Math.Max(8, size & -size);
            Assert.True((nuint)first % alignment == 0 && (nuint)second % alignment == 0, $"size {size}");
            kfree(first);
            kfree(second);
        }
    }

    [Fact]
    public void ZeroSizePtr_IsAcceptedWhereverMemoryIs()
    {
        Assert.True(kmalloc(0, GFP_KERNEL) == (void*)16);
        Assert.True(krealloc(null, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
        Assert.True(kcalloc(0, 8, GFP_KERNEL) == ZERO_SIZE_PTR);
        void* memory = krealloc(ZERO_SIZE_PTR, 100, GFP_KERNEL);
        Assert.Equal((nuint)128, ksize(memory));
        Assert.True(krealloc(memory, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
        kfree_sensitive(ZERO_SIZE_PTR);
        kvfree(ZERO_SIZE_PTR);
    }

    [Fact]
    public void Products_ThatOverflow_AreNull_AndTheOldMemoryIsKept()
    {
        var memory = (byte*)kmalloc(64, GFP_KERNEL);
        memory[63] = 9;
        Assert.True(krealloc_array(memory, nuint.MaxValue / 8, 16, GFP_KERNEL | __GFP_NOWARN) == null);
        Assert.Equal(9, memory[63]);
        Assert.True(kvcalloc(nuint.MaxValue / 2, 3, GFP_KERNEL | __GFP_NOWARN) == null);

        // 2^32 * 2^32 is 0 in 64 bits: it must not come out as ZERO_SIZE_PTR.
        Assert.True(kmalloc_array((nuint)1 << 32, (nuint)1 << 32, GFP_KERNEL | __GFP_NOWARN) == null);
        kfree(memory);
    }

    [Fact]
    public void FreeBulk_WithoutACache_TakesObjectsOfAnyClass()
    {
        void** objects = stackalloc void*[5];
        for (int i = 0; i < 5; i++) objects[i] = kmalloc(20 << (i * 2), GFP_KERNEL);
        kmem_cache_free_bulk(null, 5, objects);
    }

    [Fact]
    public void Kvmalloc_FallsBackOverAPage_AndOnlyIfItMaySleep()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        memory.FailSlab.Parse("1,100,0,-1");
        memory.FailSlab.Verbose = false;

        // Over a page the first try may not wait, so it can fail; then vmalloc serves.
        void* large = memory.KvmallocSystem.Allocate(5000, GFP_KERNEL);
        Assert.True(memory.VmallocSystem.Contains((nuint)large));
        memory.KvmallocSystem.Free(large);
        Assert.True(memory.KvmallocSystem.Allocate(5000, GFP_NOWAIT) == null);

        // Up to a page there is no second way.
        Assert.True(memory.KvmallocSystem.Allocate(4096, GFP_NOWAIT) == null);
        void* small = memory.KvmallocSystem.Allocate(4096, GFP_KERNEL);
        Assert.True(small != null && !memory.VmallocSystem.Contains((nuint)small));
        memory.FailSlab.Probability = 0;
        memory.KvmallocSystem.Free(small);
        Sound(memory);
    }

    [Fact]
    public void Mempool_TriesWithoutEffortFirst()
    {
        t_asked = [];
        mempool_t* pool = mempool_create(1, &Ask, &Give, null);
        t_asked.Clear();
        mempool_free(mempool_alloc(pool, GFP_NOIO), pool);
        gfp_t first = Assert.Single(t_asked);
        Assert.Equal((gfp_t)0, first & (__GFP_DIRECT_RECLAIM | __GFP_IO));
        Assert.Equal(__GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN, first & (__GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN));
        mempool_destroy(pool);
    }

    private static void* Ask(gfp_t flags, void* data)
    {
        t_asked!.Add(flags);
        return t_asked.Count == 1 ? kmalloc(32, GFP_KERNEL) : null;
    }

    private static void Give(void* element, void* data) => kfree(element);
}
