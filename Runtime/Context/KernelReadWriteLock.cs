// Read-write spin locks: many readers or one writer, none of whom may sleep.
//
//   +0  int State     readers, or -(CPU number + 1) of the writer, 0: free       +4  int Id
//
// A thread may read-lock again what it has read-locked (an interrupt handler does): readers do not wait for waiting writers. Read-locking what it
// write-locked, or write-locking what it holds in any way, would wait for itself and is reported.
// Invariant: State counts readers exactly. Cost: one compare-and-swap. Kernel concept: rwlock_t. Not done: fairness to writers.

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>A spin lock for many readers or one writer: the kernel's <c>rwlock_t</c>. A zeroed one is free.</summary>
public unsafe struct KernelReadWriteLock
{
    internal int State;
    internal int Id;

    internal void AcquireRead(CpuBlock* block)
    {
        int id = -HeldLocks.IdOf(ref Id);
        HeldLocks.Announce(block, id);
        var spin = new SpinWait();
        while (!TryRead()) spin.SpinOnce(sleep1Threshold: 100);
        HeldLocks.Push(block, id);
    }

    internal void ReleaseRead(CpuBlock* block)
    {
        HeldLocks.Pop(block, -Id);
        Interlocked.Decrement(ref State);
    }

    internal void AcquireWrite(CpuBlock* block)
    {
        int id = HeldLocks.IdOf(ref Id);
        HeldLocks.Announce(block, id);
        var spin = new SpinWait();
        while (Interlocked.CompareExchange(ref State, -(block->Execution.Cpu + 1), 0) != 0) spin.SpinOnce(sleep1Threshold: 100);
        HeldLocks.Push(block, id);
    }

    internal void ReleaseWrite(CpuBlock* block)
    {
        HeldLocks.Pop(block, Id);
        Volatile.Write(ref State, 0);
    }

    internal readonly bool CheckAcquireRead(CpuBlock* block) => State != -(block->Execution.Cpu + 1) || Report(block, "recursion");

    internal readonly bool CheckAcquireWrite(CpuBlock* block)
    {
        bool mine = State == -(block->Execution.Cpu + 1)
            || (State > 0 && block->Execution.HeldLockCount <= ExecutionState.MaxHeldLocks && HeldLocks.Contains(block, -Id));
        return !mine || Report(block, "recursion");
    }

    internal readonly bool CheckReleaseRead(CpuBlock* block) => (State > 0 && HeldLocks.Contains(block, -Id)) || Report(block, "already unlocked");

    internal readonly bool CheckReleaseWrite(CpuBlock* block) => State == -(block->Execution.Cpu + 1) || Report(block, "wrong owner");

    private bool TryRead()
    {
        int state = Volatile.Read(ref State);
        return state >= 0 && Interlocked.CompareExchange(ref State, state + 1, state) == state;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly bool Report(CpuBlock* block, string what)
    {
        string state = State == 0 ? "free" : State > 0 ? $"{State} readers" : $"written on CPU#{-State - 1}";
        KernelReports.Bug($"BUG: rwlock {what} on CPU#{block->Execution.Cpu}, {ContextReport.Task}\n lock: {Id}, {state}{ContextReport.HeldLocks(block)}");
        return false;
    }
}
