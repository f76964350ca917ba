// Tasklets: small functions that an interrupt handler leaves for later. One tasklet never runs on two CPUs at once.
//
//   this thread's list:  head ──> tasklet ──> tasklet <── tail          (ExecutionState, linked through the structs)
//
// Invariant: SCHEDULED is set exactly while the tasklet is in one list, RUNNING exactly while its function runs.
// A tasklet is linked by its address, so it must be in native or pinned memory: it remembers the address it was initialised at, and one that
// moved or was copied is refused. Cost: scheduling is one interlocked operation and a store.
// Kernel concept: struct tasklet_struct, tasklet_action_common.

namespace KAlloc;

/// <summary>A function that runs soon in softirq context: the kernel's <c>tasklet_struct</c>. Must be in native or pinned memory.</summary>
public unsafe struct KernelTasklet
{
    internal KernelTasklet* Next;
    internal KernelTasklet* Self;
    internal void* Function;
    internal nuint Data;
    internal int Handler;
    internal int State;
}

/// <summary>Scheduling and running of tasklets.</summary>
internal static unsafe class Tasklets
{
    private const int Scheduled = 1;
    private const int Running = 2;
    private const int Released = 4;

    internal static void Init(KernelTasklet* tasklet, TaskletFunction? handler, void* function, nuint data)
    {
        if (tasklet->Self == tasklet && (Volatile.Read(ref tasklet->State) & Scheduled) != 0)
        {
            // It stays as it is: the list that it is in is another CPU's, and those behind it would be lost with its link.
            PinnedPlace.ReportActive(tasklet, "tasklet_struct", "tasklet_init", "tasklet_kill");
            return;
        }

        *tasklet = new KernelTasklet { Self = tasklet, Function = function, Handler = handler is null ? 0 : HandlerTable.Add(handler), Data = data };
    }

    internal static void Schedule(CpuBlock* block, KernelTasklet* tasklet)
    {
        if (!CheckPlace(tasklet)) return;
        int state = Interlocked.Or(ref tasklet->State, Scheduled);
        if ((state & Scheduled) != 0) return;
        if ((state & Released) != 0 && !Reacquire(tasklet)) return;
        Append(block, tasklet, tasklet);
    }

    /// <summary>Waits until the tasklet neither waits nor runs, and lets its delegate go.</summary>
    internal static void Kill(KernelTasklet* tasklet)
    {
        if (tasklet->Self == null || !CheckPlace(tasklet)) return;
        if (CpuBlocks.Current->Execution.InInterrupt && (Volatile.Read(ref tasklet->State) & (Scheduled | Running)) != 0)
        {
            // What would have to run first may be what this thread interrupts, or this very tasklet.
            KernelReports.Warn($"Attempt to kill tasklet from interrupt: the tasklet at 0x{(nuint)tasklet:x} is not waited for");
            return;
        }

        var spin = new SpinWait();
        while ((Interlocked.Or(ref tasklet->State, Scheduled) & Scheduled) != 0) spin.SpinOnce();
        while ((Volatile.Read(ref tasklet->State) & Running) != 0) spin.SpinOnce();
        if (tasklet->Handler != 0 && (tasklet->State & Released) == 0)
        {
            HandlerTable.Release(tasklet->Handler);
            Interlocked.Or(ref tasklet->State, Released);
        }

        Interlocked.And(ref tasklet->State, ~Scheduled);
    }

    /// <summary>The tasklets' softirq: runs all that were scheduled on this thread before it began.</summary>
    internal static void RunScheduled()
    {
        CpuBlock* block = CpuBlocks.Current;
        KernelTasklet* head = null;
        KernelTasklet* tail = null;
        TakeScheduled(block, ref head, ref tail);
        try
        {
            while (head != null)
            {
                KernelTasklet* tasklet = head;
                head = tasklet->Next;
                tasklet->Next = null;
                Run(block, tasklet);
            }
        }
        finally
        {
            // A tasklet threw: those behind it keep their turn.
            if (head != null) Append(block, head, tail);
        }
    }

    /// <summary>Moves the thread's list to the end of another one.</summary>
    internal static void TakeScheduled(CpuBlock* block, ref KernelTasklet* head, ref KernelTasklet* tail)
    {
        var first = (KernelTasklet*)block->Execution.TaskletHead;
        if (first == null) return;
        if (head == null) head = first;
        else tail->Next = first;
        tail = (KernelTasklet*)block->Execution.TaskletTail;
        block->Execution.TaskletHead = block->Execution.TaskletTail = null;
    }

    /// <summary>Adds a chain to the thread's list and sees to its running.</summary>
    internal static void Append(CpuBlock* block, KernelTasklet* first, KernelTasklet* last)
    {
        if (first == null) return;
        if (block->Execution.TaskletTail == null) block->Execution.TaskletHead = first;
        else ((KernelTasklet*)block->Execution.TaskletTail)->Next = first;
        block->Execution.TaskletTail = last;
        SoftIrqs.Raise(block, SoftIrqs.Tasklet);
    }

    private static void Run(CpuBlock* block, KernelTasklet* tasklet)
    {
        if ((Interlocked.Or(ref tasklet->State, Running) & Running) != 0)
        {
            // It runs on another CPU: try again in the next round.
            Append(block, tasklet, tasklet);
            return;
        }

        Interlocked.And(ref tasklet->State, ~Scheduled);
        int before = block->Execution.PreemptCount;
        try
        {
            if (tasklet->Function != null) ((delegate*<nuint, void>)tasklet->Function)(tasklet->Data);
            else ((TaskletFunction)HandlerTable.Get(tasklet->Handler))(tasklet->Data);
        }
        finally
        {
            Interlocked.And(ref tasklet->State, ~Running);
        }

        Preemption.RestoreAfterHandler(block, before, "tasklet");
    }

    private static bool CheckPlace(KernelTasklet* tasklet) => PinnedPlace.Check(tasklet, tasklet->Self, "tasklet_struct", "tasklet_init");

    private static bool Reacquire(KernelTasklet* tasklet)
    {
        bool back = HandlerTable.TryAddUser(ref tasklet->Handler);
        if (!back) PinnedPlace.ReportHandlerGone(tasklet, "tasklet_struct", "tasklet_kill");
        Interlocked.And(ref tasklet->State, back ? ~Released : ~Scheduled);
        return back;
    }
}
