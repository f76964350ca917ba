// The kernel face: read-write spin locks (many readers or one writer, none of whom may sleep), in the forms of Linux.SpinLocks.cs.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>rwlock_init(lock)</c>: makes the lock free. Not on a lock in use.</summary>
    /// <param name="lock">The lock.</param>
    /// <param name="name">Filled in by the compiler, like the next two: the place names the class of locks that <see cref="LockOrder"/> learns by.</param>
    /// <param name="file">Filled in by the compiler.</param>
    /// <param name="line">Filled in by the compiler.</param>
    public static void rwlock_init(
        [Borrows] ref rwlock_t @lock,
        [CallerArgumentExpression(nameof(@lock))] string name = "", [CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        @lock = new rwlock_t { Id = LockClasses.NewId(name, file, line) };

    /// <summary><c>read_lock(lock)</c>: waits, spinning, until it has the lock for reading. The holder must not sleep. Any context.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt, Lock = nameof(@lock), Shared = true, LeftBy = nameof(read_unlock))]
    public static void read_lock([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckAcquireRead(block)) return;
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.AcquireRead(block);
    }

    /// <summary><c>read_unlock(lock)</c>.</summary>
    /// <param name="lock">A lock that this thread holds for reading.</param>
    [LeavesAtomic(LockKind.Preempt, Lock = nameof(@lock), Shared = true)]
    public static void read_unlock([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckReleaseRead(block)) return;
        @lock.ReleaseRead(block);
        Preemption.Enable(block);
    }

    /// <summary><c>read_lock_irq(lock)</c>: <see cref="read_lock"/> with interrupts off. Only where they are known to be on.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Shared = true, LeftBy = nameof(read_unlock_irq))]
    public static void read_lock_irq([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckAcquireRead(block)) return;
        Interrupts.Disable(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.AcquireRead(block);
    }

    /// <summary><c>read_unlock_irq(lock)</c>: interrupts are on afterwards.</summary>
    /// <param name="lock">A lock that this thread holds for reading.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Shared = true)]
    public static void read_unlock_irq([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckReleaseRead(block)) return;
        @lock.ReleaseRead(block);
        Interrupts.Enable(block);
        Preemption.Enable(block);
    }

    /// <summary><c>read_lock_irqsave(lock, flags)</c>: <see cref="read_lock"/> with interrupts off, saving their state. Any context.</summary>
    /// <param name="lock">The lock.</param>
    /// <param name="flags">Receives the state.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Shared = true, Saves = nameof(flags), LeftBy = nameof(read_unlock_irqrestore))]
    public static void read_lock_irqsave([Borrows] ref rwlock_t @lock, out nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        flags = 0;
        if (!@lock.CheckAcquireRead(block)) return;
        flags = Interrupts.Save(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.AcquireRead(block);
    }

    /// <summary><c>read_unlock_irqrestore(lock, flags)</c>. Flags that were not saved on this thread are a BUG.</summary>
    /// <param name="lock">A lock that this thread holds for reading.</param>
    /// <param name="flags">What <see cref="read_lock_irqsave"/> saved.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Shared = true, Restores = nameof(flags))]
    public static void read_unlock_irqrestore([Borrows] ref rwlock_t @lock, nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckReleaseRead(block) || !Interrupts.CheckFlags(block, flags)) return;
        @lock.ReleaseRead(block);
        Interrupts.Restore(block, flags);
        Preemption.Enable(block);
    }

    /// <summary><c>read_lock_bh(lock)</c>: <see cref="read_lock"/> with softirqs off. Not in an interrupt handler.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.SoftIrq, Lock = nameof(@lock), Shared = true, LeftBy = nameof(read_unlock_bh))]
    public static void read_lock_bh([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckAcquireRead(block)) return;
        block->Execution.PreemptCount += ExecutionState.SoftIrqDisableOffset + ExecutionState.PreemptOffset;
        @lock.AcquireRead(block);
    }

    /// <summary><c>read_unlock_bh(lock)</c>: runs the softirqs that waited.</summary>
    /// <param name="lock">A lock that this thread holds for reading.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.SoftIrq, Lock = nameof(@lock), Shared = true)]
    public static void read_unlock_bh([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckReleaseRead(block)) return;
        @lock.ReleaseRead(block);
        block->Execution.PreemptCount -= ExecutionState.PreemptOffset;
        SoftIrqs.EnableChecked(block);
    }

    /// <summary><c>write_lock(lock)</c>: waits, spinning, until it has the lock for writing. The holder must not sleep. Any context.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt, Lock = nameof(@lock), LeftBy = nameof(write_unlock))]
    public static void write_lock([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckAcquireWrite(block)) return;
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.AcquireWrite(block);
    }

    /// <summary><c>write_unlock(lock)</c>.</summary>
    /// <param name="lock">A lock that this thread holds for writing.</param>
    [LeavesAtomic(LockKind.Preempt, Lock = nameof(@lock))]
    public static void write_unlock([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckReleaseWrite(block)) return;
        @lock.ReleaseWrite(block);
        Preemption.Enable(block);
    }

    /// <summary><c>write_lock_irq(lock)</c>: <see cref="write_lock"/> with interrupts off. Only where they are known to be on.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), LeftBy = nameof(write_unlock_irq))]
    public static void write_lock_irq([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckAcquireWrite(block)) return;
        Interrupts.Disable(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.AcquireWrite(block);
    }

    /// <summary><c>write_unlock_irq(lock)</c>: interrupts are on afterwards.</summary>
    /// <param name="lock">A lock that this thread holds for writing.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock))]
    public static void write_unlock_irq([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckReleaseWrite(block)) return;
        @lock.ReleaseWrite(block);
        Interrupts.Enable(block);
        Preemption.Enable(block);
    }

    /// <summary><c>write_lock_irqsave(lock, flags)</c>: <see cref="write_lock"/> with interrupts off, saving their state. Any context.</summary>
    /// <param name="lock">The lock.</param>
    /// <param name="flags">Receives the state.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Saves = nameof(flags), LeftBy = nameof(write_unlock_irqrestore))]
    public static void write_lock_irqsave([Borrows] ref rwlock_t @lock, out nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        flags = 0;
        if (!@lock.CheckAcquireWrite(block)) return;
        flags = Interrupts.Save(block);
        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        @lock.AcquireWrite(block);
    }

    /// <summary><c>write_unlock_irqrestore(lock, flags)</c>. Flags that were not saved on this thread are a BUG.</summary>
    /// <param name="lock">A lock that this thread holds for writing.</param>
    /// <param name="flags">What <see cref="write_lock_irqsave"/> saved.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.HardIrq, Lock = nameof(@lock), Restores = nameof(flags))]
    public static void write_unlock_irqrestore([Borrows] ref rwlock_t @lock, nuint flags)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckReleaseWrite(block) || !Interrupts.CheckFlags(block, flags)) return;
        @lock.ReleaseWrite(block);
        Interrupts.Restore(block, flags);
        Preemption.Enable(block);
    }

    /// <summary><c>write_lock_bh(lock)</c>: <see cref="write_lock"/> with softirqs off. Not in an interrupt handler.</summary>
    /// <param name="lock">The lock.</param>
    [EntersAtomic(LockKind.Preempt | LockKind.SoftIrq, Lock = nameof(@lock), LeftBy = nameof(write_unlock_bh))]
    public static void write_lock_bh([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckAcquireWrite(block)) return;
        block->Execution.PreemptCount += ExecutionState.SoftIrqDisableOffset + ExecutionState.PreemptOffset;
        @lock.AcquireWrite(block);
    }

    /// <summary><c>write_unlock_bh(lock)</c>: runs the softirqs that waited.</summary>
    /// <param name="lock">A lock that this thread holds for writing.</param>
    [LeavesAtomic(LockKind.Preempt | LockKind.SoftIrq, Lock = nameof(@lock))]
    public static void write_unlock_bh([Borrows] ref rwlock_t @lock)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (!@lock.CheckReleaseWrite(block)) return;
        @lock.ReleaseWrite(block);
        block->Execution.PreemptCount -= ExecutionState.PreemptOffset;
        SoftIrqs.EnableChecked(block);
    }
}
