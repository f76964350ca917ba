// The allocator's own lock: one word, no owner, no recursion. Protects lists for well under a microsecond.
//
// Invariant: nothing that can throw, report, call a user or wait runs while one is held.
// Cost: one atomic exchange to enter, one store to leave. A waiter yields its time slice after about 200 spins, because the holder may have
// lost its processor. Kernel concept: spinlock_t, seen from below; the spinlock_t that users take belongs to the context layer.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal struct SpinWord
{
    private int _held;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter()
    {
        if (Interlocked.Exchange(ref _held, 1) != 0) Wait();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Leave() => Volatile.Write(ref _held, 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Wait()
    {
        int rounds = 0;
        do
        {
            for (int spins = 0; spins < 200 && Volatile.Read(ref _held) != 0; spins++) Thread.SpinWait(1);
            if (Volatile.Read(ref _held) != 0)
            {
                if (++rounds < 50) Thread.Yield();
                else Thread.Sleep(1);
            }
        }
        while (Interlocked.Exchange(ref _held, 1) != 0);
    }
}
