// The kernel face: in which context code runs, and sections that change it. Handlers are in Linux.DeferredWork.cs.
//
//   preempt_disable … preempt_enable      local_irq_save … restore      local_bh_disable … enable      rcu_read_lock … unlock
//
// A CPU is a thread. Sections count on the thread that enters them and must be left on it.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>preempt_disable()</c>: from here to the matching <see cref="preempt_enable"/> the thread must not sleep. Nests. Any context.</summary>
    [EntersAtomic(LockKind.Preempt, Nests = true, LeftBy = nameof(preempt_enable))]
    public static void preempt_disable() => Preemption.Disable();

    /// <summary><c>preempt_enable()</c>. Leaving the outermost section runs softirqs that were raised in it. A call too many is a BUG.</summary>
    [LeavesAtomic(LockKind.Preempt)]
    public static void preempt_enable() => Preemption.EnableChecked(CpuBlocks.Current);

    /// <summary><c>preempt_count()</c>: bits 0–7 preemption, 8–15 softirq, 16–19 hard interrupt. 0 where nothing is held.</summary>
    public static int preempt_count() => CpuBlocks.Current->Execution.PreemptCount;

    /// <summary><c>local_irq_disable()</c>: interrupts raised on this thread wait. Does not nest: one <see cref="local_irq_enable"/> ends it.</summary>
    [EntersAtomic(LockKind.HardIrq, LeftBy = nameof(local_irq_enable))]
    public static void local_irq_disable() => Interrupts.Disable(CpuBlocks.Current);

    /// <summary><c>local_irq_enable()</c>: serves the interrupts that waited, then the softirqs they raised.</summary>
    [LeavesAtomic(LockKind.HardIrq)]
    public static void local_irq_enable() => Interrupts.Enable(CpuBlocks.Current);

    /// <summary><c>local_irq_save(flags)</c>: as <see cref="local_irq_disable"/>, and saves the state, so that sections nest.</summary>
    /// <param name="flags">Receives the state; only for <see cref="local_irq_restore"/> on the same thread.</param>
    [EntersAtomic(LockKind.HardIrq, Saves = nameof(flags), Nests = true, LeftBy = nameof(local_irq_restore))]
    public static void local_irq_save(out nuint flags) => flags = Interrupts.Save(CpuBlocks.Current);

    /// <summary><c>local_irq_restore(flags)</c>. A value that was not saved on this thread is a BUG; a restore with interrupts on is a WARN.</summary>
    /// <param name="flags">What <see cref="local_irq_save"/> saved.</param>
    [LeavesAtomic(LockKind.HardIrq, Restores = nameof(flags))]
    public static void local_irq_restore(nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (Interrupts.CheckFlags(block, flags)) Interrupts.Restore(block, flags);
    }

    /// <summary><c>irqs_disabled()</c>: whether interrupts of this thread are off; they are in an interrupt handler.</summary>
    public static bool irqs_disabled() => CpuBlocks.Current->Execution.IrqDisabled != 0;

    /// <summary><c>local_bh_disable()</c>: softirqs and tasklets of this thread wait. Nests.</summary>
    [EntersAtomic(LockKind.SoftIrq, Nests = true, LeftBy = nameof(local_bh_enable))]
    public static void local_bh_disable() => SoftIrqs.Disable(CpuBlocks.Current);

    /// <summary><c>local_bh_enable()</c>: leaving the outermost section runs the softirqs that waited. A call too many is a BUG.</summary>
    [LeavesAtomic(LockKind.SoftIrq)]
    public static void local_bh_enable() => SoftIrqs.EnableChecked(CpuBlocks.Current);

    /// <summary><c>rcu_read_lock()</c>: the thread must not sleep until the matching <see cref="rcu_read_unlock"/>. Nests. Any context.</summary>
    [EntersAtomic(LockKind.Rcu, Nests = true, LeftBy = nameof(rcu_read_unlock))]
    public static void rcu_read_lock() => Preemption.RcuLock(CpuBlocks.Current);

    /// <summary><c>rcu_read_unlock()</c>. A call too many is a BUG.</summary>
    [LeavesAtomic(LockKind.Rcu)]
    public static void rcu_read_unlock() => Preemption.RcuUnlockChecked(CpuBlocks.Current);

    /// <summary><c>synchronize_rcu()</c>: waits until every RCU section that is open now has been left. May sleep; not inside such a section.</summary>
    [MightSleep]
    public static void synchronize_rcu()
    {
        MightSleep.Check();
        Rcu.Synchronize();
    }

    /// <summary><c>call_rcu(head, func)</c>: calls the function after a grace period. Never sleeps; any context.</summary>
    /// <param name="head">A field of the object to be freed; not queued already.</param>
    /// <param name="func">Runs in softirq context on the thread rcuc: it must not sleep.</param>
    public static void call_rcu(rcu_head* head, [SoftIrq] rcu_callback_t func) => Rcu.Call(head, func);

    /// <inheritdoc cref="call_rcu(rcu_head*, rcu_callback_t)"/>
    public static void call_rcu(rcu_head* head, [SoftIrq] delegate*<rcu_head*, void> func) => Rcu.Call(head, (delegate*<void*, void>)func, head);

    /// <summary><c>rcu_barrier()</c>: waits until every callback queued before has run, as a module must before it goes. May sleep.</summary>
    [MightSleep]
    public static void rcu_barrier()
    {
        MightSleep.Check();
        Rcu.Barrier();
    }

    /// <summary><c>in_interrupt()</c>: serving an interrupt or softirq, or softirqs are off.</summary>
    public static bool in_interrupt() => CpuBlocks.Current->Execution.InInterrupt;

    /// <summary><c>in_irq()</c>, today <c>in_hardirq()</c>: serving a hardware interrupt.</summary>
    public static bool in_irq() => (CpuBlocks.Current->Execution.PreemptCount & ExecutionState.HardIrqMask) != 0;

    /// <summary><c>in_softirq()</c>: serving a softirq, or softirqs are off.</summary>
    public static bool in_softirq() => (CpuBlocks.Current->Execution.PreemptCount & ExecutionState.SoftIrqMask) != 0;

    /// <summary><c>in_serving_softirq()</c>: serving a softirq, tasklet or timer.</summary>
    public static bool in_serving_softirq() => (CpuBlocks.Current->Execution.PreemptCount & ExecutionState.SoftIrqOffset) != 0;

    /// <summary><c>in_atomic()</c>: the preempt count is not 0. Does not see that only interrupts are off; see <see cref="irqs_disabled"/>.</summary>
    public static bool in_atomic() => CpuBlocks.Current->Execution.PreemptCount != 0;

    /// <summary><c>in_task()</c>: process context, possibly with locks held.</summary>
    public static bool in_task() =>
        (CpuBlocks.Current->Execution.PreemptCount & (ExecutionState.NmiMask | ExecutionState.HardIrqMask | ExecutionState.SoftIrqOffset)) == 0;

    /// <summary><c>might_sleep()</c>: reports if the thread must not sleep here. Process context only.</summary>
    /// <param name="file">Filled in by the compiler: the place that the report names.</param>
    /// <param name="line">Filled in by the compiler.</param>
    [MightSleep]
    public static void might_sleep([CallerFilePath] string file = "", [CallerLineNumber] int line = 0) => MightSleep.Check(file, line);

    /// <summary><c>might_alloc(gfp)</c>: reports if the flags allow direct reclaim and the thread must not sleep here.</summary>
    /// <param name="flags">The flags of an allocation.</param>
    /// <param name="file">Filled in by the compiler: the place that the report names.</param>
    /// <param name="line">Filled in by the compiler.</param>
    [MightSleepIf(nameof(flags))]
    public static void might_alloc(gfp_t flags, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) => MightSleep.CheckAlloc(flags, file, line);

    /// <summary><c>cant_sleep()</c>: reports if the thread could sleep here: code that relies on being atomic says so with it.</summary>
    /// <param name="file">Filled in by the compiler: the place that the report names.</param>
    /// <param name="line">Filled in by the compiler.</param>
    public static void cant_sleep([CallerFilePath] string file = "", [CallerLineNumber] int line = 0) => SleepReports.CheckAtomic(file, line);

    /// <summary><c>schedule()</c>: gives the processor to another thread. May sleep; in atomic context a BUG. Looks at the end of a simulated stack.</summary>
    [MightSleep]
    public static void schedule()
    {
        KernelTask.Current?.Check();
        if (SleepReports.CheckSchedule()) Thread.Yield();
    }

    /// <summary><c>cond_resched()</c>: gives the processor away if another thread wants it. May sleep.</summary>
    /// <returns>1 if another thread ran, else 0.</returns>
    [MightSleep]
    public static int cond_resched()
    {
        MightSleep.Check();
        return Thread.Yield() ? 1 : 0;
    }

    /// <summary><c>msleep(ms)</c>: sleeps at least so many milliseconds.</summary>
    /// <param name="milliseconds">The time.</param>
    [MightSleep]
    public static void msleep(uint milliseconds)
    {
        if (SleepReports.CheckSchedule()) Delay.Sleep(milliseconds);
    }

    /// <summary><c>ssleep(s)</c>: sleeps at least so many seconds.</summary>
    /// <param name="seconds">The time.</param>
    [MightSleep]
    public static void ssleep(uint seconds)
    {
        if (SleepReports.CheckSchedule()) Delay.Sleep(seconds * 1000L);
    }

    /// <summary><c>usleep_range(min, max)</c>: sleeps between so many microseconds; the end of the range is a wish, as in the kernel.</summary>
    /// <param name="min">The shortest time.</param>
    /// <param name="max">The longest time.</param>
    [MightSleep]
    public static void usleep_range(nuint min, nuint max)
    {
        if (SleepReports.CheckSchedule()) Delay.Sleep(min / 1000, (long)(min % 1000));
    }

    /// <summary><c>udelay(us)</c>: spins so many microseconds. Never sleeps; any context.</summary>
    /// <param name="microseconds">The time.</param>
    public static void udelay(nuint microseconds) => Delay.Spin(microseconds);

    /// <summary><c>mdelay(ms)</c>: spins so many milliseconds. Never sleeps; any context.</summary>
    /// <param name="milliseconds">The time.</param>
    public static void mdelay(nuint milliseconds) => Delay.Spin(milliseconds * 1000);

    /// <summary><c>memalloc_nofs_save()</c>: until the matching restore, allocations of this thread are as if without <c>__GFP_FS</c>. Nests.</summary>
    /// <returns>The state to restore.</returns>
    [EntersScope(AllocationScope.NoFs, LeftBy = nameof(memalloc_nofs_restore))]
    public static uint memalloc_nofs_save() => AllocationScopes.Enter(GfpFlags.Fs);

    /// <summary><c>memalloc_nofs_restore(flags)</c>.</summary>
    /// <param name="flags">What the save returned.</param>
    [LeavesScope(AllocationScope.NoFs)]
    public static void memalloc_nofs_restore(uint flags) => AllocationScopes.Leave(GfpFlags.Fs, flags);

    /// <summary><c>memalloc_noio_save()</c>: until the matching restore, allocations of this thread are as if without <c>__GFP_IO</c> and <c>__GFP_FS</c>.</summary>
    /// <returns>The state to restore.</returns>
    [EntersScope(AllocationScope.NoIo, LeftBy = nameof(memalloc_noio_restore))]
    public static uint memalloc_noio_save() => AllocationScopes.Enter(GfpFlags.Io | GfpFlags.Fs);

    /// <summary><c>memalloc_noio_restore(flags)</c>.</summary>
    /// <param name="flags">What the save returned.</param>
    [LeavesScope(AllocationScope.NoIo)]
    public static void memalloc_noio_restore(uint flags) => AllocationScopes.Leave(GfpFlags.Io | GfpFlags.Fs, flags);

    /// <summary><c>memalloc_noreclaim_save()</c>: until the matching restore, allocations of this thread never reclaim.</summary>
    /// <returns>The state to restore.</returns>
    [EntersScope(AllocationScope.NoReclaim, LeftBy = nameof(memalloc_noreclaim_restore))]
    public static uint memalloc_noreclaim_save() => AllocationScopes.Enter(GfpFlags.DirectReclaim);

    /// <summary><c>memalloc_noreclaim_restore(flags)</c>.</summary>
    /// <param name="flags">What the save returned.</param>
    [LeavesScope(AllocationScope.NoReclaim)]
    public static void memalloc_noreclaim_restore(uint flags) => AllocationScopes.Leave(GfpFlags.DirectReclaim, flags);
}
