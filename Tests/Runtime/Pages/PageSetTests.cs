using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Threads keep pages, give them back when they end, when they are quiet and when memory is short; idle memory goes to the system.</summary>
public unsafe class PageSetTests
{
    private static KernelMemory Boot(int megabytes = 256, TimeSpan? giveBack = null) => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never,
        MemorySize = (ulong)megabytes << 20, Layout = MemoryLayout.Flat, GiveBackAfter = giveBack ?? Timeout.InfiniteTimeSpan,
    });

    [Fact]
    public void FreedPage_ComesBackToTheSameThreadFirst_ColdOnesFromTheTail()
    {
        using KernelMemory memory = Boot();
        Page* first = memory.AllocPages(GfpFlags.Kernel, 0);
        Page* second = memory.AllocPages(GfpFlags.Kernel, 0);
        memory.FreePages(first, 0);
        memory.FreePages(second, 0);
        Page* cold = memory.AllocPages(GfpFlags.Kernel | GfpFlags.Cold, 0);
        Assert.True(cold != second && cold != first);
        Assert.True(memory.AllocPages(GfpFlags.Kernel, 0) == second);
        Assert.True(memory.AllocPages(GfpFlags.Kernel, 0) == first);
        memory.FreePages(first, 0);
        memory.FreePages(second, 0);
        memory.FreePages(cold, 0);
        Sound(memory);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void PageInASet_IsFreeAndABugToFreeAgain()
    {
        using KernelMemory memory = Boot();
        Page* page = memory.AllocPages(GfpFlags.Kernel, 2);
        memory.FreePages(page, 2);
        Assert.Equal(0, memory.PageCount(page));
        Bug("it is free (first page of a block of order 2 in a page set)", () => memory.FreePages(page, 2));
        Bug("it is free (inside a free block of order 2", () => memory.FreePages(page + 1, 0));
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
    }

    [Fact]
    public void Set_HoldsNoMoreThanItsLimit()
    {
        using KernelMemory memory = Boot();
        var pages = new nint[20_000];
        for (int i = 0; i < pages.Length; i++) pages[i] = (nint)memory.AllocPages(GfpFlags.Kernel, 0);
        foreach (nint page in pages) memory.FreePages((Page*)page, 0);
        Zone zone = memory.Pages.Zones[0];
        PageSet* set = memory.Pages.Sets.OfAny(ThisCpu.Block->Execution.Cpu);
        Assert.InRange(set->Count, 1, set->High);
        Assert.InRange(set->High, set->HighMin, set->HighMax);
        Assert.Equal(set->Count, memory.Pages.Sets.FramesOf(zone));
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Bulk_TakesTheLockOnce(bool noSets)
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
        {
            AtomicReserve = ReservePopulation.Never, MemorySize = 256 << 20, Layout = MemoryLayout.Flat, NoPageSets = noSets,
        });
        Zone zone = memory.Pages.Zones[0];
        memory.FreePages(memory.AllocPages(GfpFlags.Kernel, 0), 0);
        Page*[] pages = new Page*[5000];
        Page* kept = pages[7] = memory.AllocPages(GfpFlags.Kernel, 0);
        *(long*)memory.PageAddress(kept) = 4711;
        long before = zone.Visits;
        fixed (Page** p = pages) Assert.Equal((nuint)pages.Length, memory.Pages.AllocateBulk(GfpFlags.Kernel | GfpFlags.Zero, (nuint)pages.Length, p));

        // One for the first page, if the set is empty, and one for the rest.
        Assert.InRange(zone.Visits - before, 1, 2);
        Assert.Equal(4711, *(long*)memory.PageAddress(kept));
        Assert.True(pages[7] == kept);
        var distinct = new HashSet<nint>();
        foreach (Page* page in pages)
        {
            Assert.True(distinct.Add((nint)page));
            Assert.Equal(1, memory.PageCount(page));
            if (page == kept) continue;
            Assert.Equal(0, *(long*)memory.PageAddress(page));
            *(long*)memory.PageAddress(page) = 1;
        }

        Assert.Equal(memory.TotalBytes - (5000 * memory.Memory.PageSize), memory.FreeBytes);
        Sound(memory);
        foreach (Page* page in pages) memory.FreePages(page, 0);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void Bulk_StopsAtTheLowMark_AndDoesNotReclaim()
    {
        using KernelMemory memory = Boot(64);
        Zone zone = memory.Pages.Zones[0];
        Page*[] pages = new Page*[20_000];
        nuint got;
        fixed (Page** p = pages) got = memory.Pages.AllocateBulk(GfpFlags.Kernel, (nuint)pages.Length, p);
        Assert.InRange((long)got, 15_000, zone.Managed - zone.Marks.Low);
        Assert.True(zone.UsableFrames >= zone.Marks.Low);
        Assert.True(pages[(int)got] == null);
        for (int i = 0; i < (int)got; i++) memory.FreePages(pages[i], 0);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        Sound(memory);
    }

    [Fact]
    public void ThreadThatEnds_GivesItsPagesBack()
    {
        using KernelMemory memory = Boot();
        var thread = new Thread(() =>
        {
            memory.FreePages(memory.AllocPages(GfpFlags.Kernel, 0), 0);
            Assert.True(memory.Pages.Sets.FramesOf(memory.Pages.Zones[0]) > 0);
            KernelMemory.DetachThread();
        });
        thread.Start();
        thread.Join();
        Assert.Equal(0, memory.Pages.Sets.FramesOf(memory.Pages.Zones[0]));
    }

    [Fact]
    public void Drain_TakesPagesFromRunningThreads_WhileTheyWork()
    {
        using KernelMemory memory = Boot(64);
        using var stop = new CancellationTokenSource();
        var threads = new Thread[3];
        for (int t = 0; t < threads.Length; t++)
        {
            int seed = t;
            threads[t] = new Thread(() =>
            {
                var random = new Random(seed);
                var held = new List<(nint Page, int Order)>();
                while (!stop.IsCancellationRequested)
                {
                    int order = random.Next(4);
                    Page* page = memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn, order);
                    if (page != null) held.Add(((nint)page, order));
                    for (int i = held.Count; i > 50; i = held.Count)
                    {
                        int victim = random.Next(i);
                        memory.FreePages((Page*)held[victim].Page, held[victim].Order);
                        held.RemoveAt(victim);
                    }
                }

                foreach ((nint page, int order) in held) memory.FreePages((Page*)page, order);
            });
            threads[t].Start();
        }

        for (int i = 0; i < 2000; i++) memory.Pages.Sets.DrainAll();
        stop.Cancel();
        foreach (Thread thread in threads) thread.Join();
        Sound(memory);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void OneBlockFreedByTwoThreadsAtOnce_IsFreedOnce()
    {
        using KernelMemory memory = Boot(64);
        int bugs = 0;
        const int Rounds = 3000;
        nint shared = 0;
        using var barrier = new Barrier(2);
        var threads = new Thread[2];
        for (int t = 0; t < 2; t++)
        {
            bool allocates = t == 0;
            threads[t] = new Thread(() =>
            {
                for (int i = 0; i < Rounds; i++)
                {
                    if (allocates) shared = (nint)memory.AllocPages(GfpFlags.Kernel, 1);
                    barrier.SignalAndWait();
                    try
                    {
                        memory.FreePages((Page*)shared, 1);
                    }
                    catch (KernelBugException)
                    {
                        Interlocked.Increment(ref bugs);
                    }

                    barrier.SignalAndWait();
                }
            });
            threads[t].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        Assert.Equal(Rounds, bugs);
        Sound(memory);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Theory]
    [InlineData(BackingKind.Automatic)]
    [InlineData(BackingKind.Portable)]
    public void IdleMemory_GoesBackToTheSystem_AndResidentMemoryShowsIt(BackingKind backing)
    {
        if (!OperatingSystem.IsLinux()) return;
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
        {
            AtomicReserve = ReservePopulation.Never,
            MemorySize = 256 << 20, Layout = MemoryLayout.Flat, Backing = backing, GiveBackAfter = TimeSpan.FromMilliseconds(100),
        });
        long before = Resident(memory);
        const int Blocks = 32;
        var blocks = new nint[Blocks];
        for (int i = 0; i < Blocks; i++)
        {
            blocks[i] = (nint)memory.AllocPages(GfpFlags.Kernel, 10);
            new Span<byte>(memory.PageAddress((Page*)blocks[i]), 4 << 20).Fill(1);
        }

        // All of it, and not that much more than before: pages that were resident already may be among the blocks' own.
        Assert.InRange(Resident(memory), Blocks * (4L << 20), long.MaxValue);
        foreach (nint block in blocks) memory.FreePages((Page*)block, 10);
        Assert.True(SpinWait.SpinUntil(() => Resident(memory) - before < 8 << 20, TimeSpan.FromSeconds(30)), $"{Resident(memory) - before} bytes are still resident");
        Assert.InRange(memory.GivenBackBytes, (ulong)(Blocks - 2) << 22, ulong.MaxValue);

        // The blocks are used again as if nothing had been.
        Sound(memory);
        for (int i = 0; i < Blocks; i++)
        {
            blocks[i] = (nint)memory.AllocPages(GfpFlags.Kernel, 10);
            *(long*)memory.PageAddress((Page*)blocks[i]) = i;
        }

        foreach (nint block in blocks) memory.FreePages((Page*)block, 10);
        Sound(memory);
    }

    /// <summary>Resident bytes of the direct map of a system.</summary>
    private static long Resident(KernelMemory memory)
    {
        ulong start = (ulong)memory.Memory.DirectMap, end = start + memory.TotalBytes;
        long kilobytes = 0;
        bool inside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            int dash = line.IndexOf('-');
            if (dash > 0 && ulong.TryParse(line.AsSpan(0, dash), System.Globalization.NumberStyles.HexNumber, null, out ulong from))
            {
                ulong to = ulong.Parse(line.AsSpan(dash + 1, line.IndexOf(' ') - dash - 1), System.Globalization.NumberStyles.HexNumber);
                inside = from < end && to > start;
            }
            else if (inside && line.StartsWith("Rss:", StringComparison.Ordinal))
            {
                kilobytes += long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
            }
        }

        return kilobytes << 10;
    }
}
