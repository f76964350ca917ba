using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>One test for each call of the book's chapter on pages, on the kernel face, with what each call refuses.</summary>
[Collection("alone")]
public unsafe class PageCallTests
{
    [Fact]
    public void alloc_pages_HandsOutAnAlignedBlockOfItsOrder()
    {
        for (int order = 0; order <= MAX_ORDER; order++)
        {
            page* block = alloc_pages(GFP_KERNEL, order);
            Assert.True(block != null);
            Assert.Equal((nuint)0, page_to_pfn(block) % ((nuint)1 << order));
            Assert.Equal(1, page_count(block));
            new Span<byte>(page_address(block), PAGE_SIZE << order).Fill(0x5A);
            __free_pages(block, order);
        }
    }

    [Theory]
    [InlineData(11)]
    [InlineData(-1)]
    [InlineData(64)]
    public void alloc_pages_OrderOverTheLimit_IsNullWithAWarning(int order)
    {
        KernelReport report = Assert.Single(Reports(() => Assert.True(alloc_pages(GFP_KERNEL, order) == null)));
        Assert.Equal(ReportLevel.Warn, report.Level);
        Assert.Contains($"order {order}", report.Text);
        Assert.Empty(Reports(() => Assert.True(alloc_pages(GFP_KERNEL | __GFP_NOWARN, order) == null)));
    }

    [Fact]
    public void alloc_pages_TwoZones_IsABug() =>
        Bug("more than one zone", () => alloc_pages(GFP_KERNEL | __GFP_DMA | __GFP_HIGHMEM, 0));

    [Fact]
    public void alloc_pages_Dma_ComesFromZoneDma()
    {
        page* block = alloc_pages(GFP_DMA | GFP_KERNEL, 2);
        Assert.Equal(ZoneType.Dma, page_zonenum(block));
        Assert.True(page_to_pfn(block) < 16 << 20 >> PAGE_SHIFT);
        __free_pages(block, 2);
    }

    [Fact]
    public void page_address_IsTheFramesPlaceInTheDirectMap()
    {
        page* first = alloc_pages(GFP_KERNEL, 1);
        Assert.Equal((nint)page_address(first) + PAGE_SIZE, (nint)page_address(first + 1));
        Assert.True(virt_to_page((byte*)page_address(first) + 5000) == first + 1);
        Assert.True(pfn_to_page(page_to_pfn(first)) == first);
        __free_pages(first, 1);
    }

    [Fact]
    public void virt_to_page_OfAStackAddress_IsABug()
    {
        int local = 0;
        nuint address = (nuint)(&local);
        Bug("is no memory of this allocator", () => virt_to_page(address));
    }

    [Fact]
    public void __get_free_pages_ReturnsTheAddress()
    {
        nuint address = __get_free_pages(GFP_KERNEL, 3);
        Assert.NotEqual((nuint)0, address);
        Assert.Equal((nuint)0, address & ~PAGE_MASK);
        *(long*)address = 42;
        free_pages(address, 3);
    }

    [Fact]
    public void alloc_page_IsOnePage()
    {
        page* one = alloc_page(GFP_ATOMIC);
        Assert.Equal(1, page_count(one));
        get_page(one);
        Assert.Equal(2, page_count(one));
        put_page(one);
        __free_page(one);
        Assert.Equal(0, page_count(one));
    }

    [Fact]
    public void __get_free_page_IsOnePageByAddress()
    {
        nuint address = __get_free_page(GFP_KERNEL);
        *(byte*)(address + PAGE_SIZE - 1) = 1;
        free_page(address);
    }

    [Fact]
    public void get_zeroed_page_ReadsAsZero()
    {
        nuint dirty = __get_free_page(GFP_KERNEL);
        new Span<byte>((void*)dirty, PAGE_SIZE).Fill(0xFF);
        free_page(dirty);
        nuint zeroed = get_zeroed_page(GFP_KERNEL);
        Assert.Equal(-1, new Span<byte>((void*)zeroed, PAGE_SIZE).IndexOfAnyExcept((byte)0));
        free_page((void*)zeroed);
    }

    [Fact]
    public void __free_pages_WrongOrder_IsABugAndTheBlockLivesOn()
    {
        page* block = alloc_pages(GFP_KERNEL, 2);
        Bug("was allocated with order 2", () => __free_pages(block, 1));
        Assert.Equal(1, page_count(block));
        __free_pages(block, 2);
    }

