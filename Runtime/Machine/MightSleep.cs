// The check that stands at the head of every call that may sleep: is this thread allowed to?
//
// Cost: one load of the thread's block, one compare. The report is the kernel's, see linux-mm reference 6.2. After the report the call goes on
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
        if (block != null && block->Execution.AtomicWord != 0) Report(block, file, line);
    }

    /// <summary>The kernel's <c>might_alloc()</c>: an allocation with direct reclaim may sleep.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CheckAlloc(GfpFlags flags, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if ((flags & GfpFlags.DirectReclaim) == 0) return;
        CpuBlock* block = ThisCpu.Block;
        if (block != null && block->Execution.AtomicWord != 0) Report(block, file, line);
    }

    /// <summary>The report. Returns unless the bug policy throws.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Report(CpuBlock* block, string file, int line)
    {
        ExecutionState state = block->Execution;
        Thread thread = Thread.CurrentThread;
        KernelReports.Bug($"""
            BUG: sleeping function called from invalid context at {ShortPath(file)}:{line}
            in_atomic(): {(state.PreemptCount != 0 ? 1 : 0)}, irqs_disabled(): {(state.IrqDisabled != 0 ? 1 : 0)}, non_block: 0, pid: {thread.ManagedThreadId}, name: {thread.Name ?? "thread"}
            preempt_count: {state.PreemptCount:x}, expected: 0
            RCU nest depth: {state.RcuDepth}, expected: 0
            """);
    }

    /// <summary>The last two parts of a path, so that no report carries the directory of the machine that compiled it.</summary>
    private static string ShortPath(string path)
    {
        int last = path.LastIndexOfAny(['/', '\\']);
        int before = last > 0 ? path.LastIndexOfAny(['/', '\\'], last - 1) : -1;
        return path[(before + 1)..].Replace('\\', '/');
    }
}
