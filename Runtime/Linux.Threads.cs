// The kernel face: kernel threads, wait queues, and who runs.
//
//   task = kthread_run(fn, data, "flush")          fn:  while (!kthread_should_stop()) { wait_event(ref q, …); work }
//   kthread_stop(task)                             asks it to end, waits, returns what fn returned

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>current</c>: the running thread's task.</summary>
    public static task_struct* current => Tasks.Current;

    /// <summary><c>kthread_run(fn, data, name)</c>: starts a thread that runs the function in process context. May sleep.</summary>
    /// <param name="fn">Runs until it returns, or until it sees <see cref="kthread_should_stop"/>.</param>
    /// <param name="data">Handed to the function.</param>
    /// <param name="name">The thread's name; <c>$"…"</c> takes the place of a format.</param>
    /// <returns>The task. Valid until <see cref="kthread_stop"/> has returned, or until a function that nobody stops has returned.</returns>
    [MightSleep]
    public static task_struct* kthread_run([ProcessContext] thread_fn fn, void* data, string name)
    {
        MightSleep.Check();
        return KernelThreads.Run(fn, null, data, name);
    }

    /// <inheritdoc cref="kthread_run(thread_fn, void*, string)"/>
    [MightSleep]
    public static task_struct* kthread_run([ProcessContext] delegate*<void*, int> fn, void* data, string name)
    {
        MightSleep.Check();
        return KernelThreads.Run(null, fn, data, name);
    }

    /// <summary><c>kthread_stop(task)</c>: asks the thread to end, wakes it from <see cref="wait_event"/> and waits until it has. May sleep.</summary>
    /// <param name="task">What <see cref="kthread_run(thread_fn, void*, string)"/> returned; a thread whose function has returned by itself is a BUG.</param>
    /// <returns>What the function returned.</returns>
    [MightSleep]
    public static int kthread_stop(task_struct* task)
    {
        MightSleep.Check();
        return KernelThreads.Stop(task);
    }

    /// <summary><c>kthread_should_stop()</c>: whether <see cref="kthread_stop"/> was called for the running thread. On any other thread a BUG.</summary>
    public static bool kthread_should_stop() => KernelThreads.ShouldStop();

    /// <summary><c>init_waitqueue_head(wq)</c>. Not on one in use.</summary>
    /// <param name="wq">The wait queue.</param>
    public static void init_waitqueue_head([Borrows] ref wait_queue_head_t wq) => wq = default;

    /// <summary><c>wait_event(wq, condition)</c>: sleeps until the condition holds. Looked at first, and after each <see cref="wake_up"/>. Process context only.</summary>
    /// <param name="wq">The wait queue.</param>
    /// <param name="condition">Evaluated on this thread.</param>
    [MightSleep]
    public static void wait_event([Borrows] ref wait_queue_head_t wq, [ProcessContext] WaitCondition condition)
    {
        MightSleep.Check();
        wq.Wait(condition, -1, interruptible: false);
    }

    /// <summary><c>wait_event_interruptible(wq, condition)</c>: as <see cref="wait_event"/>, but ended by <see cref="Thread.Interrupt"/>.</summary>
    /// <param name="wq">The wait queue.</param>
    /// <param name="condition">Evaluated on this thread.</param>
    /// <returns>0, or -EINTR.</returns>
    [MightSleep]
    public static int wait_event_interruptible([Borrows] ref wait_queue_head_t wq, [ProcessContext] WaitCondition condition)
    {
        MightSleep.Check();
        return (int)Math.Min(0, wq.Wait(condition, -1, interruptible: true));
    }

    /// <summary><c>wait_event_timeout(wq, condition, timeout)</c>: as <see cref="wait_event"/>, at most so long.</summary>
    /// <param name="wq">The wait queue.</param>
    /// <param name="condition">Evaluated on this thread.</param>
    /// <param name="timeout">The time in jiffies.</param>
    /// <returns>The jiffies that were left, at least 1, or 0 if time ran out and the condition does not hold.</returns>
    [MightSleep]
    public static nuint wait_event_timeout([Borrows] ref wait_queue_head_t wq, [ProcessContext] WaitCondition condition, nuint timeout)
    {
        MightSleep.Check();
        return (nuint)wq.Wait(condition, (long)Math.Min(timeout, int.MaxValue), interruptible: false);
    }

    /// <summary><c>wake_up(wq)</c>: lets all waiters look at their conditions. After the change that they wait for. Never sleeps; any context.</summary>
    /// <param name="wq">The wait queue.</param>
    public static void wake_up([Borrows] ref wait_queue_head_t wq) => wq.WakeUp();
}