    [Fact]
    public void __free_pages_PageInTheMiddle_IsABugThatNamesTheBlock()
    {
        page* block = alloc_pages(GFP_KERNEL, 3);
        Bug($"page 5 of an allocated block of order 3 that starts at pfn:{page_to_pfn(block):x5}", () => __free_pages(block + 5, 0));
        __free_pages(block, 3);
    }

    [Fact]
    public void __free_pages_NotAPage_IsABug()
    {
        page* block = alloc_pages(GFP_KERNEL, 0);
        Bug("not a struct page", () => __free_pages((Page*)page_address(block), 0));
        Bug("not a struct page", () => __free_pages((Page*)((byte*)block + 8), 0));
        __free_pages(block, 0);
        __free_pages(null, 0);
    }

    [Fact]
    public void __free_page_Twice_IsABugThatSaysFree()
    {
        page* one = alloc_page(GFP_KERNEL);
        __free_page(one);
        Bug("it is free", () => __free_page(one));
    }

    [Fact]
    public void free_pages_Zero_IsIgnored()
    {
        free_pages((nuint)0, 3);
        free_page(null);
    }

    [Fact]
    public void free_pages_NotTheStartOfAPage_IsABug()
    {
        nuint address = __get_free_pages(GFP_KERNEL, 1);
        Bug("not the start of a page", () => free_pages(address + 8, 1));
        Bug("is no memory of this allocator", () => free_pages((nuint)0x5000, 1));
        free_pages(address, 1);
        Bug("it is free", () => free_pages(address, 1));
    }

    [Fact]
    public void free_page_LockedPage_IsBadPageState()
    {
        nuint address = __get_free_page(GFP_KERNEL);
        page* locked = virt_to_page(address);
        lock_page(locked);
        Assert.False(trylock_page(locked));
        Bug("Bad page state", () => free_page(address));
        unlock_page(locked);
        Bug("not locked", () => unlock_page(locked));
        free_page(address);
    }

    [Fact]
    public void put_page_LastReferenceFreesTheCompoundBlock()
    {
        page* block = alloc_pages(GFP_KERNEL | __GFP_COMP, 4);
        get_page(block + 3);
        Assert.Equal(2, page_count(block + 9));
        put_page(block);
        put_page(block + 1);
        Bug("it is free", () => put_page(block));
    }

    [Fact]
    public void __free_pages_WhileSomebodyHoldsAReference_FreesTheRest()
    {
        page* block = alloc_pages(GFP_KERNEL, 3);
        get_page(block);
        __free_pages(block, 3);
        Assert.Equal(1, page_count(block));
        put_page(block);
        Assert.Equal(0, page_count(block));
    }

    [Fact]
    public void alloc_pages_exact_CostsWhatItNeeds()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        ulong before = memory.FreeBytes;
        void* range = memory.AllocPagesExact(5 * PAGE_SIZE - 100, GfpFlags.Kernel);
        Assert.Equal(before - (5 * PAGE_SIZE), memory.FreeBytes);
        Sound(memory);
        memory.FreePagesExact(range, 5 * PAGE_SIZE - 100);
        Assert.Equal(before, memory.FreeBytes);
        Bug("it is free", () => memory.FreePagesExact(range, 5 * PAGE_SIZE - 100));
    }

    [Fact]
    public void alloc_pages_bulk_FillsTheGaps()
    {
        page** pages = stackalloc page*[8];
        for (int i = 0; i < 8; i++) pages[i] = null;
        pages[3] = alloc_page(GFP_KERNEL);
        page* kept = pages[3];
        Assert.Equal((nuint)8, alloc_pages_bulk(GFP_KERNEL, 8, pages));
        Assert.True(pages[3] == kept);
        for (int i = 0; i < 8; i++) __free_page(pages[i]);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(4096, 0)]
    [InlineData(4097, 1)]
    [InlineData(8193, 2)]
    [InlineData(4 << 20, 10)]
    [InlineData(0, 52)]
    public void get_order_IsTheSmallestThatFits(long size, int order) => Assert.Equal(order, get_order(size));

    [Fact]
    public void si_meminfo_AddsUp()
    {
        si_meminfo(out sysinfo info);
        Assert.Equal(KernelMemory.Default.TotalBytes, (ulong)info.totalram * info.mem_unit);
        Assert.InRange((ulong)info.freeram, 1UL, (ulong)info.totalram);
    }
}
