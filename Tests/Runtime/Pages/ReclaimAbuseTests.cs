using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Callbacks that do what they must not: each gets a report, and the system goes on.</summary>
[Collection("alone")]
public unsafe class ReclaimAbuseTests
{
    private static KernelMemory Boot(Func<OutOfMemoryInfo, bool>? callback = null) => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never, MemorySize = 32 << 20, Layout = MemoryLayout.Flat, GiveBackAfter = Timeout.InfiniteTimeSpan, NoPageSets = true,
        OutOfMemory = callback is null ? OutOfMemoryPolicy.ReturnNull : OutOfMemoryPolicy.Callback, OutOfMemoryCallback = callback,
    });

    private static List<nint> Exhaust(KernelMemory memory, GfpFlags flags = GfpFlags.MemAlloc)
    {
        var taken = new List<nint>();
        for (Page* page; (page = memory.TryAllocPages(flags | GfpFlags.NoWarn, 0)) != null;) taken.Add((nint)page);
        return taken;
    }

    private static void Give(KernelMemory memory, List<nint> pages)
    {
        foreach (nint page in pages) memory.FreePages((Page*)page, 0);
    }

    [Fact]
    public void ShrinkerThatDisposesItsSystem_FromARequest_IsABug_AndTheSystemLivesOn()
    {
        using KernelMemory memory = Boot();
        var shrinker = new Shrinker((Shrinker _, ref ShrinkControl _) => 1000, (Shrinker _, ref ShrinkControl _) =>
        {
            memory.Dispose();
            return 0;
        });
        memory.RegisterShrinker(shrinker);
        List<nint> all = Exhaust(memory);
        Bug("KernelMemory.Dispose() from within a shrinker", () => memory.TryAllocPages(GfpFlags.Kernel & ~GfpFlags.KswapdReclaim, 0));
        Give(memory, all);
        memory.UnregisterShrinker(shrinker);
        Sound(memory);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
    }

    [Fact]
    public void ShrinkerThatDisposesItsSystem_FromKswapd_IsReported_AndNothingHangs()
    {
        using KernelMemory memory = Boot();
        using var reported = new ManualResetEventSlim();
        void Listen(KernelReport report)
        {
            if (report.Level == ReportLevel.Bug && report.Text.Contains("KernelMemory.Dispose() from within a shrinker", StringComparison.Ordinal)) reported.Set();
        }

        KernelReports.Reported += Listen;
        try
        {
            memory.RegisterShrinker(new Shrinker((Shrinker _, ref ShrinkControl _) => 1000, (Shrinker _, ref ShrinkControl _) =>
            {
                memory.Dispose();
                return 0;
            }));
            List<nint> all = Exhaust(memory, GfpFlags.MemAlloc | GfpFlags.KswapdReclaim);
            Assert.True(reported.Wait(TimeSpan.FromSeconds(30)), "kswapd said nothing");
            Give(memory, all);
        }
        finally
        {
            KernelReports.Reported -= Listen;
        }
    }

    [Fact]
    public void CallbackThatDisposesItsSystem_IsABug()
    {
        KernelMemory? memory = null;
        memory = Boot(_ =>
        {
            memory!.Dispose();
            return true;
        });
        using KernelMemory _ = memory;
        List<nint> all = Exhaust(memory);
        Bug("KernelMemory.Dispose() from within", () => memory.TryAllocPages(GfpFlags.Kernel & ~GfpFlags.KswapdReclaim, 0));
        Give(memory, all);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
    }

    [Fact]
    public void Shrinker_MayDisposeAnotherSystem_AndRegisterAnotherShrinker()
    {
        using KernelMemory memory = Boot(), other = Boot();
        List<nint> all = Exhaust(memory);
        var second = new Shrinker((Shrinker _, ref ShrinkControl _) => 0, (Shrinker _, ref ShrinkControl _) => 0, "second");
        bool done = false;
        var first = new Shrinker((Shrinker _, ref ShrinkControl _) => 1000, (Shrinker _, ref ShrinkControl _) =>
        {
            if (done) return Shrinker.Stop;
            done = true;
            other.Dispose();
            memory.RegisterShrinker(second);
            return Shrinker.Stop;
        });
        memory.RegisterShrinker(first);
        memory.TryAllocPages((GfpFlags.Kernel & ~GfpFlags.KswapdReclaim) | GfpFlags.NoWarn, 0);
        Assert.True(done);
        memory.UnregisterShrinker(second);
        memory.UnregisterShrinker(first);
        Give(memory, all);
    }

    [Fact]
    public void Shrinker_ThatUnregistersOrDetachesItself_IsABug()
    {
        using KernelMemory memory = Boot();
        List<nint> all = Exhaust(memory);
        Action<Shrinker> deed = memory.UnregisterShrinker;
        var shrinker = new Shrinker((Shrinker _, ref ShrinkControl _) => 1000, (Shrinker self, ref ShrinkControl _) =>
        {
            deed(self);
            return Shrinker.Stop;
        });
        memory.RegisterShrinker(shrinker);
        Bug("would wait for itself", () => memory.TryAllocPages(GfpFlags.Kernel & ~GfpFlags.KswapdReclaim, 0));
        deed = _ => KernelMemory.DetachThread();
        Bug("KernelMemory.DetachThread() from within", () => memory.TryAllocPages(GfpFlags.Kernel & ~GfpFlags.KswapdReclaim, 0));
        memory.UnregisterShrinker(shrinker);
        Assert.Equal((0, 0), (CpuBlocks.Current->MemAllocDepth, CpuBlocks.Current->RunningShrinker));
        Give(memory, all);
    }

    [Fact]
    public void Shrinker_ThatThrows_FailsTheRequestThatRanIt_AndNothingElse()
    {
        using KernelMemory memory = Boot();
        List<nint> all = Exhaust(memory);
        bool throws = true;
        var shrinker = new Shrinker((Shrinker _, ref ShrinkControl _) => 1000, (Shrinker _, ref ShrinkControl _) =>
            throws ? throw new InvalidDataException("broken") : Shrinker.Stop);
        memory.RegisterShrinker(shrinker);
        Assert.Throws<InvalidDataException>(() => memory.TryAllocPages(GfpFlags.Kernel & ~GfpFlags.KswapdReclaim, 0));
        CpuBlock* block = CpuBlocks.Current;
        Assert.Equal((0, (nuint)0, 0), (block->MemAllocDepth, block->CallbackOf, block->RunningShrinker));
        Assert.True(memory.TryAllocPages(GfpFlags.Atomic | GfpFlags.NoWarn, 0) == null);

        // On kswapd, which is everybody's, it is a report.
        using var reported = new ManualResetEventSlim();
        void Listen(KernelReport report)
        {
            if (report.Text == "WARNING: kswapd0: InvalidDataException from a shrinker: broken") reported.Set();
        }

        KernelReports.Reported += Listen;
        try
        {
            memory.TryAllocPages(GfpFlags.NoWait, 0);
            Assert.True(reported.Wait(TimeSpan.FromSeconds(30)));
        }
        finally
        {
            KernelReports.Reported -= Listen;
        }

        throws = false;
        memory.UnregisterShrinker(shrinker);
        Give(memory, all);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
    }

    [Fact]
    public void Unregister_WaitsForAThreadInTheShrinker_AndForNoOtherShrinker()
    {
        using KernelMemory memory = Boot();
        List<nint> all = Exhaust(memory);
        using var inside = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        bool left = false;
        var slow = new Shrinker((Shrinker _, ref ShrinkControl _) => 1000, (Shrinker _, ref ShrinkControl _) =>
        {
            inside.Set();
            go.Wait();
            Volatile.Write(ref left, true);
            return Shrinker.Stop;
        });
        var idle = new Shrinker((Shrinker _, ref ShrinkControl _) => 0, (Shrinker _, ref ShrinkControl _) => 0);
        memory.RegisterShrinker(slow);
        memory.RegisterShrinker(idle);
        var reclaimer = new Thread(() => memory.TryAllocPages((GfpFlags.Kernel & ~GfpFlags.KswapdReclaim) | GfpFlags.NoWarn | GfpFlags.NoRetry, 0));
        reclaimer.Start();
        inside.Wait();
        memory.UnregisterShrinker(idle);
        Assert.False(left);
        bool leftBefore = false;
        var unregister = new Thread(() =>
        {
            memory.UnregisterShrinker(slow);
            leftBefore = Volatile.Read(ref left);
        });
        unregister.Start();
        Assert.False(unregister.Join(100));
        go.Set();
        unregister.Join();
        reclaimer.Join();
        Assert.True(leftBefore);
        Give(memory, all);
    }

    [Fact]
    public void RegisteringUnderReclaim_LosesNoShrinkerAndRunsNoneThatIsGone()
    {
        using KernelMemory memory = Boot();
        List<nint> all = Exhaust(memory);
        using var stop = new CancellationTokenSource();
        var reclaimers = new Thread[2];
        for (int t = 0; t < reclaimers.Length; t++)
        {
            reclaimers[t] = new Thread(() =>
            {
                while (!stop.IsCancellationRequested) memory.TryAllocPages((GfpFlags.Kernel & ~GfpFlags.KswapdReclaim) | GfpFlags.NoWarn | GfpFlags.NoRetry, 0);
            });
            reclaimers[t].Start();
        }

        int late = 0;
        for (int i = 0; i < 500; i++)
        {
            bool gone = false;
            var shrinker = new Shrinker((Shrinker _, ref ShrinkControl _) => 10, (Shrinker _, ref ShrinkControl _) =>
            {
                if (Volatile.Read(ref gone)) Interlocked.Increment(ref late);
                return 0;
            });
            memory.RegisterShrinker(shrinker);
            if (i % 10 == 0) Thread.Yield();
            memory.UnregisterShrinker(shrinker);
            Volatile.Write(ref gone, true);
        }

        stop.Cancel();
        foreach (Thread thread in reclaimers) thread.Join();
        Assert.Equal(0, late);
        Give(memory, all);
    }

    [Fact]
    public void PageAllocator_ThatCannotBeMade_LeavesNothingBehind()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var memory = new PhysicalMemory(BackingKind.Automatic, 16 << 20, 16 << 20, isDefault: false);
        Attempt();
        int before = Directory.GetFiles("/proc/self/fd").Length;
        for (int i = 0; i < 100; i++) Attempt();
        Assert.InRange(Directory.GetFiles("/proc/self/fd").Length, 0, before + 20);

        void Attempt() => Assert.Throws<NullReferenceException>(() => new PageAllocator(memory, null!));
    }

    [Fact]
    public void Owner_IsNotChargedForARequestThatThrows()
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions
        {
            AtomicReserve = ReservePopulation.Never, MemorySize = 32 << 20, Layout = MemoryLayout.Flat, GiveBackAfter = Timeout.InfiniteTimeSpan,
            NoPageSets = true, OutOfMemory = OutOfMemoryPolicy.Throw,
        });
        List<nint> all = Exhaust(memory);
        using var owner = new MemoryOwner("thrower");
        using (owner.Enter())
        {
            Assert.Throws<OutOfMemoryException>(() => memory.TryAllocPages(GfpFlags.KernelAccount, 0));
        }

        Assert.Equal(0, owner.Bytes);
        Give(memory, all);
    }
}
