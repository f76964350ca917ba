// Pages by size instead of order, and many at once.
//
// alloc_pages_exact takes the next power of two, splits it into single frames and gives the rest back, so 5 pages cost 5 and not 8.
// Kernel concept: alloc_pages_exact, alloc_pages_bulk, get_order.

using System.Numerics;

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    /// <summary>The smallest order whose block holds a size: with pages of 4 KiB 0 for 1..4096, 1 for up to 8192 … As in the kernel, 52 for a size of 0.</summary>
    internal static int OrderOf(nuint size, int pageShift) => 64 - BitOperations.LeadingZeroCount((ulong)(size - 1) >> pageShift);

    internal void* AllocateExact(nuint size, GfpFlags flags)
    {
        if (size == 0 || size > _memory.MaxBlockBytes)
        {
            if ((flags & GfpFlags.NoWarn) == 0) KernelReports.Warn($"WARNING: alloc_pages_exact of {size} bytes: the size must be 1..{_memory.MaxBlockBytes}");
            return null;
        }

        const GfpFlags Unsupported = GfpFlags.Compound | GfpFlags.HighMem;
        if ((flags & Unsupported) != 0)
        {
            KernelReports.Warn($"WARNING: alloc_pages_exact with {(flags & Unsupported).Format()}: the flag is ignored");
            flags &= ~Unsupported;
        }

        int order = OrderOf(size, _memory.PageShift);
        Page* page = Allocate(flags, order);
        if (page == null) return null;
        Split(page, order);
        uint used = (uint)((size + _memory.PageSize - 1) >> _memory.PageShift);
        for (uint i = used; i < 1u << order; i++) FreeChecked(page + i, 0);
        return _memory.AddressOf(page);
    }

    internal void FreeExact(nuint address, nuint size)
    {
        if (address == 0) return;
        uint count = (uint)((size + _memory.PageSize - 1) >> _memory.PageShift);
        bool inside = _memory.IsDirect(address) && (address & (_memory.PageSize - 1)) == 0 && count != 0 && size <= _memory.MaxBlockBytes
            && _memory.FrameOfAddress(address) + count <= _memory.LowFrames;
        if (!inside)
        {
            KernelReports.Bug($"BUG: free_pages_exact(0x{address:x}, {size}): not a range of pages: {Describe(address)}", address);
            return;
        }

        // All are checked before the first is freed.
        Page* page = _memory.PageOf(_memory.FrameOfAddress(address));
        for (uint i = 0; i < count; i++)
        {
            if (!CheckFree(page + i, 0, "free_pages_exact")) return;
        }

        for (uint i = 0; i < count; i++) FreeChecked(page + i, 0);
    }

    /// <summary>The kernel's split_page.</summary>
    internal void SplitChecked(Page* page, int order)
    {
        if (!CheckFree(page, order, "split_page")) return;
        if ((page->Flags & PageFlags.Head) != 0)
        {
            KernelReports.Bug($"BUG: split_page() of page pfn:{_memory.FrameOf(page):x5}: the block is compound", (nuint)page);
            return;
        }

        Split(page, order);
    }

    /// <summary>
    /// Fills the null entries of an array with single frames; returns how many entries are filled in all. Only the first is worth waiting for; the
    /// rest is what the thread's set and one visit of each zone give above the low mark. Accounted requests get one frame: each needs a charge of its own.
    /// </summary>
    internal nuint AllocateBulk(GfpFlags flags, nuint count, Page** pages)
    {
        nuint filled = 0;
        while (filled < count && pages[filled] != null) filled++;
        if (filled == count || (pages[filled] = Allocate(flags, 0)) == null) return filled;
        int missing = 0;
        for (nuint i = ++filled; i < count; i++) missing += pages[i] == null ? 1 : 0;
        uint chain = Page.Nil;
        Page* stray = missing == 0 || (flags & GfpFlags.Account) != 0 ? null : TakeChain(CpuBlocks.Current, flags, missing, ref chain);
        for (; filled < count; filled++)
        {
            if (pages[filled] != null) continue;
            if (chain == Page.Nil) break;
            Page* page = _map + chain;
            chain = page->Next;
            page->Links = 0;
            pages[filled] = Finish(page, flags, 0);
        }

        if (stray != null) ReportStray(stray, Page.Nil, 0);
        return filled;
    }

    /// <summary>Takes up to a number of single frames, linked through <see cref="Page.Next"/>, each with its user's reference.</summary>
    /// <returns>A page that two threads had freed at once, or null.</returns>
    private Page* TakeChain(CpuBlock* block, GfpFlags flags, int missing, ref uint chain)
    {
        flags &= ~block->Execution.AllocationScopeBits;
        int request = ZoneTable[(int)(flags & ZoneBits)];
        if (request > (int)ZoneType.Movable || _preferred[request] is not { } preferred) return null;
        MigrateType type = Mobility.Of(flags);
        AllocFlags alloc = AllocFlags.LowMark | PopulatedOf(flags);
        Page* stray = null;
        for (int i = preferred.Index; i >= 0 && missing > 0; i--)
        {
            Zone zone = _zones[i];
            if (!zone.MayTake(0, (ZoneType)request, alloc)) continue;
            int list = (alloc & AllocFlags.Populated) != 0 && zone.ReserveFrames != 0 ? (int)MigrateType.Reserve : (int)type;
            PageSet* set = _usesSets ? _sets.Make(block->Execution.Cpu) : null;
            if (set != null && (set += zone.Index)->Enter())
            {
                for (; missing > 0; missing--)
                {
                    uint frame = list == (int)MigrateType.Reserve ? set->Pop(_map, list) : set->TakeHot(_map, list);
                    if (frame == Page.Nil) break;
                    MakeUser(_map + frame, 0, type)->Next = chain;
                    chain = frame;
                }

                Page* found = set->TakeStray();
                set->Leave();
                if (found != null) stray = found;
            }

            if (missing > 0) missing -= zone.TakeChain(type, (ZoneType)request, alloc, missing, ref chain);
        }

        return stray;
    }
}
