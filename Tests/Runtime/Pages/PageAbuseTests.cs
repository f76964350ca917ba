using System.Collections.Concurrent;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>What an opponent would try: sizes at the ends of their range, foreign and stale pages, threads that vanish, every mixture of flags.</summary>
public unsafe class PageAbuseTests
{
    private static readonly MemoryLayout s_pc = new("abuse",
        new ZoneBoundary(ZoneType.Dma, 8 << 20, "test"), new ZoneBoundary(ZoneType.Dma32, 16 << 20, "test"), new ZoneBoundary(ZoneType.Normal, 48 << 20, "test"),
        new ZoneBoundary(ZoneType.HighMem, ulong.MaxValue, "test"));

    private static KernelMemory Boot(MemoryLayout? layout = null) => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never, MemorySize = 64 << 20, Layout = layout ?? s_pc, GiveBackAfter = Timeout.InfiniteTimeSpan,
    });

    private static void AllBack(KernelMemory memory)
    {
        memory.Shrink();
        Sound(memory);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void ExactSizesNearOverflow_AreNullWithAWarning()
    {
        using KernelMemory memory = Boot();
        foreach (nuint size in (nuint[])[0, (4 << 20) + 1, nuint.MaxValue, nuint.MaxValue - 4094, (nuint)1 << 63, (nuint)1 << 52, ((nuint)1 << 44) + 1])
        {
            Assert.Contains("the size must be 1..4194304", Assert.Single(Reports(() => Assert.True(memory.Pages.AllocateExact(size, GfpFlags.Kernel) == null))).Text);
        }

        void* largest = memory.AllocPagesExact(4 << 20, GfpFlags.Kernel);
        foreach (nuint size in (nuint[])[0, nuint.MaxValue, nuint.MaxValue - 4094, (4 << 20) + 1, (nuint)1 << 63])
            Bug("not a range of pages", () => memory.FreePagesExact(largest, size));
        Bug("not a range of pages", () => memory.FreePagesExact((byte*)largest + 1, 4096));
        Bug("not a range of pages", () => memory.FreePagesExact(memory.Memory.DirectMap + ((nuint)(memory.Memory.LowFrames - 1) << 12), 8192));
        memory.FreePagesExact(largest, 4 << 20);
        Bug("it is free", () => memory.FreePagesExact(largest, 4 << 20));
        AllBack(memory);
    }

    [Fact]
    public void ExactRange_FreedTooLongOrTwice_LosesNothing()
    {
        using KernelMemory memory = Boot();
        byte* range = (byte*)memory.AllocPagesExact(5 * 4096, GfpFlags.Kernel);
        Bug("free_pages_exact", () => memory.FreePagesExact(range, 8 * 4096));
        memory.FreePagesExact(range, 2 * 4096);
        Bug("free_pages_exact", () => memory.FreePagesExact(range, 5 * 4096));
        memory.FreePagesExact(range + (2 * 4096), 3 * 4096);
        AllBack(memory);
    }

    [Theory]
    [InlineData(GfpFlags.Kernel)]
    [InlineData(GfpFlags.Kernel | GfpFlags.Compound)]
    public void WrongOrderAndTails_AreBugs_ForEachOrder(GfpFlags flags)
    {
        using KernelMemory memory = Boot();
        for (int order = 0; order <= 10; order++)
        {
            Page* block = memory.AllocPages(flags, order);
            foreach (int wrong in (int[])[-1, order + 1, order - 1, 11, int.MaxValue, int.MinValue])
            {
                if (wrong != order) Bug($"the block was allocated with order {order}", () => memory.FreePages(block, wrong));
            }

            int at = order;
            if (order > 0)
            {
                Bug($"of an allocated block of order {order}", () => memory.FreePages(block + (1 << at) - 1, 0));
                Bug($"of an allocated block of order {order}", () => memory.FreePages(block + 1, at));
                Bug("of an allocated block", () => memory.FreePagesAt((byte*)memory.PageAddress(block) + 4096, 0));
            }

            Assert.Equal(1, memory.PageCount(block));
            memory.FreePages(block, order);
            Bug("it is free", () => memory.FreePages(block, at));
        }

        AllBack(memory);
    }

    [Fact]
    public void PutPageOfATail_ByAnotherThread_FreesTheCompoundBlock()
    {
        using KernelMemory memory = Boot();
        Page* block = memory.AllocPages(GfpFlags.Kernel | GfpFlags.Compound, 4);
        memory.Pages.Get(block + 7);
        Assert.Equal(2, memory.PageCount(block));
        OnThread(() => memory.Pages.Put(block + 3));
        Assert.Equal(1, memory.PageCount(block + 15));
        OnThread(() => memory.Pages.Put(block + 15));
        Assert.Equal(0, memory.PageCount(block));
        Bug("put_page", () => memory.Pages.Put(block));
        Bug("get_page", () => memory.Pages.Get(block));
        AllBack(memory);
    }

    [Fact]
    public void PagesOfAnotherSystem_AndThoseNeverHandedOut_AreBugs()
    {
        using KernelMemory memory = Boot(), other = Boot();
        Page* foreign = other.AllocPages(GfpFlags.Kernel, 0);
        Bug("not a struct page", () => memory.FreePages(foreign, 0));
        Bug("not the start of a page", () => memory.FreePagesAt(other.PageAddress(foreign), 0));
        other.FreePages(foreign, 0);
        Bug("it is free", () => memory.FreePages(memory.Memory.PageOf(0), 0));
        Bug("it is free", () => memory.FreePages(memory.Memory.PageOf(memory.Memory.Frames - 1), 0));
        Bug("not a struct page", () => memory.FreePages(memory.Memory.PageOf(memory.Memory.Frames), 0));
        AllBack(memory);
    }

    [Fact]
    public void LargestBlocks_FillEachZoneToItsEnd_AndDoNotMergeAcrossIt()
    {
        using KernelMemory memory = Boot();
        GfpFlags[] kinds = [GfpFlags.Dma, GfpFlags.Dma32, GfpFlags.None, GfpFlags.HighMem];
        var taken = new List<nint>();
        for (int i = 0; i < kinds.Length; i++)
        {
            for (Page* page; (page = memory.TryAllocPages(kinds[i] | GfpFlags.MemAlloc | GfpFlags.NoWarn, 10)) != null;) taken.Add((nint)page);
            Zone zone = memory.Pages.Zones[i];
            uint end = taken.Max(page => memory.Memory.FrameOf((Page*)page)) + 1024;
            Assert.Equal((zone.End, 0L), (end, zone.FreeFrames));
        }

        Assert.Equal(16, taken.Distinct().Count());
        new Random(3).Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(taken));
        foreach (nint page in taken) memory.FreePages((Page*)page, 10);
        AllBack(memory);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(int.MinValue)]
    public void AnyNodeNumber_IsTheOneNode(int node)
    {
        Page* page = Linux.alloc_pages_node(node, GfpFlags.Kernel | GfpFlags.ThisNode, 1);
        Assert.True(page != null);
        Linux.__free_pages(page, 1);
    }

    [Fact]
    public void EveryMixtureOfFlags_IsServedOrRefused_AndNothingIsLost()
    {
        const int Seed = 11;
        using KernelMemory memory = Boot();
        var random = new Random(Seed);
        int served = 0, refused = 0;
        for (int i = 0; i < 60_000; i++)
        {
            // Few bits, many bits, pairs; undefined ones too. Without the bit that makes the thread's owner matter.
            uint bits = i % 3 == 0 ? (uint)random.Next() : (1u << random.Next(32)) | (1u << random.Next(32));
            var flags = (GfpFlags)(bits | (i % 2 == 0 ? (uint)GfpFlags.Kernel : 0)) | GfpFlags.NoWarn;
            int order = random.Next(4);
            try
            {
                Page* page = memory.TryAllocPages(flags, order);
                if (page == null) continue;
                served++;
                Assert.Equal((1, order), (memory.PageCount(page), (int)page->Order));
                memory.FreePages(page, order);
            }
            catch (KernelBugException bug)
            {
                Assert.Contains("names more than one zone", bug.Message);
                refused++;
            }
        }

        Assert.True(served > 30_000 && refused > 1000, $"{served} served, {refused} refused");
        AllBack(memory);
    }

    [Fact]
    public void ThreadsThatVanish_LeaveTheirPagesToOthers()
    {
        using KernelMemory memory = Boot(MemoryLayout.Flat);
        var left = new ConcurrentQueue<(nint Page, int Order)>();
        using var stop = new CancellationTokenSource();
        var drainer = new Thread(() =>
        {
            while (!stop.IsCancellationRequested) memory.Pages.Drain();
        });
        drainer.Start();
        for (int wave = 0; wave < 30; wave++)
        {
            var threads = new Thread[8];
            for (int t = 0; t < threads.Length; t++)
            {
                int seed = (wave * 8) + t;
                threads[t] = new Thread(() => Work(new Random(seed), seed % 2 == 0));
                threads[t].Start();
            }

            foreach (Thread thread in threads) thread.Join();
            if (wave % 10 == 9)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }

        stop.Cancel();
        drainer.Join();
        while (left.TryDequeue(out (nint Page, int Order) block)) memory.FreePages((Page*)block.Page, block.Order);
        AllBack(memory);

        void Work(Random random, bool detaches)
        {
            for (int i = 0; i < 300; i++)
            {
                int order = random.Next(4);
                Page* page = memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn, order);
                if (page != null) left.Enqueue(((nint)page, order));
                if (random.Next(2) == 0 && left.TryDequeue(out (nint Page, int Order) block)) memory.FreePages((Page*)block.Page, block.Order);

                // In the midst of it: the block goes back with full stacks, and another serves the thread.
                if (detaches && random.Next(100) == 0) KernelMemory.DetachThread();
            }
        }
    }

    [Fact]
    public void BulkOfNothing_AndOfFullArrays_TakesNothing()
    {
        using KernelMemory memory = Boot();
        Page** pages = stackalloc Page*[4];
        Assert.Equal((nuint)0, memory.Pages.AllocateBulk(GfpFlags.Kernel, 0, pages));
        for (int i = 0; i < 4; i++) pages[i] = null;
        Assert.Equal((nuint)4, memory.Pages.AllocateBulk(GfpFlags.Kernel, 4, pages));
        ulong free = memory.FreeBytes;
        Assert.Equal((nuint)4, memory.Pages.AllocateBulk(GfpFlags.Kernel, 4, pages));
        Assert.Equal(free, memory.FreeBytes);
        for (int i = 0; i < 4; i++) memory.FreePages(pages[i], 0);
        AllBack(memory);
    }

    private static void OnThread(Action action)
    {
        Exception? error = null;
        var thread = new Thread(() => error = Record.Exception(action));
        thread.Start();
        thread.Join();
        Assert.Null(error);
    }
}
