// Flags of a cache. Values are those of Linux 2.6.34, which the book describes; today's kernel packs them differently from build to build.

namespace KAlloc;

/// <summary>How a cache behaves (the kernel's <c>SLAB_*</c>, <c>slab_flags_t</c>).</summary>
[Flags]
public enum SlabFlags : uint
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary><c>SLAB_CONSISTENCY_CHECKS</c> (was DEBUG_FREE): every object is looked up in its slab at every call of this cache.</summary>
    ConsistencyChecks = 0x100,

    /// <summary>
    /// <c>SLAB_RED_ZONE</c>: bytes before and after each object are watched: a write there is reported when the object is freed, or handed out again.
    /// </summary>
    RedZone = 0x400,

    /// <summary>
    /// <c>SLAB_POISON</c>: free objects are filled with 0x6b and end in 0xa5; a write after free is reported when the object is handed out again. Not applied
    /// where the content must survive a free: with a constructor, or <see cref="TypesafeByRcu"/>. Bytes of a slab that no object has are watched too.
    /// </summary>
    Poison = 0x800,

    /// <summary><c>SLAB_HWCACHE_ALIGN</c>: objects start on cache lines; small ones share a line without crossing it.</summary>
    HwCacheAlign = 0x2000,

    /// <summary><c>SLAB_CACHE_DMA</c>: slabs come from <c>ZONE_DMA</c>.</summary>
    CacheDma = 0x4000,

    /// <summary><c>SLAB_CACHE_DMA32</c>: slabs come from below 4 GiB.</summary>
    CacheDma32 = 0x8000,

    /// <summary><c>SLAB_STORE_USER</c>: each object remembers who allocated and who freed it last, for reports.</summary>
    StoreUser = 0x10000,

    /// <summary><c>SLAB_RECLAIM_ACCOUNT</c>: a shrinker can free the objects; slab pages are <c>__GFP_RECLAIMABLE</c>.</summary>
    ReclaimAccount = 0x20000,

    /// <summary><c>SLAB_PANIC</c>: creation must not fail; if it does, that is a BUG instead of null.</summary>
    Panic = 0x40000,

    /// <summary>
    /// <c>SLAB_TYPESAFE_BY_RCU</c> (was DESTROY_BY_RCU): a freed object stays an object of this type, though it may be handed out again at
    /// once. Slab pages go back to the page allocator after a grace period, and destroying the cache waits for one.
    /// </summary>
    TypesafeByRcu = 0x80000,

    /// <summary><c>SLAB_TRACE</c>: every allocation and free is reported, with the caller, and a freed object with its content.</summary>
    Trace = 0x200000,

    /// <summary><c>SLAB_NO_MERGE</c>: the cache is never merged with another (see <see cref="KernelMemoryOptions.MergeCaches"/>).</summary>
    NoMerge = 0x1000000,

    /// <summary><c>SLAB_FAILSLAB</c>: allocations may be made to fail (see <see cref="KernelMemory.FailSlab"/>); they take the slow path.</summary>
    FailSlab = 0x2000000,

    /// <summary><c>SLAB_ACCOUNT</c>: slabs are charged to the <see cref="MemoryOwner"/> in whose scope the cache was created.</summary>
    Account = 0x4000000,
}
