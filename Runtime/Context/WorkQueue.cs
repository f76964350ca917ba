// The system work queue: one list of items, and threads that take them from it.
//
//   queue (one gate) ──> kworker/0, kworker/1, …       a thread is started when an item waits and no thread is idle; it ends after a minute idle
//
// Invariants: one item never runs on two threads at once: an item that is queued again while it runs waits for the thread that runs it. Every
// queueing has a number; flush_work waits for the number that was newest when it was called, so an item that keeps queueing itself can be flushed.
// A function that throws ends like an oops in a kworker: it is reported and the next item runs.
// Cost: a monitor to queue and to take. Kernel concept: system_wq, kernel/workqueue.c. Not done: queues of one's own, priorities, CPU affinity.

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>Queueing, flushing and cancelling of work items.</summary>
internal static unsafe class WorkQueue
{
    /// <summary>As the kernel's pools, threads grow with work that sleeps; this bounds what a flood of it can start.</summary>
    private const int MaxWorkers = 64;
    private const int IdleMilliseconds = 60_000;

    private sealed class Worker
    {
        internal KernelWork* Current;
        internal long CurrentSequence;

        /// <summary>The item was queued again while it ran: this thread runs it next.</summary>
        internal KernelWork* Again;
        internal Thread? Thread;
    }

    private static readonly object s_gate = new();
    private static readonly List<Worker> s_workers = [];
    private static KernelWork* s_head;
    private static KernelWork* s_tail;
    private static long s_sequence;
    private static int s_idle;
    private static int s_started;

    internal static void Init(KernelWork* work, WorkFunction? handler, void* function)
    {
        // Memory that was never an item of this place does not hold its own address.
        if (work->Self == work && work->Pending)
        {
            PinnedPlace.ReportActive(work, "work_struct", "INIT_WORK", "cancel_work_sync");
            Cancel(work, wait: false);
        }

        *work = new KernelWork { Self = work, Function = function, Handler = handler is null ? 0 : HandlerTable.Add(handler) };
    }

    /// <summary>Queues the item; <see langword="false"/> if it is queued already.</summary>
    internal static bool Queue(KernelWork* work)
    {
        if (!CheckPlace(work)) return false;
        lock (s_gate)
        {
            if (work->Pending) return false;
            if (work->Released && !Reacquire(work)) return false;
            work->Pending = true;
            Append(work);
            return true;
        }
    }

    /// <summary>Sets the timer that queues the item; <see langword="false"/> if it is queued or waiting already.</summary>
    internal static bool QueueLater(KernelDelayedWork* delayed, nuint expires)
    {
        KernelWork* work = &delayed->work;
        if (!CheckPlace(work)) return false;
        lock (s_gate)
        {
            if (work->Pending) return false;
            if (work->Released && !Reacquire(work)) return false;
            work->Pending = true;
            TimerQueue.Modify(&delayed->Timer, expires);
            return true;
        }
    }

    /// <summary>Queues an item whose time has come, unless it was cancelled meanwhile.</summary>
    internal static void QueueWaiting(KernelWork* work)
    {
        lock (s_gate)
        {
            if (work->Pending) Append(work);
        }
    }

    /// <summary>Waits until the newest queueing of the item has run; <see langword="false"/> if there was none.</summary>
    internal static bool Flush(KernelWork* work)
    {
        if (!CheckPlace(work)) return false;
        bool interrupted = false;
        lock (s_gate)
        {
            Worker? runner = RunnerOf(work);
            if (runner?.Thread == Thread.CurrentThread) return ReportOwnFlush(work, "flush_work");
            long awaited = work->Pending ? work->Sequence : runner?.CurrentSequence ?? 0;
            if (awaited == 0) return false;
            while (IsUnfinished(awaited)) ParkingLot.Sleep(s_gate, Timeout.Infinite, interruptible: false, ref interrupted);
        }

        ParkingLot.PassOn(interrupted);
        return true;
    }

    /// <summary>Takes the item out of the queue, waits for a running one if asked, and lets its delegate go. Returns whether it was queued.</summary>
    internal static bool Cancel(KernelWork* work, bool wait)
    {
        if (work->Self == null || !CheckPlace(work)) return false;
        bool interrupted = false;
        bool wasPending;
        lock (s_gate)
        {
            wasPending = Unqueue(work);
            if (wait)
            {
                while (RunnerOf(work) is { } runner)
                {
                    if (runner.Thread == Thread.CurrentThread)
                    {
                        ReportOwnFlush(work, "cancel_work_sync");
                        break;
                    }

                    ParkingLot.Sleep(s_gate, Timeout.Infinite, interruptible: false, ref interrupted);

                    // It may have queued itself again before it ended.
                    wasPending |= Unqueue(work);
                }
            }

            // A running item has fetched its delegate already.
            if (work->Handler != 0 && !work->Released)
            {
                HandlerTable.Release(work->Handler);
                work->Released = true;
            }
        }

        ParkingLot.PassOn(interrupted);
        return wasPending;
    }

