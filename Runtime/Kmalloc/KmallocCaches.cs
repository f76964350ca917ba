// kmalloc: memory by size. Small sizes come from a cache of the next class, large ones from the page allocator.
//
//   size   0            -> ZERO_SIZE_PTR (16)        1..8192 -> class of the type (DMA > reclaimable > accounted > normal)
//          ..4 MiB      -> compound block, marked in the class map at its first page
//
// Invariant: what Free and SizeOf need is found from the address alone: class map, then struct page.
// Guarantee: a power of two is aligned to itself, any size to its largest power-of-two divisor, at least to 8.
// Kernel concept: mm/slab_common.c, __do_kmalloc_node, free_large_kmalloc.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe class KmallocCaches
{
    /// <summary>What kmalloc(0) returns: not null, and a fault when used.</summary>
    internal const nint ZeroSizePointer = 16;

    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _pages;
    private readonly SlabAllocator _slab;

    internal KmallocCaches(PageAllocator pages, SlabAllocator slab)
    {
        _pages = pages;
        _memory = pages.Memory;
        _slab = slab;
        ReadOnlySpan<string> prefixes = ["kmalloc-", "dma-kmalloc-", "kmalloc-rcl-", "kmalloc-cg-"];
        ReadOnlySpan<SlabFlags> flags = [SlabFlags.NoMerge, SlabFlags.CacheDma, SlabFlags.ReclaimAccount, SlabFlags.Account];
        for (int type = 0; type < KmallocSizes.Types; type++)
        {
            for (int index = 0; index < KmallocSizes.Count; index++)
            {
                int id = 1 + (type * KmallocSizes.Count) + index;
                slab.CreateFixed(id, prefixes[type] + KmallocSizes.NameOf(KmallocSizes.BytesOf((uint)index)), KmallocSizes.BytesOf((uint)index), flags[type]);
            }
        }
    }

    /// <summary>Held while the system ends, and by a finalizer that frees.</summary>
    internal Lock Ending { get; } = new();

    /// <summary>The system was disposed: no address of it may be touched.</summary>
    internal bool IsGone { get; private set; }

    /// <summary>Whether the hit paths serve this system.</summary>
    internal bool IsDefault => _memory.IsDefault;

    internal int PageShift => _memory.PageShift;

    /// <summary>From here on no finalizer frees.</summary>
    internal void End()
    {
        lock (Ending) IsGone = true;
    }

    /// <summary>The kernel's kmalloc behind the fast path. Null: no memory or too large.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void* Allocate(nuint size, GfpFlags flags)
    {
        flags = SlabAllocator.FixUp(flags);
        if (size == 0) return (void*)ZeroSizePointer;
        if (size > KmallocSizes.MaxCacheSize) return AllocateLarge(size, flags);
        uint index = KmallocSizes.IndexOf(size);
        uint type = (flags & GfpFlags.Dma) != 0 ? 1u : (flags & GfpFlags.Reclaimable) != 0 ? 2u : (flags & GfpFlags.Account) != 0 ? 3u : 0u;
        KmemCache* cache = _slab.Caches + 1 + (type * KmallocSizes.Count) + index;
        nint obj = _slab.Allocate(cache, flags);

        // The whole class, not only the size asked for: krealloc may grow into the rest.
        if (obj != 0 && (flags & GfpFlags.Zero) != 0) NativeMemory.Clear((void*)obj, KmallocSizes.BytesOf(index));
        if (obj != 0) SlabAllocator.Request(cache, (void*)obj, size);
        return (void*)obj;
    }

    /// <summary>The kernel's kfree behind the fast path.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void Free(void* obj)
    {
        if ((nuint)obj <= (nuint)ZeroSizePointer) return;
        KmemCache* cache = CacheOf(obj, "kfree", out Page* large);
        if (cache != null)
        {
            _slab.Free(cache, (nint)obj);
        }
        else if (large != null)
        {
            uint frame = _memory.FrameOf(large);
            Volatile.Write(ref _memory.ClassMap[frame], 0);
            large->Flags &= ~PageFlags.LargeKmalloc;
            _pages.FreeChecked(large, large->Order);
        }
    }

    /// <summary>The kernel's ksize: bytes of the class or block; 0 for null and ZERO_SIZE_PTR.</summary>
    internal nuint SizeOf(void* obj, string caller)
    {
        if ((nuint)obj <= (nuint)ZeroSizePointer) return 0;
        KmemCache* cache = CacheOf(obj, caller, out Page* large);

        // Who asks for the size may use all of it.
        if (cache != null) SlabAllocator.Request(cache, obj, cache->ObjectSize);
        return cache != null ? cache->ObjectSize : large != null ? _memory.PageSize << large->Order : 0;
    }

    /// <summary>Bytes that an allocation of a size really has.</summary>
    internal static nuint RoundUp(nuint size, int pageShift) => size switch
    {
        0 => 0,
        <= KmallocSizes.MaxCacheSize => KmallocSizes.BytesOf(KmallocSizes.IndexOf(size)),
        <= KmallocSizes.MaxSize => (nuint)1 << (pageShift + PageAllocator.OrderOf(size, pageShift)),
        _ => size,
    };

    /// <summary>Whether free memory of this size is filled with poison.</summary>
    internal bool IsPoisoned(nuint size) => size is > 0 and <= KmallocSizes.MaxCacheSize && SlabAllocator.IsPoisoned(_slab.Caches + 1 + KmallocSizes.IndexOf(size));

    /// <summary>The kernel's krealloc.</summary>
    internal void* Reallocate(void* obj, nuint size, GfpFlags flags)
    {
        if ((nuint)obj <= (nuint)ZeroSizePointer) return Allocate(size, flags);
        KmemCache* cache = CacheOf(obj, "krealloc", out Page* large);
        if (cache == null && large == null) return null;
        if (size == 0)
        {
            Free(obj);
            return (void*)ZeroSizePointer;
        }

        nuint room = cache != null ? cache->ObjectSize : _memory.PageSize << large->Order;
        nuint used = cache != null ? SlabAllocator.RequestOf(cache, obj) : room;
        if (size <= room)
        {
            nuint kept = Math.Min(size, used);
            if ((flags & GfpFlags.Zero) != 0) NativeMemory.Clear((byte*)obj + kept, room - kept);
            if (cache != null) SlabAllocator.Request(cache, obj, size);
            return obj;
        }

        // A string that grows does little else: the hit paths of kmalloc and kfree, where there are any.
        void* larger = IsDefault ? (void*)KmallocFast.TryAllocate(size, flags) : null;
        if (larger == null) larger = Allocate(size, flags);
        if (larger == null) return null;
        Buffer.MemoryCopy(obj, larger, size, used);
        if (!IsDefault || !KmallocFast.TryFree(obj)) Free(obj);
        return larger;
    }

    /// <summary>n * size, or the largest number if that overflows: no allocation of it succeeds.</summary>
    internal static nuint Multiply(nuint count, nuint size)
    {
        nuint high = (nuint)Math.BigMul(count, size, out ulong low);
        return high == 0 ? (nuint)low : nuint.MaxValue;
    }

    private void* AllocateLarge(nuint size, GfpFlags flags)
    {
        MightSleep.CheckAlloc(flags);
        if (size > KmallocSizes.MaxSize)
        {
            if ((flags & GfpFlags.NoWarn) == 0)
                KernelReports.Warn($"WARNING: kmalloc of {size} bytes is over KMALLOC_MAX_SIZE ({KmallocSizes.MaxSize}): the request fails; kvmalloc has no such limit");
            return null;
        }

        Page* page = _pages.Allocate((flags & ~GfpFlags.Movable) | GfpFlags.Compound, PageAllocator.OrderOf(size, _memory.PageShift));
        if (page == null) return null;
        page->Flags |= PageFlags.LargeKmalloc;
        uint frame = _memory.FrameOf(page);
        Volatile.Write(ref _memory.ClassMap[frame], PhysicalMemory.ClassLarge);
        return _memory.Address(frame);
    }

    /// <summary>The cache of an object, or the head page of a large allocation, or a report and neither.</summary>
    private KmemCache* CacheOf(void* obj, string caller, out Page* large)
    {
        large = null;
        nuint address = (nuint)obj;
        if (_memory.IsDirect(address))
        {
            uint frame = _memory.FrameOfAddress(address);
            ushort id = _memory.ClassMap[frame];
            if (id == PhysicalMemory.ClassLarge && (address & (_memory.PageSize - 1)) == 0)
            {
                large = _memory.PageOf(frame);
                return null;
            }

            if (id is not 0 and not PhysicalMemory.ClassLarge) return _slab.Caches + id;
        }

        KernelReports.Bug($"BUG: {caller}(0x{address:x}): Not a kmalloc allocation: {Describe(address)}", address);
        return null;
    }

    private string Describe(nuint address)
    {
        if (_memory.IsDirect(address))
        {
            Page* head = _memory.HeadOf(_memory.PageOf(_memory.FrameOfAddress(address)));
            nuint start = (nuint)_memory.Address(_memory.FrameOf(head));
            if ((head->Flags & PageFlags.LargeKmalloc) != 0)
                return $"0x{address:x} is inside a kmalloc allocation of {_memory.PageSize << head->Order} bytes that starts at 0x{start:x} (offset {address - start})";
        }

        return _pages.Describe(address);
    }
}
