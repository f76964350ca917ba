// Caches of one type. The same caches as kmem_cache's, with the same hit path, and a T* instead of a void*.

using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>Brings a new object into its initial state.</summary>
/// <typeparam name="T">Its type.</typeparam>
/// <param name="obj">The object.</param>
public delegate void ObjectConstructor<T>(ref T obj) where T : unmanaged;

/// <summary>A cache of objects of type <typeparamref name="T"/>. Made by <see cref="KernelMemory.CreateCache{T}"/>. May be used from any thread.</summary>
/// <typeparam name="T">An unmanaged type.</typeparam>
public sealed unsafe class KmemCache<T> : IDisposable where T : unmanaged
{
    private readonly SlabAllocator _slab;
    private readonly KmemCache* _cache;
    private bool _destroyed;

    internal KmemCache(SlabAllocator slab, KmemCache* cache)
    {
        _slab = slab;
        _cache = cache;
    }

    /// <summary>The alignment that the type gets: the largest power of two in its size, at most a cache line.</summary>
    internal static nuint NaturalAlignment => (nuint)Math.Min(64, 1 << BitOperations.TrailingZeroCount(sizeof(T)));

    /// <summary>The cache on the kernel face.</summary>
    public KmemCache* Descriptor => _cache;

    /// <summary>This thread's view of the cache, without the look-up of the thread at each call. Stays on the thread that took it.</summary>
    public KmemCacheLocal<T> Local
    {
        [return: ViewOf("this")]
        get
        {
            ThrowIfDestroyed();
            CpuBlock* block = CpuBlocks.Current;
            return new(this, block, CpuBlock.Slot(block, _cache->FastId));
        }
    }

    /// <summary>Allocates an object; its content is what the constructor or the last user left, or arbitrary.</summary>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The object.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory.</exception>
    [MightSleepIf(nameof(flags))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [return: Allocates("kmem_cache", FreedBy = nameof(Free), Cache = "this", Size = "sizeof(T)", Flags = nameof(flags))]
    public T* Alloc(GfpFlags flags = GfpFlags.Kernel)
    {
        T* obj = TryAlloc(flags);
        if (obj == null) OutOfMemory();
        return obj;
    }

    /// <summary>Like <see cref="Alloc"/>, but null when there is no memory.</summary>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The object, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [return: Allocates("kmem_cache", FreedBy = nameof(Free), Cache = "this", Size = "sizeof(T)", Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public T* TryAlloc(GfpFlags flags = GfpFlags.Kernel)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block != null && FastPath.IsPlain(flags) && FastPath.MayRun(block, flags))
        {
            CacheSlot* slot = CpuBlock.Slot(block, _cache->FastId);
            nint obj = slot->Newest;
            if (obj != 0)
            {
                Sheaf.DropNewest(slot);
                return (T*)obj;
            }
        }

        return (T*)AllocSlow(flags);
    }

