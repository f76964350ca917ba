// Taking objects back from threads and giving slabs back to the buddy.
//
//   my block, those without thread   drained at once
//   a running thread's block         asked: it drains itself in its next slow path (Shrink), because its fast path uses no atomics;
//                                    taken from at once only by Destroy, whose caller vouches that nobody uses the cache any more
//
// Invariant: a block's slots are drained under _drainLock, so that an owner who drains and a Destroy that collects do not meet.
// Kernel concept: kmem_cache_shrink, __kmem_cache_shutdown, drain_all_pages' way of asking other CPUs.

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator
{
    private SpinWord _drainLock;

    /// <summary>The kernel's kmem_cache_shrink: gives back what is free. Objects in running threads' sheaves follow when those threads next
    /// run out or over.</summary>
    internal void Shrink(KmemCache* cache)
    {
        MightSleep.Check();
        if (!cache->Direct)
        {
            nint address = (nint)cache;
            if (ThisCpu.Block != null) DrainSlot(ThisCpu.Block, cache);
            CpuBlocks.ForEachUnused(block => DrainSlot((CpuBlock*)block, (KmemCache*)address));
            RequestDrain();
            DrainBarn(cache);
        }

        ReleaseEmptySlabs(cache, keep: 0);
    }

    /// <summary>Shrinks all caches; true if that gave frames back.</summary>
    internal bool ShrinkAll()
    {
        long before = _pages.FreeFrames;
        if (!_direct)
        {
            if (ThisCpu.Block != null) DrainBlock(ThisCpu.Block);
            CpuBlocks.ForEachUnused(block => DrainBlock((CpuBlock*)block));
            RequestDrain();
        }

        // From the last: the sheaves' own cache is among the first, and gets its sheaves back from the others.
        for (int id = IdLimit - 1; id > 0; id--)
        {
            KmemCache* cache = Caches + id;
            if (cache->Magic != KmemCache.Alive) continue;
            DrainBarn(cache);
            ReleaseEmptySlabs(cache, keep: 0);
        }

        ReleaseEmptySlabs(_sheafCache, keep: 0);
        return _pages.FreeFrames > before;
    }

    /// <summary>Gives back all sheaves that a block holds. The block is the running thread's or parked.</summary>
    private void DrainBlock(CpuBlock* block)
    {
        Volatile.Write(ref block->DrainRequested, 0);
        for (int id = 1; id < IdLimit; id++)
        {
            KmemCache* cache = Caches + id;
            if (cache->Magic == KmemCache.Alive && !cache->Direct) DrainSlot(block, cache);
        }
    }

    private void DrainSlot(CpuBlock* block, KmemCache* cache)
    {
        CacheSlot* slot = CpuBlocks.SlotIfAny(block, cache->Id);
        if (slot == null || (Sheaf.IsNone(slot) && slot->Spare == null)) return;
        _drainLock.Enter();
        nint* top = Sheaf.TopOf(slot);
        nint* spare = slot->Spare;
        Sheaf.SetTop(slot, CpuBlocks.NullTop);
        slot->Spare = null;
        _drainLock.Leave();

        // Both are flushed before anything is reported: a report may throw.
        SlabError error = FlushSheaf(cache, top, out nuint wrong);
        SlabError second = FlushSheaf(cache, spare, out nuint wrongSecond);
        if (error != SlabError.None) ReportFree(cache, wrong, error);
        if (second != SlabError.None) ReportFree(cache, wrongSecond, second);
    }

    private SlabError FlushSheaf(KmemCache* cache, nint* top, out nuint wrong)
    {
        wrong = 0;
        if (top == null || top == CpuBlocks.NullTop) return SlabError.None;
        nint* sheaf = Sheaf.Base(top);
        SlabError error = Flush(cache, Sheaf.EmptyTop(sheaf, cache->SheafCapacity), Sheaf.Objects(top, cache->SheafCapacity).Length, out wrong);
        FreeSheaf(sheaf);
        return error;
    }

    private void DrainBarn(KmemCache* cache)
    {
        while (true)
        {
            nint* sheaf = null;
            cache->BarnLock.Enter();
            bool full = cache->FullSheaf != null;
            if (full) sheaf = Pop(ref cache->FullSheaf, ref cache->FullSheaves);
            else if (cache->EmptySheaf != null) sheaf = Pop(ref cache->EmptySheaf, ref cache->EmptySheaves);
            cache->BarnLock.Leave();
            if (sheaf == null) return;
            SlabError error = FlushSheaf(cache, full ? Sheaf.FullTop(sheaf) : Sheaf.EmptyTop(sheaf, cache->SheafCapacity), out nuint wrong);
            if (error != SlabError.None) ReportFree(cache, wrong, error);
        }
    }

    /// <summary>All sheaves of a cache that nobody uses any more, wherever they are.</summary>
    private void CollectSheaves(KmemCache* cache)
    {
        if (cache->Direct) return;
        Interlocked.MemoryBarrierProcessWide();
        int count = CpuBlocks.Count;
        for (int cpu = 0; cpu < count; cpu++) DrainSlot(CpuBlocks.Get(cpu), cache);
        DrainBarn(cache);
    }

    private static void RequestDrain()
    {
        int count = CpuBlocks.Count;
        for (int cpu = 0; cpu < count; cpu++)
        {
            CpuBlock* block = CpuBlocks.Get(cpu);
            if (block != ThisCpu.Block && Volatile.Read(ref block->Parked) == 0) Volatile.Write(ref block->DrainRequested, 1);
        }
    }
}
