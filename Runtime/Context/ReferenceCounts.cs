// Counters that several threads change: atomic_t, and the reference counts built on it, which saturate instead of wrapping.
//
//   refcount   1 … int.MaxValue    in use         0    gone         negative    saturated: stays so, the object is leaked rather than freed early
//
// Cost: one interlocked operation. Kernel concept: atomic_t, refcount_t (lib/refcount.c), kref.

namespace KAlloc;

#pragma warning disable CS8981 // the kernel's field name

/// <summary>An integer that threads change without a lock: the kernel's <c>atomic_t</c>.</summary>
public struct AtomicInt
{
    /// <summary>The value. Read it through <c>atomic_read</c>.</summary>
    public int counter;
}

/// <summary>A reference count that cannot wrap: the kernel's <c>refcount_t</c>. 0 means that the object is gone.</summary>
public struct ReferenceCount
{
    /// <summary>In the middle of the negative range, so that neither increments nor decrements soon bring it back.</summary>
    private const int Saturated = int.MinValue / 2;

    internal int Value;

    internal bool IncrementNotZero()
    {
        int old = Volatile.Read(ref Value);
        while (old != 0)
        {
            int seen = Interlocked.CompareExchange(ref Value, old + 1, old);
            if (seen == old)
            {
                if (old < 0 || old == int.MaxValue) Saturate("saturated; leaking memory");
                return true;
            }

            old = seen;
        }

        return false;
    }

    internal void Increment()
    {
        int old = Interlocked.Increment(ref Value) - 1;
        if (old == 0) Saturate("addition on 0; use-after-free");
        else if (old < 0 || old == int.MaxValue) Saturate("saturated; leaking memory");
    }

    internal bool DecrementAndTest()
    {
        int old = Interlocked.Decrement(ref Value) + 1;
        if (old == 1) return true;
        if (old <= 0) Saturate("underflow; use-after-free");
        return false;
    }

    private void Saturate(string what)
    {
        Volatile.Write(ref Value, Saturated);
        KernelReports.Warn($"refcount_t: {what}.");
    }
}

/// <summary>A reference count inside an object that is released with the last reference: the kernel's <c>kref</c>.</summary>
public struct KernelReference
{
    internal ReferenceCount Count;
}
