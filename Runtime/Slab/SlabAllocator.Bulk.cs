// Many objects in one call: copied between the caller's array and the thread's sheaf, what is left over under one lock of the slabs.
//
// Cost: per object a copy to allocate, a look at the class map and a copy to free; the way to the sheaf is gone once for all of them. A sheaf that runs
// out or over is changed for another, as between two calls.
// Kernel concept: kmem_cache_alloc_bulk, kmem_cache_free_bulk.

namespace KAlloc;

internal sealed unsafe partial class SlabAllocator
{
    /// <summary>Fills an array with objects, all or none.</summary>
    internal bool AllocateBulk(KmemCache* cache, GfpFlags flags, nint* objects, int count)
    {
        flags = FixUp(flags);
        MightSleep.CheckAlloc(flags);
        CheckInterrupts("kmem_cache_alloc_bulk");
        if (cache->Direct && MustFail(cache, flags)) return false;
        int taken = cache->Direct ? 0 : TakeFromSheaves(cache, objects, count);
        while (taken < count)
        {
            int batch = HasZones(cache) || (cache->Flags & SlabFlags.Trace) != 0 ? TakeChecked(cache, objects + taken, flags) : TakeObjects(cache, objects + taken, count - taken, flags);
            if (batch == 0)
            {
                FreeBulk(cache, objects, (nuint)taken);
                return false;
            }

            taken += batch;
        }

        if ((flags & GfpFlags.Zero) != 0) Zero(cache, objects, count);
        return true;
    }

    /// <summary>Frees objects. One that is not the cache's is reported as in a single call; if the report throws, those behind it are not freed.</summary>
    internal void FreeBulk(KmemCache* cache, nint* objects, nuint count)
    {
        CheckInterrupts("kmem_cache_free_bulk");
        for (nuint i = 0; i < count;)
        {
            if (!cache->Direct)
            {
                i += PushToSheaf(cache, objects + i, count - i, out bool full);
                if (i == count) return;

                // The same object twice in a row is the slow path's to see, also where one sheaf ends and the next begins.
                if (full && (i == 0 || objects[i] != objects[i - 1]) && TryMakeRoom(cache)) continue;
            }

            if (objects[i] != 0) FreeObject(cache, (void*)objects[i]);
            i++;
        }
    }

    private int TakeChecked(KmemCache* cache, nint* objects, GfpFlags flags)
    {
        *objects = AllocateDirect(cache, flags);
        return *objects != 0 ? 1 : 0;
    }

    private int TakeFromSheaves(KmemCache* cache, nint* objects, int count)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (block->DrainRequested != 0) DrainBlock(block);
        CacheSlot* slot = CpuBlocks.Slot(block, cache->Id);
        int taken = 0;
        while (true)
        {
            if (!Sheaf.IsNone(slot))
            {
                nint* top = Sheaf.TopOf(slot);
                ReadOnlySpan<nint> free = Sheaf.Objects(top, cache->SheafCapacity);
                free = free[^Math.Min(free.Length, count - taken)..];
                free.CopyTo(new Span<nint>(objects + taken, free.Length));
                Sheaf.SetTop(slot, top - free.Length);
                taken += free.Length;
            }

            if (taken == count || !TrySpareOrBarn(cache, slot, out nint obj)) return taken;
            objects[taken++] = obj;
        }
    }

    /// <summary>Pushes objects onto the running thread's sheaf as far as they are the cache's and there is room.</summary>
    private nuint PushToSheaf(KmemCache* cache, nint* objects, nuint count, out bool full)
    {
        CpuBlock* block = CpuBlocks.Current;
        CacheSlot* slot = CpuBlocks.Slot(block, cache->Id);
        nint* top = Sheaf.TopOf(slot);
        nuint room = (nuint)(Sheaf.FullTop(Sheaf.Base(top)) - top);
        if (room > count) room = count;

        // In locals: the stores below may alias anything.
        var start = (nuint)_memory.DirectMap;
        nuint frames = _memory.LowFrames;
        ushort* classes = _memory.ClassMap;
        ushort id = cache->Id;
        nuint interior = cache->InteriorMask;
        nint previous = top[-1];
        nuint done = 0;
        while (done < room)
        {
            nint obj = objects[done];
            nuint frame = ((nuint)obj - start) >> _memory.PageShift;
            if (frame >= frames || classes[frame] != id || ((nuint)obj & interior) != 0 || obj == previous) break;
            top[done++] = previous = obj;
        }

        Sheaf.SetTop(slot, top + done);
        full = Sheaf.IsFull(top + done);
        return done;
    }

    private bool TryMakeRoom(KmemCache* cache)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (block->DrainRequested != 0) DrainBlock(block);
        return TryMakeRoom(cache, CpuBlocks.Slot(block, cache->Id));
    }

    private static void CheckInterrupts(string caller)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block != null && block->Execution.IrqDisabled != 0) KernelReports.Warn($"WARNING: {caller} with interrupts disabled");
    }
}
