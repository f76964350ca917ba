// Where the thread switched preemption off, for reports of what must not be done while it is. A place is a stack trace, which costs some ten microseconds, so
// it is taken only if KernelReports.TracePreemption is on, and only for the outermost of nested sections.
// Kernel concept: current->preempt_disable_ip, get_preempt_disable_ip.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class PreemptionPlace
{
    [ThreadStatic] private static string? s_place;

    /// <summary>Preemption or softirqs have just been switched off.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Note(CpuBlock* block)
    {
        if ((Watch.On & Watch.Preemption) != 0) Take(block);
    }

    /// <summary>The lines of a report; empty if preemption is on, or nobody wrote down since when it is off.</summary>
    internal static string Describe(CpuBlock* block)
    {
        const int Off = ExecutionState.PreemptMask | ExecutionState.SoftIrqMask;
        bool known = (Watch.On & Watch.Preemption) != 0 && (block->Execution.PreemptCount & Off) != 0 && s_place is not null;
        return known ? $"\nPreemption disabled at:\n {s_place}" : "";
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Take(CpuBlock* block)
    {
        const int Outermost = ExecutionState.SoftIrqDisableOffset | ExecutionState.PreemptOffset;
        if ((block->Execution.PreemptCount & ~Outermost) == 0) s_place = ContextReport.FirstCaller();
    }
}
