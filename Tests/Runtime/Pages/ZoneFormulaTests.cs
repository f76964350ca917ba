namespace KAlloc.Runtime.Tests;

/// <summary>The arithmetic of marks, reserves and page sets gives the figures of a running kernel.</summary>
public unsafe class ZoneFormulaTests
{
    /// <summary>Zones of the kernel whose figures these are: DMA, DMA32, NORMAL; 67,584 KiB of min_free_kbytes, two processors.</summary>
    private static readonly long[] s_managed = [3840, 772_917, 589_824, 0, 0];
    private const long MinFreePages = 67_584 / 4;

    [Theory]
    [InlineData(16, 512)]
    [InlineData(64, 1024)]
    [InlineData(256, 2048)]
    [InlineData(1024, 4096)]
    [InlineData(4096, 8192)]
    [InlineData(16_384, 16_384)]
    [InlineData(1, 128)]
    [InlineData(64 << 20, 262_144)]
    public void MinFreeKilobytes_IsARootWithinLimits(long megabytes, long kilobytes) =>
        Assert.Equal(kilobytes, ZoneFormulas.MinFreeKilobytes(megabytes << 10));

    [Fact]
    public void Marks_OfTheDmaZone_AreTheLiveOnes()
    {
        ZoneMarks marks = ZoneFormulas.Marks(MinFreePages, s_managed[0], s_managed.Sum(), ZoneType.Dma);
        Assert.Equal((47, 58, 69, 80), (marks.Min, marks.Low, marks.High, marks.Promo));
    }

    [Fact]
    public void Marks_OfDma32_HaveTheLiveLowMark() =>
        Assert.Equal(11_945, ZoneFormulas.Marks(MinFreePages, s_managed[1], s_managed.Sum(), ZoneType.Dma32).Low);

    [Theory]
    [InlineData(ZoneType.HighMem, 1 << 20, 128)]
    [InlineData(ZoneType.HighMem, 50_000, 48)]
    [InlineData(ZoneType.Movable, 1000, 32)]
    public void Marks_OfHighMemory_AreClamped(ZoneType type, long managed, long min) =>
        Assert.Equal(min, ZoneFormulas.Marks(MinFreePages, managed, 1 << 20, type).Min);

    [Fact]
    public void LowmemReserve_OfTheDmaZone_IsTheLiveOne()
    {
        long[] protection = [.. Enumerable.Range(0, 5).Select(request => ZoneFormulas.LowmemReserve(s_managed, ZoneType.Dma, (ZoneType)request))];
        Assert.Equal([0, 3019, 5323, 5323, 5323], protection);
        Assert.Equal(589_824 / 256, ZoneFormulas.LowmemReserve(s_managed, ZoneType.Dma32, ZoneType.Normal));
        Assert.Equal(0, ZoneFormulas.LowmemReserve(s_managed, ZoneType.HighMem, ZoneType.Movable));
    }

    [Theory]
    [InlineData(772_917, 63)]
    [InlineData(1 << 18, 63)]
    [InlineData(12_288, 3)]
    [InlineData(1024, 1)]
    public void Batch_GrowsToAMegabyte(long managed, int batch) => Assert.Equal(batch, ZoneFormulas.Batch(managed));

    [Fact]
    public void HighLimits_AreTheLiveOnes()
    {
        Assert.Equal(5972, ZoneFormulas.HighMin(11_945, 2, 63));
        Assert.Equal(48_307, ZoneFormulas.HighMax(772_917, 2, 63));
        Assert.Equal(252, ZoneFormulas.HighMin(100, 2, 63));
    }

    [Theory]
    [InlineData(4UL << 30, 8192, 40, 20UL << 20)]
    [InlineData(4UL << 30, 8192, 32, 16UL << 20)]
    [InlineData(4UL << 30, 4096, 32, 32UL << 20)]
    public void MemoryMapCost_IsTheBooksSum(ulong bytes, int pageSize, int structSize, ulong cost) =>
        Assert.Equal(cost, KernelMemory.MemoryMapCost(bytes, pageSize, structSize));

    [Fact]
    public void MemoryMapCost_IsWhatBootReserves()
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 4UL << 30 });
        Assert.Equal(KernelMemory.MemoryMapCost(4UL << 30), memory.Overhead.MemoryMap);
        Assert.Equal(32UL << 20, (ulong)memory.Memory.MemMapBytes);
        using KernelMemory small = KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 1UL << 30 });
        Assert.Equal(262_144u, small.Memory.Frames);
    }

    [Theory]
    [InlineData("Flat", 4)]
    [InlineData("Flat", 64)]
    [InlineData("X86_64", 64)]
    [InlineData("X86_32", 960)]
    [InlineData("X86_64", 8192)]
    public void Overhead_IsUnderOneAndAHalfPercent_And64KilobytesAThread(string layout, int megabytes)
    {
        const int Threads = 24;
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
        {
            AtomicReserve = ReservePopulation.Never, MemorySize = (ulong)megabytes << 20, Layout = TestSupport.Layout(layout), GiveBackAfter = Timeout.InfiniteTimeSpan,
        });
        MemoryOverhead before = memory.Overhead;
        Assert.InRange((before.MemoryMap + before.ClassMap) / (double)memory.TotalBytes, 0, 0.015);

        // All at one time, so that each needs a block, and each uses pages, small objects and large ones.
        int cpus = CpuBlocks.Count;
        using var all = new Barrier(Threads);
        var threads = new Thread[Threads];
        for (int t = 0; t < Threads; t++)
        {
            threads[t] = new Thread(() =>
            {
                all.SignalAndWait();
                memory.FreePages(memory.AllocPages(GfpFlags.Kernel, 0), 0);
                memory.Kfree(memory.Kmalloc(100));
                all.SignalAndWait();
                KernelMemory.DetachThread();
            });
            threads[t].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        MemoryOverhead after = memory.Overhead;
        Assert.InRange(after.Total - before.Total, 0ul, (64ul << 10) * (ulong)Math.Max(Threads, CpuBlocks.Count - cpus));
        Assert.True(after.PageSets > before.PageSets);
    }
}
