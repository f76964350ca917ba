// What is wrong, in words, and whether all is well.
//
// Reports have the kernel's shape: "BUG <cache>: <reason>", and say what the pointer is. Validate checks each cache under its lock: every slab on the
// list that its state demands, every free object exactly once on the free list, every page of a slab in the class map.
// Kernel concept: slab_err, validate_slab_cache, __kmem_cache_shutdown's list of objects.

using System.Text;

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator
{
    private const int MaxErrors = 20;

    private void ReportFree(KmemCache* cache, nuint obj, SlabError error)
    {
        string name = NameOf(cache->Id);
        string text = error switch
        {
            SlabError.AlreadyFree => $"BUG {name}: Object already free: double free of 0x{obj:x}",
            SlabError.Interior => $"BUG {name}: Invalid object pointer 0x{obj:x}: {Describe(obj)}",
            _ => $"BUG {name}: Invalid object pointer 0x{obj:x}: {_pages.Describe(obj)}",
        };
        KernelReports.Bug(text, obj);
    }

    /// <summary>What an address is, if it is in a slab.</summary>
    internal string? Describe(nuint address)
    {
        nuint descriptor = (address - (nuint)Caches) / KmemCache.Bytes;
        if (descriptor < (nuint)IdLimit) return $"0x{address:x} is the descriptor of cache {NameOf((uint)descriptor)}";
        if (!_memory.IsDirect(address)) return null;
        Page* slab = _memory.HeadOf(_memory.PageOf(_memory.FrameOfAddress(address)));
        if ((slab->Flags & PageFlags.Slab) == 0) return null;
        KmemCache* cache = Caches + slab->SlabCache;
        nuint start = FirstObject(cache, slab);
        nuint index = (address - start) / cache->Size;
        if (index >= ObjectsIn(cache, slab)) return $"0x{address:x} is in the unused end of a slab of {NameOf(cache->Id)}";
        nuint obj = start + (index * cache->Size);
        string what = obj == address
            ? $"0x{address:x} is a {NameOf(cache->Id)} object"
            : $"0x{address:x} is inside a {NameOf(cache->Id)} object that starts at 0x{obj:x} (offset {address - obj})";
        cache->Lock.Enter();
        bool free = index >= slab->Touched || IsOnFreelist(cache, slab, start, obj);
        cache->Lock.Leave();
        return free ? what + ", which is free" : what;
    }

    private void ReportRemaining(KmemCache* cache)
    {
        string name = NameOf(cache->Id);
        var text = new StringBuilder($"BUG {name}: Objects remaining on __kmem_cache_shutdown()");
        int count = 0;
        cache->Lock.Enter();
        ListRemaining(cache, cache->Partial.First, text, ref count);
        ListRemaining(cache, cache->Full.First, text, ref count);
        cache->Lock.Leave();
        text.Append($"\nkmem_cache_destroy {name}: Slab cache still has {count} object{(count == 1 ? "" : "s")} and stays alive");
        KernelReports.Bug(text.ToString(), (nuint)cache);
    }

    private void ListRemaining(KmemCache* cache, uint first, StringBuilder text, ref int count)
    {
        for (uint frame = first; frame != Page.Nil; frame = _memory.PageOf(frame)->Next)
        {
            Page* slab = _memory.PageOf(frame);
            nuint start = FirstObject(cache, slab);
            for (uint i = 0; i < slab->Touched; i++)
            {
                nuint obj = start + ((nuint)i * cache->Size);
                if (IsOnFreelist(cache, slab, start, obj)) continue;
                if (++count > 8) continue;
                text.Append($"\nObject 0x{obj:x} @offset={obj - (nuint)_memory.Address(frame)}");
                if (cache->TrackOffset != 0) ((Track*)(obj + cache->TrackOffset))->AppendTo(text, "Allocated");
            }
        }
    }

    /// <summary>Adds what is wrong with any cache to the list.</summary>
    /// <returns>Frames in slabs.</returns>
    internal long Validate(List<string> errors)
    {
        long frames = 0;
        for (int id = 1; id < IdLimit; id++)
        {
            KmemCache* cache = Caches + id;
            if (cache->Magic != KmemCache.Alive) continue;
            cache->Lock.Enter();
            frames += CheckList(cache, cache->Partial, "partial", errors);
            frames += CheckList(cache, cache->Full, "full", errors);
            frames += CheckList(cache, cache->Empty, "empty", errors);
            cache->Lock.Leave();
        }

        foreach (Zone zone in _pages.Zones) CheckClassMap(zone, errors);
        return frames;
    }

    /// <summary>Every class map entry has a slab behind it. Read twice: a slab may come or go meanwhile.</summary>
    private void CheckClassMap(Zone zone, List<string> errors)
    {
        uint end = Math.Min(zone.Fresh, _memory.LowFrames);
        for (uint frame = zone.Start; frame < end && errors.Count < MaxErrors; frame++)
        {
            ushort id = Volatile.Read(ref _memory.ClassMap[frame]);
            if (id == 0) continue;
            Page* head = _memory.HeadOf(_memory.PageOf(frame));
            bool right = id == PhysicalMemory.ClassLarge
                ? (head->Flags & PageFlags.LargeKmalloc) != 0 && _memory.FrameOf(head) == frame
                : (head->Flags & PageFlags.Slab) != 0 && head->SlabCache == id;
            if (!right && Volatile.Read(ref _memory.ClassMap[frame]) == id) errors.Add($"class map: frame {frame} has class {id}, its page has flags {head->Flags}");
        }
    }

    private long CheckList(KmemCache* cache, SlabList list, string kind, List<string> errors)
    {
        string name = NameOf(cache->Id);
        long frames = 0;
        int count = 0;
        uint previous = Page.Nil;
        for (uint frame = list.First; frame != Page.Nil && errors.Count < MaxErrors; frame = _memory.PageOf(frame)->Next)
        {
            Page* slab = _memory.PageOf(frame);
            uint total = ObjectsIn(cache, slab);
            if ((slab->Flags & PageFlags.Slab) == 0 || slab->SlabCache != cache->Id || slab->RefCount != 1)
            {
                errors.Add($"cache {name}: frame {frame} on the {kind} list is no slab of it");
                break;
            }

            if (slab->Prev != previous) errors.Add($"cache {name}: slab {frame} links back wrongly");
            bool right = kind == "full" ? slab->Inuse == total : kind == "empty" ? slab->Inuse == 0 : slab->Inuse > 0 && slab->Inuse < total;
            if (!right) errors.Add($"cache {name}: slab {frame} with {slab->Inuse} of {total} objects out is on the {kind} list");
            CheckFreelist(cache, slab, frame, total, errors);
            if (HasZones(cache)) CheckZones(cache, slab, FirstObject(cache, slab), errors);
            if (PaddingDamage(cache, slab, out _) is { } padding) errors.Add($"cache {name}: slab {frame}: {padding}");
            for (uint i = 0; i < 1u << slab->Order; i++)
            {
                if (_memory.ClassMap[frame + i] != cache->Id) errors.Add($"cache {name}: frame {frame + i} has class {_memory.ClassMap[frame + i]}, not {cache->Id}");
            }

            frames += 1L << slab->Order;
            previous = frame;
            if (++count > list.Count) break;
        }

        if (count != list.Count && errors.Count < MaxErrors) errors.Add($"cache {name}: counts {list.Count} {kind} slabs, has {count} or more");
        return frames;
    }

    private void CheckFreelist(KmemCache* cache, Page* slab, uint frame, uint total, List<string> errors)
    {
        nuint start = FirstObject(cache, slab);
        uint free = total - slab->Touched;
        for (nuint obj = slab->Freelist; obj != 0; obj = ReadLink(cache, obj))
        {
            if (!IsObject(cache, slab, start, obj))
            {
                errors.Add($"cache {NameOf(cache->Id)}: Freechain corrupt in slab {frame}");
                return;
            }

            if (++free > total)
            {
                errors.Add($"cache {NameOf(cache->Id)}: Freelist cycle detected in slab {frame}");
                return;
            }
        }

        if (free + slab->Inuse != total)
            errors.Add($"cache {NameOf(cache->Id)}: Wrong number of objects in slab {frame}: {free} free and {slab->Inuse} out of {total}");
    }
}
