// Interrupt lines: who handles an interrupt, and whether it is delivered.
//
//   line 5:  handlers ──> "daq" ──> "daq2" (shared)      disable depth 0, in progress on CPU 3, pending
//
// Invariant: the handlers of one line run on one CPU at a time; an interrupt that comes meanwhile is noted, and the CPU at work serves it again.
// A disabled line notes its interrupt and serves it on the thread that enables it.
// Cost: an interrupt takes the line's lock twice, for a few instructions. Kernel concept: struct irq_desc, kernel/irq/manage.c, chip.c.
// Not done here: threaded handlers, affinity, priorities.

namespace KAlloc;

/// <summary>The table of interrupt lines.</summary>
internal static unsafe class IrqLines
{
    internal const int Count = ExecutionState.IrqWords * 64;
    internal const nuint Shared = 0x80;
    internal const nuint NoAutoEnable = 0x80000;

    private sealed class Action(IrqHandler? handler, void* function, void* dev, string name, nuint flags)
    {
        internal readonly nuint Flags = flags;
        internal readonly string Name = name;
        internal readonly void* Dev = dev;
        internal Action? Next;

        internal IrqReturn Run(int irq) =>
            handler is not null ? handler(irq, Dev) : ((delegate*<int, void*, IrqReturn>)function)(irq, Dev);
    }

    private sealed class Line
    {
        internal readonly Lock Gate = new();
        internal Action? First;
        internal int DisableDepth;
        internal bool Pending;

        /// <summary>The CPU that runs the handlers, -1 for none.</summary>
        internal int Runner = -1;
    }

    private static readonly Line[] s_lines = CreateLines();

    internal static int Request(int irq, IrqHandler? handler, void* function, nuint flags, string name, void* dev)
    {
        if ((uint)irq >= Count || (handler is null && function == null)) return -ErrorNumbers.EINVAL;

        // A shared handler is found again by its dev: without one, free_irq could not tell which to remove.
        if ((flags & Shared) != 0 && dev == null) return -ErrorNumbers.EINVAL;

        var action = new Action(handler, function, dev, name, flags);
        Line line = s_lines[irq];
        lock (line.Gate)
        {
            if (line.First is null)
            {
                line.Pending = false;
                line.DisableDepth = (flags & NoAutoEnable) != 0 ? 1 : 0;
                Volatile.Write(ref line.First, action);
                return 0;
            }

            Action last = line.First;
            while (true)
            {
                if ((last.Flags & flags & Shared) == 0) return -ErrorNumbers.EBUSY;
                if (last.Next is null) break;
                last = last.Next;
            }

            Volatile.Write(ref last.Next, action);
            return 0;
        }
    }

    internal static void Free(int irq, void* dev)
    {
        if (!IsLine(irq, "free_irq")) return;
        Line line = s_lines[irq];
        if (RunsHere(line, irq, "free_irq")) return;
        lock (line.Gate)
        {
            Action? previous = null;
            Action? action = line.First;
            while (action is not null && action.Dev != dev) (previous, action) = (action, action.Next);
            if (action is null)
            {
                KernelReports.Warn($"Trying to free already-free IRQ {irq}", (nuint)dev);
                return;
            }

            // The removed action keeps its Next: a CPU that runs it now goes on from there.
            if (previous is null) Volatile.Write(ref line.First, action.Next);
            else Volatile.Write(ref previous.Next, action.Next);
        }

        WaitUntilIdle(line);
    }

    internal static void Disable(int irq, bool wait)
    {
        if (!IsLine(irq, "disable_irq")) return;
        Line line = s_lines[irq];
        if (wait && RunsHere(line, irq, "disable_irq")) return;
        lock (line.Gate) line.DisableDepth++;
        if (wait) WaitUntilIdle(line);
    }

    internal static void Enable(CpuBlock* block, int irq)
    {
        if (!IsLine(irq, "enable_irq")) return;
        Line line = s_lines[irq];
        bool resend;
        lock (line.Gate)
        {
            if (line.DisableDepth == 0)
            {
                KernelReports.Warn($"Unbalanced enable for IRQ {irq}");
                return;
            }

            resend = --line.DisableDepth == 0 && line.Pending && line.Runner < 0;
            if (resend) line.Pending = false;
        }

        if (resend) Interrupts.Raise(block, irq);
    }

    internal static void Synchronize(int irq)
    {
        if (!IsLine(irq, "synchronize_irq")) return;
        Line line = s_lines[irq];
        if (!RunsHere(line, irq, "synchronize_irq")) WaitUntilIdle(line);
    }

    internal static void Raise(CpuBlock* block, int irq)
    {
        if (IsLine(irq, "raise_irq")) Interrupts.Raise(block, irq);
    }

    /// <summary>Runs the line's handlers; the thread is in hard interrupt context.</summary>
    internal static void Handle(CpuBlock* block, int irq)
    {
        Line line = s_lines[irq];
        lock (line.Gate)
        {
            if (line.DisableDepth != 0 || line.Runner >= 0)
            {
                line.Pending = true;
                return;
            }

            line.Runner = block->Execution.Cpu;
        }

        bool again = true;
        try
        {
            while (again)
            {
                RunHandlers(block, irq, line);
                lock (line.Gate)
                {
                    again = line.Pending && line.DisableDepth == 0;
                    if (again) line.Pending = false;
                    else line.Runner = -1;
                }
            }
        }
        finally
        {
            // A handler threw: the line must not stay busy.
            if (again) Volatile.Write(ref line.Runner, -1);
        }
    }

    private static void RunHandlers(CpuBlock* block, int irq, Line line)
    {
        bool handled = false;
        for (Action? action = Volatile.Read(ref line.First); action is not null; action = Volatile.Read(ref action.Next))
        {
            int before = block->Execution.PreemptCount;
            handled |= action.Run(irq) != IrqReturn.None;
            Preemption.RestoreAfterHandler(block, before, $"irq {irq} handler {action.Name}");
            if (block->Execution.IrqDisabled == 0)
            {
                KernelReports.Warn($"irq {irq} handler {action.Name} enabled interrupts");
                Interrupts.Disable(block);
            }
        }

        if (!handled) KernelReports.Warn($"irq {irq}: nobody cared");
    }

    private static void WaitUntilIdle(Line line)
    {
        var spin = new SpinWait();
        while (Volatile.Read(ref line.Runner) >= 0) spin.SpinOnce();
    }

    private static bool IsLine(int irq, string call)
    {
        if ((uint)irq < Count) return true;
        KernelReports.Bug($"BUG: {call}({irq}): interrupt lines are 0 to {Count - 1}");
        return false;
    }

    /// <summary>Whether this thread is inside the line's own handler, where waiting for it would never end.</summary>
    private static bool RunsHere(Line line, int irq, string call)
    {
        if (Volatile.Read(ref line.Runner) != CpuBlocks.Current->Execution.Cpu) return false;
        KernelReports.Bug($"BUG: {call}({irq}) waits for the handler it is called from: self-deadlock on CPU#{line.Runner}");
        return true;
    }

    private static Line[] CreateLines()
    {
        var lines = new Line[Count];
        for (int i = 0; i < Count; i++) lines[i] = new Line();
        return lines;
    }
}
