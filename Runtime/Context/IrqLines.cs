// Interrupt lines: who handles an interrupt, and whether it is delivered.
//
//   line 5:  handlers ──> "daq" ──> "daq2" (shared)      disable depth 0, in progress on CPU 3, pending
//                           └── irq/5-daq, the thread of a threaded handler
//
// Invariant: the handlers of one line run on one CPU at a time; an interrupt that comes meanwhile is noted, and the CPU at work serves it again.
// A disabled line notes its interrupt and serves it on the thread that enables it.
// Cost: an interrupt takes the line's lock twice, for a few instructions. Kernel concept: struct irq_desc, kernel/irq/manage.c, chip.c.
// Not done here: affinity, priorities.

namespace KAlloc;

/// <summary>The table of interrupt lines.</summary>
internal static unsafe class IrqLines
{
    internal const int Count = ExecutionState.IrqWords * 64;
    internal const nuint Shared = 0x80;
    internal const nuint OneShot = 0x2000;
    internal const nuint NoAutoEnable = 0x80000;

    /// <summary>A handler as a driver gives it: a delegate, a function pointer, or neither.</summary>
    internal readonly struct Handler(Delegate? closure, void* function)
    {
        internal bool IsNone => closure is null && function == null;

        internal IrqReturn Run(int irq, void* dev) => closure switch
        {
            IrqHandler handler => handler(irq, dev),
            IrqThreadFunction second => second(irq, dev),
            _ => ((delegate*<int, void*, IrqReturn>)function)(irq, dev),
        };
    }

    private sealed class Action(Handler handler, void* dev, string name, nuint flags)
    {
        internal readonly nuint Flags = flags;
        internal readonly string Name = name;
        internal readonly void* Dev = dev;
        internal Action? Next;

        /// <summary>Runs the second half; null for a handler without one.</summary>
        internal IrqThread? Thread;

        /// <summary>The first half. One that there is not only wakes the thread.</summary>
        internal IrqReturn Run(int irq) => handler.IsNone ? IrqReturn.WakeThread : handler.Run(irq, Dev);
    }

    private sealed class Line
    {
        internal readonly Lock Gate = new();
        internal Action? First;
        internal int DisableDepth;
        internal bool Pending;

        /// <summary>Turns of one-shot threads that are not over: the line is masked.</summary>
        internal int OneShotTurns;

        internal bool IsMasked => DisableDepth != 0 || OneShotTurns != 0;

        /// <summary>The CPU that runs the handlers, -1 for none.</summary>
        internal int Runner = -1;
    }

    private static readonly Line[] s_lines = CreateLines();

    internal static int Request(int irq, Handler handler, Handler second, nuint flags, string name, void* dev)
    {
        if ((uint)irq >= Count || (handler.IsNone && second.IsNone)) return -ErrorNumbers.EINVAL;
        if (handler.IsNone && (flags & OneShot) == 0)
        {
            // A level interrupt that nobody has quieted yet would come again at once, before the thread could run.
            KernelReports.Warn($"genirq: Threaded irq requested with handler=NULL and !ONESHOT for {name} (irq {irq})");
            return -ErrorNumbers.EINVAL;
        }

        // A shared handler is found again by its dev: without one, free_irq could not tell which to remove.
        if ((flags & Shared) != 0 && dev == null) return -ErrorNumbers.EINVAL;

        var action = new Action(handler, dev, name, flags);
        Line line = s_lines[irq];
        lock (line.Gate)
        {
            if (line.First is null)
            {
                line.Pending = false;
                line.DisableDepth = (flags & NoAutoEnable) != 0 ? 1 : 0;
                StartThread(irq, line, action, second);
                Volatile.Write(ref line.First, action);
                return 0;
            }

            Action last = line.First;
            while (true)
            {
                if ((last.Flags & flags & Shared) == 0 || ((last.Flags ^ flags) & OneShot) != 0) return -ErrorNumbers.EBUSY;
                if (last.Next is null) break;
                last = last.Next;
            }

            StartThread(irq, line, action, second);
            Volatile.Write(ref last.Next, action);
            return 0;
        }
    }

