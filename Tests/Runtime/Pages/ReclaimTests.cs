using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Who reclaims, who never does, and what happens when nothing is left.</summary>
public unsafe class ReclaimTests
{
    private static KernelMemory Boot(OutOfMemoryPolicy policy = OutOfMemoryPolicy.ReturnNull, Func<OutOfMemoryInfo, bool>? callback = null) =>
        KernelMemory.Boot(new KernelMemoryOptions
        {
            AtomicReserve = ReservePopulation.Never,
            MemorySize = 32 << 20, Layout = MemoryLayout.Flat, GiveBackAfter = Timeout.InfiniteTimeSpan, OutOfMemory = policy, OutOfMemoryCallback = callback,
        });

    /// <summary>A cache of single pages that its shrinker frees.</summary>
    private sealed class Cache
    {
        private readonly Stack<nint> _pages = new();
        private readonly KernelMemory _memory;

        internal Cache(KernelMemory memory, bool needsFs = false, bool needsIo = false)
        {
            _memory = memory;
            Shrinker = new Shrinker(Count, Scan, "test") { NeedsFs = needsFs, NeedsIo = needsIo };
            memory.RegisterShrinker(Shrinker);
        }

        internal Shrinker Shrinker { get; }
        internal int Scans { get; private set; }
        internal List<GfpFlags> Masks { get; } = [];

        internal int Size
        {
            get { lock (_pages) return _pages.Count; }
        }

        internal void FillFrom(GfpFlags flags)
        {
            foreach (nint page in Exhaust(_memory, flags))
            {
                lock (_pages) _pages.Push(page);
            }
        }

        private nuint Count(Shrinker shrinker, ref ShrinkControl control) => (nuint)Size;

        private nuint Scan(Shrinker shrinker, ref ShrinkControl control)
        {
            Scans++;
            Masks.Add(control.gfp_mask);
            nuint freed = 0;
            lock (_pages)
            {
                for (; freed < control.nr_to_scan && _pages.TryPop(out nint page); freed++) _memory.FreePages((Page*)page, 0);
            }

            return freed;
        }
    }

    /// <summary>Takes everything that ordinary requests can have, waking nobody.</summary>
    private static List<nint> Exhaust(KernelMemory memory, GfpFlags flags = GfpFlags.Atomic & ~GfpFlags.KswapdReclaim)
    {
        var taken = new List<nint>();
        for (int before = -1; before != taken.Count; memory.Pages.Drain())
        {
            before = taken.Count;
            for (Page* page; (page = memory.TryAllocPages(flags | GfpFlags.NoWarn, 0)) != null;) taken.Add((nint)page);
        }

        return taken;
    }

    [Fact]
    public void DirectReclaim_CallsTheShrinkers_UntilTheRequestIsServed()
    {
        using KernelMemory memory = Boot();
        var cache = new Cache(memory);
        cache.FillFrom(GfpFlags.High);
        int before = cache.Size;
        Page* page = memory.TryAllocPages(GfpFlags.Kernel & ~GfpFlags.KswapdReclaim, 0);
        Assert.True(page != null);
        Assert.InRange(cache.Size, 0, before - 1);
        Assert.All(cache.Masks, mask => Assert.Equal(GfpFlags.Kernel & ~GfpFlags.KswapdReclaim, mask));
        memory.UnregisterShrinker(cache.Shrinker);
        int scans = cache.Scans;
        Exhaust(memory, GfpFlags.Kernel);
        Assert.Equal(scans, cache.Scans);
    }

