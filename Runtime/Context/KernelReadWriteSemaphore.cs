// The read-write semaphore: many readers or one writer, all of whom may sleep while they hold it.
//
//   +0  int State     readers, or -(CPU number + 1) of the writer, 0: free     +4  int WaitingWriters     +8  int Waiting     +12  int Id
//
// A waiting writer keeps new readers out, so that it gets its turn; therefore reading twice on one thread can wait for itself, as in the kernel.
// Invariant: a waiter counts itself in Waiting inside the gate before it looks at State for the last time, and who releases looks at Waiting
// after changing State: one of the two sees the other. Cost: one compare-and-swap each way without contention.
// Kernel concept: struct rw_semaphore. Not done: downgrade_write, spinning on a running owner.

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>A sleeping lock for many readers or one writer: the kernel's <c>struct rw_semaphore</c>. A zeroed one is free.</summary>
public unsafe struct KernelReadWriteSemaphore
{
    internal int State;
    internal int WaitingWriters;
    internal int Waiting;
    internal int Id;

    internal void AcquireRead(CpuBlock* block)
    {
        if (!CheckAcquire(block, "rwsem (read)", alsoRead: false)) return;
        int id = -HeldLocks.IdOf(ref Id);
        HeldLocks.Announce(block, id);
        if (!TryRead()) Wait(block, write: false);
        HeldLocks.Push(block, id);
    }

    internal void AcquireWrite(CpuBlock* block)
    {
        if (!CheckAcquire(block, "rwsem", alsoRead: true)) return;
        int id = HeldLocks.IdOf(ref Id);
        HeldLocks.Announce(block, id);
        if (!TryWrite(block)) Wait(block, write: true);
        HeldLocks.Push(block, id);
    }

    internal bool TryAcquireRead(CpuBlock* block)
    {
        if (!TryRead()) return false;
        HeldLocks.PushTried(block, -HeldLocks.IdOf(ref Id));
        return true;
    }

    internal bool TryAcquireWrite(CpuBlock* block)
    {
        if (!TryWrite(block)) return false;
        HeldLocks.PushTried(block, HeldLocks.IdOf(ref Id));
        return true;
    }

    internal void ReleaseRead(CpuBlock* block)
    {
        if (State <= 0 || !HeldLocks.Contains(block, -Id))
        {
            ReportNotHeld(block);
            return;
        }

        HeldLocks.Pop(block, -Id);
        object gate = ParkingLot.Gate(Id);
        if (Interlocked.Decrement(ref State) == 0) Wake(gate);
    }

    internal void ReleaseWrite(CpuBlock* block)
    {
        if (State != -(block->Execution.Cpu + 1))
        {
            ReportNotHeld(block);
            return;
        }

        HeldLocks.Pop(block, Id);
        object gate = ParkingLot.Gate(Id);
        Interlocked.Exchange(ref State, 0);
        Wake(gate);
    }

    private bool TryRead()
    {
        int state = Volatile.Read(ref State);
        while (state >= 0 && Volatile.Read(ref WaitingWriters) == 0)
        {
            int seen = Interlocked.CompareExchange(ref State, state + 1, state);
            if (seen == state) return true;
            state = seen;
        }

        return false;
    }

    private bool TryWrite(CpuBlock* block) => Interlocked.CompareExchange(ref State, -(block->Execution.Cpu + 1), 0) == 0;

    private void Wake(object gate)
    {
        if (Volatile.Read(ref Waiting) == 0) return;
        lock (gate) Monitor.PulseAll(gate);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Wait(CpuBlock* block, bool write)
    {
        bool interrupted = false;
        object gate = ParkingLot.Gate(HeldLocks.IdOf(ref Id));
        lock (gate)
        {
            Interlocked.Increment(ref Waiting);
            if (write) Interlocked.Increment(ref WaitingWriters);
            while (!(write ? TryWrite(block) : TryRead())) ParkingLot.Sleep(gate, Timeout.Infinite, interruptible: false, ref interrupted);
            Interlocked.Decrement(ref Waiting);

            // Readers that this writer kept out may look again when it releases, so nobody need be woken here.
            if (write) Interlocked.Decrement(ref WaitingWriters);
        }

        ParkingLot.PassOn(interrupted);
    }

    private readonly bool CheckAcquire(CpuBlock* block, string what, bool alsoRead)
    {
        bool mine = State == -(block->Execution.Cpu + 1)
            || (alsoRead && State > 0 && block->Execution.HeldLockCount <= ExecutionState.MaxHeldLocks && HeldLocks.Contains(block, -Id));
        if (!mine) return true;
        KernelReports.Bug($"WARNING: possible recursive locking detected\n{ContextReport.Task} is trying to acquire lock:\n {what} {Id}\nbut task is already holding lock:\n rwsem {Id}{ContextReport.HeldLocks(block)}");
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly void ReportNotHeld(CpuBlock* block)
    {
        string why = State == 0 ? "but there are no more locks to release!" : State > 0 ? $"but it is held by {State} other readers!" : $"but it is held on CPU#{-State - 1}!";
        KernelReports.Bug($"WARNING: bad unlock balance detected!\n{ContextReport.Task} is trying to release lock (rwsem {Id}) on CPU#{block->Execution.Cpu}\n{why}");
    }
}
