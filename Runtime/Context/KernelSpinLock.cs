// Spin locks. The holder must not sleep, so a holder is never away for long and waiting is done by spinning.
//
//   +0  int Owner     CPU number + 1, 0: free           +4  int Id     given when first taken, see HeldLocks
//
// A lock that its own thread holds already would spin for ever: in an interrupt handler that interrupted the holder, or by a second spin_lock.
// That is reported before anything is touched.
// Invariant: Owner is this CPU's number + 1 only if this thread took the lock; so one plain compare finds the self-deadlock and the foreign unlock.
// Cost: one compare-and-swap to take, one release store to free. Waiters yield the processor after a while, because a .NET thread that holds a
// lock can be switched off by the operating system. Not done: fairness (the kernel's queue); readers and writers of a read-write lock compete freely.
// Kernel concept: spinlock_t, rwlock_t, and their checks of CONFIG_DEBUG_SPINLOCK.

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>A lock for code that must not sleep: the kernel's <c>spinlock_t</c>. A zeroed one is free. Used through <c>Linux.spin_lock</c> and its kin.</summary>
public unsafe struct KernelSpinLock
{
    internal int Owner;
    internal int Id;

    /// <summary>Takes the lock on a thread whose preemption is off, unless this thread has it already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Acquire(CpuBlock* block)
    {
        int id = HeldLocks.IdOf(ref Id);
        HeldLocks.Announce(block, id);
        if (Interlocked.CompareExchange(ref Owner, block->Execution.Cpu + 1, 0) != 0) Spin(block->Execution.Cpu + 1);
        HeldLocks.Push(block, id);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryAcquire(CpuBlock* block)
    {
        if (Interlocked.CompareExchange(ref Owner, block->Execution.Cpu + 1, 0) != 0) return false;
        HeldLocks.PushTried(block, HeldLocks.IdOf(ref Id));
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Release(CpuBlock* block)
    {
        HeldLocks.Pop(block, Id);
        Volatile.Write(ref Owner, 0);
    }

    /// <summary>Whether this thread may take the lock; reports the self-deadlock if not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool CheckAcquire(CpuBlock* block) => Owner != block->Execution.Cpu + 1 || ReportRecursion(block);

    /// <summary>Whether this thread holds the lock; reports the wrong unlock if not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool CheckRelease(CpuBlock* block) => Owner == block->Execution.Cpu + 1 || ReportNotHeld(block);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Spin(int me)
    {
        var spin = new SpinWait();
        do spin.SpinOnce(sleep1Threshold: 100);
        while (Volatile.Read(ref Owner) != 0 || Interlocked.CompareExchange(ref Owner, me, 0) != 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly bool ReportRecursion(CpuBlock* block)
    {
        KernelReports.Bug($"BUG: spinlock recursion on CPU#{block->Execution.Cpu}, {ContextReport.Task}\n {Describe(block)}{ContextReport.HeldLocks(block)}");
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly bool ReportNotHeld(CpuBlock* block)
    {
        string what = Owner == 0 ? "already unlocked" : "wrong owner";
        KernelReports.Bug($"BUG: spinlock {what} on CPU#{block->Execution.Cpu}, {ContextReport.Task}\n {Describe(block)}");
        return false;
    }

    private readonly string Describe(CpuBlock* block)
    {
        string owner = Owner == 0 ? "<none>/-1" : Owner == block->Execution.Cpu + 1 ? ContextReport.Task : "another thread";
        return $"lock: {Id}, .owner: {owner}, .owner_cpu: {Owner - 1}";
    }
}

/// <summary>
/// A spin lock that stays one on kernels where <c>spinlock_t</c> may sleep: the kernel's <c>raw_spinlock_t</c>. Here both are the same lock under two types.
/// </summary>
public struct KernelRawSpinLock
{
    internal KernelSpinLock Lock;
}
