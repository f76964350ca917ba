// The contexts of the table, each entered as the kernel enters it: the attempt runs inside, with the flags that it is given.

using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

namespace WhichFlagWhen;

/// <summary>An allocation with some flags, somewhere; it notes how it went.</summary>
internal delegate void Attempt(gfp_t flags);

internal static unsafe class Contexts
{
    private const int Line = 7;
    private const int NetReceive = 3;

    /// <summary>A system call, a kernel thread, a work item: nothing is held.</summary>
    public static void Process(Attempt attempt, gfp_t flags) => attempt(flags);

    /// <summary>Process context, but a spin lock is held.</summary>
    public static void SpinLockHeld(Attempt attempt, gfp_t flags)
    {
        spinlock_t device = default;
        spin_lock(ref device);
        attempt(flags);
        spin_unlock(ref device);
    }

    /// <summary>The remedy that the table names for a lock: allocate earlier, when sleeping is allowed, and only use the memory under the lock.</summary>
    public static void EarlierThanTheLock(Attempt attempt, gfp_t flags)
    {
        spinlock_t device = default;
        attempt(flags);
        spin_lock(ref device);
        spin_unlock(ref device);
    }

    /// <summary>The other remedy: what is not needed under the lock is allocated after it.</summary>
    public static void LaterThanTheLock(Attempt attempt, gfp_t flags)
    {
        spinlock_t device = default;
        spin_lock(ref device);
        spin_unlock(ref device);
        attempt(flags);
    }

    /// <summary>A driver allocates the buffer before it asks for the interrupt that fills it.</summary>
    public static void EarlierThanTheInterrupt(Attempt attempt, gfp_t flags)
    {
        attempt(flags);
        if (request_irq(Line, (_, _) => IRQ_HANDLED, 0, "sample", null) != 0) throw new InvalidOperationException("the line is taken");
        raise_irq(Line);
        free_irq(Line, null);
    }

    public static void InterruptHandler(Attempt attempt, gfp_t flags)
    {
        if (request_irq(Line, (_, _) => Handle(attempt, flags), 0, "sample", null) != 0) throw new InvalidOperationException("the line is taken");
        raise_irq(Line);
        free_irq(Line, null);

        static irqreturn_t Handle(Attempt attempt, gfp_t flags)
        {
            attempt(flags);
            return IRQ_HANDLED;
        }
    }

    public static void SoftIrq(Attempt attempt, gfp_t flags)
    {
        open_softirq(NetReceive, () => attempt(flags));
        raise_softirq(NetReceive);
    }

    public static void Tasklet(Attempt attempt, gfp_t flags)
    {
        // A tasklet is linked by its address: it lives in native memory.
        var tasklet = (tasklet_struct*)NativeMemory.AllocZeroed((nuint)sizeof(tasklet_struct));
        tasklet_init(ref *tasklet, _ => attempt(flags), 0);
        tasklet_schedule(ref *tasklet);
        tasklet_kill(ref *tasklet);
        NativeMemory.Free(tasklet);
    }
}
