using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Softirqs, tasklets, work items and timers: on which thread, in which context and when each runs; cancelling and wrong use.</summary>
public unsafe class DeferredWorkTests
{
    private static T* New<T>() where T : unmanaged => (T*)NativeMemory.AllocZeroed((nuint)sizeof(T));

    [Fact]
    public void Tasklet_ScheduledInAHandler_RunsAtIrqExitOnTheSameThread() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        int me = Environment.CurrentManagedThreadId;
        int seenInHandler = 0;
        var seen = new List<(int, int, bool, bool)>();
        tasklet_struct* t = New<tasklet_struct>();
        tasklet_init(ref *t, data => seen.Add(((int)data, Environment.CurrentManagedThreadId, in_serving_softirq(), irqs_disabled())), 7);
        Assert.Equal(0, request_irq(line, (_, dev) =>
        {
            tasklet_schedule(ref *(tasklet_struct*)dev);
            tasklet_schedule(ref *(tasklet_struct*)dev);
            seenInHandler += seen.Count;
            return IRQ_HANDLED;
        }, 0, "test", t));

        raise_irq(line);
        Assert.Equal((7, me, true, false), Assert.Single(seen));
        Assert.Equal(0, seenInHandler);

        spinlock_t l = default;
        spin_lock_bh(ref l);
        raise_irq(line);
        Assert.Single(seen);
        spin_unlock_bh(ref l);
        Assert.Equal(2, seen.Count);

