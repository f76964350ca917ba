// The queue of set timers and the thread that runs them; see KernelTimer.

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>Setting, deleting and running of timers.</summary>
internal static unsafe class TimerQueue
{
    internal const int Hertz = 1000;

    private static readonly object s_gate = new();
    private static readonly long s_start = Stopwatch.GetTimestamp();
    private static KernelTimer*[] s_heap = new KernelTimer*[16];
    private static int s_count;
    private static KernelTimer* s_running;
    private static Thread? s_thread;

    /// <summary>Milliseconds since the first call, as the kernel's jiffies.</summary>
    internal static nuint Jiffies => (nuint)Stopwatch.GetElapsedTime(s_start).TotalMilliseconds;

    internal static void Setup(KernelTimer* timer, TimerFunction? handler, void* function, uint flags)
    {
        if (timer->Self == timer && IsSet(timer))
        {
            PinnedPlace.ReportActive(timer, "timer_list", "timer_setup", "del_timer_sync");
            Delete(timer, wait: false);
        }

        *timer = new KernelTimer { Self = timer, Function = function, Handler = handler is null ? 0 : HandlerTable.Add(handler), Flags = flags };
    }

    private static bool IsSet(KernelTimer* timer)
    {
        lock (s_gate) return (uint)(timer->Place - 1) < (uint)s_count && s_heap[timer->Place - 1] == timer;
    }

    /// <summary>Sets the timer; returns whether it was set before.</summary>
    internal static bool Modify(KernelTimer* timer, nuint expires)
    {
        if (!CheckPlace(timer)) return false;
        lock (s_gate)
        {
            if (timer->Released && !Reacquire(timer)) return false;
            bool wasSet = Take(timer);
            timer->expires = expires;
            if (s_count == s_heap.Length) Grow();
            s_count++;
            Rise(s_count - 1, timer);
            if (s_thread is null)
            {
                s_thread = new Thread(Loop) { IsBackground = true, Name = "ktimers" };
                s_thread.Start();
            }

            if (s_heap[0] == timer) Monitor.PulseAll(s_gate);
            return wasSet;
        }
    }

    /// <summary>Takes the timer out, waits for its running function if asked, and lets its delegate go. Returns whether it was set.</summary>
    internal static bool Delete(KernelTimer* timer, bool wait)
    {
        if (timer->Self == null || !CheckPlace(timer)) return false;
        bool interrupted = false;
        bool wasSet;
        lock (s_gate)
        {
            wasSet = Take(timer);
            while (wait && s_running == timer)
            {
                if (Thread.CurrentThread == s_thread)
                {
                    KernelReports.Bug("BUG: del_timer_sync of the timer that is running on this thread: it would wait for itself", (nuint)timer);
                    break;
                }

                ParkingLot.Sleep(s_gate, Timeout.Infinite, interruptible: false, ref interrupted);
                wasSet |= Take(timer);
            }

            if (timer->Handler != 0 && !timer->Released)
            {
                HandlerTable.Release(timer->Handler);
                timer->Released = true;
            }
        }

        ParkingLot.PassOn(interrupted);
        return wasSet;
    }

    private static void Loop()
    {
        CpuBlock* block = CpuBlocks.Current;
        while (true) RunNext(block);
    }

    /// <summary>Waits for a timer and runs it. A frame of its own, so that the idle thread does not keep the last delegate alive.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RunNext(CpuBlock* block)
    {
        KernelTimer* timer;
        TimerFunction? handler = null;
        delegate*<KernelTimer*, void> function = null;
        lock (s_gate)
        {
            s_running = null;
            Monitor.PulseAll(s_gate);
            while (true)
            {
                long left = s_count == 0 ? Timeout.Infinite : (long)s_heap[0]->expires - (long)Jiffies;
                if (s_count != 0 && left <= 0) break;
                Monitor.Wait(s_gate, (int)Math.Min(left, int.MaxValue));
            }

            timer = s_heap[0];
            Take(timer);
            s_running = timer;
            if (timer->Function != null) function = (delegate*<KernelTimer*, void>)timer->Function;
            else handler = (TimerFunction)HandlerTable.Get(timer->Handler);
        }

        Run(block, timer, handler, function);
    }

    private static void Run(CpuBlock* block, KernelTimer* timer, TimerFunction? handler, delegate*<KernelTimer*, void> function)
    {
        block->Execution.PreemptCount += ExecutionState.SoftIrqOffset;
        int before = block->Execution.PreemptCount;
        try
        {
            if (function != null) function(timer);
            else handler!(timer);
            Preemption.RestoreAfterHandler(block, before, "timer");
        }
        catch (Exception e)
        {
            KernelReports.Warn($"WARNING: a timer failed: {e.Message}");
        }

        block->Execution.PreemptCount = 0;
        Interrupts.Enable(block);
        Preemption.CheckLeft(block, "timer");
    }

    /// <summary>Takes the timer out of the heap if it is in it.</summary>
    private static bool Take(KernelTimer* timer)
    {
        if (timer->Place == 0) return false;
        int place = timer->Place - 1;
        timer->Place = 0;
        KernelTimer* last = s_heap[--s_count];
        if (last == timer) return true;
        Rise(place, last);
        Sink(last->Place - 1, last);
        return true;
    }

    private static void Grow()
    {
        var larger = new KernelTimer*[s_count * 2];
        for (int i = 0; i < s_count; i++) larger[i] = s_heap[i];
        s_heap = larger;
    }

    private static void Rise(int place, KernelTimer* timer)
    {
        while (place > 0)
        {
            int parent = (place - 1) / 2;
            if (s_heap[parent]->expires <= timer->expires) break;
            Put(place, s_heap[parent]);
            place = parent;
        }

        Put(place, timer);
    }

    private static void Sink(int place, KernelTimer* timer)
    {
        while (true)
        {
            int child = 2 * place + 1;
            if (child >= s_count) break;
            if (child + 1 < s_count && s_heap[child + 1]->expires < s_heap[child]->expires) child++;
            if (s_heap[child]->expires >= timer->expires) break;
            Put(place, s_heap[child]);
            place = child;
        }

        Put(place, timer);
    }

    private static void Put(int place, KernelTimer* timer)
    {
        s_heap[place] = timer;
        timer->Place = place + 1;
    }

    private static bool CheckPlace(KernelTimer* timer) => PinnedPlace.Check(timer, timer->Self, "timer_list", "timer_setup");

    private static bool Reacquire(KernelTimer* timer)
    {
        if (HandlerTable.TryAddUser(ref timer->Handler))
        {
            timer->Released = false;
            return true;
        }

        PinnedPlace.ReportHandlerGone(timer, "timer_list", "del_timer");
        return false;
    }
}
