// The functions that KAlloc calls back, each with the context it runs in: the analyzers read it off these types, and off the parameters that take
// them. Named delegates, because pointers cannot be type arguments. Kernel concept: irq_handler_t, work_func_t, and so on.

namespace KAlloc;

/// <summary>What an interrupt handler says: the kernel's <c>irqreturn_t</c>.</summary>
public enum IrqReturn
{
    /// <summary><c>IRQ_NONE</c>: the interrupt was not from this handler's device.</summary>
    None = 0,

    /// <summary><c>IRQ_HANDLED</c>: the interrupt was handled.</summary>
    Handled = 1,

    /// <summary><c>IRQ_WAKE_THREAD</c>: the line's thread function is to do the rest.</summary>
    WakeThread = 2,
}

/// <summary>Serves an interrupt, with interrupts off: it must not sleep. The kernel's <c>irq_handler_t</c>.</summary>
/// <param name="irq">The interrupt line.</param>
/// <param name="dev">What was given to <c>request_irq</c>.</param>
[InterruptHandler]
public unsafe delegate IrqReturn IrqHandler(int irq, void* dev);

/// <summary>A softirq's action: it must not sleep.</summary>
[SoftIrq]
public delegate void SoftIrqAction();

/// <summary>A tasklet's function: it must not sleep.</summary>
/// <param name="data">What was given to <c>tasklet_init</c>.</param>
[Tasklet]
public delegate void TaskletFunction(nuint data);

/// <summary>A timer's function, in softirq context: it must not sleep.</summary>
/// <param name="timer">The timer that expired; it may be set again or freed.</param>
[TimerCallback]
public unsafe delegate void TimerFunction(KernelTimer* timer);

/// <summary>A work item's function, on a kworker thread: it may sleep.</summary>
/// <param name="work">The item; it may be queued again or freed.</param>
[ProcessContext]
public unsafe delegate void WorkFunction(KernelWork* work);

/// <summary>The second half of a threaded interrupt, on a thread of its own: it may sleep.</summary>
/// <param name="irq">The interrupt line.</param>
/// <param name="dev">What was given to <c>request_threaded_irq</c>.</param>
[ProcessContext]
public unsafe delegate IrqReturn IrqThreadFunction(int irq, void* dev);

/// <summary>A kernel thread's function: it may sleep. The kernel's <c>int (*)(void *)</c>.</summary>
/// <param name="data">What was given to <c>kthread_run</c>.</param>
[ProcessContext]
public unsafe delegate int ThreadFunction(void* data);

/// <summary>What a thread waits for at a wait queue. Evaluated on the waiting thread, several times.</summary>
[ProcessContext]
public delegate bool WaitCondition();

/// <summary>What runs after a grace period, in softirq context: it must not sleep. The kernel's <c>rcu_callback_t</c>.</summary>
/// <param name="head">The head that was queued; the object that it is part of may be freed.</param>
[SoftIrq]
public unsafe delegate void RcuCallback(RcuHead* head);
