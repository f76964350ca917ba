using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>mempool_*, and freeing after a grace period.</summary>
public unsafe class MempoolCallTests
{
    [ThreadStatic]
    private static int t_left;

    [Fact]
    public void mempool_alloc_TakesTheReserveOnlyWhenTheAllocatorFails()
    {
        t_left = 3 + 2;
        mempool_t* pool = mempool_create(3, &Limited, &Give, null);
        Assert.True(pool != null);
        var taken = new List<nint>();
        for (int i = 0; i < 5; i++) taken.Add((nint)mempool_alloc(pool, GFP_ATOMIC));
        Assert.All(taken, element => Assert.NotEqual(0, element));
        Assert.True(mempool_alloc(pool, GFP_ATOMIC) == null);

        // The first three fill the reserve, the others go to the allocator.
        foreach (nint element in taken) mempool_free((void*)element, pool);
        Assert.Equal(2, t_left);
        mempool_free(null, pool);
        mempool_destroy(pool);
        Assert.Equal(5, t_left);
    }

    [Fact]
    public void mempool_create_WithoutMemory_IsNullAndKeepsNothing()
    {
        t_left = 2;
        Assert.True(mempool_create(3, &Limited, &Give, null) == null);
        Assert.Equal(2, t_left);
    }

    [Fact]
    public void mempool_alloc_ThatMaySleep_WaitsForAFree()
    {
        mempool_t* pool = mempool_create(1, &Never, &Give, null);
        Assert.True(pool == null);
        t_left = 1;
        pool = mempool_create(1, &Limited, &Give, null);
        nint only = (nint)mempool_alloc(pool, GFP_NOIO);
        nint address = (nint)pool, got = 0;
        var waiter = new Thread(() => got = (nint)mempool_alloc((mempool_t*)address, GFP_NOIO));
        waiter.Start();
        Assert.False(waiter.Join(100));
        mempool_free((void*)only, pool);
        Assert.True(waiter.Join(TimeSpan.FromSeconds(20)));
        Assert.Equal(only, got);
        mempool_free((void*)got, pool);
        mempool_destroy(pool);
    }

    [Fact]
    public void mempool_resize_GrowsAndShrinksTheReserve()
    {
        t_left = 10;
        mempool_t* pool = mempool_create(2, &Limited, &Give, null);
        Assert.Equal(0, mempool_resize(pool, 6));
        Assert.Equal(4, t_left);
        Assert.Equal(0, mempool_resize(pool, 1));
        Assert.Equal(9, t_left);
        mempool_destroy(pool);
        Assert.Equal(10, t_left);
    }

    [Fact]
    public void mempool_alloc_Zeroed_IsAWarning()
    {
        mempool_t* pool = mempool_create_kmalloc_pool(1, 100);
        void* element = null;
        Assert.Contains("__GFP_ZERO", Assert.Single(Reports(() => element = mempool_alloc(pool, GFP_KERNEL | __GFP_ZERO))).Text);
        mempool_free(element, pool);
        mempool_destroy(pool);
    }

