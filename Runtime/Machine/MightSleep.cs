// The check that stands at the head of every call that may sleep: is this thread allowed to?
//
// Cost: one load of the thread's block, one test of two of its words together: the atomic one, and the limit of KernelStack's check. The report is the kernel's, see linux-mm reference 6.2. After the report the call goes on
// if the bug policy lets it: as in the kernel, sleeping in atomic context is wrong whether or not it goes well this time.
// Kernel concept: might_sleep(), might_alloc(), ___might_sleep().

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>Reports calls that may sleep from where sleeping is forbidden.</summary>
internal static unsafe class MightSleep
{
    /// <summary>The kernel's <c>might_sleep()</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Check([CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block != null && (block->Execution.AtomicWord | block->Execution.StackLimit) != 0) CheckWithStack(block, file, line);
    }

    /// <summary>The kernel's <c>might_alloc()</c>: an allocation with direct reclaim may sleep.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CheckAlloc(GfpFlags flags, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null) return;
        if (block->Execution.StackLimit != 0) block = StackProbe.Check(block);
        if ((flags & GfpFlags.DirectReclaim) != 0 && block->Execution.AtomicWord != 0) Report(block, file, line);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CheckWithStack(CpuBlock* block, string file, int line)
    {
        StackProbe.Check(block);
        if (block->Execution.AtomicWord != 0) Report(block, file, line);
    }

    /// <summary>The report. Returns unless the bug policy throws. Under <see cref="BugPolicy.Log"/> a place is reported at most once a second.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Report(CpuBlock* block, string file, int line)
    {
        if (KernelReports.Policy == BugPolicy.Log && !s_limit.MayReport(file, line)) return;
        ExecutionState state = block->Execution;
        int inAtomic = state.PreemptCount != 0 ? 1 : 0;
        int irqs = state.IrqDisabled != 0 ? 1 : 0;
        string first = $"BUG: sleeping function called from invalid context at {ShortPath(file)}:{line}\nin_atomic(): {inAtomic}, irqs_disabled(): {irqs}, ";
        string task = $"pid: {ContextReport.TaskId}, name: {ContextReport.TaskName}";
        KernelReports.Bug(
            KernelReports.SleepReport == SleepReportForm.Short
                ? first + task
                : $"{first}non_block: 0, {task}\npreempt_count: {state.PreemptCount:x}, expected: 0\nRCU nest depth: {state.RcuDepth}, expected: 0"
                    + (StackProbe.IsOverrun ? "\nThread overran stack, or stack corrupted" : "") + ContextReport.HeldLocks(block) + PreemptionPlace.Describe(block) + ContextReport.CallTrace());
    }

    private static readonly ReportLimit s_limit = new();

    /// <summary>The last two parts of a path, so that no report carries the directory of the machine that compiled it.</summary>
    internal static string ShortPath(string path)
    {
        int last = path.LastIndexOfAny(['/', '\\']);
        int before = last > 0 ? path.LastIndexOfAny(['/', '\\'], last - 1) : -1;
        return path[(before + 1)..].Replace('\\', '/');
    }
}