    private static void Append(KernelWork* work)
    {
        work->Sequence = ++s_sequence;
        work->Next = null;
        if (s_tail == null) s_head = work;
        else s_tail->Next = work;
        s_tail = work;
        Wake();
    }

    private static bool Unqueue(KernelWork* work)
    {
        if (!work->Pending) return false;
        work->Pending = false;
        foreach (Worker worker in s_workers)
        {
            if (worker.Again != work) continue;
            worker.Again = null;
            return true;
        }

        KernelWork* previous = null;
        for (KernelWork* item = s_head; item != null; previous = item, item = item->Next)
        {
            if (item != work) continue;
            if (previous == null) s_head = item->Next;
            else previous->Next = item->Next;
            if (s_tail == item) s_tail = previous;
            break;
        }

        return true;
    }

    private static void Wake()
    {
        if (s_idle != 0 || s_workers.Count == MaxWorkers)
        {
            // All of the gate's waiters are woken: some wait for a flush.
            Monitor.PulseAll(s_gate);
            return;
        }

        StartWorker();
    }

    private static void StartWorker()
    {
        var worker = new Worker();
        worker.Thread = new Thread(() => Run(worker)) { IsBackground = true, Name = $"kworker/{s_started++}" };
        s_workers.Add(worker);
        worker.Thread.Start();
    }

    private static void Run(Worker self)
    {
        CpuBlock* block = CpuBlocks.Current;
        while (RunNext(self)) Preemption.CheckLeft(block, "workqueue");
        CpuBlocks.Detach();
    }

    /// <summary>Waits for an item and runs it. A frame of its own, so that an idle thread does not keep the last delegate alive.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool RunNext(Worker self)
    {
        WorkFunction? handler = null;
        delegate*<KernelWork*, void> function = null;
        KernelWork* work;
        lock (s_gate)
        {
            self.Current = null;
            work = Take(self);
            if (work == null)
            {
                s_workers.Remove(self);
                return false;
            }

            if (work->Function != null) function = (delegate*<KernelWork*, void>)work->Function;
            else handler = (WorkFunction)HandlerTable.Get(work->Handler);
            work->Pending = false;
            self.Current = work;
            self.CurrentSequence = work->Sequence;
        }

        try
        {
            if (function != null) function(work);
            else handler!(work);
        }
        catch (Exception e)
        {
            KernelReports.Warn($"WARNING: a work item on {Thread.CurrentThread.Name} failed: {e.Message}");
        }

        return true;
    }

    /// <summary>The next item for this thread, or null when it has been idle long enough to end.</summary>
    private static KernelWork* Take(Worker self)
    {
        // Whoever waits in flush_work or cancel_work_sync sees that the item has run.
        Monitor.PulseAll(s_gate);
        while (true)
        {
            KernelWork* work = self.Again;
            if (work != null)
            {
                self.Again = null;
                return work;
            }

            work = s_head;
            if (work == null)
            {
                s_idle++;
                bool woken = Monitor.Wait(s_gate, IdleMilliseconds);
                s_idle--;
                if (!woken && s_head == null && self.Again == null) return null;
                continue;
            }

            s_head = work->Next;
            if (s_head == null) s_tail = null;
            Worker? runner = RunnerOf(work);
            if (runner is null)
            {
                // This item may wait for the next one: another thread has to be there to take it.
                if (s_head != null && s_idle == 0 && s_workers.Count < MaxWorkers) StartWorker();
                return work;
            }

            runner.Again = work;
        }
    }

    private static Worker? RunnerOf(KernelWork* work)
    {
        foreach (Worker worker in s_workers)
            if (worker.Current == work) return worker;
        return null;
    }

    private static bool IsUnfinished(long sequence)
    {
        foreach (Worker worker in s_workers)
            if ((worker.Current != null && worker.CurrentSequence == sequence) || (worker.Again != null && worker.Again->Sequence == sequence)) return true;
        for (KernelWork* item = s_head; item != null; item = item->Next)
            if (item->Sequence == sequence) return true;
        return false;
    }

    private static bool CheckPlace(KernelWork* work) => PinnedPlace.Check(work, work->Self, "work_struct", "INIT_WORK");

    private static bool Reacquire(KernelWork* work)
    {
        if (HandlerTable.TryAddUser(ref work->Handler))
        {
            work->Released = false;
            return true;
        }

        PinnedPlace.ReportHandlerGone(work, "work_struct", "cancel_work");
        return false;
    }

    private static bool ReportOwnFlush(KernelWork* work, string call)
    {
        KernelReports.Bug($"BUG: {call} of the work item that is running on this thread ({ContextReport.Task}): it would wait for itself", (nuint)work);
        return false;
    }
}
