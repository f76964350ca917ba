namespace KAlloc.Runtime.Tests;

/// <summary>One row for each gfp flag of the book: what can be seen of it, or why it has no effect here.</summary>
public unsafe class FlagTableTests
{
    /// <param name="Name">The book's name.</param>
    /// <param name="Flag">The bits.</param>
    /// <param name="Effect">What it does, in words.</param>
    /// <param name="Seen">Shows the effect; null: there is none here, and <paramref name="Effect"/> says why.</param>
    private sealed record Row(string Name, GfpFlags Flag, string Effect, Func<KernelMemory, bool>? Seen);

    private const GfpFlags Quiet = GfpFlags.NoWarn;

    private static readonly Row[] s_rows =
    [
        // Action modifiers.
        new("__GFP_WAIT", GfpFlags.Wait, "the allocator may reclaim, and so sleep", m => Reclaims(m, GfpFlags.Wait) > 0 && Reclaims(m, GfpFlags.None) == 0),
        new("__GFP_HIGH", GfpFlags.High, "half of the reserve is open", m => LowestFree(m, GfpFlags.High) < LowestFree(m, GfpFlags.None)),
        new("__GFP_IO", GfpFlags.Io, "shrinkers that do I/O are called", m => IsCalled(m, needsIo: true, GfpFlags.Reclaim | GfpFlags.Io) && !IsCalled(m, needsIo: true, GfpFlags.Reclaim)),
        new("__GFP_FS", GfpFlags.Fs, "shrinkers that enter file systems are called", m => IsCalled(m, needsIo: false, GfpFlags.Reclaim | GfpFlags.Fs) && !IsCalled(m, needsIo: false, GfpFlags.Reclaim)),
        new("__GFP_COLD", GfpFlags.Cold, "the page freed longest ago comes first", ColdIsLast),
        new("__GFP_NOWARN", GfpFlags.NoWarn, "no report on failure", m => Failures(m, GfpFlags.None) == 1 && Failures(m, GfpFlags.NoWarn) == 0),
        new("__GFP_REPEAT", GfpFlags.Repeat, "large orders are retried too", m => Rounds(m, GfpFlags.Kernel | GfpFlags.Repeat, 4) > Rounds(m, GfpFlags.Kernel, 4)),
        new("__GFP_NOFAIL", GfpFlags.NoFail, "never null: half of the reserve is opened", m => LowestFree(m, GfpFlags.Kernel) > FreeAfterNoFail(m)),
        new("__GFP_NORETRY", GfpFlags.NoRetry, "one round of reclaim", m => Rounds(m, GfpFlags.Kernel | GfpFlags.NoRetry, 0) == 1),
        new("__GFP_NO_GROW", GfpFlags.NoGrow, "a cache serves from its slabs or fails", NoGrowFails),
        new("__GFP_COMP", GfpFlags.Compound, "tail pages lead to the head", TailLeadsToHead),
        new("__GFP_ZERO", GfpFlags.Zero, "the memory is zero", ZeroIsZero),
        new("__GFP_NOMEMALLOC", GfpFlags.NoMemAlloc, "reserves are closed to MEMALLOC", m => LowestFree(m, GfpFlags.MemAlloc) == 0 && LowestFree(m, GfpFlags.MemAlloc | GfpFlags.NoMemAlloc) > 0),
        new("__GFP_HARDWALL", GfpFlags.HardWall, "none: there are no cpusets", null),
        new("__GFP_THISNODE", GfpFlags.ThisNode, "no OOM handling: there is one node, so nothing else changes", m => !ReachesOom(m, GfpFlags.Kernel | GfpFlags.ThisNode) && ReachesOom(m, GfpFlags.Kernel)),
        new("__GFP_RECLAIMABLE", GfpFlags.Reclaimable, "page blocks of reclaimable memory", m => TypeOf(m, GfpFlags.Kernel | GfpFlags.Reclaimable) == MigrateType.Reclaimable),
        new("__GFP_MOVABLE", GfpFlags.Movable, "page blocks of movable memory", m => TypeOf(m, GfpFlags.Kernel | GfpFlags.Movable) == MigrateType.Movable),

        // Those that came after the book, or that it splits into.
        new("__GFP_DIRECT_RECLAIM", GfpFlags.DirectReclaim, "the request itself reclaims", m => Reclaims(m, GfpFlags.DirectReclaim) > 0),
        new("__GFP_KSWAPD_RECLAIM", GfpFlags.KswapdReclaim, "the background reclaimer is woken, the request does not reclaim", WakesKswapd),
        new("__GFP_RECLAIM", GfpFlags.Reclaim, "both", m => Reclaims(m, GfpFlags.Reclaim) > 0 && WakesKswapd(m)),
        new("__GFP_ATOMIC", GfpFlags.High, "as __GFP_HIGH: its own bit is gone", m => LowestFree(m, GfpFlags.High) < LowestFree(m, GfpFlags.None)),
        new("__GFP_RETRY_MAYFAIL", GfpFlags.RetryMayFail, "sixteen rounds more, and no OOM handling", m => Rounds(m, GfpFlags.Kernel | GfpFlags.RetryMayFail, 0) == 17 && !ReachesOom(m, GfpFlags.Kernel | GfpFlags.RetryMayFail)),
        new("__GFP_MEMALLOC", GfpFlags.MemAlloc, "all reserves are open", m => LowestFree(m, GfpFlags.MemAlloc) == 0),
        new("__GFP_ACCOUNT", GfpFlags.Account, "charged to the thread's owner", m => ChargeOf(m, GfpFlags.Kernel | GfpFlags.Account) == 4096 && ChargeOf(m, GfpFlags.Kernel) == 0),
        new("__GFP_WRITE", GfpFlags.Write, "none: there is no writeback", null),

        // Zone modifiers.
        new("__GFP_DMA", GfpFlags.Dma, "ZONE_DMA only", m => ZoneOf(m, GfpFlags.Kernel | GfpFlags.Dma) == ZoneType.Dma),
        new("__GFP_DMA32", GfpFlags.Dma32, "ZONE_DMA32 or below", m => ZoneOf(m, GfpFlags.Kernel | GfpFlags.Dma32) == ZoneType.Dma32),
        new("__GFP_HIGHMEM", GfpFlags.HighMem, "ZONE_HIGHMEM first", m => ZoneOf(m, GfpFlags.Kernel | GfpFlags.HighMem) == ZoneType.HighMem),

        // Type flags.
        new("GFP_ATOMIC", GfpFlags.Atomic, "never reclaims, five eighths of the reserve are open", m => Reclaims(m, GfpFlags.Atomic) == 0 && LowestFree(m, GfpFlags.Atomic) < LowestFree(m, GfpFlags.High | GfpFlags.Kernel)),
        new("GFP_NOWAIT", GfpFlags.NoWait, "never reclaims, no reserve", m => Reclaims(m, GfpFlags.NoWait) == 0 && LowestFree(m, GfpFlags.NoWait) == LowestFree(m, GfpFlags.Kernel)),
        new("GFP_NOIO", GfpFlags.NoIo, "reclaims without I/O", m => Reclaims(m, GfpFlags.NoIo) > 0 && !IsCalled(m, needsIo: true, GfpFlags.NoIo)),
        new("GFP_NOFS", GfpFlags.NoFs, "reclaims with I/O, without file systems", m => IsCalled(m, needsIo: true, GfpFlags.NoFs) && !IsCalled(m, needsIo: false, GfpFlags.NoFs)),
        new("GFP_KERNEL", GfpFlags.Kernel, "reclaims by all means", m => IsCalled(m, needsIo: true, GfpFlags.Kernel) && IsCalled(m, needsIo: false, GfpFlags.Kernel)),
        new("GFP_USER", GfpFlags.User, "as GFP_KERNEL: there are no cpusets", m => Reclaims(m, GfpFlags.User) > 0 && ZoneOf(m, GfpFlags.User) == ZoneType.Normal),
        new("GFP_HIGHUSER", GfpFlags.HighUser, "as GFP_USER, high memory first", m => ZoneOf(m, GfpFlags.HighUser) == ZoneType.HighMem),
        new("GFP_HIGHUSER_MOVABLE", GfpFlags.HighUserMovable, "as GFP_HIGHUSER, in page blocks of movable memory", m => ZoneOf(m, GfpFlags.HighUserMovable) == ZoneType.HighMem && TypeOf(m, GfpFlags.HighUserMovable) == MigrateType.Movable),
        new("GFP_TEMPORARY", GfpFlags.Temporary, "as GFP_KERNEL, in page blocks of reclaimable memory", m => TypeOf(m, GfpFlags.Temporary) == MigrateType.Reclaimable && Reclaims(m, GfpFlags.Temporary) > 0),
        new("GFP_KERNEL_ACCOUNT", GfpFlags.KernelAccount, "as GFP_KERNEL, charged to the thread's owner", m => ChargeOf(m, GfpFlags.KernelAccount) == 4096),
        new("GFP_DMA32", GfpFlags.Dma32, "with a type flag: memory for 32-bit devices", m => ZoneOf(m, GfpFlags.Atomic | GfpFlags.Dma32) == ZoneType.Dma32),
        new("GFP_DMA", GfpFlags.Dma, "with a type flag: memory for 24-bit devices", m => ZoneOf(m, GfpFlags.Atomic | GfpFlags.Dma) == ZoneType.Dma),
    ];