    internal static void Free(int irq, void* dev)
    {
        if (!IsLine(irq, "free_irq")) return;
        Line line = s_lines[irq];
        if (RunsHere(line, irq, "free_irq")) return;
        Action? action;
        lock (line.Gate)
        {
            Action? previous = null;
            action = line.First;
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
        action.Thread?.Stop();
    }

    internal static void Disable(int irq, bool wait)
    {
        if (!IsLine(irq, "disable_irq")) return;
        Line line = s_lines[irq];
        if (wait && RunsHere(line, irq, "disable_irq")) return;
        lock (line.Gate) line.DisableDepth++;
        if (wait) WaitUntilDone(line);
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

            line.DisableDepth--;
            resend = TakePending(line);
        }

        if (resend) Interrupts.Raise(block, irq);
    }

    internal static void Synchronize(int irq)
    {
        if (!IsLine(irq, "synchronize_irq")) return;
        Line line = s_lines[irq];
        if (!RunsHere(line, irq, "synchronize_irq")) WaitUntilDone(line);
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
            if (line.IsMasked || line.Runner >= 0)
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
                    again = line.Pending && !line.IsMasked;
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
            IrqReturn result = action.Run(irq);
            handled |= result != IrqReturn.None;
            if ((result & IrqReturn.WakeThread) != 0) WakeThread(irq, line, action);
            Preemption.RestoreAfterHandler(block, before, $"irq {irq} handler {action.Name}");
            if (block->Execution.IrqDisabled == 0)
            {
                KernelReports.Warn($"irq {irq} handler {action.Name} enabled interrupts");
                Interrupts.Disable(block);
            }
        }

        if (!handled) KernelReports.Warn($"irq {irq}: nobody cared");
    }

    private static void StartThread(int irq, Line line, Action action, Handler second)
    {
        if (second.IsNone) return;
        System.Action? turnOver = (action.Flags & OneShot) != 0 ? () => EndOneShotTurn(irq, line) : null;
        action.Thread = new IrqThread($"irq/{irq}-{action.Name}", () => second.Run(irq, action.Dev), turnOver);
    }

    private static void WakeThread(int irq, Line line, Action action)
    {
        if (action.Thread is null)
        {
            KernelReports.Warn($"IRQ {irq} device {action.Name} returned IRQ_WAKE_THREAD but no thread function available.");
            return;
        }

        bool oneShot = (action.Flags & OneShot) != 0;
        if (oneShot)
        {
            lock (line.Gate) line.OneShotTurns++;
        }

        // A turn that is wanted already will count for this interrupt too.
        if (!action.Thread.Wake() && oneShot)
        {
            lock (line.Gate) line.OneShotTurns--;
        }
    }

    /// <summary>Unmasks the line and serves, on the interrupt's thread, what came meanwhile.</summary>
    private static void EndOneShotTurn(int irq, Line line)
    {
        bool resend;
        lock (line.Gate)
        {
            line.OneShotTurns--;
            resend = TakePending(line);
        }

        if (resend) Interrupts.Raise(CpuBlocks.Current, irq);
    }

    /// <summary>Whether an interrupt that was noted can be served now; the caller serves it.</summary>
    private static bool TakePending(Line line)
    {
        if (!line.Pending || line.IsMasked || line.Runner >= 0) return false;
        line.Pending = false;
        return true;
    }

    private static void WaitUntilDone(Line line)
    {
        WaitUntilIdle(line);
        for (Action? action = Volatile.Read(ref line.First); action is not null; action = Volatile.Read(ref action.Next)) action.Thread?.WaitUntilIdle();
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

    /// <summary>Whether this thread is inside a handler of the line, or is one of its threads, where waiting for it would never end.</summary>
    private static bool RunsHere(Line line, int irq, string call)
    {
        CpuBlock* block = CpuBlocks.Current;
        bool here = Volatile.Read(ref line.Runner) == block->Execution.Cpu;
        for (Action? action = Volatile.Read(ref line.First); action is not null && !here; action = Volatile.Read(ref action.Next))
            here = action.Thread is { IsCurrent: true };
        if (here) KernelReports.Bug($"BUG: {call}({irq}) waits for the handler it is called from: self-deadlock on CPU#{block->Execution.Cpu}");
        return here;
    }

    private static Line[] CreateLines()
    {
        var lines = new Line[Count];
        for (int i = 0; i < Count; i++) lines[i] = new Line();
        return lines;
    }
}
