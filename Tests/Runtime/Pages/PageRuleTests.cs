using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>What the kernel does about each malformed request to the page allocator, one test a rule.</summary>
[Collection("alone")]
public unsafe class PageRuleTests
{
    private static KernelMemory Small(string layout = "Flat") => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never,
        MemorySize = (layout == "X86_32" ? 960UL : 32UL) << 20, Layout = Layout(layout), GiveBackAfter = Timeout.InfiniteTimeSpan,
    });

    private static List<nint> Exhaust(KernelMemory memory)
    {
        var taken = new List<nint>();
        for (Page* page; (page = memory.TryAllocPages(GfpFlags.MemAlloc | GfpFlags.NoWarn, 0)) != null;) taken.Add((nint)page);
        return taken;
    }

    [Theory]
    [InlineData(0x3)]
    [InlineData(0x5)]
    [InlineData(0x6)]
    [InlineData(0x7)]
    [InlineData(0xB)]
    [InlineData(0xD)]
    [InlineData(0xE)]
    [InlineData(0xF)]
    public void BadZoneCombination_IsABug(int bits) => Bug("more than one zone", () => alloc_pages(GFP_KERNEL | (GfpFlags)bits, 0));

    [Theory]
    [InlineData(0x0, ZoneType.Normal)]
    [InlineData(0x1, ZoneType.Dma)]
    [InlineData(0x2, ZoneType.HighMem)]
    [InlineData(0x4, ZoneType.Normal)]
    [InlineData(0x8, ZoneType.Normal)]
    [InlineData(0x9, ZoneType.Dma)]
    [InlineData(0xA, ZoneType.HighMem)]
    [InlineData(0xC, ZoneType.Normal)]
    public void GoodZoneCombination_StartsAtItsZone(int bits, ZoneType zone)
    {
        // DMA32 and MOVABLE are not configured here: the first means NORMAL, the second the highest zone below it.
        using KernelMemory memory = Small("X86_32");
        Page* page = memory.AllocPages(GfpFlags.Kernel | (GfpFlags)bits, 0);
        Assert.Equal(zone, memory.PageZone(page));
        memory.FreePages(page, 0);
    }

    [Fact]
    public void MovableAndReclaimable_IsAWarning_AndTheRequestIsServed()
    {
        Page* page = null;
        KernelReport report = Assert.Single(Reports(() => page = alloc_page(GFP_KERNEL | __GFP_MOVABLE | __GFP_RECLAIMABLE)));
        Assert.Contains("movable and reclaimable at once", report.Text);
        Assert.True(page != null);
        __free_page(page);
    }

    [Fact]
    public void NoFailWithoutDirectReclaim_IsAWarningAndNull()
    {
        using KernelMemory memory = Small();
        Exhaust(memory);
        List<KernelReport> reports = Reports(() => Assert.True(memory.TryAllocPages(GfpFlags.NoFail | GfpFlags.NoWarn, 0) == null));
        Assert.Contains("__GFP_NOFAIL without __GFP_DIRECT_RECLAIM", Assert.Single(reports).Text);
    }

    [Fact]
    public void NoFailOfALargeOrder_IsAWarning_InTheSlowPathOnly()
    {
        using KernelMemory memory = Small();
        Page* easy = null;
        Assert.Empty(Reports(() => easy = memory.AllocPages(GfpFlags.Kernel | GfpFlags.NoFail, 2)));
        List<nint> all = Exhaust(memory);
        var shrinker = new Shrinker((Shrinker _, ref ShrinkControl _) => 1000, (Shrinker _, ref ShrinkControl control) =>
        {
            nuint freed = 0;
            lock (all)
            {
                for (; freed < control.nr_to_scan && all.Count > 0; freed++)
                {
                    memory.FreePages((Page*)all[^1], 0);
                    all.RemoveAt(all.Count - 1);
                }
            }

            return freed;
        });
        memory.RegisterShrinker(shrinker);
        Page* hard = null;
        Assert.Contains("__GFP_NOFAIL with order 2", Assert.Single(Reports(() => hard = memory.AllocPages(GfpFlags.Kernel | GfpFlags.NoFail, 2))).Text);
        Assert.True(hard != null);
        memory.UnregisterShrinker(shrinker);
    }

    [Fact]
    public void DirectReclaimInAtomicContext_IsReported_AndTheRequestIsServed()
    {
        CpuBlocks.Current->Execution.PreemptCount++;
        try
        {
            Bug("BUG: sleeping function called from invalid context", () => alloc_page(GFP_KERNEL));
            page* page = alloc_page(GFP_ATOMIC);
            Assert.True(page != null);
            __free_page(page);
        }
        finally
        {
            CpuBlocks.Current->Execution.PreemptCount--;
        }
    }

    [Fact]
    public void GetFreePagesOfHighMemory_ComesFromLowMemory()
    {
        using KernelMemory memory = Small("X86_32");
        void* address = memory.GetFreePages(GfpFlags.HighUser, 0);
        Assert.Equal(ZoneType.Normal, memory.PageZone(memory.VirtToPage(address)));
        memory.FreePagesAt(address, 0);
    }

    [Fact]
    public void ExactPagesWithCompoundOrHighMemory_IsAWarning_AndTheBitsAreIgnored()
    {
        void* range = null;
        Assert.Contains("__GFP_HIGHMEM|__GFP_COMP: the flag is ignored", Assert.Single(Reports(() => range = alloc_pages_exact(5000, GFP_HIGHUSER | __GFP_COMP))).Text);
        Assert.True(range != null);
        free_pages_exact(range, 5000);
    }

    [Fact]
    public void BulkWithAccount_GivesOnePage()
    {
        page** pages = stackalloc page*[8];
        new Span<nint>(pages, 8).Clear();
        Assert.Equal((nuint)1, alloc_pages_bulk(GFP_KERNEL_ACCOUNT, 8, pages));
        __free_page(pages[0]);
    }

    [Fact]
    public void HighOrderBlock_WithoutComp_HasNoTails_WithCompItHas()
    {
        page* plain = alloc_pages(GFP_KERNEL, 2), compound = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
        Assert.Equal(0, page_count(plain + 1));
        Assert.Equal(1, page_count(compound + 1));
        __free_pages(plain, 2);
        __free_pages(compound, 2);
    }

    [Theory]
    [InlineData(__GFP_HIGHMEM)]
    [InlineData(__GFP_DMA32)]
    [InlineData((gfp_t)0x0400_0000)]
    public void KmallocWithAZoneOrAnUndefinedBit_IsFixedUp_AndServed(gfp_t wrong)
    {
        using KernelMemory memory = Small();
        KmemCache* cache = memory.CreateCache("fixes", 64);
        foreach (nuint size in (nuint[])[100, 20_000])
        {
            void* obj = null;
            string text = Assert.Single(Reports(() => obj = memory.Kmalloc(size, GfpFlags.Kernel | wrong))).Text;
            Assert.Equal($"Unexpected gfp: 0x{(uint)wrong:x} ({wrong.Format()}). Fixing up to gfp: 0xcc0 (GFP_KERNEL). Fix your code!", text);
            memory.Kfree(obj);
        }

        void* other = null;
        Assert.StartsWith("Unexpected gfp: ", Assert.Single(Reports(() => other = memory.CacheAlloc(cache, GfpFlags.Kernel | wrong))).Text);
        memory.CacheFree(cache, other);
        memory.DestroyCache(cache);
    }

    [Fact]
    public void KmallocOverItsClasses_IsACompoundBlock_ThatKnowsItsOrder()
    {
        using KernelMemory memory = Small();
        void* obj = memory.Kmalloc(20_000);
        Page* head = memory.VirtToPage(obj);
        Assert.True((head->Flags & PageFlags.Head) != 0 && memory.Memory.HeadOf(head + 7) == head);
        Assert.Equal((nuint)32_768, memory.Ksize(obj));
        Bug("", () => memory.FreePages(head, 3));
        memory.Kfree(obj);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
    }

    [Fact]
    public void KvmallocOverIntMax_IsAWarningAndNull_SilentWithNoWarn()
    {
        Assert.Equal($"WARNING: kvmalloc of {1L + int.MaxValue} bytes is over INT_MAX: the request fails",
            Assert.Single(Reports(() => Assert.True(kvmalloc(1L + int.MaxValue, GFP_KERNEL) == null))).Text);
        Assert.Empty(Reports(() => Assert.True(kvmalloc(1L + int.MaxValue, GFP_KERNEL | __GFP_NOWARN) == null)));
        Assert.Empty(Reports(() => Assert.True(kvmalloc(-1, GFP_NOWAIT) == null)));
    }

    [Fact]
    public void TailWrittenOverByItsUser_IsBadPageState()
    {
        page* block = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);
        block[3].HeadFrame++;
        Bug("page dumped because: compound_head not consistent", () => __free_pages(block, 2));
        block[3].HeadFrame--;
        __free_pages(block, 2);
    }

    [Fact]
    public void MappedPage_IsBadPageState()
    {
        page* mapped = alloc_page(GFP_KERNEL);
        mapped->MapCount = 1;
        Bug("page dumped because: nonzero mapcount", () => __free_page(mapped));
        mapped->MapCount = 0;
        __free_page(mapped);
    }

    [Fact]
    public void ReferenceCount_IsZeroInTheBuddy_OneForTheFirstUser()
    {
        page* page = alloc_page(GFP_KERNEL);
        Assert.Equal(1, page_count(page));
        get_page(page);
        Assert.Equal(2, page_count(page));
        put_page(page);
        put_page(page);
        Assert.Equal(0, page_count(page));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FreeWhileSomebodyHoldsAReference_LeaksNothing(bool compound)
    {
        // The kernel's own test: allocate, take a reference, free, drop the reference.
        using KernelMemory memory = Small();
        for (int i = 0; i < 20_000; i++)
        {
            Page* block = memory.AllocPages(compound ? GfpFlags.Kernel | GfpFlags.Compound : GfpFlags.Kernel, 3);
            memory.Pages.Get(block);
            memory.FreePages(block, 3);
            memory.Pages.Put(block);
        }

        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Theory]
    [InlineData("X86_32", 16UL << 20, ZoneType.Dma, ZoneType.Normal, "24 address lines")]
    [InlineData("X86_32", 896UL << 20, ZoneType.Normal, ZoneType.HighMem, "1 GiB window less 128 MiB")]
    [InlineData("X86_64", 16UL << 20, ZoneType.Dma, ZoneType.Dma32, "24 address lines")]
    [InlineData("X86_64", 4UL << 30, ZoneType.Dma32, ZoneType.Normal, "32-bit devices")]
    public void ZoneBoundary_SeparatesTheFramesBelowAndAt_ForAReason(string layout, ulong boundary, ZoneType below, ZoneType at, string reason)
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { AtomicReserve = ReservePopulation.Never, Layout = Layout(layout), MemorySize = boundary + (64 << 20) });
        uint frame = (uint)(boundary >> PAGE_SHIFT);
        Assert.Equal(below, memory.PageZone(memory.Memory.PageOf(frame - 1)));
        Assert.Equal(at, memory.PageZone(memory.Memory.PageOf(frame)));
        Assert.Contains(reason, memory.Layout.Zones.Single(zone => zone.Type == below).Reason);
        Assert.Equal(at == ZoneType.HighMem, memory.PageAddress(memory.Memory.PageOf(frame)) == null);
    }
}
