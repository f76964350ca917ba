using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Work items, timers and tasklets that are initialised while they are linked, or killed from where that cannot be waited for.</summary>
[Collection("policy")]
public unsafe class ItemMisuseTests
{
    private const string Active = "ODEBUG: init active";

    private static int s_runs;

    private static void Log(Action action)
    {
        BugPolicy before = KernelReports.Policy;
        KernelReports.Policy = BugPolicy.Log;
        try
        {
            action();
        }
        finally
        {
            KernelReports.Policy = before;
        }
    }

    [Theory]
    [InlineData(BugPolicy.Throw)]
    [InlineData(BugPolicy.Log)]
    public void QueuedWork_InitialisedAgain_IsReported_AndNoItemIsLost(BugPolicy policy) => Cpu.Run(() => ContextRows.WithNative<work_struct>(a => ContextRows.WithNative<work_struct>(b =>
    {
        // Both wait behind items that hold all workers up, so that they are queued for certain.
        using var go = new ManualResetEventSlim();
        var first = (work_struct*)a;
        var second = (work_struct*)b;
        int firsts = 0, seconds = 0, others = 0;
        using var blockers = new Blockers(go);

        INIT_WORK(ref *first, _ => Interlocked.Increment(ref firsts));
        INIT_WORK(ref *second, _ => Interlocked.Increment(ref seconds));
        Assert.True(schedule_work(ref *first));
        Assert.True(schedule_work(ref *second));
        if (policy == BugPolicy.Throw)
        {
            Bug(Active, () => INIT_WORK(ref *first, _ => others++));
        }
        else
        {
            // As the kernel's: the report, then the item is taken out and is new.
            Log(() => Assert.Contains(Active, Assert.Single(Reports(() => INIT_WORK(ref *first, _ => Interlocked.Increment(ref others)))).Text));
            Assert.True(schedule_work(ref *first));
        }

        go.Set();
        flush_work(ref *first);
        flush_work(ref *second);
        Assert.Equal(policy == BugPolicy.Throw ? (1, 1, 0) : (0, 1, 1), (firsts, seconds, others));
        cancel_work_sync(ref *first);
        cancel_work_sync(ref *second);
    })));

    [Fact]
    public void SetTimer_InitialisedAgain_IsReported_AndFiresOnce() => Cpu.Run(() => ContextRows.WithNative<timer_list>(t =>
    {
        var timer = (timer_list*)t;
        int runs = 0;
        timer_setup(ref *timer, _ => Interlocked.Increment(ref runs), 0);
        mod_timer(ref *timer, jiffies + 100_000);
        Bug(Active, () => timer_setup(ref *timer, _ => runs += 100, 0));
        Assert.Equal(1, mod_timer(ref *timer, jiffies));
        Cpu.Until(() => Volatile.Read(ref runs) == 1);

        // Taken out and set up anew: nothing of the old one is left in the queue.
        mod_timer(ref *timer, jiffies + 100_000);
        Log(() => Assert.Contains(Active, Assert.Single(Reports(() => timer_setup(ref *timer, _ => Interlocked.Increment(ref runs), 0))).Text));
        Assert.Equal(0, mod_timer(ref *timer, jiffies));
        Cpu.Until(() => Volatile.Read(ref runs) == 2);
        Assert.Equal(0, del_timer_sync(ref *timer));
    }));

    [Fact]
    public void WaitingDelayedWork_InitialisedAgain_IsReported() => Cpu.Run(() => ContextRows.WithNative<delayed_work>(w =>
    {
        var work = (delayed_work*)w;
        INIT_DELAYED_WORK(ref *work, _ => { });
        schedule_delayed_work(ref *work, 100_000);
        Bug(Active, () => INIT_DELAYED_WORK(ref *work, _ => { }));
        Assert.True(cancel_delayed_work_sync(ref *work));
        Assert.Empty(Reports(() => INIT_DELAYED_WORK(ref *work, _ => { })));
        cancel_delayed_work_sync(ref *work);
    }));

