namespace KAlloc.Runtime.Tests;

/// <summary>A million operations of all orders, zones and flags on the page allocator and on its model: the same frames, the same lists.</summary>
public unsafe class BuddyModelTests
{
    private const int Operations = 1_000_000;

    /// <summary>All five zones; NORMAL is large enough to keep blocks for atomic requests.</summary>
    private static MemoryLayout AllZones { get; } = new("all zones",
        new ZoneBoundary(ZoneType.Dma, 16 << 20, "test"),
        new ZoneBoundary(ZoneType.Dma32, 48 << 20, "test"),
        new ZoneBoundary(ZoneType.Normal, 260 << 20, "test"),
        new ZoneBoundary(ZoneType.HighMem, 276 << 20, "test"),
        new ZoneBoundary(ZoneType.Movable, ulong.MaxValue, "test"));

    private static readonly GfpFlags[] s_zones = [0, 0, 0, GfpFlags.Dma, GfpFlags.Dma32, GfpFlags.HighMem, GfpFlags.HighMem | GfpFlags.Movable, GfpFlags.Movable, GfpFlags.Reclaimable, GfpFlags.HighMem | GfpFlags.Reclaimable];
    private static readonly GfpFlags[] s_actions = [0, 0, GfpFlags.High, GfpFlags.High, GfpFlags.MemAlloc, GfpFlags.High | GfpFlags.NoMemAlloc, GfpFlags.DirectReclaim | GfpFlags.NoRetry, GfpFlags.Compound];

    [Theory]
    [InlineData(20261)]
    [InlineData(0)]
    public void MillionOperations_GiveTheListsOfTheModel(int seed)
    {
        if (seed == 0) seed = Environment.TickCount;
        var random = new Random(seed);
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
        {
            AtomicReserve = ReservePopulation.Never,
            MemorySize = 292 << 20, Layout = AllZones, NoPageSets = true, GiveBackAfter = Timeout.InfiniteTimeSpan,
        });
        var model = new BuddyModel(memory.Pages.Zones.ToArray());
        var live = new List<(uint Frame, int Order)>();
        int failures = 0;
        for (int step = 0, bias = 60; step < Operations / 2; step++)
        {
            // Phases of growth fill the memory, phases of decline empty it.
            if (step % 20_000 == 0) bias = random.Next(3) switch { 0 => 75, 1 => 52, _ => 30 };
            if (live.Count == 0 || random.Next(100) < bias)
            {
                int order = Math.Min(random.Next(11), Math.Min(random.Next(11), random.Next(11)));
                GfpFlags flags = s_zones[random.Next(s_zones.Length)] | s_actions[random.Next(s_actions.Length)] | GfpFlags.NoWarn;
                Page* page = memory.Pages.Allocate(flags, order);
                uint? expected = model.Allocate(flags, order);
                uint? frame = page == null ? null : memory.Memory.FrameOf(page);
                Assert.True(frame == expected, $"seed {seed}, step {step}: {flags.Format()} order {order} is {frame}, the model says {expected}");
                if (frame is { } got) live.Add((got, order));
                else failures++;
            }
            else
            {
                int i = random.Next(live.Count);
                Give(memory, model, live[i]);
                live[i] = live[^1];
                live.RemoveAt(live.Count - 1);
            }

            if (step % 1000 == 0) Compare(memory, model, $"seed {seed}, step {step}");
        }

        Assert.InRange(failures, 1000, Operations / 2);
        foreach (var block in live) Give(memory, model, block);
        Compare(memory, model, $"seed {seed}, at the end");
        TestSupport.Sound(memory);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    private static void Give(KernelMemory memory, BuddyModel model, (uint Frame, int Order) block)
    {
        memory.Pages.Free(memory.Memory.PageOf(block.Frame), block.Order);
        model.ZoneOf(block.Frame).Give(block.Frame);
    }

    private static void Compare(KernelMemory memory, BuddyModel model, string where)
    {
        foreach (Zone zone in memory.Pages.Zones)
        {
            BuddyModel.ModelZone expected = model.Zones[zone.Index];
            Assert.True(expected.Free == zone.FreeFrames, $"{where}, {zone.Type}: {zone.FreeFrames} free, the model has {expected.Free}");
            Assert.True(expected.Fresh == zone.Fresh, $"{where}, {zone.Type}: fresh range");
            Assert.True(expected.Boost == zone.WatermarkBoost, $"{where}, {zone.Type}: boost {zone.WatermarkBoost}, the model has {expected.Boost}");
            Assert.True(expected.Reserved == zone.ReservedHighAtomic, $"{where}, {zone.Type}: {zone.ReservedHighAtomic} kept for atomic requests, the model has {expected.Reserved}");
            for (int order = 0; order <= 10; order++)
            {
                for (int type = 0; type < 4; type++)
                {
                    Assert.True(expected.List(order, (MigrateType)type).SequenceEqual(zone.Snapshot(order, (MigrateType)type)),
                        $"{where}, {zone.Type}: the list of order {order}, {(MigrateType)type}");
                }
            }
        }
    }
}
