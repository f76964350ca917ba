// The kernel face: locks. Spin locks, raw spin locks and read-write locks for code that must not sleep; mutex, semaphore and completion for code that
// may. A zeroed lock is a valid, free one.
//
//   form                          takes           in addition switches off          given back by
//   spin_lock                     the lock        preemption                        spin_unlock
//   spin_lock_bh                  the lock        softirqs                          spin_unlock_bh
//   spin_lock_irq                 the lock        interrupts                        spin_unlock_irq
//   spin_lock_irqsave             the lock        interrupts, saving their state    spin_unlock_irqrestore
//
// Taking a lock that the same thread holds, and releasing one that it does not hold, is a BUG and changes nothing: where the bug policy lets the
// program go on, the call had no effect.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>spin_lock_init(lock)</c>: makes the lock free. Not on a lock in use.</summary>
    /// <param name="lock">The lock.</param>
    /// <param name="name">Filled in by the compiler, like the next two: the place names the class of locks that <see cref="LockOrder"/> learns by.</param>
    /// <param name="file">Filled in by the compiler.</param>
    /// <param name="line">Filled in by the compiler.</param>
    public static void spin_lock_init(
        [Borrows] ref spinlock_t @lock,
        [CallerArgumentExpression(nameof(@lock))] string name = "", [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        @lock = new spinlock_t { Id = LockClasses.NewId(name, file, line) };

    /// <summary><c>spin_lock(lock)</c>: waits, spinning, until it has the lock. The holder must not sleep. Any context.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt, Lock = nameof(@lock), LeftBy = nameof(spin_unlock))]
    public static void spin_lock([Borrows] ref spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckAcquire(block)) return;
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.Acquire(block);
    }

    /// <summary><c>spin_unlock(lock)</c>.</summary>
    /// <param name="lock">A lock that this thread holds.</param>
    [LeavesAtomic(LockKind.Preempt, Lock = nameof(@lock))]
    public static void spin_unlock([Borrows] ref spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckRelease(block)) return;
        @lock.Release(block);
        Preemption.Enable(block);
    }

    /// <summary><c>spin_trylock(lock)</c>: takes the lock if it is free. Never waits; any context.</summary>
    /// <param name="lock">The lock.</param>
    /// <returns>Whether it was taken.</returns>
    [EntersAtomic(LockKind.Preempt, Lock = nameof(@lock), LeftBy = nameof(spin_unlock), When = Returned.True)]
    public static bool spin_trylock([Borrows] ref spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        if (@lock.TryAcquire(block)) return true;
        Preemption.Enable(block);
        return false;
    }

    /// <summary><c>spin_lock_irq(lock)</c>: <see cref="spin_lock"/> with interrupts off. Only where they are known to be on.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), LeftBy = nameof(spin_unlock_irq))]
    public static void spin_lock_irq([Borrows] ref spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckAcquire(block)) return;
        Interrupts.Disable(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.Acquire(block);
    }

    /// <summary><c>spin_unlock_irq(lock)</c>: interrupts are on afterwards, whatever they were before.</summary>
    /// <param name="lock">A lock that this thread holds.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock))]
    public static void spin_unlock_irq([Borrows] ref spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckRelease(block)) return;
        @lock.Release(block);
        Interrupts.Enable(block);
        Preemption.Enable(block);
    }

    /// <summary><c>spin_lock_irqsave(lock, flags)</c>: <see cref="spin_lock"/> with interrupts off, saving their state. Any context.</summary>
    /// <param name="lock">The lock.</param>
    /// <param name="flags">Receives the state; only for <see cref="spin_unlock_irqrestore"/> on the same thread.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Saves = nameof(flags), LeftBy = nameof(spin_unlock_irqrestore))]
    public static void spin_lock_irqsave([Borrows] ref spinlock_t @lock, out nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        flags = 0;
        if (!@lock.CheckAcquire(block)) return;
        flags = Interrupts.Save(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.Acquire(block);
    }

    /// <summary><c>spin_unlock_irqrestore(lock, flags)</c>. Flags that were not saved on this thread are a BUG.</summary>
    /// <param name="lock">A lock that this thread holds.</param>
    /// <param name="flags">What <see cref="spin_lock_irqsave"/> saved.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Restores = nameof(flags))]
    public static void spin_unlock_irqrestore([Borrows] ref spinlock_t @lock, nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckRelease(block) || !Interrupts.CheckFlags(block, flags)) return;
        @lock.Release(block);
        Interrupts.Restore(block, flags);
        Preemption.Enable(block);
    }

    /// <summary><c>spin_trylock_irqsave(lock, flags)</c>: <see cref="spin_lock_irqsave"/> if the lock is free; else nothing has changed.</summary>
    /// <param name="lock">The lock.</param>
    /// <param name="flags">Receives the state.</param>
    /// <returns>Whether it was taken.</returns>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Saves = nameof(flags), LeftBy = nameof(spin_unlock_irqrestore), When = Returned.True)]
    public static bool spin_trylock_irqsave([Borrows] ref spinlock_t @lock, out nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        flags = Interrupts.Save(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        if (@lock.TryAcquire(block)) return true;
        Interrupts.Restore(block, flags);
        Preemption.Enable(block);
        return false;
    }

    /// <summary><c>spin_lock_bh(lock)</c>: <see cref="spin_lock"/> with softirqs off: for locks shared with a tasklet or timer. Not in an interrupt handler.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.SoftIrq, Lock = nameof(@lock), LeftBy = nameof(spin_unlock_bh))]
    public static void spin_lock_bh([Borrows] ref spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckAcquire(block)) return;
        block->Execution.PreemptCount += ExecutionState.SoftIrqDisableOffset + ExecutionState.PreemptOffset;
        @lock.Acquire(block);
    }

    /// <summary><c>spin_unlock_bh(lock)</c>: runs the softirqs that waited.</summary>
    /// <param name="lock">A lock that this thread holds.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.SoftIrq, Lock = nameof(@lock))]
    public static void spin_unlock_bh([Borrows] ref spinlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckRelease(block)) return;
        @lock.Release(block);
        block->Execution.PreemptCount -= ExecutionState.PreemptOffset;
        SoftIrqs.EnableChecked(block);
    }

    /// <summary><c>spin_is_locked(lock)</c>: whether any thread holds the lock. For assertions.</summary>
    /// <param name="lock">The lock.</param>
    public static bool spin_is_locked([Borrows] ref spinlock_t @lock) => Volatile.Read(ref @lock.Owner) != 0;
}
