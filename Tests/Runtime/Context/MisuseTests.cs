using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>What code does that was written against this layer: ends of sections that nobody began, sections without an end, threads that take locks with them.</summary>
public unsafe class MisuseTests
{
    [Fact]
    public void EndOfASection_TooOften_IsFoundAlsoUnderALock_AndDoesNotOpenIt() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        int* counters = alloc_percpu<int>();
        page* page = alloc_page(GFP_KERNEL);
        spin_lock(ref l);
        Bug("preempt_enable without preempt_disable", put_cpu);
        Bug("preempt_enable without preempt_disable", preempt_enable);
        Bug("preempt_enable without preempt_disable", () => put_cpu_ptr(counters));
        Assert.Equal(1, preempt_count());
        get_cpu();
        void* address = kmap_atomic(page);
        Assert.Equal(3, preempt_count());
        kunmap_atomic(address);
        put_cpu();
        Bug("preempt_enable without preempt_disable", put_cpu);
        Bug("sleeping function called from invalid context", () => might_sleep());
        spin_unlock(ref l);
        Assert.Equal(0, preempt_count());
        __free_page(page);
        free_percpu(counters);
    });

    [Fact]
    public void SectionLeftInAHandler_CannotBeEndedLater() => Cpu.Run(() =>
    {
        int line = Cpu.NewLine();
        request_irq(line, (_, _) => { preempt_disable(); return IRQ_HANDLED; }, 0, "leaves", null);
        Assert.NotEmpty(Reports(() => raise_irq(line)));
        Bug("preempt_enable without preempt_disable", preempt_enable);
        free_irq(line, null);
    });

    [Fact]
    public void Sections_NestedTooDeep_AreRefused_AndDoNotReachTheNextBits() => Cpu.Run(() =>
    {
        for (int i = 0; i < 255; i++) preempt_disable();
        Bug("preempt_disable nested too deep", preempt_disable);
        Bug("preempt_disable nested too deep", () => get_cpu());
        Assert.Equal((255, false), (preempt_count(), in_interrupt()));
        for (int i = 0; i < 255; i++) preempt_enable();
        Bug("preempt_enable without preempt_disable", preempt_enable);

        for (int i = 0; i < 127; i++) local_bh_disable();
        Bug("local_bh_disable nested too deep", local_bh_disable);
        Assert.Equal((0xFE00, false), (preempt_count(), in_irq()));
        for (int i = 0; i < 127; i++) local_bh_enable();
        Bug("local_bh_enable without local_bh_disable", local_bh_enable);

        for (int i = 0; i < ushort.MaxValue; i++) rcu_read_lock();
        Bug("rcu_read_lock nested too deep", rcu_read_lock);
        Bug("sleeping function called from invalid context", () => might_sleep());
        for (int i = 0; i < ushort.MaxValue; i++) rcu_read_unlock();
        Bug("bad unlock balance", rcu_read_unlock);
        Assert.Empty(Reports(() => might_sleep()));
    });

    [Fact]
    public void Interrupts_NestedTooDeep_AreRefused() => Cpu.Run(() =>
    {
        using KernelMemory memory = Boot("X86_64", BackingKind.Automatic);
        using KernelTask task = memory.CreateTask();
        Nest(task, 0);
        Assert.Equal((0, false), (preempt_count(), irqs_disabled()));
        Assert.True(task.InUserMode);

        static void Nest(KernelTask task, int depth)
        {
            if (depth == 15)
            {
                Assert.Equal(0xF0000, preempt_count());
                Assert.Throws<InvalidOperationException>(() => { task.Interrupt(1).Dispose(); });
                return;
            }

            using StackEntry entry = task.Interrupt(depth);
            Nest(task, depth + 1);
        }
    });

    [Fact]
    public void ExceptionInsideASection_LeavesItOpen_AndTheUnlockStillWorks() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        Action section = () =>
        {
            spin_lock_irqsave(ref *p, out nuint _);
            throw new InvalidDataException();
        };
        Assert.Throws<InvalidDataException>(section);
        Bug("irqs_disabled(): 1", () => might_sleep());
        Bug("spinlock recursion", () => spin_lock(ref *p));
        spin_unlock_irq(ref l);
        Assert.False(spin_is_locked(ref l));
    });

    [Fact]
    public void LockDroppedAndRetaken_BetweenTwoThreads_IsNeverBoths()
    {
        spinlock_t l = default;
        spinlock_t* p = &l;
        int inside = 0, worst = 0;
        Thread other = Cpu.Start(Turns);
        Cpu.Run(Turns);
        other.Join();
        Assert.Equal((1, false), (worst, spin_is_locked(ref l)));

        void Turns()
        {
            for (int i = 0; i < 20_000; i++)
            {
                spin_lock(ref *p);
                Enter();
                spin_unlock(ref *p);
                spin_lock_irqsave(ref *p, out nuint flags);
                Enter();
                spin_unlock_irqrestore(ref *p, flags);
            }
        }

        void Enter()
        {
            worst = Math.Max(worst, ++inside);
            inside--;
        }
    }

    /// <summary>A lock knows its holder by the CPU's number, which the next thread would get.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ThreadThatEndsWithALock_IsReported_AndNobodyElseOwnsTheLock(bool sleeping)
    {
        var seen = new List<string>();
        void Listen(KernelReport report)
        {
            lock (seen) seen.Add(report.Text);
        }

        spinlock_t l = default;
        spinlock_t* pl = &l;
        mutex_t m = default;
        mutex_t* pm = &m;
        int cpu = -1;
        KernelReports.Reported += Listen;
        try
        {
            var thread = new Thread(() =>
            {
                cpu = raw_smp_processor_id();
                if (sleeping) mutex_lock(ref *pm);
                else spin_lock(ref *pl);
                KernelMemory.DetachThread();
            }) { Name = "taker" };
            thread.Start();
            thread.Join();
        }
        finally
        {
            KernelReports.Reported -= Listen;
        }

        lock (seen) Assert.Contains(seen, text => text.StartsWith("WARNING: taker/") && text.Contains($"exited on CPU#{cpu} ") && text.Contains("1 locks held"));
        for (int i = 0; i < 20; i++)
        {
            Cpu.Run(() =>
            {
                Assert.NotEqual(cpu, raw_smp_processor_id());
                Assert.False(sleeping ? mutex_trylock(ref *pm) : spin_trylock(ref *pl));
                if (sleeping) Bug("bad unlock balance", () => mutex_unlock(ref *pm));
                else Bug("spinlock wrong owner", () => spin_unlock(ref *pl));
                KernelMemory.DetachThread();
            });
        }
    }

    [Fact]
    public void HandlerThatLeavesAReadSection_IsReported_AndHoldsNobodyUp() => Cpu.Run(() =>
    {
        var seen = new List<string>();
        void Listen(KernelReport report)
        {
            lock (seen) seen.Add(report.Text);
        }

        KernelReports.Reported += Listen;
        try
        {
            ContextRows.WithNative<timer_list>(t =>
            {
                timer_setup(ref *(timer_list*)t, _ => rcu_read_lock(), 0);
                mod_timer(ref *(timer_list*)t, jiffies);
                Cpu.Until(() =>
                {
                    lock (seen) return seen.Count != 0;
                });
                del_timer_sync(ref *(timer_list*)t);
            });
            synchronize_rcu();
        }
        finally
        {
            KernelReports.Reported -= Listen;
        }

        lock (seen) Assert.Contains(seen, text => text.StartsWith("BUG: timer leaked atomic, lock or RCU: "));
    });

    /// <summary>The unlock comes after the report that the lock was left, and must not upset the counts of the thread.</summary>
    [Fact]
    public void LockLeftByAWorkItem_AndReleasedByTheNext_UpsetsNothing() => Cpu.Run(() =>
    {
        ContextRows.WithNative<work_struct>(w =>
        {
            spinlock_t l = default;
            spinlock_t* p = &l;
            int after = -1;
            bool take = true;
            INIT_WORK(ref *(work_struct*)w, _ =>
            {
                if (take)
                {
                    spin_lock(ref *p);
                    return;
                }

                if (p->Owner == raw_smp_processor_id() + 1) spin_unlock(ref *p);
                after = preempt_count();
                Assert.Empty(Reports(() => might_sleep()));
            });
            schedule_work(ref *(work_struct*)w);
            flush_work(ref *(work_struct*)w);
            take = false;
            schedule_work(ref *(work_struct*)w);
            flush_work(ref *(work_struct*)w);
            Assert.Equal(0, after);
            cancel_work_sync(ref *(work_struct*)w);
        });
    });
}
