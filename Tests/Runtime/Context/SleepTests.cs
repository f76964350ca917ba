using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>might_sleep and its kin, and every call of this layer that may sleep, in each atomic context.</summary>
public unsafe class SleepTests
{
    private const string Invalid = "BUG: sleeping function called from invalid context at ";

    [Fact]
    public void Report_HasTheKernelsShape() => Cpu.Run(() =>
    {
        spinlock_t l = default;
        spin_lock_irq(ref l);
        rcu_read_lock();
        KernelBugException bug = Assert.Throws<KernelBugException>(() => might_sleep("C:\\src\\drivers\\daq.cs", 12));
        rcu_read_unlock();
        spin_unlock_irq(ref l);
        string[] lines = bug.Message.Split('\n');
        Assert.Equal(Invalid + "drivers/daq.cs:12", lines[0]);
        Assert.Equal($"in_atomic(): 1, irqs_disabled(): 1, non_block: 0, pid: {Environment.CurrentManagedThreadId}, name: test", lines[1]);
        Assert.Equal("preempt_count: 1, expected: 0", lines[2]);
        Assert.Equal("RCU nest depth: 1, expected: 0", lines[3]);
        Assert.Equal($"1 lock held by test/{Environment.CurrentManagedThreadId}:", lines[4]);
        Assert.StartsWith(" #0: lock ", lines[5]);
        Assert.Equal("Call Trace:", lines[6]);
        Assert.Contains("KAlloc.Linux.might_sleep", lines[7]);
    });

    public static TheoryData<string> AtomicContexts => ["preempt", "irq", "bh", "rcu", "spin", "read", "handler", "tasklet"];

    /// <summary>Runs the action in the context, which it must leave as it was.</summary>
    private static void In(string context, Action action)
    {
        spinlock_t l = default;
        rwlock_t rw = default;
        switch (context)
        {
            case "preempt": preempt_disable(); action(); preempt_enable(); break;
            case "irq": local_irq_disable(); action(); local_irq_enable(); break;
            case "bh": local_bh_disable(); action(); local_bh_enable(); break;
            case "rcu": rcu_read_lock(); action(); rcu_read_unlock(); break;
            case "spin": spin_lock(ref l); action(); spin_unlock(ref l); break;
            case "read": read_lock(ref rw); action(); read_unlock(ref rw); break;
            case "handler":
                int line = Cpu.NewLine();
                Assert.Equal(0, request_irq(line, (_, _) => { action(); return IRQ_HANDLED; }, 0, "test", null));
                raise_irq(line);
                free_irq(line, null);
                break;
            case "tasklet":
                tasklet_struct t = default;
                tasklet_init(ref t, _ => action(), 0);
                tasklet_schedule(ref t);
                tasklet_kill(ref t);
                break;
        }
    }

    [Theory]
    [MemberData(nameof(AtomicContexts))]
    public void WhatMaySleep_IsReportedThere(string context) => Cpu.Run(() => In(context, () =>
    {
        mutex_t m = default;
        mutex_t* pm = &m;
        semaphore s = default;
        semaphore* ps = &s;
        completion c = default;
        completion* pc = &c;
        tasklet_struct t = default;
        tasklet_struct* pt = &t;
        work_struct w = default;
        work_struct* pw = &w;
        byte* buffer = stackalloc byte[8];

        Bug(Invalid, () => might_sleep());
        Bug(Invalid, () => might_alloc(GFP_KERNEL));
        Bug(Invalid, () => mutex_lock(ref *pm));
        Bug(Invalid, () => mutex_lock_interruptible(ref *pm));
        Bug(Invalid, () => down(ref *ps));
        Bug(Invalid, () => down_interruptible(ref *ps));
        Bug(Invalid, () => wait_for_completion(ref *pc));
        Bug(Invalid, () => wait_for_completion_timeout(ref *pc, 1));
        Bug(Invalid, () => copy_from_user(buffer, buffer, 8));
        Bug(Invalid, () => copy_to_user(buffer, buffer, 8));
        Bug(Invalid, () => put_user<byte>(1, buffer));
        Bug(Invalid, () => get_user(out byte _, buffer));
        Bug(Invalid, () => request_irq(5, (_, _) => IRQ_NONE, 0, "x", null));
        Bug(Invalid, () => free_irq(5, null));
        Bug(Invalid, () => disable_irq(5));
        Bug(Invalid, () => synchronize_irq(5));
        Bug(Invalid, () => tasklet_kill(ref *pt));
        Bug(Invalid, () => flush_work(ref *pw));
        Bug(Invalid, () => cancel_work_sync(ref *pw));
        Bug(Invalid, () => cond_resched());
        Bug("BUG: scheduling while atomic: ", schedule);
        Bug("BUG: scheduling while atomic: ", () => msleep(1));
        Bug("BUG: scheduling while atomic: ", () => ssleep(1));
        Bug("BUG: scheduling while atomic: ", () => usleep_range(1, 2));
    }));

