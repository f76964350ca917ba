using System.Runtime.CompilerServices;
using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>CLR code in a window: what a check sees is certain, what the paint shows is not. Each asserted body is run warm: the first call of anything is deep.</summary>
public unsafe class KernelStackTests
{
    private static KernelStackUse Warm(Action body, int size = KernelStack.DefaultBytes)
    {
        Reports(() =>
        {
            KernelStack.Run(body, size);
            KernelStack.Run(body, size);
        });
        return KernelStack.Run(body, size);
    }

    /// <summary>Recursion with a frame that the optimiser keeps.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static int Descend(int levels, int bytes)
    {
        byte* frame = stackalloc byte[bytes];
        frame[0] = (byte)levels;
        KernelStack.Probe();
        return levels == 0 ? frame[0] : Descend(levels - 1, bytes) + frame[0];
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void UseSilently(int bytes)
    {
        byte* frame = stackalloc byte[bytes];
        new Span<byte>(frame, bytes).Fill(1);
    }

    [Fact]
    public void BodyThatFits_IsWithin_AndThePeakIsExact() => Cpu.Run(() =>
    {
        KernelStackUse shallow = Warm(() => Descend(0, 256));
        KernelStackUse deep = Warm(() => Descend(10, 256));
        Assert.Equal((StackVerdict.Within, 8192, null, ""), (deep.Verdict, deep.Size, deep.OverflowPlace, deep.Overwritten));
        Assert.InRange(shallow.Peak, 256, 1024);

        // Ten more frames, all alike: 256 bytes and what the call itself takes.
        int perFrame = (deep.Peak - shallow.Peak) / 10;
        Assert.Equal(0, (deep.Peak - shallow.Peak) % 10);
        Assert.InRange(perFrame, 256 + 16, 256 + 96);
        Assert.True(deep.HighWater >= deep.Peak);
    });

    [Fact]
    public void Overflow_IsCertain_ReportedOnceWithItsPlace_AndTheProcessGoesOn() => Cpu.Run(() =>
    {
        KernelStackUse use = default;
        Action body = () => Descend(60, 256);
        List<KernelReport> reports = [.. Reports(() => use = KernelStack.Run(body)).Where(report => report.Level == ReportLevel.Bug)];
        Assert.Equal(StackVerdict.Overflow, use.Verdict);
        Assert.InRange(use.Peak, 60 * 256, 60 * 400);
        Assert.Contains("KernelStackTests.Descend+0x", use.OverflowPlace);
        KernelReport report = Assert.Single(reports);
        Assert.StartsWith("BUG: kernel stack overflow: test/", report.Text);
        Assert.Contains("Thread overran stack, or stack corrupted\n depth: ", report.Text);
        Assert.Equal(StackVerdict.Within, Warm(() => Descend(5, 256)).Verdict);
    });

    [Fact]
    public void Overflow_ByFramesThatAreFull_NamesWhatItOverwrote() => Cpu.Run(() =>
    {
        KernelStackUse use = default;
        Action body = () =>
        {
            UseSilently(9000);
            Descend(60, 256);
        };
        Reports(() => use = KernelStack.Run(body));
        Assert.Equal(StackVerdict.Overflow, use.Verdict);
        Assert.StartsWith("STACK_END_MAGIC, thread_info.", use.Overwritten);
    });

    /// <summary>In a process of its own, as the thread is not well afterwards.</summary>
    [Fact]
    public void RealDamage_GivesTheThreadThePreemptCountThatTheOverflowWrote()
    {
        (int exitCode, string output) = Child.Run("window-damage");
        Assert.True(exitCode == 0, output);
        string[] runs = output.Split("real damage True: ");
        Assert.Equal(2, runs.Length);
        Assert.All(runs, run => Assert.Contains("Overflow, STACK_END_MAGIC, thread_info.addr_limit, thread_info.preempt_count, ", run));
        Assert.All(runs, run => Assert.Contains("BUG: kernel stack overflow: ", run));
        Assert.Contains("preempt count 0x00000000", runs[0]);
        Assert.DoesNotContain("sleeping function", runs[0]);
        Assert.Contains("preempt count 0x01010101", runs[1]);
        Assert.Contains("BUG: sleeping function called from invalid context", runs[1]);
        Assert.Contains("preempt_count: 1010101, expected: 0", runs[1]);
    }

    [Fact]
    public void CallWithoutChecks_ShowsOnlyInThePaint_AndIsNotCalledAnOverflow() => Cpu.Run(() =>
    {
        Action body = () => UseSilently(9000);
        KernelStackUse use = default;
        List<KernelReport> reports = Reports(() => use = Warm(body));
        Assert.Equal((StackVerdict.Clobbered, 0, null), (use.Verdict, use.Peak, use.OverflowPlace));
        Assert.True(use.HighWater > 8192);
        Assert.DoesNotContain(reports, report => report.Level == ReportLevel.Bug);
        Assert.InRange(Warm(() => UseSilently(2000)).HighWater, 2000, 8192);
    });

    [Fact]
    public void EveryCallOfTheFace_IsACheck() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        Assert.True(Warm(() => LockDeep(p)).Peak > 1000);
        Assert.True(Warm(() => AllocateDeep()).Peak > 1000);

        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        static void LockDeep(spinlock_t* l)
        {
            byte* frame = stackalloc byte[1000];
            spin_lock(ref *l);
            frame[0] = 1;
            spin_unlock(ref *l);
        }

        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        static void AllocateDeep()
        {
            byte* frame = stackalloc byte[1000];
            nuint page = __get_free_page(GFP_ATOMIC);
            frame[0] = 1;
            free_page(page);
        }
    });

    [Fact]
    public void NestedWindow_IsAStackOfItsOwn() => Cpu.Run(() =>
    {
        KernelStackUse inner = default;
        KernelStackUse outer = Warm(() =>
        {
            Descend(10, 256);
            inner = KernelStack.Run(() => Descend(20, 256));
            Descend(2, 256);
        });
        Assert.Equal((StackVerdict.Within, StackVerdict.Within), (inner.Verdict, outer.Verdict));
        Assert.True(inner.Peak > 20 * 256);
        Assert.InRange(outer.Peak, 10 * 256, 20 * 256);
    });

    [Fact]
    public void Threads_HaveWindowsOfTheirOwn_AlsoNestedOnes()
    {
        const int Threads = 4;
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        using var together = new Barrier(Threads);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => Cpu.Start(() =>
        {
            // Each thread goes to its own depth, in a window of its own size, while the others are in theirs.
            int levels = 4 + (number * 4), size = 4096 + (number * 4096);
            KernelStackUse inner = default;
            Action body = () =>
            {
                Descend(levels, 256);
                inner = KernelStack.Run(() => Descend(levels / 2, 256), size / 2);
                Descend(1, 256);
            };
            Warm(body, size);
            together.SignalAndWait();
            for (int turn = 0; turn < 200; turn++)
            {
                KernelStackUse outer = KernelStack.Run(body, size);
                if (outer.Size != size || outer.Peak < levels * 256 || outer.Peak > (levels + 2) * 400) failures.Enqueue($"{number}: {outer}");
                if (inner.Size != size / 2 || inner.Peak < levels / 2 * 256 || inner.Peak > ((levels / 2) + 2) * 400) failures.Enqueue($"{number}, inside: {inner}");
                if (KernelStack.Remaining != int.MaxValue) failures.Enqueue($"{number}: a window stayed open");
            }
        }))];
        foreach (Thread thread in threads) thread.Join();
        Assert.Empty(failures);
    }

    [Fact]
    public void Exception_FromANestedWindow_ClosesIt_AndTheOuterOneGoesOn() => Cpu.Run(() =>
    {
        int before = 0, after = 0, nested = 0;
        KernelStackUse use = Warm(() =>
        {
            before = KernelStack.Remaining;
            try
            {
                KernelStack.Run(() =>
                {
                    nested = KernelStack.Remaining;
                    throw new InvalidDataException();
                }, 2048);
            }
            catch (InvalidDataException)
            {
                // A handler runs below the frames that the exception left: nothing to measure here.
            }

            after = KernelStack.Remaining;
            Descend(5, 256);
        }, 65536);
        Assert.InRange(nested, 1024, 2048);
        Assert.InRange(Math.Abs(before - after), 0, 256);
        Assert.InRange(use.Peak, 5 * 256, 65536);
        Assert.Equal(int.MaxValue, KernelStack.Remaining);
        Assert.Empty(Reports(() => Descend(100, 256)));
    });

    [Fact]
    public void Exception_PassesOn_AndTheWindowIsClosed() => Cpu.Run(() =>
    {
        Assert.Throws<InvalidDataException>(() => KernelStack.Run(() => throw new InvalidDataException()));
        Assert.Equal(int.MaxValue, KernelStack.Remaining);
        Assert.Empty(Reports(() => Descend(60, 256)));
    });

    [Fact]
    public void Remaining_AndObjectIsOnStack_KnowTheWindow() => Cpu.Run(() =>
    {
        byte outside;
        byte* o = &outside;
        int remaining = 0, mine = 0, others = 0;
        Warm(() =>
        {
            byte inside;
            remaining = KernelStack.Remaining;
            mine = object_is_on_stack(&inside);
            others = object_is_on_stack(o);
        });
        Assert.InRange(remaining, 8192 - 1024, 8192);
        Assert.Equal((1, 0), (mine, others));
    });

    [Fact]
    public void Sizes_AreChecked() => Cpu.Run(() =>
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelStack.Run(() => { }, 1023));
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelStack.Run(() => { }, 65537));
        Assert.Throws<ArgumentNullException>(() => KernelStack.Run(null!));
        Assert.Equal((StackVerdict.Within, 4096), (Warm(() => Descend(3, 256), 4100).Verdict, KernelStack.Run(() => { }, 4100).Size));
        Assert.Equal(StackVerdict.Within, Warm(() => Descend(100, 256), 65536).Verdict);
    });

    /// <summary>A thread with little stack hands the body over; one that holds a lock cannot, because the lock is the thread's.</summary>
    [Fact]
    public void SmallThread_HandsTheBodyToALargerOne()
    {
        Exception? failure = null;
        var small = new Thread(() => failure = Record.Exception(() =>
        {
            int self = Environment.CurrentManagedThreadId, ran = self;
            KernelStackUse use = KernelStack.Run(() =>
            {
                ran = Environment.CurrentManagedThreadId;
                Descend(10, 256);
            });
            Assert.NotEqual(self, ran);
            Assert.InRange(use.Peak, 2560, 8192);
            Assert.Throws<InvalidDataException>(() => KernelStack.Run(() => throw new InvalidDataException()));
            preempt_disable();
            Assert.Throws<InsufficientExecutionStackException>(() => KernelStack.Run(() => { }));
            preempt_enable();
        }), 128 * 1024);
        small.Start();
        small.Join();
        Assert.Null(failure);
    }
}
