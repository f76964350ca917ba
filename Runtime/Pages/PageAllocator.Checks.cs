// What is wrong about a free, and what an address or a page is, in words.
//
// Every wrong call is caught before anything changes, always: the memory map knows each block's order and references.
//   not a page / not a direct-map address      reference count 0: free already, or the middle of a block
//   another order than at allocation           a page of a slab, of a large kmalloc, of vmalloc
//   flags, maps or tails that a free page must not have ("Bad page state")
// Kernel concept: free_page_is_bad, bad_page, dump_page.

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
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

        string? reason =
            page->MapCount != 0 ? "nonzero mapcount"
            : (flags & PageFlags.CheckAtFree) != 0 ? "PAGE_FLAGS_CHECK_AT_FREE flag(s) set"
            : (flags & PageFlags.Head) != 0 && !TailsAreRight(page, order) ? "compound_head not consistent"
            : null;
        if (reason is null) return true;
        BadPage(page, reason);
        return false;
    }

    private bool TailsAreRight(Page* head, int order)
    {
        uint frame = _memory.FrameOf(head);
        for (uint i = 1; i < 1u << order; i++)
        {
            if ((head[i].Flags & PageFlags.Tail) == 0 || head[i].HeadFrame != frame) return false;
        }

        return true;
    }

    /// <summary>A page that lay on a thread's stack of free pages while somebody used it. It is his: it was taken off the stack.</summary>
    /// <param name="page">The page.</param>
    /// <param name="frame">The frame that the request got meanwhile, which must not be lost if the report throws.</param>
    /// <param name="order">Its order.</param>
    private void ReportStray(Page* page, uint frame, int order)
    {
        try
        {
            KernelReports.Bug($"BUG: double free of page pfn:{_memory.FrameOf(page):x5}: two threads freed it at the same time; now {DescribePage(page)}", (nuint)page);
        }
        catch when (frame != Page.Nil)
        {
            Give(_map + frame, order);
            throw;
        }
    }

    /// <summary>Where reports do not throw, the kernel shows 60 bad pages a minute and counts the rest.</summary>
    private const int BadPagesShown = 60;
    private static readonly Lock s_badPages = new();
    private static int s_shown;
    private static long s_suppressed;
    private static long s_resume;

    /// <summary>For tests, which have no minute: it is over.</summary>
    internal static void EndBadPageMinute()
    {
        lock (s_badPages) (s_shown, s_resume) = (BadPagesShown, 0);
    }

    private static bool MayShowBadPage()
    {
        if (KernelReports.Policy != BugPolicy.Log) return true;
        long suppressed;
        lock (s_badPages)
        {
            long now = Environment.TickCount64;
            if (s_shown == BadPagesShown && now < s_resume)
            {
                s_suppressed++;
                return false;
            }

            if (s_shown == BadPagesShown) s_shown = 0;
            if (s_shown++ == 0) s_resume = now + 60_000;
            suppressed = s_suppressed;
            s_suppressed = 0;
        }

        if (suppressed != 0) KernelReports.Warn($"BUG: Bad page state: {suppressed} messages suppressed");
        return true;
    }

    /// <summary>The kernel's bad_page. The page stays as it is: it is leaked rather than handed out.</summary>
    private void BadPage(Page* page, string reason)
    {
        if (!MayShowBadPage()) return;
        uint frame = _memory.FrameOf(page);
        ulong* raw = (ulong*)page;
        KernelReports.Bug($"""
            BUG: Bad page state in process {ContextReport.TaskName}  pfn:{frame:x5}
            page: refcount:{page->RefCount} mapcount:{page->MapCount} mapping:0000000000000000 index:0x0 pfn:0x{frame:x} order:{page->Order}
            flags: 0x{(uint)page->Flags:x}({page->Flags})
            raw: {raw[0]:x16} {raw[1]:x16} {raw[2]:x16} {raw[3]:x16}
            page dumped because: {reason}
            """, (nuint)page);
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
        if ((page->Flags & PageFlags.PageSet) != 0) return $"it is free (first page of a block of order {page->Order} in a page set)";
        if ((page->Flags & PageFlags.Slab) != 0) return "it belongs to a slab: free its objects";
        if ((page->Flags & PageFlags.LargeKmalloc) != 0) return $"it is a kmalloc allocation of order {page->Order}: free it with kfree";
        if ((page->Flags & PageFlags.Vmalloc) != 0) return "it is mapped by vmalloc: free the range with vfree";
        if (page->RefCount > 0) return $"it is an allocated block of order {page->Order}";

        // In the middle of something: look for the head of the smallest block that covers it.
        for (int order = 1; order <= PhysicalMemory.MaxOrder; order++)
        {
            Page* head = _memory.PageOf(frame & ~((1u << order) - 1));
            if (head == page || head->Order < order) continue;
            if ((head->Flags & (PageFlags.Buddy | PageFlags.PageSet)) != 0) return $"it is free (inside a free block of order {head->Order} at pfn:{_memory.FrameOf(head):x5})";
            if (head->RefCount > 0)
            {
                return $"it is page {frame - _memory.FrameOf(head)} of an allocated block of order {head->Order} that starts at pfn:{_memory.FrameOf(head):x5}"
                    + ((head->Flags & PageFlags.Owned) != 0 ? $"; {DescribePage(head)}" : string.Empty);
            }
        }

        return "it is free (never handed out)";
    }
}
