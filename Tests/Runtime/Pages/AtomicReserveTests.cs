using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>GFP_ATOMIC gets frames with memory behind them: the page tables of the process say so before anybody touched them.</summary>
public unsafe class AtomicReserveTests
{
    private static KernelMemory Boot(ReservePopulation reserve, int megabytes = 256, BackingKind backing = BackingKind.Automatic, MemoryLayout? layout = null) =>
        KernelMemory.Boot(new KernelMemoryOptions
        {
            MemorySize = (ulong)megabytes << 20, Layout = layout ?? MemoryLayout.Flat, Backing = backing,
            GiveBackAfter = Timeout.InfiniteTimeSpan, AtomicReserve = reserve,
        });

    /// <summary>Whether the process's page tables have all pages of a range: bit 63 of each entry of pagemap.</summary>
    private static bool IsPopulated(void* address, int pages)
    {
        using FileStream map = File.OpenRead("/proc/self/pagemap");
        map.Position = (long)((nuint)address / 4096 * 8);
        Span<byte> entries = stackalloc byte[pages * 8];
        map.ReadExactly(entries);
        for (int i = 7; i < entries.Length; i += 8)
        {
            if ((entries[i] & 0x80) == 0) return false;
        }

        return true;
    }

    [Theory]
    [InlineData(BackingKind.Memfd)]
    [InlineData(BackingKind.Portable)]
    public void AtomicRequest_GetsAPopulatedFrame_APlainOneDoesNotHaveTo(BackingKind backing)
    {
        if (!OperatingSystem.IsLinux()) return;
        using KernelMemory memory = Boot(ReservePopulation.AtBoot, backing: backing);
        Assert.Equal(4UL << 20, memory.PopulatedReserveBytes);
        void* plain = memory.GetFreePages(GfpFlags.Kernel, 0);
        Assert.False(IsPopulated(plain, 1));
        var held = new List<(nint Address, int Order)>();
        for (int i = 0; i < 100; i++)
        {
            int order = i % 5;
            void* address = memory.GetFreePages(GfpFlags.Atomic, order);
            Assert.True(IsPopulated(address, 1 << order), $"request {i} of order {order}");
            held.Add(((nint)address, order));
        }

        // The reserve is used again and again, and its frames merge among themselves.
        foreach ((nint address, int order) in held) memory.FreePagesAt((void*)address, order);
        memory.Shrink();
        Assert.True(memory.Pages.Zones[0].FreeBlocks(10, MigrateType.Reserve) == 1);
        memory.GiveBack();
        void* again = memory.GetFreePages(GfpFlags.Atomic, 9);
        Assert.True(IsPopulated(again, 512));
        memory.FreePagesAt(again, 9);
        memory.FreePagesAt(plain, 0);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        Sound(memory);
    }

    [Fact]
    public void Reserve_IsPopulatedInTheBackground_AfterBoot()
    {
        using KernelMemory memory = Boot(ReservePopulation.InBackground);
        Assert.True(SpinWait.SpinUntil(() => memory.PopulatedReserveBytes != 0, TimeSpan.FromSeconds(30)));
        if (!OperatingSystem.IsLinux()) return;
        void* address = memory.GetFreePages(GfpFlags.Atomic, 0);
        Assert.True(IsPopulated(address, 1));
        memory.FreePagesAt(address, 0);
        Sound(memory);
    }

    [Fact]
    public void Reserve_CanBeLeftOut()
    {
        using KernelMemory memory = Boot(ReservePopulation.Never);
        Thread.Sleep(100);
        Assert.Equal(0UL, memory.PopulatedReserveBytes);
        void* address = memory.GetFreePages(GfpFlags.Atomic, 0);
        if (OperatingSystem.IsLinux()) Assert.False(IsPopulated(address, 1));
        memory.FreePagesAt(address, 0);
    }

    [Theory]
    [InlineData(32, 0)]
    [InlineData(64, 4)]
    [InlineData(1024, 4)]
    [InlineData(4096, 8)]
    public void Reserve_HasTheSizeOfTheMinMark_InBlocksOf4Megabytes(int megabytes, int expected)
    {
        using KernelMemory memory = Boot(ReservePopulation.AtBoot, megabytes);
        Assert.Equal((ulong)expected << 20, memory.PopulatedReserveBytes);
    }

