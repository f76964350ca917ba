// The calls on one cache, with the flags and checks that the fast path leaves to them.
// Kernel concept: kmem_cache_alloc, kmem_cache_free, cache_from_obj.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator
{
    /// <summary>An object of a cache of this system, or null.</summary>
    internal void* AllocateObject(KmemCache* cache, GfpFlags flags)
    {
        flags = FixUp(flags);
        nint obj = Allocate(cache, flags);
        if (obj != 0 && (flags & GfpFlags.Zero) != 0) Zero(cache, &obj, 1);
        return (void*)obj;
    }

    /// <summary>What no object can be asked for with: zones that its cache decides on, and bits that mean nothing (the kernel's <c>GFP_SLAB_BUG_MASK</c>).</summary>
    private const GfpFlags Wrong = GfpFlags.Dma32 | GfpFlags.HighMem | ~((GfpFlags)(((uint)GfpFlags.Account * 2) - 1) | GfpFlags.Cold | GfpFlags.NoGrow);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static GfpFlags FixUp(GfpFlags flags) => (flags & Wrong) == 0 ? flags : WithoutWrong(flags);

    private static GfpFlags WithoutWrong(GfpFlags flags)
    {
        GfpFlags good = flags & ~Wrong;
        KernelReports.Warn($"Unexpected gfp: 0x{(uint)(flags & Wrong):x} ({(flags & Wrong).Format()}). Fixing up to gfp: 0x{(uint)good:x} ({good.Format()}). Fix your code!");
        return good;
    }

    private void Zero(KmemCache* cache, nint* objects, int count)
    {
        if (cache->Constructor != null) KernelReports.Warn($"WARNING: cache {NameOf(cache->Id)} has a constructor, which __GFP_ZERO undoes");
        for (int i = 0; i < count; i++) NativeMemory.Clear((void*)objects[i], cache->ObjectSize);
    }

    /// <summary>What a cache has.</summary>
    internal CacheStatistics StatisticsOf(KmemCache* cache)
    {
        long active = 0, objects = 0;
        cache->Lock.Enter();
        SlabList full = cache->Full, partial = cache->Partial, empty = cache->Empty;
        foreach (SlabList list in (ReadOnlySpan<SlabList>)[full, partial, empty])
        {
            for (uint frame = list.First; frame != Page.Nil; frame = _memory.PageOf(frame)->Next)
            {
                Page* slab = _memory.PageOf(frame);
                active += slab->Inuse;
                objects += ObjectsIn(cache, slab);
            }
        }

        cache->Lock.Leave();
        return new(NameOf(cache->Id), cache->ObjectSize, cache->Size, cache->ObjectsPerSlab, 1 << cache->Order, active, objects, full.Count, partial.Count, empty.Count);
    }

    /// <summary>Frees an object into the cache it is said to be of.</summary>
    internal void FreeObject(KmemCache* cache, void* obj)
    {
        nuint address = (nuint)obj;
        uint id = _memory.IsDirect(address) ? _memory.ClassMap[_memory.FrameOfAddress(address)] : 0u;
        if (id == cache->Id)
        {
            Free(cache, (nint)obj);
        }
        else if (id is 0 or PhysicalMemory.ClassLarge)
        {
            KernelReports.Bug($"BUG {NameOf(cache->Id)}: No slab cache for object 0x{address:x}: {_pages.Describe(address)}", address);
        }
        else
        {
            KernelReports.Bug($"BUG: cache_from_obj: Wrong slab cache. {NameOf(cache->Id)} but object is from {NameOf(id)}: {_pages.Describe(address)}", address);
        }
    }
}

/// <summary>What a cache has at a moment: a line of <c>/proc/slabinfo</c>, with its slabs by state.</summary>
/// <param name="Name">Its name; of a merged cache that of the first.</param>
/// <param name="ObjectSize">Bytes of an object as asked for.</param>
/// <param name="Size">Bytes that an object takes.</param>
/// <param name="ObjectsPerSlab">Objects in a slab of the usual order.</param>
/// <param name="PagesPerSlab">Pages of one.</param>
/// <param name="ActiveObjects">Objects that are handed out. Those that threads keep for later count, as in the kernel.</param>
/// <param name="Objects">Objects in all slabs.</param>
/// <param name="FullSlabs">Slabs that have no free object (the book's <c>slabs_full</c>).</param>
/// <param name="PartialSlabs">Slabs that have free objects and others (<c>slabs_partial</c>).</param>
/// <param name="EmptySlabs">Slabs all of whose objects are free (<c>slabs_empty</c>).</param>
public readonly record struct CacheStatistics(string Name, uint ObjectSize, uint Size, int ObjectsPerSlab, int PagesPerSlab, long ActiveObjects, long Objects,
    int FullSlabs, int PartialSlabs, int EmptySlabs)
{
    /// <summary>All slabs.</summary>
    public int Slabs => FullSlabs + PartialSlabs + EmptySlabs;
}