    public static TheoryData<string> Names => [.. s_rows.Select(row => row.Name)];

    [Fact]
    public void EveryFlagOfTheKernelFace_HasARow_OfItsBits()
    {
        foreach (System.Reflection.FieldInfo field in typeof(Linux).GetFields().Where(f => f.FieldType == typeof(GfpFlags)))
        {
            Row row = Assert.Single(s_rows, r => r.Name == field.Name);
            Assert.Equal((GfpFlags)field.GetRawConstantValue()!, row.Flag);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryFlag_HasItsEffect_OrAReason(string name)
    {
        Row row = s_rows.Single(r => r.Name == name);
        if (row.Seen is null)
        {
            Assert.StartsWith("none: ", row.Effect);
            return;
        }

        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
        {
            AtomicReserve = ReservePopulation.Never,
            MemorySize = 64 << 20, Layout = s_layout, GiveBackAfter = Timeout.InfiniteTimeSpan, NoPageSets = name != "__GFP_COLD",
        });
        Assert.True(row.Seen(memory), $"{row.Name}: {row.Effect}");
    }

    private static readonly MemoryLayout s_layout = new("flags",
        new ZoneBoundary(ZoneType.Dma, 8 << 20, "test"), new ZoneBoundary(ZoneType.Dma32, 16 << 20, "test"),
        new ZoneBoundary(ZoneType.Normal, 56 << 20, "test"), new ZoneBoundary(ZoneType.HighMem, ulong.MaxValue, "test"));

    private static List<nint> Exhaust(KernelMemory memory, GfpFlags flags)
    {
        var taken = new List<nint>();
        for (Page* page; (page = memory.TryAllocPages((flags & ~GfpFlags.KswapdReclaim) | Quiet, 0)) != null;) taken.Add((nint)page);
        return taken;
    }

    private static void Give(KernelMemory memory, List<nint> pages)
    {
        foreach (nint page in pages) memory.FreePages((Page*)page, 0);
    }

    /// <summary>Frames that such requests leave in NORMAL and below.</summary>
    private static long LowestFree(KernelMemory memory, GfpFlags flags)
    {
        List<nint> all = Exhaust(memory, flags);
        long left = memory.Pages.Zones.ToArray().Where(zone => zone.Type <= ZoneType.Normal).Sum(zone => zone.FreeFrames);
        Give(memory, all);
        return left;
    }

    private static long FreeAfterNoFail(KernelMemory memory)
    {
        List<nint> all = Exhaust(memory, GfpFlags.Kernel);
        Page* page = memory.TryAllocPages(GfpFlags.Reclaim & ~GfpFlags.KswapdReclaim | GfpFlags.NoFail, 0);
        long left = memory.Pages.Zones.ToArray().Where(zone => zone.Type <= ZoneType.Normal).Sum(zone => zone.FreeFrames);
        memory.FreePages(page, 0);
        Give(memory, all);
        return left;
    }

    /// <summary>Reclaims of one request when memory is out, without anything to reclaim.</summary>
    private static long Reclaims(KernelMemory memory, GfpFlags flags)
    {
        List<nint> all = Exhaust(memory, GfpFlags.Atomic);
        long before = memory.Pages.DirectReclaims;
        memory.FreePages(memory.TryAllocPages((flags & ~GfpFlags.KswapdReclaim) | Quiet, 0), 0);
        long count = memory.Pages.DirectReclaims - before;
        Give(memory, all);
        return count;
    }

    /// <summary>The same with a shrinker that always has something and never frees it.</summary>
    private static long Rounds(KernelMemory memory, GfpFlags flags, int order)
    {
        var hopeless = new Shrinker((Shrinker _, ref ShrinkControl _) => 10, (Shrinker _, ref ShrinkControl _) => 0);
        List<nint> all = Exhaust(memory, GfpFlags.Atomic);
        memory.RegisterShrinker(hopeless);
        long before = memory.Pages.DirectReclaims;
        memory.TryAllocPages((flags & ~GfpFlags.KswapdReclaim) | Quiet, order);
        long count = memory.Pages.DirectReclaims - before;
        memory.UnregisterShrinker(hopeless);
        Give(memory, all);
        return count;
    }

    private static bool IsCalled(KernelMemory memory, bool needsIo, GfpFlags flags)
    {
        bool called = false;
        var shrinker = new Shrinker((Shrinker _, ref ShrinkControl _) => 10, (Shrinker _, ref ShrinkControl _) =>
        {
            called = true;
            return Shrinker.Stop;
        })
        { NeedsIo = needsIo, NeedsFs = !needsIo };
        List<nint> all = Exhaust(memory, GfpFlags.Atomic);
        memory.RegisterShrinker(shrinker);
        memory.TryAllocPages((flags & ~GfpFlags.KswapdReclaim) | Quiet, 0);
        memory.UnregisterShrinker(shrinker);
        Give(memory, all);
        return called;
    }

    private static bool WakesKswapd(KernelMemory memory)
    {
        List<nint> all = Exhaust(memory, GfpFlags.MemAlloc);
        long runs = memory.Pages.BackgroundRuns, reclaims = memory.Pages.DirectReclaims;
        memory.TryAllocPages(GfpFlags.KswapdReclaim | Quiet, 0);
        bool ran = SpinWait.SpinUntil(() => memory.Pages.BackgroundRuns > runs, TimeSpan.FromSeconds(30));
        Give(memory, all);
        return ran && memory.Pages.DirectReclaims == reclaims;
    }

    private static long ChargeOf(KernelMemory memory, GfpFlags flags)
    {
        using var owner = new MemoryOwner("flags");
        using MemoryOwner.Scope scope = owner.Enter();
        Page* page = memory.AllocPages(flags, 0);
        long bytes = owner.Bytes;
        memory.FreePages(page, 0);
        return bytes;
    }

    private static bool ReachesOom(KernelMemory memory, GfpFlags flags)
    {
        List<nint> all = Exhaust(memory, GfpFlags.Atomic);
        long before = memory.Pages.OutOfMemoryCount;
        memory.TryAllocPages((flags & ~GfpFlags.KswapdReclaim) | Quiet, 0);
        Give(memory, all);
        return memory.Pages.OutOfMemoryCount > before;
    }

    private static int Failures(KernelMemory memory, GfpFlags flags)
    {
        List<nint> all = Exhaust(memory, GfpFlags.Atomic);
        int reports = TestSupport.Reports(() => memory.TryAllocPages(flags, 0)).Count;
        Give(memory, all);
        return reports;
    }

    private static bool TailLeadsToHead(KernelMemory memory)
    {
        Page* block = memory.AllocPages(GfpFlags.Kernel | GfpFlags.Compound, 1);
        bool leads = memory.PageCount(block + 1) == 1;
        memory.FreePages(block, 1);
        return leads;
    }

    private static ZoneType ZoneOf(KernelMemory memory, GfpFlags flags)
    {
        Page* page = memory.AllocPages(flags, 0);
        ZoneType zone = memory.PageZone(page);
        memory.FreePages(page, 0);
        return zone;
    }

    private static MigrateType TypeOf(KernelMemory memory, GfpFlags flags)
    {
        Page* page = memory.AllocPages(flags, 0);
        MigrateType type = memory.Pages.Blocks.TypeOf(memory.Memory.FrameOf(page));
        memory.FreePages(page, 0);
        return type;
    }

    private static bool ColdIsLast(KernelMemory memory)
    {
        Page* first = memory.AllocPages(GfpFlags.Kernel, 0), second = memory.AllocPages(GfpFlags.Kernel, 0);
        memory.FreePages(first, 0);
        memory.FreePages(second, 0);
        Page* cold = memory.AllocPages(GfpFlags.Kernel | GfpFlags.Cold, 0);
        Page* warm = memory.AllocPages(GfpFlags.Kernel, 0);
        return cold != second && warm == second;
    }

    private static bool NoGrowFails(KernelMemory memory)
    {
        KmemCache* cache = memory.CreateCache("flags", 64);
        nint address = (nint)cache;
        bool fails = Record.Exception(() => memory.CacheAlloc((KmemCache*)address, GfpFlags.Kernel | GfpFlags.NoGrow | Quiet)) is OutOfMemoryException;
        memory.DestroyCache(cache);
        return fails;
    }

    private static bool ZeroIsZero(KernelMemory memory)
    {
        void* dirty = memory.GetFreePages(GfpFlags.Kernel, 0);
        new Span<byte>(dirty, 4096).Fill(0xFF);
        memory.FreePagesAt(dirty, 0);
        void* zero = memory.GetFreePages(GfpFlags.Kernel | GfpFlags.Zero, 0);
        bool result = zero == dirty && new Span<byte>(zero, 4096).IndexOfAnyExcept((byte)0) < 0;
        memory.FreePagesAt(zero, 0);
        return result;
    }
}
