// The hit paths of alloc_page and __free_page on the default system, inlined into the caller.
//
//   stack   [62-c] null   [63-c] page ... page | top -> free words ... [62]   [63] not a word        c = the set's capacity, at most 62
//
//   alloc   my block, plain flags, may this thread sleep?    enter the set, pop, 32 bytes make it a user's page
//   free    my block, a struct page, one user, no flags      its page block's word says which stack: enter the set, push, one store
//
// One stack for each zone and migrate type of single pages, and one of populated pages for GFP_ATOMIC, in front of the set's lists: half a stack moves at a time, so the lists, the limits and
// the watermarks are looked at once in 31 calls. There is no atomic operation: a page with one user has no other reader. Two threads that free the
// same page within the same few nanoseconds can both succeed; the page is then on two stacks, and the second that takes it from one sees by its state
// that it is in use and reports it. Systems of their own, and DebugLevel.Sanity, free by compare-and-swap: there it is seen at the call.
// A thread whose stack is watched (StackProbe) is never served here: each of its calls is a look at the depth. Pages go by struct page or by address, with
// the same body for both: the names say what differs, and which call is the slow path. Cost: docs/design/pages.md. Kernel concept: rmqueue_pcplist,
// free_unref_page_commit.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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

    /// <summary>Allocates a block by one of its names.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nuint Allocate<TName>(GfpFlags flags, int order) where TName : struct, IPageName
    {
        CpuBlock* block = ThisCpu.Block;
        if (order == 0 && block != null && (flags & ~Plain) == 0 && ((flags & GfpFlags.DirectReclaim) == 0 || block->Execution.AtomicWord == 0))
        {
            var set = (PageSet*)block->NormalPageSet;
            if (set->Enter())
            {
                // Movable and reclaimable at once is the fourth stack, which is always empty: the slow path says what is wrong.
                int type = ((int)flags >> 3) & 3;
                Page*** slot = PageSet.Top(set, (flags & AtomicBits) == GfpFlags.High ? set->AtomicStack : type);
                Page** top = *slot - 1;
                Page* page = *top;
                if (page != null && page->State == (ulong)PageFlags.PageSet)
                {
                    *slot = top;
                    set->Leave();
                    Vector128.Create(Page.OneUser, (ulong)type << Page.TypeShift).Store(&page->State);
                    Vector128<ulong>.Zero.Store(&page->Links);
                    return TName.Of(page);
                }

                set->Leave();
            }
        }

        return TName.AllocateSlow(flags, order);
    }

    /// <summary>Frees a block by one of its names.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Free<TName>(nuint name, int order) where TName : struct, IPageName
    {
        CpuBlock* block = ThisCpu.Block;
        if (order == 0 && block != null && TName.IsAligned(name))
        {
            var sets = (PageSet*)block->PageSets;
            nuint offset = TName.OffsetOf(name);
            if (offset < sets->MapBytes)
            {
                var page = (Page*)(unchecked((nuint)DefaultMap.MemMap) + offset);
                if (page->State == Page.OneUser && (page->Shape & Page.ShapeMask) == 0)
                {
                    uint info = sets->BlockInfo[offset / (Mobility.BlockFrames * Page.Bytes)];
                    PageSet* set = PageSet.OfBlock(sets, info);
                    if (set->Enter())
                    {
                        Page*** slot = PageSet.TopOfBlock(sets, info);
                        Page** top = *slot;
                        if (!IsFull(top))
                        {
                            *top = page;
                            *slot = top + 1;
                            page->State = (ulong)PageFlags.PageSet;
                            set->Leave();
                            return;
                        }

                        set->Leave();
                    }
                }
            }
        }

        TName.FreeSlow(name, order);
    }
}

/// <summary>What a caller knows a block by.</summary>
internal unsafe interface IPageName
{
    /// <summary>The name of a page of the default system that is not a high page.</summary>
    static abstract nuint Of(Page* page);

    /// <summary>Whether it can be a page's name.</summary>
    static abstract bool IsAligned(nuint name);

    /// <summary>Where in the memory map the page is; beyond its end if there is no such page.</summary>
    static abstract nuint OffsetOf(nuint name);

    /// <summary>What an allocation does that is not a hit.</summary>
    static abstract nuint AllocateSlow(GfpFlags flags, int order);

    /// <summary>What a free does that is not a hit.</summary>
    static abstract void FreeSlow(nuint name, int order);
}
