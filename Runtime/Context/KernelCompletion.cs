// The completion: one thread waits for what another has done.
//
//   +0  uint Done     times completed and not yet waited for; MaxValue: completed for all       +4  int Id
//
// Invariant: Done changes only inside the gate, and complete() touches nothing of the struct after that: the waiter may own the memory it is in,
// its stack for example, and leave. Cost: a monitor each way. Kernel concept: struct completion.

namespace KAlloc;

/// <summary>Something that threads wait for until it is done: the kernel's <c>struct completion</c>. A zeroed one is not done.</summary>
public struct KernelCompletion
{
    internal uint Done;
    internal int Id;

    internal void Complete(bool all)
    {
        object gate = ParkingLot.Gate(HeldLocks.IdOf(ref Id));
        lock (gate)
        {
            if (all) Done = uint.MaxValue;
            else if (Done != uint.MaxValue) Done++;
            Monitor.PulseAll(gate);
        }
    }

    internal bool TryWait()
    {
        lock (ParkingLot.Gate(HeldLocks.IdOf(ref Id))) return TryTake();
    }

    /// <summary>Waits at most the given milliseconds (-1: for ever); returns those left, at least 1, or 0 if time ran out.</summary>
    internal long Wait(long milliseconds)
    {
        bool interrupted = false;
        long deadline = milliseconds < 0 ? long.MaxValue : Environment.TickCount64 + milliseconds;
        object gate = ParkingLot.Gate(HeldLocks.IdOf(ref Id));
        long left = Math.Max(1, milliseconds);
        lock (gate)
        {
            while (!TryTake())
            {
                left = deadline - Environment.TickCount64;
                if (left <= 0) break;
                ParkingLot.Sleep(gate, milliseconds < 0 ? Timeout.Infinite : (int)Math.Min(left, int.MaxValue), interruptible: false, ref interrupted);
            }
        }

        ParkingLot.PassOn(interrupted);
        return Math.Max(0, left);
    }

    private bool TryTake()
    {
        if (Done == 0) return false;
        if (Done != uint.MaxValue) Done--;
        return true;
    }
}
