// What happens when frames need more than there is: first nothing, then the magic word, then thread_info, field by field.

using KAlloc;
using static KAlloc.Linux;
using static KernelStacks.Program;

namespace KernelStacks;

internal static unsafe class Overflow
{
    public static void Show(KernelMemory memory)
    {
        Console.WriteLine("4. Overflow without a guard page");
        using KernelTask task = memory.CreateTask(new KernelTaskOptions { Name = "deep" });
        StackEntry entry = task.Syscall();
        int left = (int)stack_not_used(task.Task);
        int calls = 0;
        for (; left >= 1024; left -= 1024, calls++) Fill(task.Alloca(1024), 1024);
        Step($"{calls} frames of 1024 bytes, all written: the magic stands, {stack_not_used(task.Task)} bytes are left", task_stack_end_corrupted(task.Task) == 0);

        void* last = task.Alloca(976);
        Step("one of 976 more: nobody notices that SP is below the end", task_stack_end_corrupted(task.Task) == 0 && task.Sp < (nuint)end_of_stack(task.Task));
        Fill(last, 976);
        Step($"it is written: the magic is 0x{*end_of_stack(task.Task):x}, thread_info->preempt_count {task.Info->preempt_count:x}", task_stack_end_corrupted(task.Task) != 0);

        string report = "";
        try
        {
            task.Check();
        }
        catch (KernelBugException bug)
        {
            report = bug.Message;
        }

        Step("the scheduler looks at the end of the stack:", report.Length != 0);
        foreach (string line in report.Split('\n')) Console.WriteLine($"    | {line}");
        Step("each overflow is reported once: magic and thread_info are repaired", task.Check());
        entry.Dispose();
        Step($"with a guard page (GuardPage = true) the next page down would have ended the process: {(OperatingSystem.IsLinux() ? "vmalloc'ed stacks" : "needs Linux")}", true);
        Console.WriteLine();
    }

    private static void Fill(void* frame, int bytes) => memset(frame, 0x5a, bytes);
}