    [Fact]
    public void ScheduledTasklet_InitialisedAgain_IsReported_AndThoseBehindItRun() => Cpu.Run(() => ContextRows.WithNative<tasklet_struct>(a => ContextRows.WithNative<tasklet_struct>(b =>
    {
        var first = (tasklet_struct*)a;
        var second = (tasklet_struct*)b;
        s_runs = 0;
        tasklet_init(ref *first, &Count, 1);
        tasklet_init(ref *second, &Count, 10);
        local_bh_disable();
        tasklet_schedule(ref *first);
        tasklet_schedule(ref *second);
        Bug(Active, () => tasklet_init(ref *first, &Count, 100));
        local_bh_enable();
        Assert.Equal(11, s_runs);
        tasklet_kill(ref *first);
        tasklet_kill(ref *second);
    })));

    /// <summary>In a kernel it waits for itself for ever.</summary>
    [Fact]
    public void TaskletThatKillsItself_IsReportedAndNotHung() => Cpu.Run(() => ContextRows.WithNative<tasklet_struct>(t =>
    {
        var tasklet = (tasklet_struct*)t;
        bool ran = false;
        tasklet_init(ref *tasklet, data =>
        {
            tasklet_kill(ref *(tasklet_struct*)data);
            ran = true;
        }, (nuint)tasklet);
        Log(() =>
        {
            List<KernelReport> reports = Reports(() => tasklet_schedule(ref *tasklet));
            Assert.Contains(reports, report => report.Text.StartsWith("Attempt to kill tasklet from interrupt", StringComparison.Ordinal));
        });
        Assert.True(ran);
        tasklet_kill(ref *tasklet);
    }));

    /// <summary>Each handler switches interrupts on and raises the next line: sixteen levels do not fit in the count.</summary>
    [Fact]
    public void InterruptsInsideEachOther_AreRefusedBeforeTheyReachTheNextBits() => Cpu.Run(() =>
    {
        int[] lines = [.. Enumerable.Range(0, 17).Select(_ => Cpu.NewLine())];
        int deepest = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            int level = i;
            request_irq(lines[i], (_, _) =>
            {
                deepest = Math.Max(deepest, level + 1);
                Assert.Equal((level + 1) << 16, preempt_count());
                local_irq_enable();
                if (level + 1 < lines.Length) raise_irq(lines[level + 1]);
                local_irq_disable();
                return IRQ_HANDLED;
            }, 0, "nests", null);
        }

        Bug($"interrupt {lines[15]} nested too deep", () => raise_irq(lines[0]));
        Assert.Equal((15, 0, false), (deepest, preempt_count(), irqs_disabled()));
        foreach (int line in lines) free_irq(line, null);
    });

    private static void Count(nuint data) => s_runs += (int)data;

    /// <summary>Items that keep every worker busy until they may go on.</summary>
    private sealed class Blockers : IDisposable
    {
        private readonly ManualResetEventSlim _go;
        private readonly List<nint> _items = [];

        internal Blockers(ManualResetEventSlim go)
        {
            _go = go;
            int inside = 0;
            for (int i = 0; i < 80; i++)
            {
                var work = (work_struct*)System.Runtime.InteropServices.NativeMemory.AllocZeroed((nuint)sizeof(work_struct));
                INIT_WORK(ref *work, _ =>
                {
                    Interlocked.Increment(ref inside);
                    go.Wait();
                });
                schedule_work(ref *work);
                _items.Add((nint)work);
            }

            // As many as there are workers at most; the rest waits in the queue.
            Cpu.Until(() => Volatile.Read(ref inside) == 64);
        }

        public void Dispose()
        {
            _go.Set();
            foreach (nint item in _items)
            {
                flush_work(ref *(work_struct*)item);
                cancel_work_sync(ref *(work_struct*)item);
                System.Runtime.InteropServices.NativeMemory.Free((void*)item);
            }
        }
    }
}
