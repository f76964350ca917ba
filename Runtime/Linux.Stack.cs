// The kernel face: kernel stacks. `current` is in Linux.Threads.cs.
//
//   task->stack ─> | thread_info | STACK_END_MAGIC | ........ grows down ........ |  + THREAD_SIZE
//                    ^ current_thread_info()  ^ end_of_stack()

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>THREAD_SIZE</c>: bytes of a kernel stack, two pages as in the book.</summary>
    public const int THREAD_SIZE = KernelStack.DefaultBytes;

    /// <summary><c>STACK_END_MAGIC</c>: the word above thread_info.</summary>
    public const nuint STACK_END_MAGIC = ThreadInfo.EndMagic;

    /// <summary><c>alloc_thread_stack_node(task, node)</c>: gives a task without a stack one of <see cref="THREAD_SIZE"/> zeroed bytes. May sleep.</summary>
    /// <param name="task">The task; <c>task->stack</c> is set.</param>
    /// <param name="node">Kept for the kernel's shape: there is one node.</param>
    /// <returns>The low end, which belongs to the task, with thread_info and the magic word filled in, or null if there is no memory. A task that has a stack: a BUG, and null.</returns>
    [MightSleep]
    public static void* alloc_thread_stack_node([Borrows] task_struct* task, int node)
    {
        MightSleep.Check();
        if (task->stack == null) return OwnStack(task);
        KernelReports.Bug($"BUG: alloc_thread_stack_node of a task that has a stack: pid {task->pid}", (nuint)task);
        return null;
    }

    /// <summary><c>free_thread_stack(task)</c>: frees what <see cref="alloc_thread_stack_node"/> gave the task. Without a stack: nothing. Any context.</summary>
    /// <param name="task">The task.</param>
    public static void free_thread_stack([Borrows] task_struct* task)
    {
        if (task->stack == null) return;
        if (task_stack_end_corrupted(task) != 0) KernelReports.Bug($"BUG: corrupted stack end detected: pid {task->pid}\nThread overran stack, or stack corrupted", (nuint)task->stack);
        KernelMemory.Default.StackMemory.Free(task->stack, task->StackBytes, guardPage: false);
        task->stack = null;
    }

    /// <summary>
    /// <c>current_thread_info()</c>: on the kernel stack of a <see cref="KernelTask"/>, its SP with the low bits cleared; else the running thread's own,
    /// in a block of <see cref="THREAD_SIZE"/> bytes that the thread gets at the first call, which may sleep.
    /// </summary>
    /// <returns>The low end of the stack; null if there was no memory.</returns>
    public static thread_info* current_thread_info()
    {
        if (KernelTask.Current is { } task) return task.InfoBySp();
        task_struct* own = current;
        if (own->stack == null && OwnStack(own) == null) return null;
        var info = (thread_info*)own->stack;
        ExecutionState* state = &CpuBlocks.Current->Execution;
        info->cpu = state->Cpu;
        info->preempt_count = state->PreemptCount;
        return info;
    }

    /// <summary><c>end_of_stack(task)</c>: the word above thread_info, which holds <see cref="STACK_END_MAGIC"/>.</summary>
    /// <param name="task">A task with a stack.</param>
    public static nuint* end_of_stack(task_struct* task) => ThreadStacks.EndOf(task);

    /// <summary><c>task_stack_end_corrupted(task)</c>: 1 if the magic word is gone, else 0.</summary>
    /// <param name="task">A task with a stack.</param>
    public static int task_stack_end_corrupted([Borrows] task_struct* task) => ThreadStacks.IsEndCorrupted(task) ? 1 : 0;

    /// <summary><c>stack_not_used(task)</c>: bytes that were never written, from the end of the stack upwards.</summary>
    /// <param name="task">A task with a stack.</param>
    public static nuint stack_not_used([Borrows] task_struct* task) => ThreadStacks.NotUsed(task);

    /// <summary>
    /// <c>object_is_on_stack(obj)</c>: 1 if the address lies in the kernel stack in use, simulated or a window of <see cref="KernelStack"/>; else 0.
    /// </summary>
    /// <param name="obj">The address.</param>
    public static int object_is_on_stack([Borrows] void* obj)
    {
        if (KernelStack.IsOnStack((nuint)obj)) return 1;
        if (KernelTask.Current is { } task) return task.Holds((nuint)obj) ? 1 : 0;
        task_struct* own = current;
        return own->stack != null && (nuint)obj - (nuint)own->stack < (nuint)own->StackBytes ? 1 : 0;
    }

    private static void* OwnStack(task_struct* task)
    {
        Tasks.ReleaseStack ??= static task => free_thread_stack((task_struct*)task);
        void* block = KernelMemory.Default.StackMemory.TryAllocate(THREAD_SIZE, guardPage: false);
        if (block != null) ThreadStacks.Prepare(task, block, THREAD_SIZE);
        return block;
    }
}
