// Work items: functions that run later in process context, where they may sleep.
//
//   schedule_work ──> queue: head ──> work ──> work <── tail ──> kworker threads
//
// Invariant: Pending is set exactly while the item is queued; it is cleared before the function runs, so the function may queue its item again or
// free the memory it is in: nothing touches the struct afterwards. Kernel concept: struct work_struct, struct delayed_work.

namespace KAlloc;

/// <summary>A function that runs soon on a kworker thread: the kernel's <c>work_struct</c>. Must be in native or pinned memory.</summary>
public unsafe struct KernelWork
{
    /// <summary>Free for the item's owner, who finds his object by it; no function of KAlloc touches it.</summary>
    public void* data;

    internal KernelWork* Next;
    internal KernelWork* Self;
    internal void* Function;

    /// <summary>Number of this queueing, process-wide: what flush_work waits for.</summary>
    internal long Sequence;
    internal int Handler;
    internal bool Pending;
    internal bool Released;
}

/// <summary>Work that is queued after a time: the kernel's <c>delayed_work</c>. Must be in native or pinned memory.</summary>
public struct KernelDelayedWork
{
    /// <summary>The item; first, so that a pointer to it is a pointer to the whole.</summary>
    public KernelWork work;

    internal KernelTimer Timer;
}
