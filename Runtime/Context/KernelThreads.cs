// Kernel threads: a function on a thread of its own, in process context, that runs until it returns or is asked to stop.
//
//   kthread_run ──> thread: while (!kthread_should_stop()) wait_event(…)          kthread_stop: asks, wakes it, waits, returns its result
//
// A request to stop wakes the thread from wait_event, whose condition should look at kthread_should_stop.
// Invariant: a task is in the table from kthread_run until its function has returned and nobody waits in kthread_stop any more; a pointer to one
// that is not in the table is refused. Kernel concept: kernel/kthread.c. Not done: parking, binding to a CPU.

namespace KAlloc;

/// <summary>Starting and stopping of kernel threads.</summary>
internal static unsafe class KernelThreads
{
    private sealed class Record
    {
        internal nint Task;
        internal object? Gate;
        internal bool StopRequested;
        internal int Stoppers;
        internal bool Ended;
        internal int Result;
    }

    private static readonly object s_lock = new();
    private static readonly Dictionary<nint, Record> s_records = [];

    [ThreadStatic]
    private static Record? t_self;

    internal static TaskStruct* Run(ThreadFunction? function, void* pointer, void* data, string name)
    {
        TaskStruct* task = Tasks.Create();
        var record = new Record { Task = (nint)task };
        lock (s_lock) s_records.Add(record.Task, record);
        var started = new ManualResetEventSlim();
        var thread = new Thread(() => Main(record, started, function, pointer, data, name)) { IsBackground = true, Name = name };
        thread.Start();

        // The caller finds the record filled in.
        started.Wait();
        return task;
    }

    /// <summary>Asks the thread to end and waits for its result; -ESRCH if there is no such thread.</summary>
    internal static int Stop(TaskStruct* task)
    {
        bool interrupted = false;
        Record? record;
        lock (s_lock)
        {
            if (!s_records.TryGetValue((nint)task, out record) || record == t_self)
            {
                string why = record is null ? "is no kernel thread, or has ended and is gone" : "is the caller: it would wait for itself";
                KernelReports.Bug($"BUG: kthread_stop of a task that {why}: {ContextReport.Task}", (nuint)task);
                return -ErrorNumbers.ESRCH;
            }

            record.Stoppers++;
            Volatile.Write(ref record.StopRequested, true);
        }

        Interlocked.MemoryBarrier();
        object? gate = Volatile.Read(ref record.Gate);
        if (gate is not null)
        {
            lock (gate) Monitor.PulseAll(gate);
        }

        lock (s_lock)
        {
            while (!record.Ended) ParkingLot.Sleep(s_lock, Timeout.Infinite, interruptible: false, ref interrupted);
            if (--record.Stoppers == 0) Remove(record);
        }

        ParkingLot.PassOn(interrupted);
        return record.Result;
    }

    /// <summary>Whether the running kernel thread was asked to end.</summary>
    internal static bool ShouldStop()
    {
        if (t_self is { } self) return Volatile.Read(ref self.StopRequested);
        KernelReports.Bug($"BUG: kthread_should_stop on a thread that kthread_run did not start: {ContextReport.Task}");
        return true;
    }

    /// <summary>Notes that the thread is about to sleep inside the gate; <see langword="false"/>: it was asked to stop and should look at its condition.</summary>
    internal static bool MaySleepAt(object gate)
    {
        if (t_self is not { } self) return true;
        if (self.StopRequested)
        {
            // Its condition does not look at kthread_should_stop: it goes on waiting, but not without a look now and then.
            Monitor.Wait(gate, 1);
            return false;
        }

        Volatile.Write(ref self.Gate, gate);
        Interlocked.MemoryBarrier();
        if (!Volatile.Read(ref self.StopRequested)) return true;
        self.Gate = null;
        return false;
    }

    internal static void LeftGate()
    {
        if (t_self is { } self) self.Gate = null;
    }

    private static void Main(Record record, ManualResetEventSlim started, ThreadFunction? function, void* pointer, void* data, string name)
    {
        var task = (TaskStruct*)record.Task;
        CpuBlock* block = CpuBlocks.Current;
        void* before = block->Execution.Task;
        block->Execution.Task = task;
        t_self = record;
        Tasks.Describe(task, name, Tasks.KernelThread);
        started.Set();
        int result;
        try
        {
            result = function is not null ? function(data) : ((delegate*<void*, int>)pointer)(data);
        }
        catch (Exception e)
        {
            KernelReports.Warn($"WARNING: kernel thread {ContextReport.Task} failed: {e.Message}");
            result = -ErrorNumbers.EFAULT;
        }

        Preemption.CheckLeft(block, "kernel thread");
        block->Execution.Task = before;
        CpuBlocks.Detach();
        lock (s_lock)
        {
            record.Result = result;
            record.Ended = true;
            if (record.Stoppers == 0) Remove(record);
            Monitor.PulseAll(s_lock);
        }
    }

    private static void Remove(Record record)
    {
        s_records.Remove(record.Task);
        Tasks.Free((TaskStruct*)record.Task);
    }
}
