// The calls on one cache, with the flags and checks that the fast path leaves to them.
// Kernel concept: kmem_cache_alloc, kmem_cache_free, cache_from_obj.

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

    private static GfpFlags FixUp(GfpFlags flags)
    {
        const GfpFlags Wrong = GfpFlags.HighMem | GfpFlags.Dma32;
        if ((flags & Wrong) == 0) return flags;
        GfpFlags good = flags & ~Wrong;
        KernelReports.Warn($"Unexpected gfp: 0x{(uint)(flags & Wrong):x} ({(flags & Wrong).Format()}). Fixing up to gfp: 0x{(uint)good:x} ({good.Format()}). Fix your code!");
        return good;
    }

    private void Zero(KmemCache* cache, nint* objects, int count)
    {
        if (cache->Constructor != null) KernelReports.Warn($"WARNING: cache {NameOf(cache->Id)} has a constructor, which __GFP_ZERO undoes");
        for (int i = 0; i < count; i++) NativeMemory.Clear((void*)objects[i], cache->ObjectSize);
    }

    /// <summary>What a cache has, for slabinfo.</summary>
    internal SlabCounts CountOf(KmemCache* cache)
    {
        var counts = default(SlabCounts);
        cache->Lock.Enter();
        foreach (SlabList list in (ReadOnlySpan<SlabList>)[cache->Partial, cache->Full, cache->Empty])
        {
            counts.Slabs += list.Count;
            for (uint frame = list.First; frame != Page.Nil; frame = _memory.PageOf(frame)->Next)
            {
                Page* slab = _memory.PageOf(frame);
                counts.ActiveObjects += slab->Inuse;
                counts.Objects += ObjectsIn(cache, slab);
            }
        }

        cache->Lock.Leave();
        return counts;
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

/// <summary>Totals of a cache.</summary>
internal struct SlabCounts
{
    internal long ActiveObjects;
    internal long Objects;
    internal long Slabs;
}
