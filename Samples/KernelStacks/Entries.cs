// System calls and interrupts: from which stack to which, and what is saved where.

using KAlloc;
using static KAlloc.Linux;
using static KernelStacks.Program;

namespace KernelStacks;

internal static unsafe class Entries
{
    private struct Locals
    {
        public long Count;
    }

    public static void Show(KernelMemory memory)
    {
        Console.WriteLine("2. A system call, and an interrupt inside it, on the task's own stack");
        using (KernelTask task = memory.CreateTask()) Enter(task);
        Console.WriteLine();
        Console.WriteLine("3. The same with an interrupt stack for each CPU");
        using (KernelTask task = memory.CreateTask(new KernelTaskOptions { InterruptStack = true })) Enter(task);
        Console.WriteLine();
    }

    private static void Enter(KernelTask task)
    {
        using StackFrame<Locals> main = task.Frame<Locals>();
        nuint user = task.Sp;
        Step("user mode     SP in the user's stack", task.InUserMode && (nuint)main.Pointer == user);
        using (StackEntry syscall = task.Syscall())
        {
            Step($"syscall       SP := top, a constant, as the kernel stack is empty; pushed: user SP, flags, mode -> {Where(task)}", syscall.Registers->sp == user);
            using StackFrame<Locals> read = task.Frame<Locals>();
            read.Value.Count = 1;
            Step($"sys_read      a frame of 16 bytes -> {Where(task)}", current_thread_info() == task.Info);
            nuint interrupted = task.Sp;
            using (StackEntry interrupt = task.Interrupt(14))
            {
                Step($"interrupt 14  pushed: the kernel's SP -> {Where(task)}", interrupt.Registers->sp == interrupted && in_irq());
                using StackFrame<Locals> handler = task.Frame<Locals>();
                Step($"handler       a frame of 16 bytes -> {Where(task)}", handler.Pointer != null);
            }

            Step($"iret          SP from the stack -> {Where(task)}", task.Sp == interrupted && !in_irq());
        }

        Step("return        SP from the stack: the user's", task.InUserMode && task.Sp == user);
        Step($"              the kernel stack held at most {task.DeepestUse} bytes", task.Check());
    }

    private static string Where(KernelTask task)
    {
        // The interrupt stack is 16 KiB, aligned to its size like the other.
        if (task.OnInterruptStack) return $"interrupt stack top - {(16384 - (int)(task.Sp % 16384)) % 16384}";
        return $"kernel stack top - {task.Top - task.Sp}";
    }
}