    [Theory]
    [MemberData(nameof(AtomicContexts))]
    public void WhatNeverSleeps_IsAllowedThere(string context) => Cpu.Run(() => In(context, () => Assert.DoesNotContain(Reports(() =>
    {
        might_alloc(GFP_ATOMIC);
        might_alloc(GFP_NOWAIT);
        cant_sleep();
        udelay(1);
        semaphore s = default;
        up(ref s);
        Assert.Equal(0, down_trylock(ref s));
        Assert.Equal(1, down_trylock(ref s));
        completion c = default;
        complete(ref c);
        Assert.True(try_wait_for_completion(ref c));
        disable_irq_nosync(6);
        enable_irq(6);
        printk(KERN_INFO + "");
    }), report => report.Level != ReportLevel.Info)));

    [Fact]
    public void InProcessContext_NothingIsReported() => Cpu.Run(() => Assert.Empty(Reports(() =>
    {
        might_sleep();
        might_alloc(GFP_KERNEL);
        schedule();
        cond_resched();
        msleep(1);
        usleep_range(10, 20);
        mutex_t m = default;
        mutex_lock(ref m);
        might_sleep();
        mutex_unlock(ref m);
    })));

    [Fact]
    public void Sleep_IsNotShorterThanAsked() => Cpu.Run(() =>
    {
        nuint start = jiffies;
        msleep(20);
        Assert.True(jiffies - start >= 20);
        mdelay(2);
        Assert.True(jiffies - start >= 22);
    });

    [Fact]
    public void CantSleep_InProcessContext_IsReported() => Cpu.Run(() => Bug("BUG: assuming atomic context at ", () => cant_sleep()));

    [Fact]
    public void RcuSections_Nest() => Cpu.Run(() =>
    {
        rcu_read_lock();
        rcu_read_lock();
        rcu_read_unlock();
        Bug("RCU nest depth: 1, expected: 0", () => might_sleep());
        rcu_read_unlock();
        might_sleep();
        Bug("is trying to release lock (rcu_read_lock)", rcu_read_unlock);
    });

    [Fact]
    public void AllocationInAtomicContext_IsReportedByItsFlags() => Cpu.Run(() =>
    {
        preempt_disable();
        Bug(Invalid, () => __get_free_page(GFP_KERNEL));
        nuint page = __get_free_page(GFP_ATOMIC);
        preempt_enable();
        free_page(page);
    });

    [Fact]
    public void Scopes_TakeBitsOut_AndNest() => Cpu.Run(() =>
    {
        static gfp_t Bits() => CpuBlocks.Current->Execution.AllocationScopeBits;
        uint fs = memalloc_nofs_save();
        Assert.Equal(__GFP_FS, Bits());
        uint io = memalloc_noio_save();
        Assert.Equal(__GFP_FS | __GFP_IO, Bits());
        memalloc_noio_restore(io);
        Assert.Equal(__GFP_FS, Bits());
        memalloc_nofs_restore(fs);
        Assert.Equal((gfp_t)0, Bits());
        uint reclaim = memalloc_noreclaim_save();
        Assert.Equal(__GFP_DIRECT_RECLAIM, Bits());
        memalloc_noreclaim_restore(reclaim);
        Bug("memalloc scope restored", () => memalloc_nofs_restore(fs));
    });
}
