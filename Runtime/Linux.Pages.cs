// The kernel face: the page allocator.
//
// A single page is allocated and freed inline up to the hit path of HotPages; everything else is one call.
// alloc_* with GFP_KERNEL may sleep, with GFP_ATOMIC or GFP_NOWAIT they never do; free functions never sleep. No memory is null or 0.
// A wrong free is a BUG that names the page, before anything changed.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    private static PageAllocator PageSystem => KernelMemory.Default.Pages;

    /// <summary>Allocates 2^<paramref name="order"/> physically contiguous pages (<c>alloc_pages</c>).</summary>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> (as in <c>GFP_KERNEL</c>) the call may sleep.</param>
    /// <param name="order">0..<see cref="MAX_ORDER"/>; more fails with a WARN.</param>
    /// <returns>The first page, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("pages", FreedBy = nameof(__free_pages), Order = nameof(order), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static page* alloc_pages(gfp_t flags, int order) => (page*)HotPages.Allocate<ByPage>(flags, order);

    /// <summary>Allocates one page (<c>alloc_page</c>).</summary>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The page, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("pages", FreedBy = nameof(__free_page), Order = "0", Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static page* alloc_page(gfp_t flags) => alloc_pages(flags, 0);

    /// <summary>Allocates pages near a memory node (<c>alloc_pages_node</c>). There is one node here: the number is not used.</summary>
    /// <param name="nid">The node.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <param name="order">0..<see cref="MAX_ORDER"/>.</param>
    /// <returns>The first page, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("pages", FreedBy = nameof(__free_pages), Order = nameof(order), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static page* alloc_pages_node(int nid, gfp_t flags, int order) => alloc_pages(flags, order);

    /// <summary>Allocates pages by address (<c>__get_free_pages</c>). <c>__GFP_HIGHMEM</c> is ignored: high memory has no address.</summary>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <param name="order">0..<see cref="MAX_ORDER"/>.</param>
    /// <returns>The address, or 0.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("get_free_pages", FreedBy = nameof(free_pages), Order = nameof(order), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint __get_free_pages(gfp_t flags, int order) => HotPages.Allocate<ByAddress>(flags & ~__GFP_HIGHMEM, order);

    /// <summary>Allocates one page by address (<c>__get_free_page</c>).</summary>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The address, or 0.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("get_free_pages", FreedBy = nameof(free_page), Order = "0", Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint __get_free_page(gfp_t flags) => __get_free_pages(flags, 0);

    /// <summary>Allocates one page that reads as zero, by address (<c>get_zeroed_page</c>).</summary>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The address, or 0.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("get_free_pages", FreedBy = nameof(free_page), Order = "0", Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail, Zeroed = true)]
    public static nuint get_zeroed_page(gfp_t flags) => __get_free_pages(flags | __GFP_ZERO, 0);

    /// <summary>Allocates pages that ISA devices reach (<c>__get_dma_pages</c>): <c>__get_free_pages</c> with <c>GFP_DMA</c>.</summary>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <param name="order">0..<see cref="MAX_ORDER"/>.</param>
    /// <returns>The address, or 0.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("get_free_pages", FreedBy = nameof(free_pages), Order = nameof(order), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static nuint __get_dma_pages(gfp_t flags, int order) => __get_free_pages(flags | GFP_DMA, order);

    /// <summary>Frees pages (<c>__free_pages</c>). Never sleeps.</summary>
    /// <param name="page">The first page; null is ignored.</param>
    /// <param name="order">The order at allocation. (The kernel does not check it; here another one is a BUG.)</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void __free_pages([Frees("pages", Order = nameof(order))] page* page, int order) => HotPages.Free<ByPage>((nuint)page, order);

    /// <summary>Frees one page (<c>__free_page</c>). Never sleeps.</summary>
    /// <param name="page">The page; null is ignored.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void __free_page([Frees("pages", Order = "0")] page* page) => __free_pages(page, 0);

    /// <summary>Frees pages by address (<c>free_pages</c>). Never sleeps.</summary>
    /// <param name="addr">The address; 0 is ignored. Anything but the start of such a block is a BUG.</param>
    /// <param name="order">The order at allocation.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void free_pages([Frees("get_free_pages", Order = nameof(order))] nuint addr, int order) => HotPages.Free<ByAddress>(addr, order);

    /// <inheritdoc cref="free_pages(nuint, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void free_pages([Frees("get_free_pages", Order = nameof(order))] void* addr, int order) => free_pages((nuint)addr, order);

    /// <summary>Frees one page by address (<c>free_page</c>). Never sleeps.</summary>
    /// <param name="addr">The address; 0 is ignored. Anything but the address of such a page is a BUG.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void free_page([Frees("get_free_pages", Order = "0")] nuint addr) => free_pages(addr, 0);

    /// <inheritdoc cref="free_page(nuint)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void free_page([Frees("get_free_pages", Order = "0")] void* addr) => free_pages((nuint)addr, 0);

    /// <summary>Allocates as many contiguous pages as a size needs, not rounded to an order (<c>alloc_pages_exact</c>).</summary>
    /// <param name="size">Bytes, 1..4 MiB; else null with a WARN.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep. COMP and HIGHMEM are ignored with a WARN.</param>
    /// <returns>The address, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("pages_exact", FreedBy = nameof(free_pages_exact), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* alloc_pages_exact(size_t size, gfp_t flags) => PageSystem.AllocateExact(size, flags);

    /// <summary>Frees what <see cref="alloc_pages_exact"/> allocated (<c>free_pages_exact</c>). Never sleeps.</summary>
    /// <param name="virt">The address; null is ignored.</param>
    /// <param name="size">The size at allocation.</param>
    public static void free_pages_exact([Frees("pages_exact", Size = nameof(size))] void* virt, size_t size) => PageSystem.FreeExact((nuint)virt, size);

    /// <summary>
    /// Fills the null entries of an array with single pages (<c>alloc_pages_bulk</c>). Free each with <see cref="__free_page"/>.
    /// </summary>
    /// <param name="flags">How; only the first page is waited for.</param>
    /// <param name="nr_pages">Length of the array.</param>
    /// <param name="page_array">The array.</param>
    /// <returns>How many entries hold a page, those filled before included.</returns>
    [MightSleepIf(nameof(flags))]
    public static nuint alloc_pages_bulk(gfp_t flags, size_t nr_pages, page** page_array) => PageSystem.AllocateBulk(flags, nr_pages, page_array);

    /// <summary>The address of a page (<c>page_address</c>): null for a high page that is not mapped. Never sleeps.</summary>
    /// <param name="page">The page.</param>
    /// <returns>The address, or null.</returns>
    [return: ViewOf(nameof(page), Family = "get_free_pages")]
    public static void* page_address(page* page) => PageSystem.Memory.AddressOf(page);

    /// <summary>The page of a direct-map address (<c>virt_to_page</c>). Any other address is a BUG; for vmalloc use vmalloc_to_page.</summary>
    /// <param name="address">An address inside memory of the page allocator or of kmalloc.</param>
    /// <returns>The page.</returns>
    [return: ViewOf(nameof(address), Family = "pages")]
    public static page* virt_to_page(void* address) => KernelMemory.Default.VirtToPage(address);

    /// <inheritdoc cref="virt_to_page(void*)"/>
    [return: ViewOf(nameof(address), Family = "pages")]
    public static page* virt_to_page(nuint address) => KernelMemory.Default.VirtToPage((void*)address);

    /// <summary>The frame number of a page (<c>page_to_pfn</c>).</summary>
    /// <param name="page">The page.</param>
    /// <returns>The frame number.</returns>
    public static nuint page_to_pfn([Borrows] page* page) => PageSystem.Memory.FrameOf(page);

    /// <summary>The page of a frame number (<c>pfn_to_page</c>).</summary>
    /// <param name="pfn">A frame number below the number of frames.</param>
    /// <returns>The page.</returns>
    public static page* pfn_to_page(nuint pfn) => PageSystem.Memory.PageOf((uint)pfn);

    /// <summary>The zone of a page (<c>page_zonenum</c>).</summary>
    /// <param name="page">The page.</param>
    /// <returns>The zone.</returns>
    public static ZoneType page_zonenum([Borrows] page* page) => PageSystem.ZoneOf(PageSystem.Memory.FrameOf(page)).Type;

    /// <summary>References to a page: 0 if it is free (<c>page_count</c>).</summary>
    /// <remarks>
    /// The count is what is stored: 0 for a frame in the buddy lists or a page set, 1 for the first user, one more for each <see cref="get_page"/>, as in the
    /// kernel's sources of the book's time (<c>_count</c>) and of today (<c>_refcount</c>). The book's text stores −1 for a free page and lets
    /// <c>page_count</c> add 1, so that callers see 0 for free and more for used: what this returns is the same either way. A page after the first
    /// of a compound block has its head's count; one of another block has none of its own, 0.
    /// </remarks>
    /// <param name="page">The page.</param>
    /// <returns>The number of references.</returns>
    public static int page_count([Borrows] page* page) => KernelMemory.Default.PageCount(page);

    /// <summary>Takes one more reference (<c>get_page</c>). Never sleeps. A page without references is a BUG.</summary>
    /// <param name="page">The page.</param>
    public static void get_page(page* page) => PageSystem.Get(page);

    /// <summary>Drops a reference; the last one frees the block (<c>put_page</c>). Never sleeps.</summary>
    /// <param name="page">The page; null is ignored.</param>
    public static void put_page(page* page) => PageSystem.Put(page);

    /// <summary>The smallest order whose block holds a size (<c>get_order</c>).</summary>
    /// <param name="size">Bytes.</param>
    /// <returns>0 for 1..4096, 1 for up to 8192 …; 52 for 0.</returns>
    public static int get_order(size_t size) => PageAllocator.OrderOf(size, PAGE_SHIFT);

    /// <summary>Turns a block into single pages, each with one reference (<c>split_page</c>).</summary>
    /// <param name="page">An allocated block that is not compound.</param>
    /// <param name="order">Its order.</param>
    public static void split_page([Consumes] page* page, int order) => PageSystem.SplitChecked(page, order);

    /// <summary>How much memory there is (<c>si_meminfo</c>). Never sleeps.</summary>
    /// <param name="val">Receives the figures.</param>
    public static void si_meminfo(out sysinfo val) => PageSystem.Fill(out val);
}