        free_irq(line, t);
        tasklet_kill(ref *t);
        NativeMemory.Free(t);
    });

    [Fact]
    public void Tasklet_ScheduledInProcessContext_RunsWhenPreemptionAllows() => Cpu.Run(() =>
    {
        int runs = 0;
        tasklet_struct* t = New<tasklet_struct>();
        tasklet_init(ref *t, _ => runs++, 0);
        tasklet_schedule(ref *t);
        Assert.Equal(1, runs);

        preempt_disable();
        tasklet_schedule(ref *t);
        Assert.Equal(1, runs);
        preempt_enable();
        Assert.Equal(2, runs);

        local_irq_disable();
        tasklet_schedule(ref *t);
        Assert.Equal(2, runs);
        local_irq_enable();
        Assert.Equal(3, runs);
        tasklet_kill(ref *t);
        NativeMemory.Free(t);
    });

    [Fact]
    public void Tasklet_ThatSchedulesItselfForEver_MovesToKsoftirqd() => Cpu.Run(() =>
    {
        int runs = 0;
        string? last = null;
        tasklet_struct* t = New<tasklet_struct>();
        tasklet_init(ref *t, data =>
        {
            last = Thread.CurrentThread.Name;
            if (++runs < 40) tasklet_schedule(ref *(tasklet_struct*)data);
        }, (nuint)t);
        tasklet_schedule(ref *t);
        Cpu.Until(() => Volatile.Read(ref runs) == 40);
        Assert.Equal("ksoftirqd", last);
        tasklet_kill(ref *t);
        NativeMemory.Free(t);
    });

    [Fact]
    public void Tasklet_AfterKill_MayBeScheduledAgain() => Cpu.Run(() =>
    {
        t_pointerRuns = 0;
        tasklet_struct* t = New<tasklet_struct>();
        tasklet_kill(ref *t);
        tasklet_init(ref *t, &CountRun, 0);
        tasklet_schedule(ref *t);
        tasklet_kill(ref *t);
        tasklet_schedule(ref *t);
        Assert.Equal(2, t_pointerRuns);

        int runs = 0;
        tasklet_fn keep = _ => runs++;
        tasklet_init(ref *t, keep, 0);
        tasklet_kill(ref *t);
        tasklet_schedule(ref *t);
        Assert.Equal(1, runs);
        tasklet_kill(ref *t);
        NativeMemory.Free(t);
        GC.KeepAlive(keep);
    });

    [ThreadStatic]
    private static int t_pointerRuns;

    private static void CountRun(nuint data) => t_pointerRuns++;

    [Fact]
    public void NeverInitialisedOrMoved_IsABugThatNamesTheType() => Cpu.Run(() =>
    {
        tasklet_struct* t = New<tasklet_struct>();
        work_struct* w = New<work_struct>();
        timer_list* timer = New<timer_list>();
        Bug("BUG: tasklet_struct at 0x", () => tasklet_schedule(ref *t));
        Bug("was never initialised: call INIT_WORK first", () => schedule_work(ref *w));
        Bug("BUG: timer_list at 0x", () => mod_timer(ref *timer, jiffies));
        Assert.False(cancel_work(ref *w));
        Assert.Equal(0, del_timer(ref *timer));

        INIT_WORK(ref *w, _ => { });
        work_struct* copy = New<work_struct>();
        *copy = *w;
        Bug("it was moved or copied, but must stay in native or pinned memory", () => schedule_work(ref *copy));
        cancel_work(ref *w);
        NativeMemory.Free(t);
        NativeMemory.Free(w);
        NativeMemory.Free(copy);
        NativeMemory.Free(timer);
    });

    [Fact]
    public void Softirq_RunsItsAction() => Cpu.Run(() =>
    {
        int me = Environment.CurrentManagedThreadId;
        int runs = 0;
        open_softirq(3, () =>
        {
            Assert.True(in_serving_softirq());
            if (Environment.CurrentManagedThreadId == me) runs++;
        });
        raise_softirq(3);
        Assert.Equal(1, runs);
        Bug("open_softirq(6)", () => open_softirq(6, () => { }));
        Bug("raise_softirq(10)", () => raise_softirq(10));
    });

    [Fact]
    public void Work_RunsOnAKworkerInProcessContext() => Cpu.Run(() =>
    {
        (string?, int, bool, nuint) seen = default;
        work_struct* w = New<work_struct>();
        INIT_WORK(ref *w, work =>
        {
            might_sleep();
            seen = (Thread.CurrentThread.Name, preempt_count(), in_task(), (nuint)work->data);
        });
        w->data = (void*)42;
        Assert.True(schedule_work(ref *w));
        Assert.True(flush_work(ref *w) || seen.Item1 is not null);
        Assert.StartsWith("kworker/", seen.Item1);
        Assert.Equal((0, true, (nuint)42), (seen.Item2, seen.Item3, seen.Item4));
        Assert.False(flush_work(ref *w));
        cancel_work_sync(ref *w);
        NativeMemory.Free(w);
    });

    [Fact]
    public void Work_QueuedTwice_RunsOnce_AndMayQueueItself() => Cpu.Run(() =>
    {
        int runs = 0;
        using var go = new ManualResetEventSlim();
        work_struct* w = New<work_struct>();
        INIT_WORK(ref *w, work =>
        {
            go.Wait();
            if (++runs < 3) schedule_work(ref *work);
        });
        Assert.True(schedule_work(ref *w));
        go.Set();
        Cpu.Until(() => Volatile.Read(ref runs) == 3);
        flush_work(ref *w);
        Assert.Equal(3, runs);
        cancel_work_sync(ref *w);
        NativeMemory.Free(w);
    });

    [Fact]
    public void Work_ThatWaitsForOtherWork_IsNotAlone() => Cpu.Run(() =>
    {
        // Both are queued before any thread is awake: the second needs a thread of its own.
        completion* done = New<completion>();
        work_struct* first = New<work_struct>();
        work_struct* second = New<work_struct>();
        INIT_WORK(ref *first, _ => wait_for_completion(ref *done));
        INIT_WORK(ref *second, _ => complete(ref *done));
        for (int i = 0; i < 50; i++)
        {
            schedule_work(ref *first);
            schedule_work(ref *second);
            flush_work(ref *first);
            flush_work(ref *second);
        }

        cancel_work_sync(ref *first);
        cancel_work_sync(ref *second);
        NativeMemory.Free(first);
        NativeMemory.Free(second);
        NativeMemory.Free(done);
    });

    [Fact]
    public void Work_ThatFreesItself_IsNotTouchedAfterwards() => Cpu.Run(() =>
    {
        int freed = 0;
        for (int i = 0; i < 100; i++)
        {
            work_struct* w = New<work_struct>();
            INIT_WORK(ref *w, work =>
            {
                new Span<byte>(work, sizeof(work_struct)).Fill(0xFF);
                NativeMemory.Free(work);
                Interlocked.Increment(ref freed);
            });
            schedule_work(ref *w);
        }

        Cpu.Until(() => Volatile.Read(ref freed) == 100);
    });

    [Fact]
    public void Work_Cancelled_DoesNotRun_AndLetsItsDelegateGo()
    {
        Cpu.Run(() =>
        {
            using var go = new ManualResetEventSlim();
            int runs = 0;
            work_struct* w = New<work_struct>();
            WeakReference closure = Init(w, () => { go.Wait(); runs++; });
            schedule_work(ref *w);
            Cpu.Until(() => !flushable(w));
            schedule_work(ref *w);
            // Taken back while the first run still waits: whatever the worker's speed, there is no second one.
            Assert.True(cancel_work(ref *w));
            go.Set();
            cancel_work_sync(ref *w);
            Assert.Equal(1, runs);
            for (int i = 0; i < 20 && closure.IsAlive; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            Assert.False(closure.IsAlive);
            Bug("its handler was a closure that is gone by now", () => schedule_work(ref *w));
            NativeMemory.Free(w);

            // Whether the item still waits to be taken.
            static bool flushable(work_struct* w) => w->Pending;
        });

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Init(work_struct* w, Action action)
        {
            var weak = new object();
            INIT_WORK(ref *w, _ =>
            {
                GC.KeepAlive(weak);
                action();
            });
            return new WeakReference(weak);
        }
    }

    [Fact]
    public void Work_ThatLeavesASection_IsReported() => Cpu.Run(() =>
    {
        string? text = null;
        void Listen(KernelReport report)
        {
            if (report.Text.StartsWith("BUG: workqueue leaked atomic")) text = report.Text;
        }

        KernelReports.Reported += Listen;
        work_struct* w = New<work_struct>();
        INIT_WORK(ref *w, _ => preempt_disable());
        schedule_work(ref *w);
        flush_work(ref *w);
        Cpu.Until(() => Volatile.Read(ref text) is not null);
        KernelReports.Reported -= Listen;
        Assert.Contains("preempt=0x00000001", text);
        cancel_work_sync(ref *w);
        NativeMemory.Free(w);
    });

    [Fact]
    public void Timer_FiresOnceInSoftirqContext_NotBeforeItsTime() => Cpu.Run(() =>
    {
        (nuint, bool, bool) seen = default;
        timer_list* t = New<timer_list>();
        timer_setup(ref *t, _ => seen = (jiffies, in_serving_softirq(), irqs_disabled()), 0);
        nuint due = jiffies + msecs_to_jiffies(30);
        Assert.Equal(0, mod_timer(ref *t, jiffies + 100 * (nuint)HZ));
        Assert.Equal(1, mod_timer(ref *t, due));
        Cpu.Until(() => seen.Item1 != 0);
        Assert.True(seen.Item1 >= due);
        Assert.Equal((true, false), (seen.Item2, seen.Item3));
        Assert.Equal(0, del_timer_sync(ref *t));
        NativeMemory.Free(t);
    });

    [Fact]
    public void Timers_FireInOrder_AndDeletedOnesDoNot() => Cpu.Run(() =>
    {
        const int Count = 20;
        var order = new List<nuint>();
        var timers = (timer_list*)NativeMemory.AllocZeroed(Count, (nuint)sizeof(timer_list));
        nuint now = jiffies;
        for (int i = 0; i < Count; i++)
        {
            timer_setup(ref timers[i], t => { lock (order) order.Add(t->expires); }, 0);
            mod_timer(ref timers[i], now + 60 + (nuint)(i * 7 % Count));
        }

        Assert.Equal(1, del_timer(ref timers[3]));
        Assert.Equal(1, del_timer_sync(ref timers[11]));
        Cpu.Until(() => { lock (order) return order.Count == Count - 2; });
        Assert.Equal(order.Order(), order);
        for (int i = 0; i < Count; i++) del_timer_sync(ref timers[i]);
        NativeMemory.Free(timers);
    });

    [Fact]
    public void DelayedWork_RunsAfterItsTime_OrNotAtAll() => Cpu.Run(() =>
    {
        nuint ran = 0;
        delayed_work* w = New<delayed_work>();
        INIT_DELAYED_WORK(ref *w, work => ran = jiffies + ((delayed_work*)work == null ? 1u : 0u));
        nuint due = jiffies + 20;
        Assert.True(schedule_delayed_work(ref *w, 20));
        Cpu.Until(() => ran != 0);
        Assert.True(ran >= due);

        ran = 0;
        Assert.True(schedule_delayed_work(ref *w, 1_000_000));
        Assert.False(schedule_delayed_work(ref *w, 20));
        Assert.True(cancel_delayed_work_sync(ref *w));
        Assert.False(cancel_delayed_work_sync(ref *w));
        Assert.Equal((nuint)0, ran);
        NativeMemory.Free(w);
    });

    [Fact]
    public void HandlerTable_SharesEqualDelegates()
    {
        work_fn same = SameHandler;
        int first = HandlerTable.Add(same);
        int second = HandlerTable.Add(new work_fn(SameHandler));
        Assert.Equal(first, second);
        HandlerTable.Release(first);
        Assert.Same(same, HandlerTable.Get(second));
        HandlerTable.Release(second);
        GC.KeepAlive(same);
    }

    private static void SameHandler(work_struct* work)
    {
    }
}
