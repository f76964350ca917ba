// How many page tables of user space show a page: struct page's map count.
//
// KAlloc has no user page tables. Who simulates them, or lends pages to code that maps them, keeps the count with these; a page that is freed while
// somebody still maps it is then "Bad page state: nonzero mapcount" instead of a use after free. Mappings of the kernel's own (the direct map, vmap,
// vmalloc, kmap) do not count, as in the kernel: who makes one holds a reference.
// Invariant: only the first page of a block has a count; a tail of a compound block hands on to its head. Cost: one interlocked addition.
// Kernel concept: _mapcount, page_add_file_rmap, page_remove_rmap, NR_FILE_MAPPED. The kernel's raw value rests at -1; here, as page_mapcount says it, 0.

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    private long _mappings;

    /// <summary>Mappings of all pages.</summary>
    internal long Mappings => Volatile.Read(ref _mappings);

    /// <summary>User page tables that show a page's block; 0 also for a page that nobody may map.</summary>
    internal int MapCountOf(Page* page)
    {
        Page* head = _memory.HeadOf(page);
        return (head->Flags & PageFlags.Slab) != 0 ? 0 : Volatile.Read(ref head->MapCount);
    }

    internal void AddMapping(Page* page)
    {
        Page* head = _memory.IsPage(page) ? _memory.HeadOf(page) : page;
        if (!_memory.IsPage(page) || head->RefCount <= 0 || (head->Flags & PageFlags.Slab) != 0)
        {
            KernelReports.Bug($"BUG: page_add_file_rmap(0x{(nuint)page:x}): {DescribePage(page)}", (nuint)page);
            return;
        }

        Interlocked.Increment(ref head->MapCount);
        Interlocked.Increment(ref _mappings);
    }

    internal void RemoveMapping(Page* page)
    {
        Page* head = _memory.IsPage(page) ? _memory.HeadOf(page) : page;
        while (_memory.IsPage(page) && (head->Flags & PageFlags.Slab) == 0)
        {
            int count = Volatile.Read(ref head->MapCount);
            if (count <= 0) break;
            if (Interlocked.CompareExchange(ref head->MapCount, count - 1, count) != count) continue;
            Interlocked.Decrement(ref _mappings);
            return;
        }

        KernelReports.Bug($"BUG: page_remove_rmap(0x{(nuint)page:x}): it is mapped nowhere; {DescribePage(page)}", (nuint)page);
    }
}
