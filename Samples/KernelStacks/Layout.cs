// What lies in a kernel stack before anything runs on it.

using KAlloc;
using static KAlloc.Linux;
using static KernelStacks.Program;

namespace KernelStacks;

internal static unsafe class Layout
{
    public static void Show(KernelMemory memory)
    {
        Console.WriteLine("1. The kernel stack of a task: union thread_union");
        using KernelTask task = memory.CreateTask();
        Step($"sizeof(thread_union) = {sizeof(thread_union)} = THREAD_SIZE: two pages", sizeof(thread_union) == THREAD_SIZE);
        Step("low end     thread_info, its task points back to the task", task.Info->task == task.Task);
        Step($"low end+{(nuint)end_of_stack(task.Task) - (nuint)task.Info,-3} STACK_END_MAGIC 0x{*end_of_stack(task.Task):X}", *end_of_stack(task.Task) == STACK_END_MAGIC);
        Step($"high end    top: SP starts here and grows down; {stack_not_used(task.Task)} bytes to the magic", task.Top == (nuint)task.Info + THREAD_SIZE);
        Step("current_thread_info() is SP with its low 13 bits cleared: the block is aligned to its size", (nuint)task.Info % THREAD_SIZE == 0);
        Console.WriteLine();
    }
}
