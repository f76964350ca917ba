// Reports of code that runs where it must not, other than might_sleep (Machine/MightSleep): cant_sleep, schedule.
// Kernel concept: __cant_sleep, __schedule_bug.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class SleepReports
{
    /// <summary>The kernel's <c>cant_sleep()</c>: reports if the thread could sleep.</summary>
    internal static void CheckAtomic(string file, int line)
    {
        CpuBlock* block = CpuBlocks.Current;
        if (block->Execution.IsAtomic) return;
        KernelReports.Bug($"""
            BUG: assuming atomic context at {MightSleep.ShortPath(file)}:{line}
            in_atomic(): 0, irqs_disabled(): 0, pid: {ContextReport.TaskId}, name: {ContextReport.TaskName}
            """);
    }

    /// <summary>Whether the thread may give the processor away; reports if not.</summary>
    internal static bool CheckSchedule()
    {
        CpuBlock* block = CpuBlocks.Current;
        return block->Execution.AtomicWord == 0 || ReportSchedule(block);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool ReportSchedule(CpuBlock* block)
    {
        KernelReports.Bug($"BUG: scheduling while atomic: {ContextReport.Task}/0x{block->Execution.PreemptCount:x8}{ContextReport.HeldLocks(block)}{PreemptionPlace.Describe(block)}{ContextReport.CallTrace()}");
        return false;
    }
}
