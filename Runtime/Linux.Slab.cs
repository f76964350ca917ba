// The kernel face: caches of objects.
//
// Creation, destruction and shrinking may sleep; allocation with GFP_KERNEL may, with GFP_ATOMIC or GFP_NOWAIT never; kmem_cache_free never sleeps.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <inheritdoc cref="SlabFlags.ConsistencyChecks"/>
    public const slab_flags_t SLAB_CONSISTENCY_CHECKS = SlabFlags.ConsistencyChecks;

    /// <inheritdoc cref="SlabFlags.RedZone"/>
    public const slab_flags_t SLAB_RED_ZONE = SlabFlags.RedZone;

    /// <inheritdoc cref="SlabFlags.Poison"/>
    public const slab_flags_t SLAB_POISON = SlabFlags.Poison;

    /// <inheritdoc cref="SlabFlags.StoreUser"/>
    public const slab_flags_t SLAB_STORE_USER = SlabFlags.StoreUser;

    /// <inheritdoc cref="SlabFlags.HwCacheAlign"/>
    public const slab_flags_t SLAB_HWCACHE_ALIGN = SlabFlags.HwCacheAlign;

    /// <inheritdoc cref="SlabFlags.CacheDma"/>
    public const slab_flags_t SLAB_CACHE_DMA = SlabFlags.CacheDma;

    /// <inheritdoc cref="SlabFlags.CacheDma32"/>
    public const slab_flags_t SLAB_CACHE_DMA32 = SlabFlags.CacheDma32;

    /// <inheritdoc cref="SlabFlags.ReclaimAccount"/>
    public const slab_flags_t SLAB_RECLAIM_ACCOUNT = SlabFlags.ReclaimAccount;

    /// <inheritdoc cref="SlabFlags.Panic"/>
    public const slab_flags_t SLAB_PANIC = SlabFlags.Panic;

    /// <inheritdoc cref="SlabFlags.TypesafeByRcu"/>
    public const slab_flags_t SLAB_TYPESAFE_BY_RCU = SlabFlags.TypesafeByRcu;

    /// <inheritdoc cref="SlabFlags.Trace"/>
    public const slab_flags_t SLAB_TRACE = SlabFlags.Trace;

    /// <inheritdoc cref="SlabFlags.NoMerge"/>
    public const slab_flags_t SLAB_NO_MERGE = SlabFlags.NoMerge;

    /// <inheritdoc cref="SlabFlags.FailSlab"/>
    public const slab_flags_t SLAB_FAILSLAB = SlabFlags.FailSlab;

    /// <inheritdoc cref="SlabFlags.Account"/>
    public const slab_flags_t SLAB_ACCOUNT = SlabFlags.Account;

    /// <summary>Creates a cache (<c>kmem_cache_create</c>). Process context only; may sleep.</summary>
    /// <param name="name">Its name in reports and slabinfo. One that exists already is a WARN.</param>
    /// <param name="size">Bytes of an object, 1..4 MiB.</param>
    /// <param name="align">Alignment, a power of two, or 0.</param>
    /// <param name="flags">How it behaves.</param>
    /// <param name="ctor">Called once for each object when its slab is made, or null.</param>
    /// <returns>The cache, or null with a WARN if the arguments make none.</returns>
    [MightSleep]
    [return: Allocates("kmem_cache_descriptor", FreedBy = nameof(kmem_cache_destroy), MayReturnNull = true)]
    public static kmem_cache* kmem_cache_create(string name, size_t size, size_t align, slab_flags_t flags, delegate*<void*, void> ctor = null) =>
        KernelMemory.Default.Slab.Create(name, size, align, flags, ctor);

    /// <summary><see cref="kmem_cache_create"/> with a managed constructor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="size">Bytes of an object, 1..4 MiB.</param>
    /// <param name="align">Alignment, a power of two, or 0.</param>
    /// <param name="flags">How it behaves.</param>
    /// <param name="ctor">Called once for each object when its slab is made. Stays alive as long as the cache.</param>
    /// <returns>The cache, or null with a WARN if the arguments make none.</returns>
    [MightSleep]
    [return: Allocates("kmem_cache_descriptor", FreedBy = nameof(kmem_cache_destroy), MayReturnNull = true)]
    public static kmem_cache* kmem_cache_create_delegate(string name, size_t size, size_t align, slab_flags_t flags, CacheConstructor ctor)
    {
        ArgumentNullException.ThrowIfNull(ctor);
        return KernelMemory.Default.Slab.CreateManaged(name, size, align, flags, ctor);
    }

    /// <summary>
    /// Creates a cache of which a part may be copied to user space (<c>kmem_cache_create_usercopy</c>). The region is checked and otherwise
    /// not used: there is no user space to guard.
    /// </summary>
    /// <param name="name">Its name.</param>
    /// <param name="size">Bytes of an object, 1..4 MiB.</param>
    /// <param name="align">Alignment, a power of two, or 0.</param>
    /// <param name="flags">How it behaves.</param>
    /// <param name="useroffset">Start of the region.</param>
    /// <param name="usersize">Bytes of the region; it must lie inside the object.</param>
    /// <param name="ctor">Called once for each object when its slab is made, or null.</param>
    /// <returns>The cache, or null with a WARN if the arguments make none.</returns>
    [MightSleep]
    [return: Allocates("kmem_cache_descriptor", FreedBy = nameof(kmem_cache_destroy), MayReturnNull = true)]
    public static kmem_cache* kmem_cache_create_usercopy(string name, size_t size, size_t align, slab_flags_t flags, size_t useroffset, size_t usersize, delegate*<void*, void> ctor = null)
    {
        if (useroffset.Value <= size.Value && usersize.Value <= size.Value - useroffset.Value) return kmem_cache_create(name, size, align, flags, ctor);
        KernelReports.Warn($"WARNING: kmem_cache_create_usercopy({name}): the region {useroffset}+{usersize} is not inside an object of {size} bytes");
        return null;
    }

    /// <summary>
    /// Destroys a cache (<c>kmem_cache_destroy</c>). May sleep. No thread may use it any more. Live objects are a BUG that lists them,
    /// and the cache stays.
    /// </summary>
    /// <param name="s">The cache; null is ignored.</param>
    [MightSleep]
    public static void kmem_cache_destroy([Frees("kmem_cache_descriptor")] kmem_cache* s)
    {
        if (s != null) SlabAllocator.Of(s, nameof(kmem_cache_destroy))?.Destroy(s);
    }

    /// <summary>Allocates an object (<c>kmem_cache_alloc</c>).</summary>
    /// <param name="s">The cache.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The object, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [return: Allocates("kmem_cache", FreedBy = nameof(kmem_cache_free), Cache = nameof(s), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* kmem_cache_alloc(kmem_cache* s, gfp_t flags)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block != null && FastPath.IsPlain(flags) && FastPath.MayRun(block, flags))
        {
            CacheSlot* slot = CpuBlock.Slot(block, s->FastId);
            nint obj = slot->Newest;
            if (obj != 0)
            {
                Sheaf.DropNewest(slot);
                return (void*)obj;
            }
        }

        return CacheAllocSlow(s, flags);
    }

    /// <summary>Allocates a zeroed object (<c>kmem_cache_zalloc</c>). Not for caches with a constructor, whose work it would undo: a WARN.</summary>
    /// <param name="s">The cache.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The object, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmem_cache", FreedBy = nameof(kmem_cache_free), Cache = nameof(s), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail, Zeroed = true)]
    public static void* kmem_cache_zalloc(kmem_cache* s, gfp_t flags) => CacheAllocSlow(s, flags | __GFP_ZERO);

    /// <summary>Frees an object (<c>kmem_cache_free</c>). Never sleeps. An object of another cache, or none, is a BUG.</summary>
    /// <param name="s">The cache it came from.</param>
    /// <param name="objp">The object; null is ignored.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void kmem_cache_free(kmem_cache* s, [Frees("kmem_cache", Cache = nameof(s))] void* objp)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block != null && DefaultMap.IsInWindow((nuint)objp) && DefaultMap.ClassInWindow((nuint)objp) == s->FastId)
        {
            CacheSlot* slot = CpuBlock.Slot(block, s->FastId);
            if (Sheaf.Takes(slot, (nint)objp))
            {
                Sheaf.Push(slot, (nint)objp);
                return;
            }
        }

        CacheFreeSlow(s, objp);
    }

    /// <summary>Allocates many objects, all or none (<c>kmem_cache_alloc_bulk</c>). Free each, or all with <see cref="kmem_cache_free_bulk"/>.</summary>
    /// <param name="s">The cache.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <param name="nr">How many.</param>
    /// <param name="p">Receives them.</param>
    /// <returns><paramref name="nr"/>, or 0.</returns>
    [MightSleepIf(nameof(flags))]
    public static int kmem_cache_alloc_bulk(kmem_cache* s, gfp_t flags, size_t nr, void** p)
    {
        if (nr.Value > int.MaxValue) return 0;
        return SlabAllocator.Of(s, nameof(kmem_cache_alloc_bulk)) is { } slab && slab.AllocateBulk(s, flags, (nint*)p, (int)nr.Value) ? (int)nr.Value : 0;
    }

    /// <summary>Frees many objects (<c>kmem_cache_free_bulk</c>). Never sleeps.</summary>
    /// <param name="s">Their cache, or null for kmalloc memory of any size.</param>
    /// <param name="size">How many.</param>
    /// <param name="p">The objects.</param>
    public static void kmem_cache_free_bulk(kmem_cache* s, size_t size, void** p)
    {
        if (s == null) kfree_bulk(size, p);
        else SlabAllocator.Of(s, nameof(kmem_cache_free_bulk))?.FreeBulk(s, (nint*)p, size);
    }

    /// <summary>
    /// Gives back what the cache keeps for later (<c>kmem_cache_shrink</c>). May sleep. Objects that running threads keep follow when those threads
    /// next run out.
    /// </summary>
    /// <param name="s">The cache.</param>
    /// <returns>0.</returns>
    [MightSleep]
    public static int kmem_cache_shrink(kmem_cache* s)
    {
        SlabAllocator.Of(s, nameof(kmem_cache_shrink))?.Shrink(s);
        return 0;
    }

    /// <summary>Bytes of an object as asked for at creation (<c>kmem_cache_size</c>).</summary>
    /// <param name="s">The cache.</param>
    /// <returns>The bytes.</returns>
    public static uint kmem_cache_size(kmem_cache* s) => SlabAllocator.Of(s, nameof(kmem_cache_size)) is null ? 0 : s->ObjectSize;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* CacheAllocSlow(kmem_cache* s, gfp_t flags) => SlabAllocator.Of(s, nameof(kmem_cache_alloc)) is { } slab ? slab.AllocateObject(s, flags) : null;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CacheFreeSlow(kmem_cache* s, void* objp)
    {
        if (objp != null) SlabAllocator.Of(s, nameof(kmem_cache_free))?.FreeObject(s, objp);
    }
}
