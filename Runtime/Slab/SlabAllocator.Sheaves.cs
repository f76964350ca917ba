// The slow paths between a thread's two sheaves, the cache's barn, and the slabs.
//
//   thread: [current][spare]  <->  barn: full sheaves, empty sheaves  <->  slabs
//
//   allocate: swap with a spare that has objects; else a full sheaf from the barn; else fill from slabs
//   free:     swap with a spare that has room; else give the full one to the barn; is the barn full, flush it to the slabs
//
// Invariant: a spare is full or empty; barn sheaves are full or empty; what is in a sheaf counts as in use for its slab.
// A fill may reclaim, and reclaim drains this thread's sheaves: so objects are taken to the stack first and the slot is read again.
// Cost: one call in 62. Kernel concept: cache_alloc_refill / cache_flusharray (2.6), barns (6.18).

using System.Runtime.CompilerServices;

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator
{
    /// <summary>The kernel's kmem_cache_alloc behind the fast path; 0: no memory.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal nint Allocate(KmemCache* cache, GfpFlags flags)
    {
        MightSleep.CheckAlloc(flags);
        if (cache->Direct) return MustFail(cache, flags) ? 0 : AllocateDirect(cache, flags);
        CpuBlock* block = CpuBlocks.Current;
        if (block->DrainRequested != 0) DrainBlock(block);
        CacheSlot* slot = CpuBlocks.Slot(block, cache->Id);
        nint obj = Sheaf.TryPop(slot);
        return obj != 0 || TrySpareOrBarn(cache, slot, out obj) ? obj : Fill(cache, slot, flags);
    }

    /// <summary>The kernel's kmem_cache_free behind the fast path. The object is known to be in one of the cache's slabs.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void Free(KmemCache* cache, nint obj)
    {
        if (cache->Direct)
        {
            if ((cache->Flags & SlabFlags.Trace) != 0) TraceCall(cache, obj, frees: true);
            if (!HasZones(cache) || CheckAndMarkFree(cache, obj)) FreeToSlabs(cache, &obj, 1);
            return;
        }

        if (((nuint)obj & cache->InteriorMask) != 0)
        {
            ReportFree(cache, (nuint)obj, SlabError.Interior);
            return;
        }

        CpuBlock* block = CpuBlocks.Current;
        if (block->DrainRequested != 0) DrainBlock(block);
        CacheSlot* slot = CpuBlocks.Slot(block, cache->Id);
        if (IsInSheaf(cache, Sheaf.TopOf(slot), obj) || (slot->Spare != null && IsInSheaf(cache, slot->Spare, obj)))
        {
            ReportFree(cache, (nuint)obj, SlabError.AlreadyFree);
            return;
        }

        if (!Sheaf.IsLast(slot->Home) || TryMakeRoom(cache, slot)) Sheaf.Push(slot, obj);
        else FreeToSlabs(cache, &obj, 1);
    }

    private bool TrySpareOrBarn(KmemCache* cache, CacheSlot* slot, out nint obj)
    {
        nint* top = Sheaf.TopOf(slot);
        nint* spare = slot->Spare;
        if (spare != null && spare[-1] != 0)
        {
            Sheaf.SetTop(slot, spare);
            slot->Spare = top == CpuBlocks.NullTop ? null : top;
        }
        else
        {
            nint* full = null, surplus = null;
            cache->BarnLock.Enter();
            if (cache->FullSheaf != null)
            {
                full = Pop(ref cache->FullSheaf, ref cache->FullSheaves);
                if (top != CpuBlocks.NullTop && !TryPushEmpty(cache, Sheaf.Base(top))) surplus = Sheaf.Base(top);
            }

            cache->BarnLock.Leave();
            if (full == null)
            {
                obj = 0;
                return false;
            }

            FreeSheaf(surplus);
            Sheaf.SetTop(slot, Sheaf.FullTop(full));
            slot->InteriorMask = cache->InteriorMask;
        }

        obj = Sheaf.TryPop(slot);
        return true;
    }

    private nint Fill(KmemCache* cache, CacheSlot* slot, GfpFlags flags)
    {
        nint* objects = stackalloc nint[Sheaf.MaxFillLevel];
        int count = TakeObjects(cache, objects, cache->FillLevel, flags);
        if (count == 0) return 0;

        // The first goes to the caller; the rest descends, so that later allocations ascend.
        if (Sheaf.IsNone(slot)) TryGiveSheaf(cache, slot);
        int kept = 0;
        if (!Sheaf.IsNone(slot))
        {
            kept = Math.Min(count - 1, cache->SheafCapacity - Sheaf.Objects(Sheaf.TopOf(slot), cache->SheafCapacity).Length);
            for (int i = count - 1; i >= count - kept; i--) Sheaf.Push(slot, objects[i]);
        }

        if (kept < count - 1) FreeToSlabs(cache, objects + 1, count - 1 - kept);
        return objects[0];
    }

    /// <summary>Makes the slot's current sheaf one that is not full. False: there is no memory for another sheaf.</summary>
    private bool TryMakeRoom(KmemCache* cache, CacheSlot* slot)
    {
        nint* top = Sheaf.TopOf(slot);
        if (top == CpuBlocks.NullTop) return TryGiveSheaf(cache, slot);
        nint* spare = slot->Spare;
        if (spare != null && !Sheaf.IsFull(spare))
        {
            Sheaf.SetTop(slot, spare);
            slot->Spare = top;
            return true;
        }

        if (spare == null)
        {
            nint* sheaf = EmptySheaf(cache);
            if (sheaf == null) return false;
            Sheaf.SetTop(slot, Sheaf.EmptyTop(sheaf, cache->SheafCapacity));
            slot->Spare = top;
            return true;
        }

        nint* empty = null;
        cache->BarnLock.Enter();
        bool given = cache->FullSheaves < cache->SheafLimit;
        if (given)
        {
            PushList(ref cache->FullSheaf, ref cache->FullSheaves, Sheaf.Base(top));
            if (cache->EmptySheaf != null) empty = Pop(ref cache->EmptySheaf, ref cache->EmptySheaves);
        }

        cache->BarnLock.Leave();
        if (given)
        {
            if (empty == null) empty = AllocateSheaf(cache);
            Sheaf.SetTop(slot, empty == null ? CpuBlocks.NullTop : Sheaf.EmptyTop(empty, cache->SheafCapacity));
            return empty != null;
        }

        nint* objects = Sheaf.EmptyTop(Sheaf.Base(top), cache->SheafCapacity);
        Sheaf.SetTop(slot, objects);
        FreeToSlabs(cache, objects, cache->SheafCapacity);
        return true;
    }

    private bool TryGiveSheaf(KmemCache* cache, CacheSlot* slot)
    {
        nint* sheaf = EmptySheaf(cache);
        if (sheaf == null) return false;
        Sheaf.SetTop(slot, Sheaf.EmptyTop(sheaf, cache->SheafCapacity));
        slot->InteriorMask = cache->InteriorMask;
        return true;
    }

    private nint* EmptySheaf(KmemCache* cache)
    {
        nint* sheaf = null;
        cache->BarnLock.Enter();
        if (cache->EmptySheaf != null) sheaf = Pop(ref cache->EmptySheaf, ref cache->EmptySheaves);
        cache->BarnLock.Leave();
        return sheaf != null ? sheaf : AllocateSheaf(cache);
    }

    /// <summary>A sheaf without waiting: frees need one too, and may run in an interrupt.</summary>
    private nint* AllocateSheaf(KmemCache* cache)
    {
        var sheaf = (nint*)AllocateDirect(_sheafCache, GfpFlags.NoWait);
        if (sheaf != null) Sheaf.Initialize(sheaf, cache->SheafCapacity);
        return sheaf;
    }

    private void FreeSheaf(nint* sheaf)
    {
        if (sheaf != null) FreeToSlabs(_sheafCache, (nint*)&sheaf, 1);
    }

    /// <summary>Puts objects back into their slabs under one lock; reports the first that does not belong there.</summary>
    internal void FreeToSlabs(KmemCache* cache, nint* objects, int count)
    {
        SlabError error = Flush(cache, objects, count, out nuint wrong);
        if (error != SlabError.None) ReportFree(cache, wrong, error);
    }

    private SlabError Flush(KmemCache* cache, nint* objects, int count, out nuint wrong)
    {
        SlabError error = SlabError.None;
        wrong = 0;
        uint released = Page.Nil;
        cache->Lock.Enter();
        for (int i = 0; i < count; i++)
        {
            SlabError one = FreeLocked(cache, (nuint)objects[i], ref released);
            if (one == SlabError.None || error != SlabError.None) continue;
            error = one;
            wrong = (nuint)objects[i];
        }

        cache->Lock.Leave();
        ReleaseSlabs(cache, released);
        return error;
    }

    private static bool IsInSheaf(KmemCache* cache, nint* top, nint obj) => top != CpuBlocks.NullTop && Sheaf.Objects(top, cache->SheafCapacity).Contains(obj);

    private static bool TryPushEmpty(KmemCache* cache, nint* sheaf)
    {
        if (cache->EmptySheaves >= cache->SheafLimit) return false;
        PushList(ref cache->EmptySheaf, ref cache->EmptySheaves, sheaf);
        return true;
    }

    private static void PushList(ref nint* list, ref int count, nint* sheaf)
    {
        Sheaf.Link(sheaf) = list;
        list = sheaf;
        count++;
    }

    private static nint* Pop(ref nint* list, ref int count)
    {
        nint* sheaf = list;
        list = Sheaf.Link(sheaf);
        count--;
        return sheaf;
    }
}
