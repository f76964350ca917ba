using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>
/// A system whose pages have 8 KiB, as the book's 64-bit machines: every layer counts in them. The random work of the other tests runs on such
/// systems too (<see cref="TestSupport.Machines"/>).
/// </summary>
public unsafe class PageSizeTests
{
    private const int Page8K = 8192;

    private static KernelMemory Boot(MemoryLayout layout, ulong bytes, BackingKind backing = BackingKind.Automatic) => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never, MemorySize = bytes, Layout = layout.WithPageSize(Page8K), Backing = backing, GiveBackAfter = Timeout.InfiniteTimeSpan,
    });

    public static TheoryData<BackingKind> Backings => OperatingSystem.IsLinux() ? new() { BackingKind.Memfd, BackingKind.Portable } : new() { BackingKind.Portable };

    [Fact]
    public void FourGibibytes_HaveTheBooksNumberOfPages_AndTheirMemoryMapIsWhatTheFormulaSays()
    {
        using KernelMemory memory = Boot(MemoryLayout.X86_64, 4UL << 30);
        Assert.Equal(524_288u, memory.Memory.Frames);
        Assert.Equal(16UL << 20, memory.Overhead.MemoryMap);
        Assert.Equal(KernelMemory.MemoryMapCost(4UL << 30, Page8K), memory.Overhead.MemoryMap);
        Assert.Equal(1UL << 20, memory.Overhead.ClassMap);
    }

    [Fact]
    public void Zones_EndAtTheSameBytes()
    {
        using KernelMemory memory = Boot(MemoryLayout.X86_32, 960UL << 20);
        Assert.Equal([2048u, 114_688u, 122_880u], memory.Pages.Zones.ToArray().Select(zone => zone.End));
        Assert.Contains("HighMem 0x000038000000-0x00003c000000", memory.Proc.ZoneMap());

        // The kernel's formulas are in pages: min_free_kbytes of 896 MiB, and batches of a megabyte at most.
        Assert.Equal(3831, memory.Pages.MinFreeKilobytes);
        Assert.InRange(memory.Pages.Zones[0].Marks.Min + memory.Pages.Zones[1].Marks.Min, (3831 / 8) - 2, 3831 / 8);
        Assert.Equal(31, ZoneFormulas.Batch(1 << 20, pageShift: 13));
    }

    [Theory]
    [MemberData(nameof(Backings))]
    public void Blocks_OfEachOrder_AreSoManyPagesOf8KiB(BackingKind backing)
    {
        using KernelMemory memory = Boot(MemoryLayout.Flat, 64 << 20, backing);
        ulong all = memory.FreeBytes;
        for (int order = 0; order <= 10; order++)
        {
            ulong bytes = (ulong)Page8K << order;
            Page* block = memory.AllocPages(GfpFlags.Kernel | GfpFlags.Zero, order);
            var address = (byte*)memory.PageAddress(block);
            Assert.Equal(0u, (nuint)address % (nuint)bytes);
            Assert.Equal(all - bytes, memory.FreeBytes);
            new Span<byte>(address, (int)bytes).Fill(0x5A);
            Assert.True(memory.VirtToPage(address + bytes - 1) == block + (1 << order) - 1);
            Bug("not the start of a page", () => memory.FreePagesAt(address + 4096, 0));
            memory.FreePagesAt(address, order);
        }

        void* exact = memory.AllocPagesExact(3 * Page8K, GfpFlags.Kernel);
        Assert.Equal(all - (3 * Page8K), memory.FreeBytes);
        memory.FreePagesExact(exact, 3 * Page8K);
        Assert.Equal(all, memory.FreeBytes);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Theory]
    [MemberData(nameof(Backings))]
    public void Kmalloc_KeepsItsClassesAndItsLimit_LargeOnesAreWholePages(BackingKind backing)
    {
        using KernelMemory memory = Boot(MemoryLayout.Flat, 64 << 20, backing);
        foreach (nuint size in (nuint[])[1, 100, 4096, 8192, 8193, 20_000, 4 << 20])
        {
            void* obj = memory.Kmalloc(size);
            nuint room = memory.Ksize(obj);
            Assert.Equal(KmallocCaches.RoundUp(size, pageShift: 13), room);
            new Span<byte>(obj, (int)room).Fill(1);
            memory.Kfree(obj);
        }

        Assert.Equal(16384u, KmallocCaches.RoundUp(8193, pageShift: 13));
        Assert.True(memory.TryKmalloc((4 << 20) + 1, GfpFlags.Kernel | GfpFlags.NoWarn) == null);
        Sound(memory);
    }

    [Theory]
    [MemberData(nameof(Backings))]
    public void VmallocAndKmap_MapPagesOf8KiB_AsTheProcessSays(BackingKind backing)
    {
        using KernelMemory memory = Boot(MemoryLayout.X86_32, 960UL << 20, backing);
        var live = new List<nint>();
        for (int i = 1; i < 40; i++)
        {
            var area = (byte*)memory.Vmalloc((nuint)(i * 5000));
            Assert.Equal(0, (nint)area % Page8K);
            int pages = ((i * 5000) + Page8K - 1) / Page8K;
            new Span<byte>(area, pages * Page8K).Fill((byte)i);
            Assert.Equal(MappingKind.None, memory.PageTable.Translate(area + (pages * Page8K)).Kind);
            live.Add((nint)area);
        }

        if (backing == BackingKind.Memfd)
        {
            Assert.Empty(ProcessMaps.Compare(memory));
            Page* low = memory.AllocPages(GfpFlags.Kernel, 0), second = memory.AllocPages(GfpFlags.Kernel, 0);
            var both = (byte*)memory.Vmap([second, low]);
            both[Page8K] = 7;
            Assert.Equal(7, *(byte*)memory.PageAddress(low));
            PageTranslation walk = memory.PageTable.Translate(both + Page8K + 5000);
            Assert.Equal((5000, memory.Memory.FrameOf(low), ((ulong)memory.Memory.FrameOf(low) << 13) + 5000), (walk.Offset, (uint)walk.FrameNumber, walk.PhysicalAddress));
            memory.Vunmap(both);
            memory.FreePages(low, 0);
            memory.FreePages(second, 0);
        }

        Page* high = memory.AllocPages(GfpFlags.HighUser, 0);
        var window = (byte*)memory.Kmap(high);
        new Span<byte>(window, Page8K).Fill(9);
        memory.Kunmap(high);
        var local = (byte*)memory.KmapLocal(high);
        Assert.Equal((0, -1), ((int)((nint)local % Page8K), new Span<byte>(local, Page8K).IndexOfAnyExcept((byte)9)));
        memory.KunmapLocal(local + 5000);
        memory.FreePages(high, 0);
        foreach (nint area in live) memory.Vfree((void*)area);
        memory.Shrink();
        Sound(memory);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void Views_CountInThesePages()
    {
        using KernelMemory memory = Boot(MemoryLayout.Flat, 64 << 20);
        Assert.Contains("MemTotal:          65536 kB\n", memory.Proc.MemInfo());
        Assert.Contains("  managed  8192\n", memory.Proc.ZoneInfo());
        Assert.EndsWith("= 65536kB", MemoryDump.Of(memory.Pages));
        Assert.Contains(" 8*8192kB ", MemoryDump.Of(memory.Pages));
        memory.Pages.Fill(out SysInfo info);
        Assert.Equal((8192u, (nuint)8192), (info.mem_unit, info.totalram));

        void* area = memory.Vmalloc(3 * Page8K);
        Assert.Contains("   32768 pages=3 vmalloc", memory.Proc.VmallocInfo());
        memory.Vfree(area);
        using var owner = new MemoryOwner("tenant");
        using (owner.Enter())
        {
            Page* page = memory.AllocPages(GfpFlags.KernelAccount, 1);
            Assert.Equal(2 * Page8K, owner.Bytes);
            memory.FreePages(page, 1);
            Assert.Equal(0, owner.Bytes);
        }
    }

    /// <summary>The book: two pages of 8 KiB make the 16 KiB stack of a 64-bit machine.</summary>
    [Fact]
    public void KernelStack_OfTwoPages_Has16KiB()
    {
        using KernelMemory memory = Boot(MemoryLayout.Flat, 64 << 20);
        ulong before = memory.FreeBytes;
        using (KernelTask task = memory.CreateTask(new KernelTaskOptions { StackBytes = 2 * Page8K }))
        {
            Assert.Equal((16384, 0), (task.StackBytes, (int)((nint)task.Info % 16384)));
            Assert.Equal(before - 32768, memory.FreeBytes);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => memory.CreateTask(new KernelTaskOptions { StackBytes = 4096 }));
        Assert.Equal(before, memory.FreeBytes);
    }

    [Fact]
    public void WrongPageSizes_AreRefused()
    {
        foreach (int size in (int[])[0, -1, 4095, 16384]) Assert.Throws<ArgumentOutOfRangeException>(() => MemoryLayout.Flat.WithPageSize(size));
        var odd = new MemoryLayout("odd", new ZoneBoundary(ZoneType.Dma, 12 << 20, "test"), new ZoneBoundary(ZoneType.Normal, ulong.MaxValue, "test"));
        Assert.Contains("multiples of 8 MiB", Assert.Throws<ArgumentException>(() => odd.WithPageSize(Page8K)).Message);
        Assert.Contains("between 8 MiB", Assert.Throws<ArgumentOutOfRangeException>(() => Boot(MemoryLayout.Flat, 4 << 20)).Message);
        Assert.Equal((4096, 8192), (MemoryLayout.X86_64.PageSize, MemoryLayout.X86_64.WithPageSize(Page8K).PageSize));
    }
}
