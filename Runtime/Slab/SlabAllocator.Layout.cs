// What a new cache looks like: where in a slab its objects are, and in an object what watches it; how large its slabs and sheaves are.
//
// Invariant: a descriptor is complete before Magic says that it lives. Kernel concept: calculate_sizes, calculate_order, kmem_cache_open.

using System.Numerics;

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator
{
    /// <summary>Most bytes of free objects in a cache's full sheaves that no thread holds.</summary>
    internal const uint MaxBarnBytes = 1 << 20;

    private KmemCache* Initialize(int id, string name, nuint size, nuint align, SlabFlags flags, delegate*<void*, void> constructor)
    {
        if (id >= _names.Length) Array.Resize(ref _names, Math.Min(_names.Length * 2, 65536));
        _names[id] = name;
        _taken.Add(name);
        KmemCache* cache = Caches + id;
        *cache = default;
        cache->Id = (ushort)id;
        cache->System = _system;
        cache->Flags = flags |= _addedFlags;
        cache->ObjectSize = (uint)size;
        cache->Align = Alignment((uint)size, (uint)align, flags);
        cache->Constructor = constructor;

        LayOut(cache, (uint)size);
        if (cache->Size > MaxObjectSize)
        {
            // No block holds the object together with what watches it.
            cache->Flags = flags &= ~ZoneFlags;
            LayOut(cache, (uint)size);
        }

        ChooseOrder(cache);
        cache->Random = (nuint)global::System.Random.Shared.NextInt64();
        cache->MinPartial = Math.Clamp(BitOperations.Log2(cache->Size) / 2, 5, 10);
        if ((flags & SlabFlags.CacheDma) != 0) cache->AllocFlags |= GfpFlags.Dma;
        if ((flags & SlabFlags.CacheDma32) != 0) cache->AllocFlags |= GfpFlags.Dma32;
        if ((flags & SlabFlags.ReclaimAccount) != 0) cache->AllocFlags |= GfpFlags.Reclaimable;

        // kmalloc's own caches are everybody's, also where a tenant's code boots the system.
        if ((flags & SlabFlags.Account) != 0 && id >= _firstId && ThisCpu.Block != null) cache->Owner = MemoryOwner.HoldForCache(ThisCpu.Block->ActiveOwner);
        cache->Partial.First = cache->Full.First = cache->Empty.First = Page.Nil;
        cache->Waiting = cache->Deferred = Page.Nil;
        cache->References = 1;
        cache->Direct = _direct || (flags & (SlabFlags.ConsistencyChecks | SlabFlags.Trace | SlabFlags.FailSlab | ZoneFlags)) != 0;
        cache->FastId = cache->Direct || id >= CpuBlock.SlotCount ? (ushort)0 : (ushort)id;
        cache->SheafCapacity = CapacityFor(cache->Size);
        cache->FillLevel = Math.Max(1, cache->SheafCapacity / 2);

        // With fewer than 4 sheaves, threads that only free starve threads that only allocate; up to 32 KiB the limit in bytes leaves that many.
        cache->SheafLimit = (int)Math.Min(MaxBarnBytes / (cache->Size * (uint)cache->SheafCapacity), 32);
        Volatile.Write(ref cache->Magic, KmemCache.Alive);
        if (id >= _nextId) Volatile.Write(ref _nextId, id + 1);
        return cache;
    }

    /// <summary>
    ///   red zone | object | red zone to the word | free pointer | allocated by, freed by | size asked for | to the alignment        what flags ask for
    /// </summary>
    private void LayOut(KmemCache* cache, uint size)
    {
        bool redZone = (cache->Flags & SlabFlags.RedZone) != 0;
        uint inner = (size + 7) & ~7u;
        if (redZone && inner == size) inner += 8;

        // The free pointer lies in the middle of a free object, away from overflows of its neighbours; behind it where the content must survive.
        bool outside = cache->Constructor != null || (cache->Flags & (SlabFlags.TypesafeByRcu | ZoneFlags)) != 0;
        cache->FreeOffset = outside ? inner : (inner / 2) & ~7u;
        if (outside) inner += 8;
        if ((cache->Flags & SlabFlags.StoreUser) != 0)
        {
            cache->TrackOffset = inner;
            inner += 2 * (uint)sizeof(Track);
        }

        if (cache->Id < _firstId && redZone && cache->TrackOffset != 0)
        {
            cache->RequestOffset = inner;
            inner += 8;
        }

        cache->LeftPad = redZone ? cache->Align : 0;
        cache->Size = (inner + cache->LeftPad + cache->Align - 1) & ~(cache->Align - 1);
    }

    /// <summary>
    /// The kernel's limits of a CPU's array: what a thread keeps is memory that nobody else can have. Where kmalloc still has classes, twice as many as the
    /// kernel's 8, or random work on a thousand blocks goes to the barn every few dozen calls.
    /// </summary>
    private static int CapacityFor(uint size) =>
        size > 128 * 1024 ? 1 : size > 2 * DefaultMap.PageSize ? 8 : size > DefaultMap.PageSize ? 16 : size > 1024 ? 24 : size > 256 ? 54 : Sheaf.MaxCapacity;

    private static uint Alignment(uint size, uint align, SlabFlags flags)
    {
        uint result = Math.Max(align, 8);
        if ((flags & SlabFlags.HwCacheAlign) == 0) return result;
        uint line = CacheLine;
        while (size <= line / 2) line /= 2;
        return Math.Max(result, line);
    }

    private void ChooseOrder(KmemCache* cache)
    {
        cache->MinOrder = (byte)PageAllocator.OrderOf(cache->Size, _memory.PageShift);
        cache->Order = (byte)OrderFor(cache->Size, Environment.ProcessorCount, _memory.PageShift);
        uint slabBytes = (uint)_memory.PageSize << cache->Order;
        cache->ObjectsPerSlab = (ushort)(slabBytes / cache->Size);
        cache->Colours = slabBytes % cache->Size / cache->ColourUnit;
    }

    /// <summary>
    /// The kernel's rule: from the order that holds a fair number of objects up to 3, the first that wastes at most 1/16, else 1/8, 1/4, 1/2; else the
    /// order that holds one.
    /// </summary>
    internal static int OrderFor(uint size, int processors, int pageShift = DefaultMap.PageShift)
    {
        int smallest = PageAllocator.OrderOf(size, pageShift);
        uint wanted = 4 * ((uint)BitOperations.Log2((uint)processors) + 2);
        int first = Math.Clamp(PageAllocator.OrderOf((nuint)size * wanted, pageShift), smallest, Math.Max(smallest, 3));
        for (uint fraction = 16; fraction >= 2; fraction /= 2)
        {
            for (int order = first; order <= 3; order++)
            {
                uint bytes = 1u << (pageShift + order);
                if (bytes % size <= bytes / fraction) return order;
            }
        }

        return smallest;
    }
}
