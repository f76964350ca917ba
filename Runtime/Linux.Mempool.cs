// The kernel face: memory pools, and freeing after a grace period.
//
// A pool's allocation never fails if it may sleep (GFP_NOIO and the like): it waits for a free. In atomic context it takes from the reserve or is null.

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary>Creates a reserve of elements (<c>mempool_create</c>). May sleep.</summary>
    /// <param name="min_nr">Elements in reserve, at least 1; all are allocated now.</param>
    /// <param name="alloc_fn">Allocates an element, or returns null. Obeys its flags.</param>
    /// <param name="free_fn">Frees one: the element, then the pool's data. Never sleeps.</param>
    /// <param name="pool_data">Handed to both.</param>
    /// <returns>The pool, or null: no memory.</returns>
    [MightSleep]
    [return: Allocates("mempool_descriptor", FreedBy = nameof(mempool_destroy), MayReturnNull = true)]
    public static mempool_t* mempool_create(int min_nr, delegate*<gfp_t, void*, void*> alloc_fn, delegate*<void*, void*, void> free_fn, void* pool_data) =>
        CreateMempool(min_nr, alloc_fn, free_fn, pool_data, 0);

    private static mempool_t* CreateMempool(int min_nr, delegate*<gfp_t, void*, void*> alloc_fn, delegate*<void*, void*, void> free_fn, void* pool_data, int poisoned)
    {
        MightSleep.Check();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(min_nr);
        var pool = (mempool_t*)KmallocSystem.Allocate((nuint)sizeof(mempool_t), GFP_KERNEL);
        if (pool == null || MemoryPool.Initialize(pool, min_nr, alloc_fn, free_fn, pool_data, poisoned, KmallocSystem)) return pool;
        KmallocSystem.Free(pool);
        return null;
    }

    /// <summary>A reserve of a cache's objects (<c>mempool_create_slab_pool</c>). May sleep.</summary>
    /// <param name="min_nr">Elements in reserve, at least 1.</param>
    /// <param name="kc">The cache. One with a constructor is a BUG: elements in reserve are not in their initial state.</param>
    /// <returns>The pool, or null: no memory.</returns>
    [MightSleep]
    [return: Allocates("mempool_descriptor", FreedBy = nameof(mempool_destroy), MayReturnNull = true)]
    public static mempool_t* mempool_create_slab_pool(int min_nr, kmem_cache* kc)
    {
        if (SlabAllocator.Of(kc, nameof(mempool_create_slab_pool)) is null) return null;
        if (kc->Constructor != null) KernelReports.Bug("BUG: mempool_create_slab_pool: the cache has a constructor, which elements in reserve do not go through", (nuint)kc);
        return CreateMempool(min_nr, &FromCache, &ToCache, kc, SlabAllocator.IsPoisoned(kc) ? (int)kc->ObjectSize : 0);

        static void* FromCache(gfp_t flags, void* cache) => kmem_cache_alloc((kmem_cache*)cache, flags);
        static void ToCache(void* element, void* cache) => kmem_cache_free((kmem_cache*)cache, element);
    }

    /// <summary>A reserve of kmalloc memory of one size (<c>mempool_create_kmalloc_pool</c>). May sleep.</summary>
    /// <param name="min_nr">Elements in reserve, at least 1.</param>
    /// <param name="size">Bytes of one.</param>
    /// <returns>The pool, or null: no memory.</returns>
    [MightSleep]
    [return: Allocates("mempool_descriptor", FreedBy = nameof(mempool_destroy), MayReturnNull = true)]
    public static mempool_t* mempool_create_kmalloc_pool(int min_nr, size_t size)
    {
        return CreateMempool(min_nr, &FromKmalloc, &ToKmalloc, (void*)size.Value, KmallocSystem.IsPoisoned(size.Value) ? (int)size.Value : 0);

        static void* FromKmalloc(gfp_t flags, void* size) => kmalloc((nuint)size, flags);
        static void ToKmalloc(void* element, void* size) => kfree(element);
    }

    /// <summary>Allocates an element (<c>mempool_alloc</c>).</summary>
    /// <param name="pool">The pool.</param>
    /// <param name="gfp_mask">How; with <c>__GFP_DIRECT_RECLAIM</c> the call waits until there is one. <c>__GFP_ZERO</c> is a WARN.</param>
    /// <returns>The element; null only if the call may not sleep.</returns>
    [MightSleepIf(nameof(gfp_mask))]
    [return: Allocates("mempool", FreedBy = nameof(mempool_free), Cache = nameof(pool), Flags = nameof(gfp_mask), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.DirectReclaim)]
    public static void* mempool_alloc(mempool_t* pool, gfp_t gfp_mask) => MemoryPool.Allocate(pool, gfp_mask);

    /// <summary>Frees an element (<c>mempool_free</c>): refills the reserve first. Never sleeps.</summary>
    /// <param name="element">The element; null is ignored.</param>
    /// <param name="pool">The pool.</param>
    public static void mempool_free([Frees("mempool", Cache = nameof(pool))] void* element, mempool_t* pool) => MemoryPool.Free(pool, element);

    /// <summary>Changes the size of the reserve (<c>mempool_resize</c>). May sleep. One resize at a time.</summary>
    /// <param name="pool">The pool.</param>
    /// <param name="new_min_nr">Elements in reserve, at least 1.</param>
    /// <returns>0, or <c>-ENOMEM</c>: the pool is as before.</returns>
    [MightSleep]
    public static int mempool_resize(mempool_t* pool, int new_min_nr)
    {
        MightSleep.Check();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(new_min_nr);
        return MemoryPool.Resize(pool, new_min_nr, KmallocSystem) ? 0 : -ENOMEM;
    }

    /// <summary>Destroys a pool (<c>mempool_destroy</c>). All elements must have been freed. May sleep.</summary>
    /// <param name="pool">The pool; null is ignored.</param>
    [MightSleep]
    public static void mempool_destroy([Frees("mempool_descriptor")] mempool_t* pool)
    {
        if (pool == null) return;
        MightSleep.Check();
        string? damage = MemoryPool.Drain(pool, KmallocSystem);
        KmallocSystem.Free(pool);
        if (damage is not null) KernelReports.Bug(damage, (nuint)pool);
    }

    /// <summary>Frees memory after a grace period (<c>kfree_rcu</c>): readers under <c>rcu_read_lock</c> may still look at it. Never sleeps.</summary>
    /// <param name="ptr">The memory; null is ignored.</param>
    /// <param name="rhf">A field of it, or other memory that lives as long.</param>
    public static void kfree_rcu([Frees("kmalloc")] void* ptr, rcu_head* rhf)
    {
        if (ptr == null) return;
        Rcu.Call(rhf, &Free, ptr);

        static void Free(void* memory) => kfree(memory);
    }

    /// <summary>Waits for a grace period, then frees memory that has no <see cref="RcuHead"/> (<c>kfree_rcu_mightsleep</c>).</summary>
    /// <param name="ptr">The memory; null is ignored.</param>
    [MightSleep]
    public static void kfree_rcu_mightsleep([Frees("kmalloc")] void* ptr)
    {
        if (ptr == null) return;
        synchronize_rcu();
        kfree(ptr);
    }
}
