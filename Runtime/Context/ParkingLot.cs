// Where threads sleep that wait for a mutex, a semaphore or a completion.
//
//   lock id ──hash──> one of 64 gates; waiters of different locks may share one and then wake for nothing
//
// A gate is an object of the runtime's own monitor. The structs cannot hold one, because they are unmanaged and may be zeroed.
// Invariant: who changes a struct so that a waiter may go on does so inside the gate, or looks for waiters after the change.
// Cost: taken only by who must wait, and by who wakes. Kernel concept: wait queues. Not done: first come, first served.

namespace KAlloc;

/// <summary>Gates that threads sleep at.</summary>
internal static class ParkingLot
{
    private const int Size = 64;

    private static readonly object[] s_gates = CreateGates();

    /// <summary>The gate of a lock id.</summary>
    internal static object Gate(int id) => s_gates[id & (Size - 1)];

    /// <summary>
    /// Sleeps at a gate that the thread has entered, at most the given milliseconds (-1: for ever).
    /// <see langword="false"/>: interrupted. An uninterruptible sleep notes the interrupt in <paramref name="interrupted"/> and ends like any wake-up.
    /// </summary>
    internal static bool Sleep(object gate, int milliseconds, bool interruptible, ref bool interrupted)
    {
        try
        {
            Monitor.Wait(gate, milliseconds);
            return true;
        }
        catch (ThreadInterruptedException)
        {
            interrupted = !interruptible;
            return !interruptible;
        }
    }

    /// <summary>Gives an interrupt that an uninterruptible sleep swallowed back to the thread.</summary>
    internal static void PassOn(bool interrupted)
    {
        if (interrupted) Thread.CurrentThread.Interrupt();
    }

    private static object[] CreateGates()
    {
        var gates = new object[Size];
        for (int i = 0; i < Size; i++) gates[i] = new object();
        return gates;
    }
}