    [Theory]
    [InlineData(GfpFlags.Atomic)]
    [InlineData(GfpFlags.NoWait)]
    [InlineData(GfpFlags.None)]
    public void RequestThatMayNotWait_NeverCallsAShrinkerThatWouldDeadlock(GfpFlags flags)
    {
        using KernelMemory memory = Boot();
        var heldByTheRequester = new Lock();
        int here = Environment.CurrentManagedThreadId;
        bool calledHere = false;
        using var kswapdMayGoOn = new ManualResetEventSlim();
        var deadlock = new Shrinker(
            (Shrinker _, ref ShrinkControl _) => 1000,
            (Shrinker _, ref ShrinkControl _) =>
            {
                // On the requester's thread this would never return: it waits for what only that thread can do.
                if (Environment.CurrentManagedThreadId == here) calledHere = true;
                else kswapdMayGoOn.Wait();
                return Shrinker.Stop;
            });
        memory.RegisterShrinker(deadlock);
        using (heldByTheRequester.EnterScope())
        {
            // kswapd is woken and hangs in the shrinker; the request does not wait for it, however often it asks.
            Exhaust(memory, flags);
            for (int i = 0; i < 1000; i++)
            {
                Assert.True(memory.TryAllocPages(flags | GfpFlags.NoWarn, 0) == null);
                Assert.True(memory.TryAllocPages(flags | GfpFlags.NoWarn, 5) == null);
            }
        }

        Assert.False(calledHere);
        Assert.Equal(0, memory.Pages.DirectReclaims);
        kswapdMayGoOn.Set();
        memory.UnregisterShrinker(deadlock);
    }

    [Theory]
    [InlineData(GfpFlags.NoFs, true, false, false)]
    [InlineData(GfpFlags.NoIo, false, true, false)]
    [InlineData(GfpFlags.NoIo, true, false, false)]
    [InlineData(GfpFlags.NoFs, false, true, true)]
    [InlineData(GfpFlags.Kernel, true, true, true)]
    public void ShrinkerThatNeedsFsOrIo_IsSkippedWithout(GfpFlags flags, bool needsFs, bool needsIo, bool called)
    {
        using KernelMemory memory = Boot();
        var cache = new Cache(memory, needsFs, needsIo);
        cache.FillFrom(GfpFlags.High);
        Page* page = memory.TryAllocPages((flags & ~GfpFlags.KswapdReclaim) | GfpFlags.NoWarn, 0);
        Assert.Equal(called, page != null);
        Assert.Equal(called, cache.Scans > 0);
    }

    [Fact]
    public void Kswapd_FillsUpToTheHighMark()
    {
        using KernelMemory memory = Boot();
        Zone zone = memory.Pages.Zones[0];
        var cache = new Cache(memory);
        cache.FillFrom(GfpFlags.High);
        long before = zone.FreeFrames;
        Assert.InRange(before, 0, zone.Marks.Min);

        // It wakes kswapd, and may already profit from it.
        memory.FreePages(memory.TryAllocPages(GfpFlags.NoWait, 0), 0);
        Assert.True(SpinWait.SpinUntil(() => zone.FreeFrames > zone.Marks.High, TimeSpan.FromSeconds(20)), $"{zone.FreeFrames} free, {memory.Pages.BackgroundRuns} runs");
        Assert.True(memory.Pages.BackgroundRuns > 0);
        Assert.Equal(0, memory.Pages.DirectReclaims);
        Assert.True(memory.TryAllocPages(GfpFlags.NoWait, 0) != null);
        Assert.True(cache.Size > 1000, "kswapd took more than it needed");
    }