/// <summary>By its <c>struct page</c>.</summary>
internal readonly unsafe struct ByPage : IPageName
{
    public static nuint Of(Page* page) => (nuint)page;

    public static bool IsAligned(nuint name) => (name & (Page.Bytes - 1)) == 0;

    public static nuint OffsetOf(nuint name) => name - unchecked((nuint)DefaultMap.MemMap);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nuint AllocateSlow(GfpFlags flags, int order) => (nuint)KernelMemory.Default.Pages.Allocate(flags, order);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void FreeSlow(nuint name, int order) => KernelMemory.Default.Pages.Free((Page*)name, order);
}

/// <summary>By its direct-map address.</summary>
internal readonly unsafe struct ByAddress : IPageName
{
    private const int Ratio = (int)DefaultMap.PageSize / Page.Bytes;

    /// <summary>Added in front of the page's address times the ratio: one addition less than by the offset.</summary>
    private const ulong Base = unchecked(DefaultMap.PageOffset - (DefaultMap.MemMap * Ratio));

    public static nuint Of(Page* page) => ((nuint)page * Ratio) + unchecked((nuint)Base);

    public static bool IsAligned(nuint name) => (name & (DefaultMap.PageSize - 1)) == 0;

    public static nuint OffsetOf(nuint name) => (name - unchecked((nuint)DefaultMap.PageOffset)) / Ratio;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nuint AllocateSlow(GfpFlags flags, int order)
    {
        Page* page = KernelMemory.Default.Pages.Allocate(flags & ~GfpFlags.HighMem, order);
        return page == null ? 0 : (nuint)KernelMemory.Default.Memory.AddressOf(page);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void FreeSlow(nuint name, int order) => KernelMemory.Default.Pages.FreeAddress(name, order);
}
