// The kernel face: raw spin locks, by the rules of Linux.SpinLocks.cs. The kernel keeps them apart from spinlock_t for its real-time variant, in which
// spinlock_t may sleep; ported code finds both.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>raw_spin_lock_init(lock)</c>: makes the lock free. Not on a lock in use.</summary>
    /// <param name="lock">The lock.</param>
    /// <param name="name">Filled in by the compiler, like the next two: the place names the class of locks that <see cref="LockOrder"/> learns by.</param>
    /// <param name="file">Filled in by the compiler.</param>
    /// <param name="line">Filled in by the compiler.</param>
    public static void raw_spin_lock_init(
        [Borrows] ref raw_spinlock_t @lock,
        [CallerArgumentExpression(nameof(@lock))] string name = "", [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        @lock = new raw_spinlock_t { Lock = new spinlock_t { Id = LockClasses.NewId(name, file, line) } };

    /// <summary><c>raw_spin_lock(lock)</c>: waits, spinning, until it has the lock. The holder must not sleep. Any context.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt, Lock = nameof(@lock), LeftBy = nameof(raw_spin_unlock))]
    public static void raw_spin_lock([Borrows] ref raw_spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.Lock.CheckAcquire(block)) return;
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.Lock.Acquire(block);
    }

    /// <summary><c>raw_spin_unlock(lock)</c>.</summary>
    /// <param name="lock">A lock that this thread holds.</param>
    [LeavesAtomic(LockKind.Preempt, Lock = nameof(@lock))]
    public static void raw_spin_unlock([Borrows] ref raw_spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.Lock.CheckRelease(block)) return;
        @lock.Lock.Release(block);
        Preemption.Enable(block);
    }

    /// <summary><c>raw_spin_trylock(lock)</c>: takes the lock if it is free. Never waits; any context.</summary>
    /// <param name="lock">The lock.</param>
    /// <returns>Whether it was taken.</returns>
    [EntersAtomic(LockKind.Preempt, Lock = nameof(@lock), LeftBy = nameof(raw_spin_unlock), When = Returned.True)]
    public static bool raw_spin_trylock([Borrows] ref raw_spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        if (@lock.Lock.TryAcquire(block)) return true;
        Preemption.Enable(block);
        return false;
    }

    /// <summary><c>raw_spin_lock_irq(lock)</c>: <see cref="raw_spin_lock"/> with interrupts off. Only where they are known to be on.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), LeftBy = nameof(raw_spin_unlock_irq))]
    public static void raw_spin_lock_irq([Borrows] ref raw_spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.Lock.CheckAcquire(block)) return;
        Interrupts.Disable(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.Lock.Acquire(block);
    }

    /// <summary><c>raw_spin_unlock_irq(lock)</c>: interrupts are on afterwards, whatever they were before.</summary>
    /// <param name="lock">A lock that this thread holds.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock))]
    public static void raw_spin_unlock_irq([Borrows] ref raw_spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.Lock.CheckRelease(block)) return;
        @lock.Lock.Release(block);
        Interrupts.Enable(block);
        Preemption.Enable(block);
    }

    /// <summary><c>raw_spin_lock_irqsave(lock, flags)</c>: <see cref="raw_spin_lock"/> with interrupts off, saving their state. Any context.</summary>
    /// <param name="lock">The lock.</param>
    /// <param name="flags">Receives the state; only for <see cref="raw_spin_unlock_irqrestore"/> on the same thread.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Saves = nameof(flags), LeftBy = nameof(raw_spin_unlock_irqrestore))]
    public static void raw_spin_lock_irqsave([Borrows] ref raw_spinlock_t @lock, out nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        flags = 0;
        if (!@lock.Lock.CheckAcquire(block)) return;
        flags = Interrupts.Save(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.Lock.Acquire(block);
    }

    /// <summary><c>raw_spin_unlock_irqrestore(lock, flags)</c>. Flags that were not saved on this thread are a BUG.</summary>
    /// <param name="lock">A lock that this thread holds.</param>
    /// <param name="flags">What <see cref="raw_spin_lock_irqsave"/> saved.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Restores = nameof(flags))]
    public static void raw_spin_unlock_irqrestore([Borrows] ref raw_spinlock_t @lock, nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.Lock.CheckRelease(block) || !Interrupts.CheckFlags(block, flags)) return;
        @lock.Lock.Release(block);
        Interrupts.Restore(block, flags);
        Preemption.Enable(block);
    }

    /// <summary><c>raw_spin_trylock_irqsave(lock, flags)</c>: <see cref="raw_spin_lock_irqsave"/> if the lock is free; else nothing has changed.</summary>
    /// <param name="lock">The lock.</param>
    /// <param name="flags">Receives the state.</param>
    /// <returns>Whether it was taken.</returns>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Saves = nameof(flags), LeftBy = nameof(raw_spin_unlock_irqrestore), When = Returned.True)]
    public static bool raw_spin_trylock_irqsave([Borrows] ref raw_spinlock_t @lock, out nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        flags = Interrupts.Save(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        if (@lock.Lock.TryAcquire(block)) return true;
        Interrupts.Restore(block, flags);
        Preemption.Enable(block);
        return false;
    }

    /// <summary><c>raw_spin_lock_bh(lock)</c>: <see cref="raw_spin_lock"/> with softirqs off: for locks shared with a tasklet or timer. Not in an interrupt handler.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.SoftIrq, Lock = nameof(@lock), LeftBy = nameof(raw_spin_unlock_bh))]
    public static void raw_spin_lock_bh([Borrows] ref raw_spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.Lock.CheckAcquire(block)) return;
        block->Execution.PreemptCount += ExecutionState.SoftIrqDisableOffset + ExecutionState.PreemptOffset;
        @lock.Lock.Acquire(block);
    }

    /// <summary><c>raw_spin_unlock_bh(lock)</c>: runs the softirqs that waited.</summary>
    /// <param name="lock">A lock that this thread holds.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.SoftIrq, Lock = nameof(@lock))]
    public static void raw_spin_unlock_bh([Borrows] ref raw_spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.Lock.CheckRelease(block)) return;
        @lock.Lock.Release(block);
        block->Execution.PreemptCount -= ExecutionState.PreemptOffset;
        SoftIrqs.EnableChecked(block);
    }

    /// <summary><c>raw_spin_is_locked(lock)</c>: whether any thread holds the lock. For assertions.</summary>
    /// <param name="lock">The lock.</param>
    public static bool raw_spin_is_locked([Borrows] ref raw_spinlock_t @lock) => Volatile.Read(ref @lock.Lock.Owner) != 0;
}
