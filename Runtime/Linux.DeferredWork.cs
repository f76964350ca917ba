// The kernel face: interrupts, softirqs, tasklets, work items and timers: who calls a driver back, and in which context.
//
//   raise_irq ──> irq handler ──tasklet_schedule──> tasklet            atomic: must not sleep
//                     └─────────schedule_work─────> work item          process context: may sleep
//   mod_timer ──> timer function                                       atomic (softirq)
//
// Each call that takes a handler takes a delegate or a function pointer (`&handler`). Work items, timers and tasklets are linked by address and must be
// in native or pinned memory: one that moved, or was never initialised, is a BUG.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>IRQF_SHARED</c>: the line may have several handlers, each with a dev of its own.</summary>
    public const nuint IRQF_SHARED = IrqLines.Shared;

    /// <summary><c>IRQF_ONESHOT</c>: the line stays masked until the thread function has run.</summary>
    public const nuint IRQF_ONESHOT = IrqLines.OneShot;

    /// <summary><c>IRQF_NO_AUTOEN</c>: the line stays disabled until <see cref="enable_irq"/>.</summary>
    public const nuint IRQF_NO_AUTOEN = IrqLines.NoAutoEnable;

    /// <summary><c>IRQ_NONE</c>: not from this device.</summary>
    public const irqreturn_t IRQ_NONE = IrqReturn.None;

    /// <summary><c>IRQ_HANDLED</c>.</summary>
    public const irqreturn_t IRQ_HANDLED = IrqReturn.Handled;

    /// <summary><c>IRQ_WAKE_THREAD</c>: the thread function is to do the rest.</summary>
    public const irqreturn_t IRQ_WAKE_THREAD = IrqReturn.WakeThread;

    /// <summary><c>request_irq(irq, handler, flags, name, dev)</c>: from now on the handler serves the line. May sleep.</summary>
    /// <param name="irq">The line, 0 to 255.</param>
    /// <param name="handler">Runs in interrupt context, with interrupts off: it must not sleep.</param>
    /// <param name="flags">0, <see cref="IRQF_SHARED"/>, <see cref="IRQF_NO_AUTOEN"/>.</param>
    /// <param name="name">The device, for reports.</param>
    /// <param name="dev">Handed to the handler; with <see cref="IRQF_SHARED"/> not null, as <see cref="free_irq"/> finds the handler by it.</param>
    /// <returns>0, -EINVAL for wrong arguments, -EBUSY if the line is taken and not shared.</returns>
    [MightSleep]
    public static int request_irq(int irq, [InterruptHandler] irq_handler_t handler, nuint flags, string name, void* dev)
    {
        MightSleep.Check();
        return IrqLines.Request(irq, new(handler, null), default, flags, name, dev);
    }

    /// <inheritdoc cref="request_irq(int, irq_handler_t, nuint, string, void*)"/>
    [MightSleep]
    public static int request_irq(int irq, [InterruptHandler] delegate*<int, void*, irqreturn_t> handler, nuint flags, string name, void* dev)
    {
        MightSleep.Check();
        return IrqLines.Request(irq, new(null, handler), default, flags, name, dev);
    }

    /// <summary>
    /// <c>request_threaded_irq(irq, handler, thread_fn, flags, name, dev)</c>: a handler that leaves the rest to a thread of the line's own. May sleep.
    /// </summary>
    /// <param name="irq">The line, 0 to 255.</param>
    /// <param name="handler">Runs in interrupt context and returns <see cref="IRQ_WAKE_THREAD"/>; null: only wakes, which needs <see cref="IRQF_ONESHOT"/>.</param>
    /// <param name="thread_fn">Runs on the thread irq/N-name, in process context: it may sleep. Null: as <see cref="request_irq(int, irq_handler_t, nuint, string, void*)"/>.</param>
    /// <param name="flags">0, <see cref="IRQF_SHARED"/>, <see cref="IRQF_ONESHOT"/>, <see cref="IRQF_NO_AUTOEN"/>.</param>
    /// <param name="name">The device, for reports.</param>
    /// <param name="dev">Handed to both; with <see cref="IRQF_SHARED"/> not null.</param>
    /// <returns>0, -EINVAL for wrong arguments, -EBUSY if the line is taken and not shared in the same way.</returns>
    [MightSleep]
    public static int request_threaded_irq(int irq, [InterruptHandler] irq_handler_t? handler, [ProcessContext] irq_thread_fn? thread_fn, nuint flags, string name, void* dev)
    {
        MightSleep.Check();
        return IrqLines.Request(irq, new(handler, null), new(thread_fn, null), flags, name, dev);
    }

    /// <inheritdoc cref="request_threaded_irq(int, irq_handler_t?, irq_thread_fn?, nuint, string, void*)"/>
    [MightSleep]
    public static int request_threaded_irq(
        int irq, [InterruptHandler] delegate*<int, void*, irqreturn_t> handler, [ProcessContext] delegate*<int, void*, irqreturn_t> thread_fn, nuint flags, string name, void* dev)
    {
        MightSleep.Check();
        return IrqLines.Request(irq, new(null, handler), new(null, thread_fn), flags, name, dev);
    }

    /// <summary><c>free_irq(irq, dev)</c>: removes the handler and waits until it runs nowhere. May sleep. No such handler: a WARN.</summary>
    /// <param name="irq">The line.</param>
    /// <param name="dev">What was given to request_irq.</param>
    [MightSleep]
    public static void free_irq(int irq, void* dev)
    {
        MightSleep.Check();
        IrqLines.Free(irq, dev);
    }

    /// <summary><c>disable_irq(irq)</c>: the line's interrupts wait; returns when no handler of it runs. May sleep. Nests.</summary>
    /// <param name="irq">The line.</param>
    [MightSleep]
    public static void disable_irq(int irq)
    {
        MightSleep.Check();
        IrqLines.Disable(irq, wait: true);
    }

    /// <summary><c>disable_irq_nosync(irq)</c>: as <see cref="disable_irq"/> without waiting. Any context.</summary>
    /// <param name="irq">The line.</param>
    public static void disable_irq_nosync(int irq) => IrqLines.Disable(irq, wait: false);

    /// <summary><c>enable_irq(irq)</c>: undoes one disable; the last one delivers, on this thread, what waited. One too many: a WARN.</summary>
    /// <param name="irq">The line.</param>
    public static void enable_irq(int irq) => IrqLines.Enable(CpuBlocks.Current, irq);

    /// <summary><c>synchronize_irq(irq)</c>: waits until no handler of the line runs. May sleep.</summary>
    /// <param name="irq">The line.</param>
    [MightSleep]
    public static void synchronize_irq(int irq)
    {
        MightSleep.Check();
        IrqLines.Synchronize(irq);
    }

    /// <summary>
    /// Raises an interrupt, as hardware would: the handlers run on this thread, at once, or when it enables interrupts. KAlloc's own; any context.
    /// </summary>
    /// <param name="irq">The line. Without a handler that handles it: a WARN.</param>
    public static void raise_irq(int irq) => IrqLines.Raise(CpuBlocks.Current, irq);

    /// <summary><c>open_softirq(nr, action)</c>: what a softirq runs.</summary>
    /// <param name="number">0 to 9, not 6, which serves the tasklets.</param>
    /// <param name="action">Runs in softirq context: it must not sleep.</param>
    public static void open_softirq(int number, [SoftIrq] softirq_fn action) => SoftIrqs.Open(number, action);

    /// <summary><c>raise_softirq(nr)</c>: the softirq runs on this thread as soon as interrupts, softirqs and preemption allow. Any context.</summary>
    /// <param name="number">The softirq.</param>
    public static void raise_softirq(int number) => SoftIrqs.RaiseChecked(CpuBlocks.Current, number);

    /// <summary><c>tasklet_init(t, func, data)</c>. Not on a tasklet that is scheduled.</summary>
    /// <param name="t">The tasklet, in native or pinned memory.</param>
    /// <param name="func">Runs in softirq context: it must not sleep.</param>
    /// <param name="data">Handed to the function.</param>
    public static void tasklet_init([Borrows] ref tasklet_struct t, [Tasklet] tasklet_fn func, nuint data) =>
        Tasklets.Init(Pointer(ref t), func, null, data);

    /// <inheritdoc cref="tasklet_init(ref tasklet_struct, tasklet_fn, nuint)"/>
    public static void tasklet_init([Borrows] ref tasklet_struct t, [Tasklet] delegate*<nuint, void> func, nuint data) =>
        Tasklets.Init(Pointer(ref t), null, func, data);

    /// <summary><c>tasklet_schedule(t)</c>: runs it once, soon, on this thread; nothing if it is scheduled already. Any context.</summary>
    /// <param name="t">The tasklet.</param>
    public static void tasklet_schedule(ref tasklet_struct t) => Tasklets.Schedule(CpuBlocks.Current, Pointer(ref t));

    /// <summary><c>tasklet_kill(t)</c>: waits until it is neither scheduled nor running. May sleep. A zeroed tasklet may be killed.</summary>
    /// <param name="t">The tasklet.</param>
    [MightSleep]
    public static void tasklet_kill([Borrows] ref tasklet_struct t)
    {
        MightSleep.Check();
        Tasklets.Kill(Pointer(ref t));
    }

    /// <summary><c>INIT_WORK(w, func)</c>. Not on an item that is queued.</summary>
    /// <param name="w">The item, in native or pinned memory.</param>
    /// <param name="func">Runs on a kworker thread, in process context: it may sleep.</param>
    public static void INIT_WORK([Borrows] ref work_struct w, [ProcessContext] work_fn func) => WorkQueue.Init(Pointer(ref w), func, null);

    /// <inheritdoc cref="INIT_WORK(ref work_struct, work_fn)"/>
    public static void INIT_WORK([Borrows] ref work_struct w, [ProcessContext] delegate*<work_struct*, void> func) => WorkQueue.Init(Pointer(ref w), null, func);

    /// <summary><c>schedule_work(w)</c>: queues the item. Never sleeps; any context.</summary>
    /// <param name="w">The item.</param>
    /// <returns><see langword="false"/> if it is queued already.</returns>
    public static bool schedule_work(ref work_struct w) => WorkQueue.Queue(Pointer(ref w));

    /// <summary><c>flush_work(w)</c>: waits until the item, as last queued, has run. May sleep.</summary>
    /// <param name="w">The item.</param>
    /// <returns><see langword="false"/> if it was idle.</returns>
    [MightSleep]
    public static bool flush_work([Borrows] ref work_struct w)
    {
        MightSleep.Check();
        return WorkQueue.Flush(Pointer(ref w));
    }

    /// <summary><c>cancel_work(w)</c>: takes the item out of the queue. Does not wait for a running one; any context.</summary>
    /// <param name="w">The item.</param>
    /// <returns>Whether it was queued.</returns>
    public static bool cancel_work([Borrows] ref work_struct w) => WorkQueue.Cancel(Pointer(ref w), wait: false);

    /// <summary><c>cancel_work_sync(w)</c>: takes the item out of the queue and waits until it runs nowhere. May sleep.</summary>
    /// <param name="w">The item.</param>
    /// <returns>Whether it was queued.</returns>
    [MightSleep]
    public static bool cancel_work_sync([Borrows] ref work_struct w)
    {
        MightSleep.Check();
        return WorkQueue.Cancel(Pointer(ref w), wait: true);
    }

    /// <summary><c>INIT_DELAYED_WORK(w, func)</c>. The function finds its <see cref="delayed_work"/> at the address of the item.</summary>
    /// <param name="w">The item, in native or pinned memory.</param>
    /// <param name="func">Runs on a kworker thread, in process context: it may sleep.</param>
    public static void INIT_DELAYED_WORK([Borrows] ref delayed_work w, [ProcessContext] work_fn func) => DelayedWork.Init(Pointer(ref w), func, null);

    /// <inheritdoc cref="INIT_DELAYED_WORK(ref delayed_work, work_fn)"/>
    public static void INIT_DELAYED_WORK([Borrows] ref delayed_work w, [ProcessContext] delegate*<work_struct*, void> func) =>
        DelayedWork.Init(Pointer(ref w), null, func);

    /// <summary><c>schedule_delayed_work(w, delay)</c>: queues the item after a time. Never sleeps; any context.</summary>
    /// <param name="w">The item.</param>
    /// <param name="delay">The time in jiffies.</param>
    /// <returns><see langword="false"/> if it is queued or waiting already.</returns>
    public static bool schedule_delayed_work(ref delayed_work w, nuint delay) => DelayedWork.Schedule(Pointer(ref w), delay);

    /// <summary><c>cancel_delayed_work_sync(w)</c>: stops the waiting, takes the item out of the queue and waits until it runs nowhere. May sleep.</summary>
    /// <param name="w">The item.</param>
    /// <returns>Whether it was queued or waiting.</returns>
    [MightSleep]
    public static bool cancel_delayed_work_sync([Borrows] ref delayed_work w)
    {
        MightSleep.Check();
        return DelayedWork.Cancel(Pointer(ref w));
    }

    /// <summary><c>HZ</c>: jiffies in a second.</summary>
    public const int HZ = TimerQueue.Hertz;

    /// <summary><c>jiffies</c>: milliseconds since the process first asked for them.</summary>
    public static nuint jiffies => TimerQueue.Jiffies;

    /// <summary><c>msecs_to_jiffies(ms)</c>.</summary>
    /// <param name="milliseconds">The time.</param>
    public static nuint msecs_to_jiffies(uint milliseconds) => milliseconds;

    /// <summary><c>timer_setup(t, callback, flags)</c>. Not on a timer that is set.</summary>
    /// <param name="t">The timer, in native or pinned memory.</param>
    /// <param name="callback">Runs in softirq context on the timer thread: it must not sleep.</param>
    /// <param name="flags">Kept, without effect: there is one timer thread.</param>
    public static void timer_setup([Borrows] ref timer_list t, [TimerCallback] timer_fn callback, uint flags) =>
        TimerQueue.Setup(Pointer(ref t), callback, null, flags);

    /// <inheritdoc cref="timer_setup(ref timer_list, timer_fn, uint)"/>
    public static void timer_setup([Borrows] ref timer_list t, [TimerCallback] delegate*<timer_list*, void> callback, uint flags) =>
        TimerQueue.Setup(Pointer(ref t), null, callback, flags);

    /// <summary><c>mod_timer(t, expires)</c>: sets the timer, or moves it. Never sleeps; any context.</summary>
    /// <param name="t">The timer.</param>
    /// <param name="expires">When it fires, in <see cref="jiffies"/>.</param>
    /// <returns>1 if it was set before, else 0.</returns>
    public static int mod_timer(ref timer_list t, nuint expires) => TimerQueue.Modify(Pointer(ref t), expires) ? 1 : 0;

    /// <summary><c>del_timer(t)</c>: stops the timer; its function may still be running. Any context.</summary>
    /// <param name="t">The timer; a zeroed one may be deleted.</param>
    /// <returns>1 if it was set, else 0.</returns>
    public static int del_timer([Borrows] ref timer_list t) => TimerQueue.Delete(Pointer(ref t), wait: false) ? 1 : 0;

    /// <summary><c>del_timer_sync(t)</c>: stops the timer and waits until its function runs nowhere. Not in an interrupt.</summary>
    /// <param name="t">The timer; a zeroed one may be deleted.</param>
    /// <returns>1 if it was set, else 0.</returns>
    public static int del_timer_sync([Borrows] ref timer_list t) => TimerQueue.Delete(Pointer(ref t), wait: true) ? 1 : 0;

    /// <summary>The address of a struct that its user has promised not to move; where the promise is broken, PinnedPlace finds it.</summary>
    private static T* Pointer<T>(ref T place) where T : unmanaged => (T*)Unsafe.AsPointer(ref place);
}
