using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Who may go how far down: the reserve ladder, lowmem_reserve, the blocks kept for atomic requests.</summary>
public unsafe class WatermarkTests
{
    /// <summary>One zone of 64 MiB without page sets: the free count says exactly where a kind of request was refused.</summary>
    private static KernelMemory Plain(int megabytes = 64) => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never,
        MemorySize = (ulong)megabytes << 20,
        Layout = MemoryLayout.Flat,
        NoPageSets = true,
        GiveBackAfter = Timeout.InfiniteTimeSpan,
    });

    private static List<nint> TakeAll(KernelMemory memory, GfpFlags flags, int order = 0)
    {
        var taken = new List<nint>();
        for (Page* page; (page = memory.TryAllocPages(flags | GfpFlags.NoWarn, order)) != null;) taken.Add((nint)page);
        return taken;
    }

    private static void Give(KernelMemory memory, List<nint> pages, int order = 0)
    {
        foreach (nint page in pages) memory.FreePages((Page*)page, order);
    }

    [Fact]
    public void EachKindOfRequest_StopsAtItsMark()
    {
        using KernelMemory memory = Plain();
        Zone zone = memory.Pages.Zones[0];
        long min = zone.Marks.Min;
        Assert.Equal(256, min);

        // A request is served while what would be left is above the mark.
        (GfpFlags Flags, long Left)[] ladder =
        [
            (GfpFlags.Kernel, min),
            (GfpFlags.NoWait, min),
            (GfpFlags.Kernel | GfpFlags.High, min / 2),
            (GfpFlags.Atomic, min * 3 / 8),
            (GfpFlags.Atomic | GfpFlags.NoMemAlloc, min / 2),
            (GfpFlags.NoWait | GfpFlags.MemAlloc, 0),
            (GfpFlags.NoWait | GfpFlags.MemAlloc | GfpFlags.NoMemAlloc, min),
        ];
        foreach ((GfpFlags flags, long left) in ladder)
        {
            List<nint> taken = TakeAll(memory, flags);
            Assert.Equal(left, zone.FreeFrames);
            Give(memory, taken);
        }

        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void LowmemReserve_KeepsADmaZoneFromOthers()
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
        {
            AtomicReserve = ReservePopulation.Never,
            MemorySize = 512 << 20, Layout = MemoryLayout.X86_64, NoPageSets = true, GiveBackAfter = Timeout.InfiniteTimeSpan,
        });
        Zone dma = memory.Pages.Zones[0];
        long reserve = (512 - 16) * 256 / 256;
        Assert.Equal(reserve, dma.LowmemReserve[(int)ZoneType.Dma32]);
        List<nint> normal = TakeAll(memory, GfpFlags.Kernel);
        Assert.Equal(dma.Marks.Min + reserve, dma.FreeFrames);
        List<nint> low = TakeAll(memory, GfpFlags.Kernel | GfpFlags.Dma);
        Assert.Equal(dma.Marks.Min, dma.FreeFrames);
        Give(memory, normal);
        Give(memory, low);
    }

    [Fact]
    public void AboveOrderZero_AFreeBlockMustFit()
    {
        using KernelMemory memory = Plain();
        Zone zone = memory.Pages.Zones[0];
        List<nint> taken = TakeAll(memory, GfpFlags.NoWait | GfpFlags.MemAlloc);

        // Every second frame is free: half of the memory, and no pair.
        List<nint> kept = [];
        foreach (nint page in taken)
        {
            if ((memory.Memory.FrameOf((Page*)page) & 1) == 0) memory.FreePages((Page*)page, 0);
            else kept.Add(page);
        }

        Assert.Equal(32 << 8, zone.FreeFrames);
        Assert.True(memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn, 1) == null);
        Page* one = memory.TryAllocPages(GfpFlags.Kernel, 0);
        Assert.True(one != null);
        memory.FreePages(one, 0);
        Give(memory, kept);
    }

    [Fact]
    public void HighAtomic_ABlockIsKeptForTheNextAtomicRequest_AndGivenUpBeforeMemoryIsOut()
    {
        using KernelMemory memory = Plain(256);
        Zone zone = memory.Pages.Zones[0];

        // Down to the reserve, so that the request takes the slow path that knows it as atomic.
        List<nint> all = TakeAll(memory, GfpFlags.NoWait, 3);
        Page* atomic = memory.TryAllocPages(GfpFlags.Atomic | GfpFlags.NoWarn, 2);
        Assert.True(atomic != null);
        Assert.Equal(512, zone.ReservedHighAtomic);
        Assert.Equal(MigrateType.HighAtomic, memory.Pages.Blocks.TypeOf(memory.Memory.FrameOf(atomic)));
        Page* second = memory.TryAllocPages(GfpFlags.Atomic | GfpFlags.NoWarn, 2);
        Assert.Equal(512, zone.ReservedHighAtomic);
        Sound(memory);

        memory.FreePages(second, 2);
        memory.FreePages(atomic, 2);
        List<nint> rest = TakeAll(memory, GfpFlags.Kernel);
        Assert.Equal(0, zone.ReservedHighAtomic);
        Give(memory, rest);
        Give(memory, all, 3);
        Sound(memory);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void HighAtomic_IsAtMostOnePercent_AndNothingInASmallZone()
    {
        using KernelMemory small = Plain(128);
        List<nint> all = TakeAll(small, GfpFlags.NoWait, 3);
        Page* atomic = small.TryAllocPages(GfpFlags.Atomic | GfpFlags.NoWarn, 2);
        Assert.True(atomic != null);
        Assert.Equal(0, small.Pages.Zones[0].ReservedHighAtomic);
        small.FreePages(atomic, 2);
        Give(small, all, 3);
    }

    [Fact]
    public void MinFreeKilobytes_CanBeChosen()
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { AtomicReserve = ReservePopulation.Never, MemorySize = 64 << 20, Layout = MemoryLayout.Flat, MinFreeKilobytes = 8192 });
        Assert.Equal(2048, memory.Pages.Zones[0].Marks.Min);
    }

    [Fact]
    public void MixingPageBlocks_BoostsTheMarks_UntilKswapdIsDone()
    {
        using KernelMemory memory = Plain();
        Zone zone = memory.Pages.Zones[0];
        List<nint> movable = TakeAll(memory, GfpFlags.HighUserMovable & ~GfpFlags.KswapdReclaim);
        for (int i = 0; i < movable.Count; i += 2) memory.FreePages((Page*)movable[i], 0);
        Page* unmovable = memory.TryAllocPages(GfpFlags.NoWarn, 0);
        Assert.True(unmovable != null);
        Assert.True(zone.WatermarkBoost > 0);
        zone.EndBoost();
        Assert.Equal(0, zone.WatermarkBoost);
        memory.FreePages(unmovable, 0);
        for (int i = 1; i < movable.Count; i += 2) memory.FreePages((Page*)movable[i], 0);
    }
}
