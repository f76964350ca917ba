// A work item and the timer that queues it. From schedule to queueing the item counts as pending, so it is scheduled only once.
// Lock order: the work queue's gate, then the timers'. Kernel concept: struct delayed_work, delayed_work_timer_fn.

namespace KAlloc;

internal static unsafe class DelayedWork
{
    internal static void Init(KernelDelayedWork* delayed, WorkFunction? handler, void* function)
    {
        WorkQueue.Init(&delayed->work, handler, function);
        TimerQueue.Setup(&delayed->Timer, null, (delegate*<KernelTimer*, void>)&Expired, 0);
    }

    internal static bool Schedule(KernelDelayedWork* delayed, nuint delay) =>
        delay == 0 ? WorkQueue.Queue(&delayed->work) : WorkQueue.QueueLater(delayed, TimerQueue.Jiffies + delay);

    internal static bool Cancel(KernelDelayedWork* delayed)
    {
        // First the item: a timer that expires from here on finds it not pending and leaves it alone.
        bool wasPending = WorkQueue.Cancel(&delayed->work, wait: true);
        TimerQueue.Delete(&delayed->Timer, wait: true);
        return wasPending;
    }

    private static void Expired(KernelTimer* timer)
    {
        // The timer is the second member.
        var delayed = (KernelDelayedWork*)((byte*)timer - (nuint)sizeof(KernelWork));
        WorkQueue.QueueWaiting(&delayed->work);
    }
}
