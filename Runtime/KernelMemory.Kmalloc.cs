// The .NET face of kmalloc and of caches.

using System.Runtime.InteropServices;

namespace KAlloc;

public sealed unsafe partial class KernelMemory
{
    /// <summary>Allocates physically contiguous memory (<c>kmalloc</c>).</summary>
    /// <param name="size">Bytes, up to 4 MiB. 0 gives a pointer that must not be used but may be freed.</param>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The memory, aligned to the largest power of two that divides the size.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory, or the size is too large.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(Kfree), Size = nameof(size), Flags = nameof(flags))]
    public void* Kmalloc(nuint size, GfpFlags flags = GfpFlags.Kernel)
    {
        void* memory = TryKmalloc(size, flags);
        if (memory == null) OutOfMemory(size);
        return memory;
    }

    /// <summary>Like <see cref="Kmalloc"/>, but null when there is no memory.</summary>
    /// <param name="size">Bytes, up to 4 MiB.</param>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(Kfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public void* TryKmalloc(nuint size, GfpFlags flags = GfpFlags.Kernel)
    {
        nint obj = Memory.IsDefault ? KmallocFast.TryAllocate(size, flags) : 0;
        return obj != 0 ? (void*)obj : KmallocSystem.Allocate(size, flags);
    }

    /// <summary>Allocates zeroed memory (<c>kzalloc</c>).</summary>
    /// <param name="size">Bytes, up to 4 MiB.</param>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The memory.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory, or the size is too large.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(Kfree), Size = nameof(size), Flags = nameof(flags), Zeroed = true)]
    public void* Kzalloc(nuint size, GfpFlags flags = GfpFlags.Kernel) => Kmalloc(size, flags | GfpFlags.Zero);

    /// <summary>Allocates a zeroed array (<c>kcalloc</c>).</summary>
    /// <param name="count">Elements.</param>
    /// <param name="size">Bytes of one.</param>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The memory.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory, or the product overflows.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(Kfree), Size = nameof(size), Count = nameof(count), Flags = nameof(flags), Zeroed = true)]
    public void* Kcalloc(nuint count, nuint size, GfpFlags flags = GfpFlags.Kernel) => Kmalloc(KmallocCaches.Multiply(count, size), flags | GfpFlags.Zero);

    /// <summary>Resizes memory (<c>krealloc</c>).</summary>
    /// <param name="memory">The memory; null allocates.</param>
    /// <param name="size">Bytes; 0 frees.</param>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The memory, moved only if it did not fit.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory; the old memory lives on.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Reallocates("kmalloc", Pointer = nameof(memory), FreedBy = nameof(Kfree), Size = nameof(size), Flags = nameof(flags))]
    public void* Krealloc(void* memory, nuint size, GfpFlags flags = GfpFlags.Kernel)
    {
        void* result = KmallocSystem.Reallocate(memory, size, flags);
        if (result == null) OutOfMemory(size);
        return result;
    }

    /// <summary>Frees memory (<c>kfree</c>). Never sleeps.</summary>
    /// <param name="memory">The memory; null is ignored.</param>
    /// <exception cref="KernelBugException">Not memory of this system's kmalloc, or free already.</exception>
    public void Kfree([Frees("kmalloc")] void* memory)
    {
        if (!Memory.IsDefault || !KmallocFast.TryFree(memory)) KmallocSystem.Free(memory);
    }

    /// <summary>Overwrites memory with zeros and frees it (<c>kfree_sensitive</c>). Never sleeps.</summary>
    /// <param name="memory">The memory; null is ignored.</param>
    public void KfreeSensitive([Frees("kmalloc")] void* memory)
    {
        NativeMemory.Clear(memory, KmallocSystem.SizeOf(memory, "kfree_sensitive"));
        Kfree(memory);
    }

    /// <summary>Bytes that memory really has (<c>ksize</c>).</summary>
    /// <param name="memory">The memory.</param>
    /// <returns>Bytes of its class or block; 0 for null.</returns>
    public nuint Ksize([Borrows] void* memory) => KmallocSystem.SizeOf(memory, "ksize");

    /// <summary>Creates a cache (<c>kmem_cache_create</c>). May sleep.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="size">Bytes of an object, 1..4 MiB.</param>
    /// <param name="align">Alignment, a power of two, or 0.</param>
    /// <param name="flags">How it behaves.</param>
    /// <param name="constructor">Called once for each object when its slab is made, or null.</param>
    /// <returns>The cache.</returns>
    /// <exception cref="ArgumentException">The arguments make no cache.</exception>
    [MightSleep]
    [return: Allocates("kmem_cache_descriptor", FreedBy = nameof(DestroyCache))]
    public KmemCache* CreateCache(string name, nuint size, nuint align = 0, SlabFlags flags = SlabFlags.None, CacheConstructor? constructor = null)
    {
        KmemCache* cache = constructor is null ? Slab.Create(name, size, align, flags) : Slab.CreateManaged(name, size, align, flags, constructor);
        if (cache == null) throw new ArgumentException($"No cache can be made of name '{name}', size {size}, alignment {align}.");
        return cache;
    }

    /// <summary>What a cache of this system has: its slabs by state, its objects.</summary>
    /// <param name="cache">The cache.</param>
    /// <returns>The figures of this moment.</returns>
    public CacheStatistics StatisticsOf([Borrows] KmemCache* cache) => SlabAllocator.Of(cache, nameof(StatisticsOf)) is { } slab ? slab.StatisticsOf(cache) : default;

    /// <summary>Destroys a cache (<c>kmem_cache_destroy</c>). May sleep. No thread may use it any more.</summary>
    /// <param name="cache">The cache; null is ignored.</param>
    /// <exception cref="KernelBugException">It has live objects, and stays.</exception>
    [MightSleep]
    public void DestroyCache([Frees("kmem_cache_descriptor")] KmemCache* cache) => Linux.kmem_cache_destroy(cache);

    /// <summary>Allocates an object (<c>kmem_cache_alloc</c>).</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The object.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmem_cache", FreedBy = nameof(CacheFree), Cache = nameof(cache), Flags = nameof(flags))]
    public void* CacheAlloc(KmemCache* cache, GfpFlags flags = GfpFlags.Kernel)
    {
        void* obj = Linux.kmem_cache_alloc(cache, flags);
        if (obj == null) OutOfMemory(cache->Size);
        return obj;
    }

    /// <summary>Frees an object (<c>kmem_cache_free</c>). Never sleeps.</summary>
    /// <param name="cache">The cache it came from.</param>
    /// <param name="obj">The object; null is ignored.</param>
    /// <exception cref="KernelBugException">Not an object of the cache.</exception>
    public void CacheFree(KmemCache* cache, [Frees("kmem_cache", Cache = nameof(cache))] void* obj) => Linux.kmem_cache_free(cache, obj);
}