    /// <summary>Frees an object. Never sleeps.</summary>
    /// <param name="obj">The object; null is ignored.</param>
    /// <exception cref="KernelBugException">Not an object of this cache, or free already.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free([Frees("kmem_cache", Cache = "this")] T* obj)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null || !FastPath.TryPush(CpuBlock.Slot(block, _cache->FastId), _cache->FastId, obj)) FreeSlow(obj);
    }

    /// <summary>Allocates an object that a <c>using</c> frees.</summary>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>Its owner.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmem_cache", FreedBy = nameof(Owned<T>.Dispose), Cache = "this", Size = "sizeof(T)", Flags = nameof(flags))]
    public Owned<T> AllocOwned(GfpFlags flags = GfpFlags.Kernel) => new(this, Alloc(flags));

    /// <summary>Gives back what the cache keeps for later (<c>kmem_cache_shrink</c>). May sleep.</summary>
    [MightSleep]
    public void Shrink()
    {
        ThrowIfDestroyed();
        _slab.Shrink(_cache);
    }

    /// <summary>Destroys the cache (<c>kmem_cache_destroy</c>). May sleep. No thread may use it any more.</summary>
    /// <exception cref="KernelBugException">It has live objects, and stays.</exception>
    [MightSleep]
    public void Dispose()
    {
        if (_destroyed) return;
        _destroyed = _slab.Destroy(_cache);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void* AllocSlow(GfpFlags flags)
    {
        ThrowIfDestroyed();
        return _slab.AllocateObject(_cache, flags);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void FreeSlow(T* obj)
    {
        ThrowIfDestroyed();
        if (obj != null) _slab.FreeObject(_cache, obj);
    }

    [DoesNotReturn]
    internal static void OutOfMemory() => throw new OutOfMemoryException($"KAlloc has no {sizeof(T)} bytes.");

    private void ThrowIfDestroyed() => ObjectDisposedException.ThrowIf(_destroyed, this);
}

/// <summary>One thread's view of a cache. Must not outlive a <see cref="KernelMemory.DetachThread"/> of its thread.</summary>
/// <typeparam name="T">The objects' type.</typeparam>
public readonly unsafe ref struct KmemCacheLocal<T> where T : unmanaged
{
    private readonly KmemCache<T> _owner;
    private readonly CpuBlock* _block;
    private readonly CacheSlot* _slot;

    internal KmemCacheLocal(KmemCache<T> owner, CpuBlock* block, CacheSlot* slot)
    {
        _owner = owner;
        _block = block;
        _slot = slot;
    }

    /// <inheritdoc cref="KmemCache{T}.Alloc"/>
    [MightSleepIf(nameof(flags))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [return: Allocates("kmem_cache", FreedBy = nameof(Free), Cache = "this", Size = "sizeof(T)", Flags = nameof(flags))]
    public T* Alloc(GfpFlags flags = GfpFlags.Kernel)
    {
        if (FastPath.IsPlain(flags) && FastPath.MayRun(_block, flags))
        {
            nint newest = _slot->Newest;
            if (newest != 0)
            {
                Sheaf.DropNewest(_slot);
                return (T*)newest;
            }
        }

        var obj = (T*)_owner.AllocSlow(flags);
        if (obj == null) KmemCache<T>.OutOfMemory();
        return obj;
    }

    /// <inheritdoc cref="KmemCache{T}.Free"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free([Frees("kmem_cache", Cache = "this")] T* obj)
    {
        if (!FastPath.TryPush(_slot, _owner.Descriptor->FastId, obj)) _owner.FreeSlow(obj);
    }
}

/// <summary>An object that is freed at the end of a <c>using</c>. Do not copy it: each copy would free the object.</summary>
/// <typeparam name="T">The object's type.</typeparam>
public unsafe ref struct Owned<T> where T : unmanaged
{
    private readonly KmemCache<T> _cache;
    private T* _obj;

    internal Owned(KmemCache<T> cache, T* obj)
    {
        _cache = cache;
        _obj = obj;
    }

    /// <summary>The object; null after it was disposed or released.</summary>
    public readonly T* Pointer
    {
        [return: ViewOf("this", Family = "kmem_cache")]
        get => _obj;
    }

    /// <summary>The object.</summary>
    public readonly ref T Value
    {
        [return: ViewOf("this", Family = "kmem_cache")]
        get => ref *_obj;
    }

    /// <summary>Hands the object over: the caller frees it.</summary>
    /// <returns>The object.</returns>
    [Consumes]
    [return: Owned(Family = "kmem_cache", FreedBy = "KmemCache.Free")]
    public T* Release()
    {
        T* obj = _obj;
        _obj = null;
        return obj;
    }

    /// <summary>Frees the object. A second time does nothing.</summary>
    [Frees("kmem_cache")]
    public void Dispose()
    {
        T* obj = Release();
        if (obj != null) _cache.Free(obj);
    }
}