    [Fact]
    public void Reserve_StaysForAtomicRequests_WhenOthersTookAllTheyMay()
    {
        if (!OperatingSystem.IsLinux()) return;
        using KernelMemory memory = Boot(ReservePopulation.AtBoot, 64);
        Zone zone = memory.Pages.Zones[0];
        var plain = new List<nint>();
        for (Page* page; (page = memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn, 0)) != null;) plain.Add((nint)page);

        // The marks are the kernel's with a reserve as without: other requests went down to the min mark, and what is left is populated.
        Assert.InRange(zone.FreeFrames, zone.Marks.Min - 64, zone.Marks.Min);
        Assert.Equal(zone.FreeFrames, Enumerable.Range(0, 11).Sum(order => zone.FreeBlocks(order, MigrateType.Reserve) << order));
        var atomic = new List<nint>();
        for (Page* page; (page = memory.TryAllocPages(GfpFlags.Atomic | GfpFlags.NoWarn, 0)) != null;) atomic.Add((nint)page);
        Assert.InRange(atomic.Count, (int)zone.Marks.Min / 2, (int)zone.Marks.Min);
        foreach (nint page in atomic) Assert.True(IsPopulated(memory.PageAddress((Page*)page), 1));
        foreach (nint page in plain.Concat(atomic)) memory.FreePages((Page*)page, 0);
        memory.Shrink();
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        Assert.Equal(1, zone.FreeBlocks(10, MigrateType.Reserve));
        Sound(memory);
    }

    [Fact]
    public void Reserve_IsThereForTheLayoutsOfAPc_InTheZoneThatKernelRequestsPrefer()
    {
        using KernelMemory memory = Boot(ReservePopulation.AtBoot, 1024, layout: MemoryLayout.X86_32);
        Page* page = memory.AllocPages(GfpFlags.Atomic, 0);
        Assert.Equal(ZoneType.Normal, memory.PageZone(page));
        if (OperatingSystem.IsLinux()) Assert.True(IsPopulated(memory.PageAddress(page), 1));
        memory.FreePages(page, 0);
        Page* high = memory.AllocPages(GfpFlags.Atomic | GfpFlags.HighMem, 0);
        Assert.Equal(ZoneType.HighMem, memory.PageZone(high));
        memory.FreePages(high, 0);
        Sound(memory);
    }

    [Fact]
    public void RandomWorkWithAReserve_LosesNothing()
    {
        using KernelMemory memory = Boot(ReservePopulation.InBackground, 64);
        int seed = Environment.TickCount;
        var random = new Random(seed);
        var held = new List<(nint Page, int Order)>();
        for (int i = 0; i < 200_000; i++)
        {
            int order = random.Next(4) == 0 ? random.Next(11) : random.Next(3);
            GfpFlags flags = random.Next(5) switch
            {
                0 or 1 => GfpFlags.Atomic, 2 => GfpFlags.Kernel | GfpFlags.NoRetry, 3 => GfpFlags.NoWait | GfpFlags.Movable, _ => GfpFlags.Atomic | GfpFlags.Reclaimable,
            };
            Page* page = random.Next(2) == 0 ? memory.TryAllocPages(flags | GfpFlags.NoWarn, order) : null;
            if (page != null)
            {
                held.Add(((nint)page, order));
            }
            else if (held.Count > 0)
            {
                int victim = random.Next(held.Count);
                memory.FreePages((Page*)held[victim].Page, held[victim].Order);
                held[victim] = held[^1];
                held.RemoveAt(held.Count - 1);
            }

            if (i % 20_000 == 0) Assert.True(memory.Validate() is { Count: 0 }, $"seed {seed}, step {i}: {string.Join('\n', memory.Validate())}");
        }

        foreach ((nint page, int order) in held) memory.FreePages((Page*)page, order);
        memory.Shrink();
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
        Assert.Equal((long)memory.PopulatedReserveBytes >> 22, memory.Pages.Zones[0].FreeBlocks(10, MigrateType.Reserve));
        PageInvariantTests.AllInLargestBlocks(memory);
    }
}
