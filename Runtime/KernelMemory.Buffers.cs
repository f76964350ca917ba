// The .NET face of buffers and typed caches.

namespace KAlloc;

public sealed unsafe partial class KernelMemory
{
    /// <summary>A pool of native buffers for code that takes a <see cref="System.Buffers.MemoryPool{T}"/>.</summary>
    /// <param name="track">Remember where each buffer was rented, for <see cref="KernelMemoryPool.LeakReport"/>. Costs microseconds a rent.</param>
    /// <returns>The pool. Pools of a system share its memory; one is as good as many.</returns>
    public KernelMemoryPool CreateBufferPool(bool track = false) => new(KmallocSystem, KvmallocSystem, track);

    /// <summary>Allocates memory that a <see cref="System.Runtime.InteropServices.SafeHandle"/> owns (<c>kmalloc</c>). May sleep.</summary>
    /// <param name="size">Bytes, 1..4 MiB.</param>
    /// <param name="flags">How.</param>
    /// <returns>The handle.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory, or the size is too large.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("SafeKernelMemoryHandle", FreedBy = nameof(SafeKernelMemoryHandle.Dispose), Size = nameof(size), Flags = nameof(flags), Collected = true)]
    public SafeKernelMemoryHandle AllocateHandle(nuint size, GfpFlags flags = GfpFlags.Kernel)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        return new(KmallocSystem, Kmalloc(size, flags), size);
    }

    /// <summary>Creates a cache of objects of a type (<c>KMEM_CACHE</c>). May sleep.</summary>
    /// <typeparam name="T">An unmanaged type.</typeparam>
    /// <param name="name">Its name in reports and slabinfo.</param>
    /// <param name="flags">How it behaves.</param>
    /// <param name="constructor">Brings a new object into its initial state, once for each object when its slab is made; or null.</param>
    /// <returns>The cache. Dispose it when all objects are freed.</returns>
    /// <exception cref="ArgumentException">No cache can be made of that.</exception>
    [MightSleep]
    [return: Allocates("kmem_cache_descriptor", FreedBy = nameof(KmemCache<T>.Dispose), Collected = true)]
    public KmemCache<T> CreateCache<T>(string name, SlabFlags flags = SlabFlags.None, ObjectConstructor<T>? constructor = null) where T : unmanaged
    {
        CacheConstructor? untyped = constructor is null ? null : obj => constructor(ref *(T*)obj);
        return new(Slab, CreateCache(name, (nuint)sizeof(T), KmemCache<T>.NaturalAlignment, flags, untyped));
    }
}