    [Fact]
    public void Shrinker_MayAllocateAndFree_WithoutReclaimingAgain()
    {
        using KernelMemory memory = Boot();
        using var depth = new ThreadLocal<int>();
        int deepest = 0;
        var shrinker = new Shrinker(
            (Shrinker _, ref ShrinkControl _) => 100,
            (Shrinker _, ref ShrinkControl _) =>
            {
                deepest = Math.Max(deepest, ++depth.Value);
                Page* page = memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn, 0);
                if (page != null) memory.FreePages(page, 0);
                depth.Value--;
                return page != null ? Shrinker.Stop : 0;
            });
        Exhaust(memory);
        memory.RegisterShrinker(shrinker);
        Assert.True(memory.TryAllocPages((GfpFlags.Kernel & ~GfpFlags.KswapdReclaim) | GfpFlags.NoWarn, 0) == null);
        Assert.Equal(1, deepest);
        memory.UnregisterShrinker(shrinker);
    }

    [Fact]
    public void RegisterTwice_AndUnregisterTwice_AreBugs()
    {
        using KernelMemory memory = Boot();
        var cache = new Cache(memory);
        Bug("registered already", () => memory.RegisterShrinker(cache.Shrinker));
        memory.UnregisterShrinker(cache.Shrinker);
        Bug("not registered", () => memory.UnregisterShrinker(cache.Shrinker));
    }

    [Fact]
    public void NoRetry_ReclaimsOnce_RetryMayFail_SixteenTimesMore()
    {
        using KernelMemory memory = Boot();
        Exhaust(memory);

        // Always something to free, never any success: the request goes round as often as it is allowed to.
        var hopeless = new Shrinker((Shrinker _, ref ShrinkControl _) => 10, (Shrinker _, ref ShrinkControl _) => 0);
        memory.RegisterShrinker(hopeless);
        GfpFlags kernel = (GfpFlags.Kernel & ~GfpFlags.KswapdReclaim) | GfpFlags.NoWarn;
        Assert.Equal(1, Reclaims(kernel | GfpFlags.NoRetry, 0));
        Assert.Equal(17, Reclaims(kernel | GfpFlags.RetryMayFail, 0));
        Assert.Equal(17, Reclaims(kernel, 3));
        Assert.Equal(1, Reclaims(kernel, 4));
        Assert.Equal(17, Reclaims(kernel | GfpFlags.RetryMayFail, 4));
        memory.UnregisterShrinker(hopeless);

        long Reclaims(GfpFlags flags, int order)
        {
            long before = memory.Pages.DirectReclaims;
            Assert.True(memory.TryAllocPages(flags, order) == null);
            return memory.Pages.DirectReclaims - before;
        }
    }

    [Fact]
    public void NoFail_WaitsUntilThereIsMemory()
    {
        using KernelMemory memory = Boot();
        List<nint> all = Exhaust(memory, GfpFlags.MemAlloc);
        nint got = 0;
        var thread = new Thread(() => got = (nint)memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoFail, 0));
        thread.Start();
        Assert.False(thread.Join(200));
        for (int i = 0; i < 1000; i++) memory.FreePages((Page*)all[i], 0);
        memory.Pages.Drain();
        Assert.True(thread.Join(TimeSpan.FromSeconds(30)));
        Assert.NotEqual(0, got);
    }

    [Fact]
    public void OutOfMemory_EventHasTheKernelsDump_AndTheRequestIsNull()
    {
        using KernelMemory memory = Boot();
        string? dump = null;
        memory.OutOfMemoryReached += info => dump = info.Dump();
        Exhaust(memory);
        Assert.True(memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn, 0) == null);
        Assert.NotNull(dump);
        Assert.Contains("invoked oom-killer: gfp_mask=0x2cc0(GFP_KERNEL|__GFP_NOWARN), order=0, oom_score_adj=0", dump);
        Assert.Contains("Mem-Info:", dump);
        Assert.Contains("Node 0 Normal free:", dump);
        Assert.Contains("lowmem_reserve[]: 0 0 0 0", dump);
        Assert.Matches(@"Node 0 Normal: \d+\*4kB .* = \d+kB", dump);

        // Requests that the kernel's OOM killer would not be called for.
        dump = null;
        Assert.True(memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn, 4) == null);
        Assert.True(memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn | GfpFlags.NoRetry, 0) == null);
        Assert.True(memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn | GfpFlags.RetryMayFail, 0) == null);
        Assert.True(memory.TryAllocPages(GfpFlags.NoFs | GfpFlags.NoWarn, 0) == null);
        Assert.True(memory.TryAllocPages(GfpFlags.Atomic | GfpFlags.NoWarn, 0) == null);
        Assert.Null(dump);
    }

    [Fact]
    public void OutOfMemory_ThrowPolicy_ThrowsAndLosesNothing()
    {
        using KernelMemory memory = Boot(OutOfMemoryPolicy.Throw);
        List<nint> all = Exhaust(memory);
        Assert.Throws<OutOfMemoryException>(() => memory.TryAllocPages(GfpFlags.Kernel, 0));
        Assert.True(memory.TryAllocPages(GfpFlags.Atomic | GfpFlags.NoWarn, 0) == null);
        foreach (nint page in all) memory.FreePages((Page*)page, 0);
        Sound(memory);
        PageInvariantTests.AllInLargestBlocks(memory);
    }

    [Fact]
    public void OutOfMemory_CallbackFrees_AndTheRequestSucceeds()
    {
        List<nint> tenant = [];
        KernelMemory? memory = null;
        int calls = 0;
        memory = Boot(OutOfMemoryPolicy.Callback, info =>
        {
            calls++;
            foreach (nint page in tenant) memory!.FreePages((Page*)page, 0);
            bool freed = tenant.Count > 0;
            tenant.Clear();
            return freed;
        });
        using KernelMemory _ = memory;
        tenant = Exhaust(memory);
        Assert.True(memory.TryAllocPages(GfpFlags.Kernel, 0) != null);
        Assert.Equal(1, calls);
    }

    [Fact]
    public void OutOfMemory_AllocatesNothing_ManagedOrNative_AlsoTheFirstTimeOnAThread()
    {
        using KernelMemory memory = Boot();
        var hopeless = new Shrinker((Shrinker _, ref ShrinkControl _) => 10, (Shrinker _, ref ShrinkControl _) => 0);
        memory.RegisterShrinker(hopeless);
        Exhaust(memory);
        GfpFlags[] all =
        [
            GfpFlags.Kernel | GfpFlags.NoWarn, GfpFlags.Atomic | GfpFlags.NoWarn, GfpFlags.NoWait, GfpFlags.Kernel | GfpFlags.NoRetry | GfpFlags.NoWarn,
            GfpFlags.Kernel | GfpFlags.RetryMayFail | GfpFlags.NoWarn,
        ];
        Measure();

        // All is compiled now. What each path takes on a thread that never was on it:
        (long Managed, long Native) taken = default;
        var thread = new Thread(() => taken = Measure());
        thread.Start();
        thread.Join();
        memory.UnregisterShrinker(hopeless);
        Assert.Equal((0, 0), taken);

        (long, long) Measure()
        {
            // A thread's first call of all gets it its block.
            memory.FreePages(memory.TryAllocPages(GfpFlags.MemAlloc | GfpFlags.NoWarn, 0), 0);
            long managed = GC.GetAllocatedBytesForCurrentThread(), native = MetaMemory.Bytes + memory.Pages.Sets.Bytes;
            foreach (GfpFlags flags in all) memory.TryAllocPages(flags, 0);
            foreach (GfpFlags flags in all) memory.TryAllocPages(flags, 4);
            return (GC.GetAllocatedBytesForCurrentThread() - managed, MetaMemory.Bytes + memory.Pages.Sets.Bytes - native);
        }
    }

    [Fact]
    public void Failure_IsReportedWithTheMemoryDump_AtMostOnceInTenSeconds()
    {
        using KernelMemory memory = Boot();
        Exhaust(memory);
        List<KernelReport> reports = Reports(() =>
        {
            memory.TryAllocPages(GfpFlags.Kernel, 0);
            memory.TryAllocPages(GfpFlags.Kernel, 0);
        });
        Assert.Matches(@"^.+: page allocation failure: order:0, mode:0xcc0\(GFP_KERNEL\), nodemask=\(null\)\nMem-Info:", Assert.Single(reports).Text);
    }
}
