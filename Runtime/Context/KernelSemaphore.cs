// The counting semaphore: down takes one and sleeps while there is none, up gives one, from any context and any thread.
//
//   +0  int Count     +4  int Waiting     +8  int Id
//
// Invariant: Count is never negative; a waiter counts itself inside the gate before it looks at Count for the last time, and up looks at Waiting
// after it has raised Count: one of the two sees the other. Cost: one compare-and-swap without contention.
// Kernel concept: struct semaphore. A zeroed one has count 0.

namespace KAlloc;

/// <summary>A counting semaphore: the kernel's <c>struct semaphore</c>. A zeroed one has count 0.</summary>
public struct KernelSemaphore
{
    internal int Count;
    internal int Waiting;
    internal int Id;

    internal bool TryDown()
    {
        int count = Volatile.Read(ref Count);
        while (count > 0)
        {
            int seen = Interlocked.CompareExchange(ref Count, count - 1, count);
            if (seen == count) return true;
            count = seen;
        }

        return false;
    }

    /// <summary>Takes one; returns 0, or -EINTR if <paramref name="interruptible"/> and the thread was interrupted.</summary>
    internal int Down(bool interruptible)
    {
        if (TryDown()) return 0;
        bool interrupted = false;
        bool taken = true;
        object gate = ParkingLot.Gate(HeldLocks.IdOf(ref Id));
        lock (gate)
        {
            Interlocked.Increment(ref Waiting);
            while (!TryDown())
            {
                taken = ParkingLot.Sleep(gate, Timeout.Infinite, interruptible, ref interrupted);
                if (!taken) break;
            }

            Interlocked.Decrement(ref Waiting);
        }

        ParkingLot.PassOn(interrupted);
        return taken ? 0 : -ErrorNumbers.EINTR;
    }

    internal void Up()
    {
        object gate = ParkingLot.Gate(HeldLocks.IdOf(ref Id));
        Interlocked.Increment(ref Count);
        if (Volatile.Read(ref Waiting) == 0) return;
        lock (gate) Monitor.PulseAll(gate);
    }
}
