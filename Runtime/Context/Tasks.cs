// The records of tasks. Every thread has one, made when it is first asked for and kept with the thread's block; kernel threads and KernelTask have
// theirs. Records are never given back to the system and are handed out again oldest first, so that a pointer kept too long points to a dead
// record for a while, not at once to another task. Kernel concept: alloc_task_struct, current.

using System.Text;

namespace KAlloc;

/// <summary>The records of tasks.</summary>
internal static unsafe class Tasks
{
    internal const uint KernelThread = 0x00200000;

    /// <summary>Freed records that must be there before the oldest is used again.</summary>
    private const int Quarantine = 64;

    private static readonly Lock s_lock = new();
    private static TaskStruct* s_oldest;
    private static TaskStruct* s_newest;
    private static int s_free;

    /// <summary>The running thread's task.</summary>
    internal static TaskStruct* Current
    {
        get
        {
            CpuBlock* block = CpuBlocks.Current;
            var task = (TaskStruct*)block->Execution.Task;
            if (task == null) block->Execution.Task = task = Create();
            if (task->pid != Environment.CurrentManagedThreadId) Describe(task, ContextReport.TaskName, 0);
            return task;
        }
    }

    internal static TaskStruct* Create()
    {
        lock (s_lock)
        {
            if (s_free <= Quarantine) return (TaskStruct*)MetaMemory.AllocateZeroed((nuint)(sizeof(TaskStruct) + 63 & ~63), 64);
            TaskStruct* task = s_oldest;
            s_oldest = task->NextFree;
            s_free--;
            *task = default;
            return task;
        }
    }

    /// <summary>Gives the kernel stack of a task back; set by the layer that hands them out.</summary>
    internal static Action<nint>? ReleaseStack { get; set; }

    internal static void Free(TaskStruct* task)
    {
        if (task->stack != null) ReleaseStack?.Invoke((nint)task);
        lock (s_lock)
        {
            task->NextFree = null;
            if (s_oldest == null) s_oldest = task;
            else s_newest->NextFree = task;
            s_newest = task;
            s_free++;
        }
    }

    /// <summary>Fills in who the running thread is.</summary>
    internal static void Describe(TaskStruct* task, string name, uint flags)
    {
        task->pid = Environment.CurrentManagedThreadId;
        task->tgid = Environment.ProcessId;
        task->flags = flags;
        var comm = new Span<byte>(task->comm, TaskStruct.NameBytes);
        comm.Clear();
        Encoding.UTF8.GetEncoder().Convert(name, comm[..^1], flush: true, out _, out _, out _);
    }
}
