// The wait queue: threads sleep until a condition holds; who changes what the condition reads wakes them to look again.
//
//   +0  int Wakeups     counts wake_up calls       +4  int Waiting     +8  int Id
//
//   waiter:  Waiting++  ──>  n = Wakeups  ──>  condition?  ──no──>  sleep while Wakeups == n
//   waker:   (changes something)  Wakeups++  ──>  Waiting != 0?  ──>  wake all of the gate
//
// The condition is evaluated outside the gate: it may take any lock, also one that wake_up is called under.
// Invariant: a wake-up after the condition was read false changes Wakeups, so it is never missed.
// Cost: a wake-up without waiters is one interlocked increment. Kernel concept: wait_queue_head_t, ___wait_event. Not done: exclusive waiters.

namespace KAlloc;

/// <summary>Where threads wait for a condition: the kernel's <c>wait_queue_head_t</c>. A zeroed one is empty.</summary>
public struct KernelWaitQueue
{
    internal int Wakeups;
    internal int Waiting;
    internal int Id;

    /// <summary>Waits at most the given milliseconds (-1: for ever). Returns those left, at least 1; 0 if time ran out; -EINTR if interrupted.</summary>
    internal long Wait(WaitCondition condition, long milliseconds, bool interruptible)
    {
        if (condition()) return Math.Max(1, milliseconds);
        bool interrupted = false;
        long deadline = milliseconds < 0 ? long.MaxValue : Environment.TickCount64 + milliseconds;
        object gate = ParkingLot.Gate(HeldLocks.IdOf(ref Id));
        Interlocked.Increment(ref Waiting);
        try
        {
            while (true)
            {
                int seen = Volatile.Read(ref Wakeups);
                long left = milliseconds < 0 ? 1 : Math.Max(0, deadline - Environment.TickCount64);
                if (condition()) return Math.Max(1, left);
                if (left == 0) return 0;
                if (!Sleep(gate, seen, milliseconds < 0 ? Timeout.Infinite : (int)Math.Min(left, int.MaxValue), interruptible, ref interrupted))
                    return -ErrorNumbers.EINTR;
            }
        }
        finally
        {
            Interlocked.Decrement(ref Waiting);
            ParkingLot.PassOn(interrupted);
        }
    }

    internal void WakeUp()
    {
        object gate = ParkingLot.Gate(HeldLocks.IdOf(ref Id));
        Interlocked.Increment(ref Wakeups);
        if (Volatile.Read(ref Waiting) == 0) return;
        lock (gate) Monitor.PulseAll(gate);
    }

    /// <summary>Sleeps until a wake-up, the time, or a request to stop; <see langword="false"/>: interrupted.</summary>
    private readonly bool Sleep(object gate, int seen, int milliseconds, bool interruptible, ref bool interrupted)
    {
        lock (gate)
        {
            if (!KernelThreads.MaySleepAt(gate)) return true;
            bool slept = Volatile.Read(in Wakeups) != seen || ParkingLot.Sleep(gate, milliseconds, interruptible, ref interrupted);
            KernelThreads.LeftGate();
            return slept;
        }
    }
}
