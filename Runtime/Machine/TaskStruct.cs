// What a report or a driver knows of a thread: the kernel's task_struct, as far as KAlloc has use for it. Handed out by Context/Tasks.
// Kernel concept: struct task_struct, current.

namespace KAlloc;

/// <summary>A task: the kernel's <c>struct task_struct</c>.</summary>
public unsafe struct TaskStruct
{
    internal const int NameBytes = 16;

    /// <summary>The low end of the task's kernel stack; null as long as it has none.</summary>
    public void* stack;

    /// <summary>The number that reports call pid.</summary>
    public int pid;

    /// <summary>The process.</summary>
    public int tgid;

    /// <summary><c>PF_…</c> flags: 0x200000 is a kernel thread.</summary>
    public uint flags;

    /// <summary>The name, at most 15 bytes of UTF-8 and a 0.</summary>
    public fixed byte comm[NameBytes];

    internal int StackBytes;
    internal TaskStruct* NextFree;
}
