// What lies at the low end of a kernel stack, and so is the first thing that an overflow destroys after the magic word above it.
//
//   low  | task | flags | status | cpu | preempt_count | addr_limit | STACK_END_MAGIC | .......... stack, growing down .......... |  high
//
// Kernel concept: struct thread_info of 2.6.34 (arch/x86), end_of_stack(), STACK_END_MAGIC. Not here: exec_domain, restart_block.

namespace KAlloc;

/// <summary>The low end of a kernel stack: the kernel's <c>struct thread_info</c>.</summary>
public unsafe struct ThreadInfo
{
    /// <summary><c>STACK_END_MAGIC</c>: the word above thread_info, changed only by an overflow.</summary>
    public const nuint EndMagic = 0x57AC6E9D;

    /// <summary>The task.</summary>
    public TaskStruct* task;

    /// <summary><c>TIF_…</c> flags.</summary>
    public uint flags;

    /// <summary>Flags that only the thread itself changes.</summary>
    public uint status;

    /// <summary>The CPU it runs on.</summary>
    public int cpu;

    /// <summary>The preempt count as of the last entry or exit; what counts is the CPU's own, see <c>preempt_count</c>.</summary>
    public int preempt_count;

    /// <summary>The end of the addresses that a user may name.</summary>
    public nuint addr_limit;

    /// <summary>The fields that differ, the highest address first, as an overflow that comes from above meets them.</summary>
    internal static string Differences(ThreadInfo* seen, ThreadInfo* expected)
    {
        List<string>? names = null;
        void Note(bool differs, string name)
        {
            if (differs) (names ??= []).Add("thread_info." + name);
        }

        Note(seen->addr_limit != expected->addr_limit, nameof(addr_limit));
        Note(seen->preempt_count != expected->preempt_count, nameof(preempt_count));
        Note(seen->cpu != expected->cpu, nameof(cpu));
        Note(seen->status != expected->status, nameof(status));
        Note(seen->flags != expected->flags, nameof(flags));
        Note(seen->task != expected->task, nameof(task));
        return names is null ? "" : string.Join(", ", names);
    }
}
