// The hit paths of alloc_page and __free_page on the default system, inlined into the caller.
//
//   stack   [62-c] null   [63-c] page ... page | top -> free words ... [62]   [63] not a word        c = the set's capacity, at most 62
//
//   alloc   my block, plain flags, may this thread sleep?    enter the set, pop, four stores make it a user's page
//   free    my block, a struct page, one user, no flags      its page block's byte says which stack: enter the set, push, one store
//
// One stack for each zone and migrate type of single pages, and one of populated pages for GFP_ATOMIC, in front of the set's lists: half a stack moves at a time, so the lists, the limits and
// the watermarks are looked at once in 31 calls. There is no atomic operation: a page with one user has no other reader. Two threads that free the
// same page within the same few nanoseconds can both succeed; the page is then on two stacks, and the second that takes it from one sees by its state
// that it is in use and reports it. Systems of their own, and DebugLevel.Sanity, free by compare-and-swap: there it is seen at the call.
// A thread whose stack is watched (StackProbe) is never served here: each of its calls is a look at the depth. Cost: docs/design/pages.md. Kernel concept: rmqueue_pcplist, free_unref_page_commit.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class HotPages
{
    internal const int StackBytes = 512;
    internal const int MaxCapacity = Last - 1;

    /// <summary>Index of a stack's last word: a top that points to it has no room above.</summary>
    internal const int Last = (StackBytes / 8) - 1;

    private const nuint FullEnd = Last * 8;

    /// <summary>Flags that need nothing but a page of the zone that GFP_KERNEL prefers. A page of order 0 is compound by itself.</summary>
    private const GfpFlags Plain = GfpFlags.Reclaim | GfpFlags.Io | GfpFlags.Fs | GfpFlags.High | GfpFlags.NoWarn | GfpFlags.RetryMayFail | GfpFlags.NoFail
        | GfpFlags.NoRetry | GfpFlags.MemAlloc | GfpFlags.NoMemAlloc | GfpFlags.HardWall | GfpFlags.ThisNode | GfpFlags.Compound | GfpFlags.Write
        | GfpFlags.NoGrow | GfpFlags.Movable | GfpFlags.Reclaimable;

    private const GfpFlags AtomicBits = GfpFlags.High | GfpFlags.DirectReclaim | GfpFlags.NoMemAlloc | GfpFlags.Movable | GfpFlags.Reclaimable;

    /// <summary>Words that are empty to a pop and full to a push; never written. The stack of a set that keeps none.</summary>
    private static readonly Page** s_nothing = (Page**)MetaMemory.AllocateZeroed(StackBytes, StackBytes);

    internal static Page** NoTop => s_nothing + Last;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsFull(Page** top) => ((nuint)top & (StackBytes - 1)) == FullEnd;

    /// <summary>The lowest page of a stack of some capacity.</summary>
    internal static Page** Bottom(Page** top, int capacity) => (Page**)((nuint)top & ~(nuint)(StackBytes - 1)) + Last - capacity;

    /// <summary>A page of order 0 for flags, or null: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Page* TryAllocate(GfpFlags flags)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null || (flags & ~Plain) != 0 || block->Execution.StackLimit != 0
            || ((flags & GfpFlags.DirectReclaim) != 0 && block->Execution.AtomicWord != 0)) return null;
        var set = (PageSet*)block->NormalPageSet;
        if (set == null || !set->Enter()) return null;

        // Movable and reclaimable at once is the fourth stack, which is always empty: the slow path says what is wrong.
        int type = ((int)flags >> 3) & 3;
        Page*** slot = PageSet.Top(set, (flags & AtomicBits) == GfpFlags.High ? set->AtomicStack : type);
        Page** top = *slot - 1;
        Page* page = *top;
        if (page == null || page->State != (ulong)PageFlags.PageSet)
        {
            set->Leave();
            return null;
        }

        *slot = top;
        set->Leave();
        page->State = Page.OneUser;
        page->Shape = (ulong)type << 40;
        page->Links = 0;
        page->Private = 0;
        return page;
    }

    /// <summary>The direct-map address of a page of the default system that is not a high page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nuint AddressOf(Page* page) =>
        unchecked((nuint)DefaultMap.PageOffset) + (((nuint)page - unchecked((nuint)DefaultMap.MemMap)) * (DefaultMap.PageSize / Page.Bytes));

    /// <summary>Frees a page of order 0; false: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryFree(Page* page) =>
        ((nuint)page & (Page.Bytes - 1)) == 0 && TryFree((nuint)page - unchecked((nuint)DefaultMap.MemMap));

    /// <summary>The same by direct-map address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryFreeAt(nuint address) =>
        (address & (DefaultMap.PageSize - 1)) == 0 && TryFree((address - unchecked((nuint)DefaultMap.PageOffset)) / (DefaultMap.PageSize / Page.Bytes));

    /// <summary>Frees a page of order 0, given by its offset in the memory map.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryFree(nuint offset)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null || block->Execution.StackLimit != 0) return false;
        var sets = (PageSet*)block->PageSets;
        if (sets == null || offset >= sets->MapBytes) return false;
        var page = (Page*)(unchecked((nuint)DefaultMap.MemMap) + offset);
        if (page->State != Page.OneUser || (page->Shape & Page.ShapeMask) != 0) return false;
        uint info = sets->BlockInfo[offset / (Mobility.BlockFrames * Page.Bytes)];
        PageSet* set = PageSet.OfZone(sets, info);
        if (!set->Enter()) return false;
        Page*** slot = PageSet.Top(set, (int)(info & 7));
        Page** top = *slot;
        if (IsFull(top))
        {
            set->Leave();
            return false;
        }

        *top = page;
        *slot = top + 1;
        page->State = (ulong)PageFlags.PageSet;
        set->Leave();
        return true;
    }
}
