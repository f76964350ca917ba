// The mutex: a lock whose holder may sleep, and whose waiters do.
//
//   +0  int State     (CPU number + 1) << 1 | waiters?       +4  int Id
//
// Only the thread that locked it may unlock it. Locking it again on the same thread would sleep for ever and is reported.
// Invariant: a thread sleeps only after it has set the waiters bit, and who unlocks with the bit set wakes all of the gate.
// Cost: one compare-and-swap each way without contention. Kernel concept: struct mutex. Not done: spinning on a running owner, hand-off.

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>A lock that may be held across sleeps: the kernel's <c>struct mutex</c>. A zeroed one is free.</summary>
public unsafe struct KernelMutex
{
    private const int Waiters = 1;

    internal int State;
    internal int Id;

    internal readonly bool IsLocked => State != 0;

    /// <summary>Locks; returns 0, or -EINTR if <paramref name="interruptible"/> and the thread was interrupted.</summary>
    internal int Acquire(CpuBlock* block, bool interruptible)
    {
        int me = (block->Execution.Cpu + 1) << 1;
        int id = HeldLocks.IdOf(ref Id);
        HeldLocks.Announce(block, id);
        if (Interlocked.CompareExchange(ref State, me, 0) != 0)
        {
            if ((Volatile.Read(ref State) & ~Waiters) == me) return ReportRecursion(block);
            if (!Wait(me, id, interruptible)) return -ErrorNumbers.EINTR;
        }

        HeldLocks.Push(block, id);
        return 0;
    }

    internal bool TryAcquire(CpuBlock* block)
    {
        if (Interlocked.CompareExchange(ref State, (block->Execution.Cpu + 1) << 1, 0) != 0) return false;
        HeldLocks.PushTried(block, HeldLocks.IdOf(ref Id));
        return true;
    }

    internal void Release(CpuBlock* block)
    {
        if ((Volatile.Read(ref State) & ~Waiters) != (block->Execution.Cpu + 1) << 1)
        {
            ReportNotHeld(block);
            return;
        }

        HeldLocks.Pop(block, Id);
        object gate = ParkingLot.Gate(Id);
        if ((Interlocked.Exchange(ref State, 0) & Waiters) == 0) return;
        lock (gate) Monitor.PulseAll(gate);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Wait(int me, int id, bool interruptible)
    {
        bool interrupted = false;
        bool taken = false;
        object gate = ParkingLot.Gate(id);
        lock (gate)
        {
            while (true)
            {
                int state = Volatile.Read(ref State);
                if (state == 0)
                {
                    // Others may wait still: the bit stays with whoever was woken.
                    taken = Interlocked.CompareExchange(ref State, me | Waiters, 0) == 0;
                    if (taken) break;
                    continue;
                }

                if ((state & Waiters) == 0 && Interlocked.CompareExchange(ref State, state | Waiters, state) != state) continue;
                if (!ParkingLot.Sleep(gate, Timeout.Infinite, interruptible, ref interrupted)) break;
            }
        }

        ParkingLot.PassOn(interrupted);
        return taken;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly int ReportRecursion(CpuBlock* block)
    {
        KernelReports.Bug($"WARNING: possible recursive locking detected\n{ContextReport.Task} is trying to acquire lock:\n mutex {Id}\nbut task is already holding lock:\n mutex {Id}{ContextReport.HeldLocks(block)}");
        return -ErrorNumbers.EDEADLK;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly void ReportNotHeld(CpuBlock* block)
    {
        string why = State == 0 ? "but there are no more locks to release!" : $"but it is held on CPU#{(State >> 1) - 1}!";
        KernelReports.Bug($"WARNING: bad unlock balance detected!\n{ContextReport.Task} is trying to release lock (mutex {Id}) on CPU#{block->Execution.Cpu}\n{why}");
    }
}
