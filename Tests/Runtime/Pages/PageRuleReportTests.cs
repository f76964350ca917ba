using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>The rest of the rules for malformed requests: those about the whole process's policy, lock order, and what is said word for word.</summary>
[Collection("policy")]
public unsafe class PageRuleReportTests
{
    private static KernelMemory Small(MemoryLayout? layout = null, int megabytes = 32) => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never, NoPageSets = true, MemorySize = (ulong)megabytes << 20, Layout = layout ?? MemoryLayout.Flat, GiveBackAfter = Timeout.InfiniteTimeSpan,
    });

    private static List<nint> Exhaust(KernelMemory memory)
    {
        var taken = new List<nint>();
        for (Page* page; (page = memory.TryAllocPages(GfpFlags.MemAlloc | GfpFlags.NoWarn, 0)) != null;) taken.Add((nint)page);
        return taken;
    }

    [Theory]
    [InlineData(11)]
    [InlineData(int.MaxValue)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    public void OrderOutOfRange_IsAWarningAndNull_SilentWithNoWarn(int order)
    {
        Assert.Equal(
            $"WARNING: page order {order} is not in 0..10, the request fails: mode:0xcc0(GFP_KERNEL)",
            Assert.Single(Reports(() => Assert.True(alloc_pages(GFP_KERNEL, order) == null))).Text);
        Assert.Empty(Reports(() => Assert.True(alloc_pages(GFP_KERNEL | __GFP_NOWARN, order) == null)));
        Assert.Single(Reports(() => Assert.Equal((nuint)0, __get_free_pages(GFP_KERNEL, order))));
    }

    [Fact]
    public void NoFailOfAThreadThatReclaims_IsAWarning_AndIsServedInTheEnd()
    {
        using KernelMemory memory = Small();
        List<nint> all = Exhaust(memory);
        nint got = 0;
        int entered = 0;
        List<KernelReport> reports = [];
        var shrinker = new Shrinker((Shrinker _, ref ShrinkControl _) => 100, (Shrinker _, ref ShrinkControl _) =>
        {
            // The request inside wakes kswapd, which comes here too.
            if (Interlocked.Exchange(ref entered, 1) != 0) return Shrinker.Stop;
            reports = Reports(() =>
            {
                var other = new Thread(() =>
                {
                    Thread.Sleep(20);
                    memory.FreePages((Page*)all[0], 0);
                });
                other.Start();
                got = (nint)memory.AllocPages(GfpFlags.Kernel | GfpFlags.NoFail, 0);
                other.Join();
            });
            return Shrinker.Stop;
        });
        memory.RegisterShrinker(shrinker);
        memory.TryAllocPages((GfpFlags.Kernel & ~GfpFlags.KswapdReclaim) | GfpFlags.NoWarn | GfpFlags.NoRetry, 0);
        memory.UnregisterShrinker(shrinker);
        Assert.True(got != 0);
        Assert.Contains("WARNING: __GFP_NOFAIL while the thread reclaims memory may take for ever: mode:0x8cc0(GFP_KERNEL|__GFP_NOFAIL)", reports.Select(report => report.Text));
    }

    [Fact]
    public void DirectReclaimInAtomicContext_UnderThePolicyLog_IsReportedAsTheKernelDoes_AndServed() => Cpu.Run(() =>
    {
        BugPolicy before = KernelReports.Policy;
        KernelReports.Policy = BugPolicy.Log;
        page* page = null;
        try
        {
            preempt_disable();
            string text = Assert.Single(Reports(() => page = alloc_pages(GFP_KERNEL, 2))).Text;
            Assert.Matches(@"^BUG: sleeping function called from invalid context at Pages/PageAllocator\.cs:\d+\nin_atomic\(\): 1, irqs_disabled\(\): 0, non_block: 0, pid: \d+, name: .*\npreempt_count: 1, expected: 0\nRCU nest depth: 0, expected: 0", text);
            Assert.Empty(Reports(() => __free_pages(alloc_pages(GFP_ATOMIC, 2), 2)));
        }
        finally
        {
            preempt_enable();
            KernelReports.Policy = before;
        }

        Assert.True(page != null);
        __free_pages(page, 2);
    });

    [Fact]
    public void RequestUnderALockThatAShrinkerTakes_IsACircleOfLocks_NofsIsNot() => Cpu.Run(() =>
    {
        using KernelMemory memory = Small();
        mutex_t caches = default;
        mutex_t* lockOfCaches = &caches;
        LockOrder.Reset();
        LockOrder.Enabled = true;
        try
        {
            var shrinker = new Shrinker((Shrinker _, ref ShrinkControl _) => 100, (Shrinker _, ref ShrinkControl _) =>
            {
                mutex_lock(ref *lockOfCaches);
                mutex_unlock(ref *lockOfCaches);
                return Shrinker.Stop;
            });
            memory.RegisterShrinker(shrinker);
            List<nint> all = Exhaust(memory);
            Assert.Empty(Reports(() => memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn | GfpFlags.NoRetry, 0)));
            foreach (nint page in all) memory.FreePages((Page*)page, 0);

            // There is memory, and no shrinker runs: the order alone is wrong.
            Assert.Empty(Reports(() => UnderTheLock(GfpFlags.NoFs)));
            Assert.Empty(Reports(() => UnderTheLock(GfpFlags.Atomic)));
            uint scope = memalloc_nofs_save();
            Assert.Empty(Reports(() => UnderTheLock(GfpFlags.Kernel)));
            memalloc_nofs_restore(scope);
            string text = Assert.Single(Reports(() => UnderTheLock(GfpFlags.Kernel))).Text;
            Assert.StartsWith("WARNING: possible circular locking dependency detected", text);
            Assert.Contains("is trying to acquire lock:\n fs_reclaim, at ", text);
            Assert.Contains($" -> fs_reclaim, then lock {caches.Id}", text);
            Assert.Equal(0, CpuBlocks.Current->Execution.HeldLockCount);
            memory.UnregisterShrinker(shrinker);
        }
        finally
        {
            LockOrder.Enabled = false;
            LockOrder.Reset();
        }

        void UnderTheLock(GfpFlags flags)
        {
            mutex_lock(ref *lockOfCaches);
            memory.FreePages(memory.AllocPages(flags, 0), 0);
            mutex_unlock(ref *lockOfCaches);
        }
    });

    [Theory]
    [InlineData("Flat", "Normal Normal Normal Normal Normal Normal Normal Normal")]
    [InlineData("PC", "Normal Dma Normal Dma32 Normal Dma Normal Dma32")]
    [InlineData("All", "Normal Dma HighMem Dma32 Normal Dma Movable Dma32")]
    public void ZoneOfEachGoodCombination_InEachLayout(string name, string expected)
    {
        var dma = new ZoneBoundary(ZoneType.Dma, 8 << 20, "test");
        var dma32 = new ZoneBoundary(ZoneType.Dma32, 16 << 20, "test");
        MemoryLayout layout = name switch
        {
            "PC" => new MemoryLayout(name, dma, dma32, new ZoneBoundary(ZoneType.Normal, ulong.MaxValue, "test")),
            "All" => new MemoryLayout(name, dma, dma32, new ZoneBoundary(ZoneType.Normal, 24 << 20, "test"), new ZoneBoundary(ZoneType.HighMem, 32 << 20, "test"),
                new ZoneBoundary(ZoneType.Movable, ulong.MaxValue, "test")),
            _ => MemoryLayout.Flat,
        };
        using KernelMemory memory = Small(layout, 48);
        int[] bits = [0x0, 0x1, 0x2, 0x4, 0x8, 0x9, 0xA, 0xC];
        string[] zones = expected.Split(' ');
        for (int i = 0; i < bits.Length; i++)
        {
            Page* page = memory.AllocPages(GfpFlags.Kernel | (GfpFlags)bits[i], 0);
            Assert.Equal((bits[i], Enum.Parse<ZoneType>(zones[i])), (bits[i], memory.PageZone(page)));
            memory.FreePages(page, 0);
        }

        // A request never goes up: when its zone and those below are used up it fails, with memory above left.
        for (int i = 0; i < bits.Length; i++)
        {
            var taken = new List<nint>();
            var highest = Enum.Parse<ZoneType>(zones[i]);
            for (Page* page; (page = memory.TryAllocPages(GfpFlags.MemAlloc | GfpFlags.NoWarn | (GfpFlags)bits[i], 0)) != null;) taken.Add((nint)page);
            Assert.All(taken, page => Assert.True(memory.PageZone((Page*)page) <= highest));
            foreach (Zone zone in memory.Pages.Zones) Assert.Equal(zone.Type > highest ? zone.Managed : 0, zone.FreeFrames);
            foreach (nint page in taken) memory.FreePages((Page*)page, 0);
        }
    }

    [Fact]
    public void CacheWithAConstructor_AndZero_IsAWarning_AndTheObjectIsZero()
    {
        using KernelMemory memory = Small();
        KmemCache* cache = memory.CreateCache("constructed", 64, constructor: obj => *(long*)obj = 5);
        void* plain = memory.CacheAlloc(cache), zeroed = null;
        Assert.Contains("cache constructed has a constructor, which __GFP_ZERO undoes", Assert.Single(Reports(() => zeroed = memory.CacheAlloc(cache, GfpFlags.Kernel | GfpFlags.Zero))).Text);
        Assert.Equal((5, 0), (*(long*)plain, *(long*)zeroed));
        memory.CacheFree(cache, plain);
        memory.CacheFree(cache, zeroed);
        memory.DestroyCache(cache);
    }
}
