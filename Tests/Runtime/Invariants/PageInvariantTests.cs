using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Random work on the page allocator of every machine: lists and counts stay sound, and in the end all is one piece again.</summary>
public unsafe class PageInvariantTests
{
    public static TheoryData<string, BackingKind> Machines => TestSupport.Machines;

    [Theory]
    [MemberData(nameof(Machines))]
    public void RandomWork_KeepsTheZonesSound(string layout, BackingKind backing)
    {
        const int Seed = 20241;
        var random = new Random(Seed);
        using KernelMemory memory = Boot(layout, backing, megabytes: 32);
        PageAllocator pages = memory.Pages;
        ulong total = memory.FreeBytes;
        var live = new List<(nint Page, int Order, long Stamp)>();
        GfpFlags[] kinds = [GfpFlags.Kernel, GfpFlags.Atomic, GfpFlags.Dma, GfpFlags.HighUser, GfpFlags.Kernel | GfpFlags.Compound];
        for (int step = 0; step < 40_000; step++)
        {
            if (live.Count < 600 && random.Next(100) < 55)
            {
                int order = Math.Min(random.Next(11), random.Next(11));
                Page* page = pages.Allocate(kinds[random.Next(kinds.Length)] | GfpFlags.NoWarn, order);
                if (page == null) continue;
                long stamp = random.NextInt64();
                Stamp(memory, page, order, stamp);
                live.Add(((nint)page, order, stamp));
            }
            else if (live.Count > 0)
            {
                int i = random.Next(live.Count);
                Check(memory, live[i], Seed);
                pages.Free((Page*)live[i].Page, live[i].Order);
                live[i] = live[^1];
                live.RemoveAt(live.Count - 1);
            }

            if (step % 5000 == 0) Sound(memory);
        }

        foreach (var block in live)
        {
            Check(memory, block, Seed);
            pages.Free((Page*)block.Page, block.Order);
        }

        Sound(memory);
        Assert.Equal(total, memory.FreeBytes);
        AllInLargestBlocks(memory);
    }

    internal static void AllInLargestBlocks(KernelMemory memory)
    {
        memory.Pages.Drain();
        foreach (Zone zone in memory.Pages.Zones)
        {
            for (int order = 0; order < 10; order++) Assert.Equal(0, zone.FreeBlocks(order));
            Assert.Equal((zone.End - zone.Start) >> 10, zone.FreeBlocks(10));
        }
    }

    [Fact]
    public void Zones_LieWhereTheLayoutSays()
    {
        using KernelMemory small = Boot("X86_32", BackingKind.Automatic);
        Assert.Equal([ZoneType.Dma, ZoneType.Normal, ZoneType.HighMem], small.Pages.Zones.ToArray().Select(z => z.Type));
        Assert.Equal([4096u, 229376u, 245760u], small.Pages.Zones.ToArray().Select(z => z.End));
        using KernelMemory pc = Boot("X86_64", BackingKind.Automatic);
        Assert.Equal([ZoneType.Dma, ZoneType.Dma32], pc.Pages.Zones.ToArray().Select(z => z.Type));
        using KernelMemory flat = Boot("Flat", BackingKind.Automatic);
        Assert.Equal(ZoneType.Normal, Assert.Single(flat.Pages.Zones.ToArray()).Type);
    }

    [Fact]
    public void Zonelist_GoesDownAndNeverUp()
    {
        using KernelMemory memory = Boot("X86_32", BackingKind.Automatic);
        var taken = new List<nint>();
        var zones = new HashSet<ZoneType>();
        for (Page* page; (page = memory.Pages.Allocate(GfpFlags.Dma | GfpFlags.NoWarn, 10)) != null;)
        {
            zones.Add(memory.PageZone(page));
            taken.Add((nint)page);
        }

        Assert.Equal([ZoneType.Dma], zones);
        Page* normal = memory.Pages.Allocate(GfpFlags.Kernel, 0);
        Assert.Equal(ZoneType.Normal, memory.PageZone(normal));
        Page* high = memory.Pages.Allocate(GfpFlags.HighUser, 0);
        Assert.Equal(ZoneType.HighMem, memory.PageZone(high));
        Assert.True(memory.PageAddress(high) == null);
        memory.FreePages(normal, 0);
        memory.FreePages(high, 0);
        foreach (nint page in taken) memory.FreePages((Page*)page, 10);
        AllInLargestBlocks(memory);
    }

    [Fact]
    public void AllMemory_CanBeUsedAndNoMore()
    {
        using KernelMemory memory = Boot("X86_64", BackingKind.Automatic, megabytes: 24);
        int frames = 0;
        var pages = new List<nint>();
        for (Page* page; (page = memory.Pages.Allocate(GfpFlags.Kernel | GfpFlags.MemAlloc | GfpFlags.NoWarn, 0)) != null; frames++) pages.Add((nint)page);
        Assert.Equal(24 << 8, frames);
        Assert.Throws<OutOfMemoryException>(() => memory.AllocPages(GfpFlags.Kernel, 0));
        Sound(memory);
        foreach (nint page in pages) memory.FreePages((Page*)page, 0);
        AllInLargestBlocks(memory);
    }

    private static void Stamp(KernelMemory memory, Page* page, int order, long stamp)
    {
        var first = (long*)memory.Memory.AddressOf(page);
        if (first == null) return;
        *first = stamp;
        first[((long)memory.Memory.PageSize << order) / sizeof(long) - 1] = ~stamp;
    }

    private static void Check(KernelMemory memory, (nint Page, int Order, long Stamp) block, int seed)
    {
        var first = (long*)memory.Memory.AddressOf((Page*)block.Page);
        if (first == null) return;
        Assert.True(*first == block.Stamp && first[((long)memory.Memory.PageSize << block.Order) / sizeof(long) - 1] == ~block.Stamp, $"overlap, seed {seed}");
    }
}
