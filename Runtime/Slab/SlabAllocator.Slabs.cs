// Slabs: blocks of pages cut into objects of one size, under the cache's lock.
//
//   | object 0 | object 1 | ... | object Touched-1 | never handed out ......... |      base = start of the block
//     ^Freelist -> ... chained through free objects (stored XOR Random XOR place)
//
//   partial: some objects out      full: all out      empty: none out, kept up to MinPartial, then back to the buddy
//
// Invariant: Inuse + length of the free list + (objects - Touched) = objects. Allocation takes partial slabs first, then empty ones, then grows.
// An untouched object costs nothing until it is handed out. Nothing reports under the lock: errors come back as codes.
// Kernel concept: struct slab, slabs_partial / full / empty, __slab_alloc, __slab_free.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator
{
    /// <summary>Why an object cannot be freed.</summary>
    private enum SlabError
    {
        None,
        NotInSlab,
        Interior,
        AlreadyFree,
    }

    private uint ObjectsIn(KmemCache* cache, Page* slab) =>
        slab->Order == cache->Order ? cache->ObjectsPerSlab : ((uint)_memory.PageSize << slab->Order) / cache->Size;

    /// <summary>
    /// Where a slab's objects begin: behind its colour and the first red zone. The colour follows from the frame's number, so that nothing must be
    /// remembered. A slab of the smallest order, made when memory is short, has none.
    /// </summary>
    private nuint FirstObject(KmemCache* cache, Page* slab)
    {
        uint frame = _memory.FrameOf(slab);
        nuint start = (nuint)_memory.Address(frame) + cache->LeftPad;
        if (cache->Colours == 0 || slab->Order != cache->Order) return start;
        return start + ((nuint)((frame >> cache->Order) % (cache->Colours + 1)) * cache->ColourUnit);
    }

    /// <summary>One object straight from a slab.</summary>
    private nint AllocateDirect(KmemCache* cache, GfpFlags flags)
    {
        nint obj;
        do
        {
            if (TakeObjects(cache, &obj, 1, flags) != 1) return 0;
        }
        while (HasZones(cache) && !CheckAndMarkUsed(cache, obj));
        if ((cache->Flags & SlabFlags.Trace) != 0) TraceCall(cache, obj, frees: false);
        return obj;
    }

    /// <summary>Up to <paramref name="wanted"/> objects in ascending order of their slabs; grows the cache if it has none. 0: no memory.</summary>
    private int TakeObjects(KmemCache* cache, nint* objects, int wanted, GfpFlags flags)
    {
        while (true)
        {
            bool corrupt = false;
            cache->Lock.Enter();
            int taken = TakeLocked(cache, objects, wanted, ref corrupt);
            cache->Lock.Leave();
            if (corrupt)
            {
                KernelReports.Warn($"BUG {NameOf(cache->Id)}: Freechain corrupt: somebody wrote to a free object. FIX {NameOf(cache->Id)}: the rest of the slab's free objects is given up");
            }

            if (taken != 0) return taken;
            if ((flags & GfpFlags.NoGrow) != 0) return 0;
            Page* slab = NewSlab(cache, flags);
            if (slab == null) return 0;
            cache->Lock.Enter();
            Add(ref cache->Empty, slab);
            cache->Lock.Leave();
        }
    }

    private int TakeLocked(KmemCache* cache, nint* objects, int wanted, ref bool corrupt)
    {
        int taken = 0;
        while (taken < wanted)
        {
            bool partial = cache->Partial.First != Page.Nil;
            uint frame = partial ? cache->Partial.First : cache->Empty.First;
            if (frame == Page.Nil) break;
            Page* slab = _memory.PageOf(frame);
            uint total = ObjectsIn(cache, slab);
            nuint start = FirstObject(cache, slab);
            while (taken < wanted && slab->Inuse < total)
            {
                nuint obj = slab->Freelist;
                if (obj != 0)
                {
                    nuint next = ReadLink(cache, obj);
                    if (next != 0 && !IsObject(cache, slab, start, next))
                    {
                        corrupt = true;
                        slab->Freelist = 0;
                        slab->Inuse = slab->Touched;
                        continue;
                    }

                    // What the object says is no link any more: a free of it is then not mistaken for a second one.
                    slab->Freelist = next;
                    *(nuint*)(obj + cache->FreeOffset) = 0;
                }
                else if (slab->Touched < total)
                {
                    obj = start + ((nuint)slab->Touched * cache->Size);
                    slab->Touched++;
                }
                else
                {
                    break;
                }

                slab->Inuse++;
                objects[taken++] = (nint)obj;
            }

            if (slab->Inuse == total) Move(ref partial ? ref cache->Partial : ref cache->Empty, ref cache->Full, slab);
            else if (!partial) Move(ref cache->Empty, ref cache->Partial, slab);
        }

        return taken;
    }

    /// <summary>Puts one object back. The caller holds the lock; an emptied slab that is not kept is chained to <paramref name="released"/>.</summary>
    private SlabError FreeLocked(KmemCache* cache, nuint obj, ref uint released)
    {
        Page* slab = _memory.HeadOf(_memory.PageOf(_memory.FrameOfAddress(obj)));
        if ((slab->Flags & PageFlags.Slab) == 0 || slab->SlabCache != cache->Id) return SlabError.NotInSlab;
        nuint start = FirstObject(cache, slab);
        SlabError error = CheckUsed(cache, slab, start, obj);
        if (error != SlabError.None) return error;

        uint total = ObjectsIn(cache, slab);
        bool wasFull = slab->Inuse == total;
        WriteLink(cache, obj, slab->Freelist);
        slab->Freelist = obj;
        slab->Inuse--;
        if (slab->Inuse == 0)
        {
            ref SlabList from = ref wasFull ? ref cache->Full : ref cache->Partial;
            int others = cache->Partial.Count + cache->Empty.Count - (wasFull ? 0 : 1);
            if (others < cache->MinPartial)
            {
                Move(ref from, ref cache->Empty, slab);
            }
            else
            {
                Unlink(ref from, slab);
                slab->Next = released;
                released = _memory.FrameOf(slab);
            }
        }
        else if (wasFull)
        {
            Move(ref cache->Full, ref cache->Partial, slab);
        }

        return SlabError.None;
    }

    private SlabError CheckUsed(KmemCache* cache, Page* slab, nuint start, nuint obj)
    {
        nuint index = (obj - start) / cache->Size;
        if (start + (index * cache->Size) != obj || index >= ObjectsIn(cache, slab)) return SlabError.Interior;
        return index >= slab->Touched || IsOnFreelist(cache, slab, start, obj) ? SlabError.AlreadyFree : SlabError.None;
    }

    /// <summary>
    /// Whether an object is on its slab's free list. The list is walked only if the object holds what a free one would: for one in use that
    /// has a chance of about 1 in 2^50.
    /// </summary>
    private bool IsOnFreelist(KmemCache* cache, Page* slab, nuint start, nuint obj)
    {
        nuint link = ReadLink(cache, obj);
        if (link != 0 && !IsObject(cache, slab, start, link)) return false;
        uint left = slab->Touched;
        for (nuint free = slab->Freelist; free != 0 && left > 0 && IsObject(cache, slab, start, free); free = ReadLink(cache, free), left--)
        {
            if (free == obj) return true;
        }

        return false;
    }

    private static bool IsObject(KmemCache* cache, Page* slab, nuint start, nuint address)
    {
        nuint offset = address - start;
        return offset < (nuint)slab->Touched * cache->Size && offset % cache->Size == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint ReadLink(KmemCache* cache, nuint obj)
    {
        nuint place = obj + cache->FreeOffset;
        return *(nuint*)place ^ cache->Random ^ place;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteLink(KmemCache* cache, nuint obj, nuint next)
    {
        nuint place = obj + cache->FreeOffset;
        *(nuint*)place = next ^ cache->Random ^ place;
    }

    private Page* NewSlab(KmemCache* cache, GfpFlags flags)
    {
        // The preferred order without effort, then the smallest that will do with all that the caller allows.
        GfpFlags allowed = (flags & ~(GfpFlags.Zero | GfpFlags.HighMem | GfpFlags.Movable | GfpFlags.Dma32)) | cache->AllocFlags | GfpFlags.Compound;

        // A slab serves all: its pages are charged to the cache's owner, never to the owner of the request that happens to need them.
        allowed &= ~GfpFlags.Account;
        Page* slab = null;
        if (cache->Order > cache->MinOrder)
        {
            GfpFlags quick = (allowed & ~(GfpFlags.DirectReclaim | GfpFlags.NoFail)) | GfpFlags.NoWarn | GfpFlags.NoMemAlloc;
            slab = SlabPages(cache, quick, cache->Order);
        }

        if (slab == null) slab = SlabPages(cache, allowed, cache->MinOrder);
        if (slab == null) return null;
        uint frame = _memory.FrameOf(slab);
        slab->SlabCache = cache->Id;
        slab->Inuse = 0;
        slab->Touched = 0;
        slab->Freelist = 0;
        slab->Flags |= PageFlags.Slab;
        if (HasZones(cache)) PrepareObjects(cache, slab);
        for (uint i = 0; i < 1u << slab->Order; i++) Volatile.Write(ref _memory.ClassMap[frame + i], cache->Id);
        if (cache->Constructor != null) Construct(cache, (byte*)FirstObject(cache, slab), ObjectsIn(cache, slab));
        return slab;
    }

    private Page* SlabPages(KmemCache* cache, GfpFlags flags, int order)
    {
        if (cache->Owner == 0) return _pages.Allocate(flags, order);
        CpuBlock* block = CpuBlocks.Current;
        ushort before = block->ActiveOwner;
        block->ActiveOwner = cache->Owner;
        try
        {
            return _pages.Allocate(flags | GfpFlags.Account, order);
        }
        finally
        {
            block->ActiveOwner = before;
        }
    }

    private void Construct(KmemCache* cache, byte* first, uint count)
    {
        CacheConstructor? managed = null;
        if (_constructors.Count != 0)
        {
            lock (_lock)
            {
                if (_constructors.TryGetValue(cache->Id, out var handle)) managed = (CacheConstructor)handle.Target!;
            }
        }

        for (uint i = 0; i < count; i++)
        {
            byte* obj = first + ((nuint)i * cache->Size);
            if (managed is not null) managed(obj);
            else cache->Constructor(obj);
        }
    }

    /// <summary>Gives slabs that are on no list back to the buddy, at once or after a grace period.</summary>
    private void ReleaseSlabs(KmemCache* cache, uint first)
    {
        if (first == Page.Nil) return;
        string? damage = HasZones(cache) ? DamageOfReleased(cache, first) : null;
        if ((cache->Flags & SlabFlags.TypesafeByRcu) != 0) Defer(cache, first);
        else GiveBack(cache, first);
        if (damage is not null) KernelReports.BugSeen(damage);
    }

    private void GiveBack(KmemCache* cache, uint frame)
    {
        while (frame != Page.Nil)
        {
            Page* slab = _memory.PageOf(frame);
            uint next = slab->Next;
            for (uint i = 0; i < 1u << slab->Order; i++) Volatile.Write(ref _memory.ClassMap[frame + i], 0);
            slab->Flags &= ~PageFlags.Slab;

            // The page named its cache while it was a slab; now it names who pays for it.
            slab->Owner = cache->Owner;
            slab->MapCount = 0;
            _pages.FreeChecked(slab, slab->Order);
            frame = next;
        }
    }

    /// <summary>Gives empty slabs back to the buddy, all but some.</summary>
    private void ReleaseEmptySlabs(KmemCache* cache, int keep)
    {
        uint released = Page.Nil;
        cache->Lock.Enter();
        while (cache->Empty.Count > keep)
        {
            Page* slab = _memory.PageOf(cache->Empty.First);
            Unlink(ref cache->Empty, slab);
            slab->Next = released;
            released = _memory.FrameOf(slab);
        }

        cache->Lock.Leave();
        ReleaseSlabs(cache, released);
    }

    private void Move(ref SlabList from, ref SlabList to, Page* slab)
    {
        Unlink(ref from, slab);
        Add(ref to, slab);
    }

    private void Add(ref SlabList list, Page* slab)
    {
        uint frame = _memory.FrameOf(slab);
        slab->Prev = Page.Nil;
        slab->Next = list.First;
        if (slab->Next != Page.Nil) _memory.PageOf(slab->Next)->Prev = frame;
        list.First = frame;
        list.Count++;
    }

    private void Unlink(ref SlabList list, Page* slab)
    {
        if (slab->Prev != Page.Nil) _memory.PageOf(slab->Prev)->Next = slab->Next;
        else list.First = slab->Next;
        if (slab->Next != Page.Nil) _memory.PageOf(slab->Next)->Prev = slab->Prev;
        list.Count--;
    }
}
