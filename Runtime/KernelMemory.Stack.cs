// The .NET face: tasks with stacks of real pages.

namespace KAlloc;

public sealed unsafe partial class KernelMemory
{
    private InterruptStacks? _interruptStacks;

    internal StackMemory StackMemory { get; }

    /// <summary>Makes a task with a user stack and a kernel stack in this system's memory. May sleep.</summary>
    /// <param name="options">Sizes and kind; null: 8 KiB from pages, as in the book.</param>
    /// <returns>The task, in user mode. Dispose it to free its stacks.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A size is not one that stacks have.</exception>
    /// <exception cref="OutOfMemoryException">No memory.</exception>
    /// <exception cref="PlatformNotSupportedException">A guard page was asked for, but the backing cannot map frames a second time.</exception>
    [MightSleep]
    public KernelTask CreateTask(KernelTaskOptions? options = null)
    {
        MightSleep.Check();
        InterruptStacks interrupts = Volatile.Read(ref _interruptStacks)
            ?? Interlocked.CompareExchange(ref _interruptStacks, new InterruptStacks(StackMemory), null) ?? _interruptStacks;
        return new KernelTask(StackMemory, interrupts, options ?? new KernelTaskOptions());
    }
}
