// Giving pages back, and everything that can be wrong about it.
//
// Every wrong call is caught before anything changes, always: the memory map knows each block's order and references.
//   not a page / not a direct-map address      reference count 0: free already, or the middle of a block
//   another order than at allocation           a page of a slab, of a large kmalloc, of vmalloc
//   flags that a free page must not have ("Bad page state")
// Kernel concept: __free_pages, free_pages, put_page, free_pages_prepare, bad_page.

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    /// <summary>The kernel's __free_pages. Null is ignored.</summary>
    internal void Free(Page* page, int order)
    {
        if (page == null || !CheckFree(page, order, "__free_pages")) return;
        FreeChecked(page, order);
    }

    /// <summary>The kernel's free_pages: by direct-map address. 0 is ignored.</summary>
    internal void FreeAddress(nuint address, int order)
    {
        if (address == 0) return;
        if (!_memory.IsDirect(address) || (address & (PhysicalMemory.PageSize - 1)) != 0)
        {
            KernelReports.Bug($"BUG: free_pages(0x{address:x}, {order}): the address is not the start of a page: {Describe(address)}", address);
            return;
        }

        Page* page = _memory.PageOf(_memory.FrameOfAddress(address));
        if (CheckFree(page, order, "free_pages")) FreeChecked(page, order);
    }

    /// <summary>Frees a block that the allocator's own upper layers hold: no checks but the reference count.</summary>
    internal void FreeChecked(Page* page, int order)
    {
        if ((page->Flags & PageFlags.Head) != 0 && Volatile.Read(ref page->RefCount) == 1) UnlinkTails(page, order);
        if (!ZoneOf(_memory.FrameOf(page)).Put(page, order))
            KernelReports.Bug($"BUG: double free of page pfn:{_memory.FrameOf(page):x5}: another thread freed it at the same time", (nuint)page);
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
        if (!CheckFree(page, _memory.IsPage(page) ? page->Order : 0, "put_page")) return;
        int count = Volatile.Read(ref page->RefCount);
        while (count > 1)
        {
            int seen = Interlocked.CompareExchange(ref page->RefCount, count - 1, count);
            if (seen == count) return;
            count = seen;
        }

        FreeChecked(page, page->Order);
    }

    /// <summary>Turns a block into single frames, each with one reference (the kernel's split_page).</summary>
    internal void Split(Page* page, int order)
    {
        // From the end: a walk of the zone meets either the whole block or all of its parts.
        for (uint i = (1u << order) - 1; i > 0; i--)
        {
            Page* part = page + i;
            part->Flags = PageFlags.None;
            part->Order = 0;
            part->MapCount = 0;
            part->Private = 0;
            part->Next = 0;
            Volatile.Write(ref part->RefCount, 1);
        }

        Volatile.Write(ref page->Order, 0);
    }

    private bool CheckFree(Page* page, int order, string caller)
    {
        if (!_memory.IsPage(page))
        {
            KernelReports.Bug($"BUG: {caller}(0x{(nuint)page:x}): not a struct page: {Describe((nuint)page)}", (nuint)page);
            return false;
        }

        PageFlags flags = page->Flags;
        if (page->RefCount <= 0 || (flags & (PageFlags.Owned | PageFlags.Tail)) != 0)
        {
            KernelReports.Bug($"BUG: {caller}() of page pfn:{_memory.FrameOf(page):x5}: {DescribePage(page)}", (nuint)page);
            return false;
        }

        if (page->Order != order)
        {
            KernelReports.Bug($"BUG: {caller}() of page pfn:{_memory.FrameOf(page):x5} with order {order}: the block was allocated with order {page->Order}", (nuint)page);
            return false;
        }

        if (_memory.FrameOf(page) >= _memory.LowFrames && page->KmapSlot != 0)
        {
            KernelReports.Bug($"BUG: {caller}() of page pfn:{_memory.FrameOf(page):x5}: it is still mapped by kmap", (nuint)page);
            return false;
        }

        if ((flags & PageFlags.CheckAtFree) != 0)
        {
            KernelReports.Bug($"""
                BUG: Bad page state in process {Thread.CurrentThread.Name ?? "thread"}  pfn:{_memory.FrameOf(page):x5}
                page: refcount:{page->RefCount} order:{page->Order} pfn:0x{_memory.FrameOf(page):x}
                flags: 0x{(uint)flags:x}({flags})
                page dumped because: PAGE_FLAGS_CHECK_AT_FREE flag(s) set
                """, (nuint)page);
            return false;
        }

        return true;
    }

    private static void UnlinkTails(Page* head, int order)
    {
        for (uint i = 1; i < 1u << order; i++)
        {
            head[i].Flags = PageFlags.None;
            head[i].HeadFrame = 0;
        }
    }

    /// <summary>What an address is, for reports.</summary>
    internal string Describe(nuint address)
    {
        if (address == 0) return "it is null";
        if (DescribeObject?.Invoke(address) is { } text) return text;
        if (_memory.IsDirect(address))
        {
            Page* page = _memory.PageOf(_memory.FrameOfAddress(address));
            return $"0x{address:x} is in page pfn:{_memory.FrameOf(page):x5}; {DescribePage(page)}";
        }

        nuint offset = address - (nuint)_memory.MemMap;
        return offset < (nuint)_memory.Frames * Page.Bytes
            ? $"0x{address:x} points into the memory map, at the struct page of pfn:{offset / Page.Bytes:x5}"
            : $"0x{address:x} is no memory of this allocator";
    }

    /// <summary>What a frame is, for reports.</summary>
    internal string DescribePage(Page* page)
    {
        if (!_memory.IsPage(page)) return "it is not a struct page";
        uint frame = _memory.FrameOf(page);
        if ((page->Flags & PageFlags.Buddy) != 0) return $"it is free (first page of a free block of order {page->Order})";
        if ((page->Flags & PageFlags.Slab) != 0) return "it belongs to a slab: free its objects";
        if ((page->Flags & PageFlags.LargeKmalloc) != 0) return $"it is a kmalloc allocation of order {page->Order}: free it with kfree";
        if ((page->Flags & PageFlags.Vmalloc) != 0) return "it is mapped by vmalloc: free the range with vfree";
        if (page->RefCount > 0) return $"it is an allocated block of order {page->Order}";

        // In the middle of something: look for the head of the smallest block that covers it.
        for (int order = 1; order <= PhysicalMemory.MaxOrder; order++)
        {
            Page* head = _memory.PageOf(frame & ~((1u << order) - 1));
            if (head == page || head->Order < order) continue;
            if ((head->Flags & PageFlags.Buddy) != 0) return $"it is free (inside a free block of order {head->Order} at pfn:{_memory.FrameOf(head):x5})";
            if (head->RefCount > 0)
            {
                return $"it is page {frame - _memory.FrameOf(head)} of an allocated block of order {head->Order} that starts at pfn:{_memory.FrameOf(head):x5}"
                    + ((head->Flags & PageFlags.Owned) != 0 ? $"; {DescribePage(head)}" : string.Empty);
            }
        }

        return "it is free (never handed out)";
    }
}
