// Giving pages back in all the ways that are not the usual one.
//
//   usual      one user, no flags, order 0..3            PageAllocator.Free: one compare-and-swap
//   here       larger orders, compound blocks, flags that a user left set, several users, owners, and the upper layers' own frees
//   wrong      PageAllocator.Checks.cs: reported before anything changes
//
// The step from "allocated" to "free" is one compare-and-swap of flags and count together in every case but that of several users, which is
// decided under the zone's lock. Kernel concept: __free_pages, free_pages, put_page, free_pages_prepare.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeUnusual(Page* page, int order)
    {
        if (page != null && CheckFree(page, order, "__free_pages")) FreeChecked(page, order);
    }

    /// <summary>The kernel's free_pages: by direct-map address. 0 is ignored.</summary>
    internal void FreeAddress(nuint address, int order)
    {
        if (address == 0) return;
        if (!_memory.IsDirect(address) || (address & (_memory.PageSize - 1)) != 0)
        {
            KernelReports.Bug($"BUG: free_pages(0x{address:x}, {order}): the address is not the start of a page: {Describe(address)}", address);
            return;
        }

        Free(_memory.PageOf(_memory.FrameOfAddress(address)), order);
    }

    /// <summary>Frees a block that the allocator's own upper layers hold: no checks but the reference count.</summary>
    internal void FreeChecked(Page* page, int order)
    {
        while (true)
        {
            ulong state = Volatile.Read(ref page->State);
            int count = (int)(state >> 32);
            if (count == 1)
            {
                if (Interlocked.CompareExchange(ref page->State, (ulong)PageFlags.PageSet, state) != state) continue;
                order = page->Order;
                if (((PageFlags)state & PageFlags.Head) != 0) UnlinkTails(page, order);
                if (page->Owner != 0) Uncharge(page->Owner, 1 << order);
                Give(page, order);
                return;
            }

            ushort owner = page->Owner;
            int freed = count > 1 && ((PageFlags)state & (PageFlags.Buddy | PageFlags.PageSet)) == 0 ? ZoneOf(_memory.FrameOf(page)).Put(page) : -1;
            if (freed < 0) KernelReports.Bug($"BUG: double free of page pfn:{_memory.FrameOf(page):x5}: another thread freed it at the same time", (nuint)page);
            else if (owner != 0) Uncharge(owner, freed);
            return;
        }
    }

    /// <summary>Where a block goes whose state says page set.</summary>
    private void Give(Page* page, int order)
    {
        if (_usesSets && (order <= PageSet.SmallOrder || order == Mobility.BlockOrder)) GiveToSet(page, order);
        else ZoneOf(_memory.FrameOf(page)).FreeOne(_memory.FrameOf(page), order);
    }

    /// <summary>The kernel's get_page.</summary>
    internal void Get(Page* page)
    {
        if (!_memory.IsPage(page) || _memory.HeadOf(page)->RefCount <= 0)
        {
            KernelReports.Bug($"BUG: get_page(0x{(nuint)page:x}): {DescribePage(page)}", (nuint)page);
            return;
        }

        Interlocked.Increment(ref _memory.HeadOf(page)->RefCount);
    }

    /// <summary>The kernel's put_page: the last reference frees the block, whatever its order.</summary>
    internal void Put(Page* page)
    {
        if (page == null) return;
        if (_memory.IsPage(page)) page = _memory.HeadOf(page);
        if (_memory.IsPage(page))
        {
            // Not the last: nothing of the block matters but its count.
            int count = Volatile.Read(ref page->RefCount);
            while (count > 1)
            {
                int seen = Interlocked.CompareExchange(ref page->RefCount, count - 1, count);
                if (seen == count) return;
                count = seen;
            }
        }

        int order = _memory.IsPage(page) ? page->Order : 0;
        if (CheckFree(page, order, "put_page")) FreeChecked(page, order);
    }

    /// <summary>Turns a block into single frames, each with one reference (the kernel's split_page).</summary>
    internal void Split(Page* page, int order)
    {
        // From the end: a walk of the zone meets either the whole block or all of its parts.
        ulong shape = page->Shape & ~(0xFFUL << 32);
        for (uint i = (1u << order) - 1; i > 0; i--)
        {
            Page* part = page + i;
            part->Shape = shape;
            part->Links = 0;
            part->Private = 0;
            Volatile.Write(ref part->State, Page.OneUser);
        }

        Volatile.Write(ref page->Order, 0);
    }

    private static void UnlinkTails(Page* head, int order)
    {
        for (uint i = 1; i < 1u << order; i++)
        {
            head[i].Flags = PageFlags.None;
            head[i].HeadFrame = 0;
        }
    }
}
