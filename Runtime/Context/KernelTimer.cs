// Timers: a function that runs once, at a time given in jiffies, in softirq context on the thread ktimers.
//
//   binary heap of timers by expiry; timer->Place is its place in it, plus one, so that a timer can be moved or taken out in O(log n)
//
// One jiffy is one millisecond (HZ = 1000) since the process first asked for the time. A timer fires when jiffies has reached its time, not before.
// Invariant: Place is 0 exactly while the timer is not in the heap; it is taken out before its function runs, so the function may
// set it again or free it. Cost: a monitor and O(log n) to set. Kernel concept: timer_list, mod_timer. Not done: the timer wheel, deferrable timers.

namespace KAlloc;

/// <summary>A function that runs at a given time: the kernel's <c>timer_list</c>. Must be in native or pinned memory.</summary>
public unsafe struct KernelTimer
{
    /// <summary>When it fires, in jiffies.</summary>
    public nuint expires;

    internal KernelTimer* Self;
    internal void* Function;
    internal int Handler;
    internal uint Flags;

    /// <summary>Place in the heap plus one; 0: not set. Zero, so that a zeroed timer may be deleted.</summary>
    internal int Place;
    internal bool Released;
}