    [Fact]
    public void mempool_free_Twice_IsABug_AndTheElementIsReservedOnce()
    {
        mempool_t* pool = mempool_create_kmalloc_pool(2, 64);
        void* first = MemoryPool.TakeReserved(pool), second = MemoryPool.TakeReserved(pool);
        mempool_free(first, pool);
        Bug("mempool_free(", () => mempool_free(first, pool));
        Assert.Equal(1, pool->Count);
        mempool_free(second, pool);
        Assert.Equal(2, pool->Count);
        mempool_destroy(pool);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(700)]
    public void mempool_free_OfAPoisoningCache_PoisonsWhatGoesIntoTheReserve(int size)
    {
        kmem_cache* cache = kmem_cache_create($"mempool-poison-{size}", (nuint)size, 0, SlabFlags.Poison | SlabFlags.RedZone);
        mempool_t* pool = mempool_create_slab_pool(2, cache);
        var first = (byte*)MemoryPool.TakeReserved(pool);
        Assert.True(new Span<byte>(first, size).IndexOfAnyExcept((byte)0x5a) < 0);
        mempool_free(first, pool);
        Assert.Equal(0xa5, first[size - 1]);
        Assert.True(new Span<byte>(first, size - 1).IndexOfAnyExcept((byte)0x6b) < 0);

        first[size / 2] = 0x11;
        Bug("First byte 0x11", () => MemoryPool.TakeReserved(pool));
        Assert.Equal(2, pool->Count);

        // Put right, so that the next one gets a sound element.
        var next = (byte*)MemoryPool.TakeReserved(pool);
        Assert.True(new Span<byte>(next, size).IndexOfAnyExcept((byte)0x5a) < 0);
        mempool_free(next, pool);
        mempool_destroy(pool);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void mempool_destroy_AfterAWriteIntoTheReserve_IsABug_AndAllIsFreed()
    {
        kmem_cache* cache = kmem_cache_create("mempool-late", 48, 0, SlabFlags.Poison);
        mempool_t* pool = mempool_create_slab_pool(3, cache);
        void* element = MemoryPool.TakeReserved(pool);
        mempool_free(element, pool);
        ((byte*)element)[47] = 0;
        KernelBugException bug = Assert.Throws<KernelBugException>(() => mempool_destroy(pool));
        Assert.Contains("mempool element poison mismatch: used after mempool_free", bug.Message);
        Assert.Contains("@offset=47. First byte 0x0 instead of 0xa5", bug.Message);
        Assert.Empty(Reports(() => kmem_cache_destroy(cache)));
    }

    [Fact]
    public void mempool_resize_AfterAWriteIntoTheReserve_IsABug_AndTheReserveIsSmaller()
    {
        kmem_cache* cache = kmem_cache_create("mempool-shrinks", 48, 0, SlabFlags.Poison);
        mempool_t* pool = mempool_create_slab_pool(3, cache);
        void* element = MemoryPool.TakeReserved(pool);
        mempool_free(element, pool);
        *(int*)element = 5;
        Bug("mempool element poison mismatch", () => mempool_resize(pool, 1));
        Assert.Equal((1, 1), (pool->Count, pool->Minimum));
        mempool_destroy(pool);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void mempool_free_OfOtherMemory_LeavesItAlone()
    {
        mempool_t* pool = mempool_create(1, &Untouched, &Give, null);
        t_left = 0;
        var element = (long*)MemoryPool.TakeReserved(pool);
        *element = 42;
        mempool_free(element, pool);
        Assert.Equal(42, *element);
        mempool_destroy(pool);
        pool = mempool_create_kmalloc_pool(1, 64);
        element = (long*)MemoryPool.TakeReserved(pool);
        *element = 42;
        mempool_free(element, pool);
        Assert.Equal(42, *element);
        mempool_destroy(pool);
    }

    [Fact]
    public void mempool_create_slab_pool_OfACacheWithConstructor_IsABug()
    {
        kmem_cache* cache = kmem_cache_create_delegate("mempool-ctor", 64, 0, 0, obj => *(long*)obj = 1);
        Bug("constructor", () => mempool_create_slab_pool(1, cache));
        kmem_cache_destroy(cache);
        cache = kmem_cache_create("mempool-plain", 64, 0, 0);
        mempool_t* pool = mempool_create_slab_pool(4, cache);
        mempool_free(mempool_alloc(pool, GFP_KERNEL), pool);
        mempool_destroy(pool);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void kfree_rcu_FreesAfterTheReadersHaveLeft()
    {
        kmem_cache* cache = kmem_cache_create("rcu-object", 128, 0, 0);
        void* obj = kmem_cache_alloc(cache, GFP_KERNEL);
        using var inside = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var reader = new Thread(() =>
        {
            rcu_read_lock();
            inside.Set();
            while (!leave.IsSet) Thread.SpinWait(100);
            rcu_read_unlock();
        });
        reader.Start();
        inside.Wait();
        kfree_rcu(obj, (rcu_head*)obj);
        Thread.Sleep(50);
        Bug("Slab cache still has 1 object", () => kmem_cache_destroy(cache));
        leave.Set();
        reader.Join();
        rcu_barrier();
        kmem_cache_destroy(cache);
        kfree_rcu(null, null);
        kfree_rcu_mightsleep(kmalloc(10, GFP_KERNEL));
    }

    private static void* Limited(gfp_t flags, void* data)
    {
        if (t_left == 0) return null;
        t_left--;
        return kmalloc(32, flags);
    }

    private static void* Untouched(gfp_t flags, void* data) => kmalloc(32, flags);

    private static void* Never(gfp_t flags, void* data) => null;

    private static void Give(void* element, void* data)
    {
        t_left++;
        kfree(element);
    }
}
