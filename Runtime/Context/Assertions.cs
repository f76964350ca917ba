// What BUG_ON and WARN_ON say. Cost: only when they fire. Kernel concept: report_bug, __warn.

using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class Assertions
{
    private static readonly ConcurrentDictionary<(string, int), bool> s_warned = new();

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Bug(string file, int line) => KernelReports.Bug($"kernel BUG at {MightSleep.ShortPath(file)}:{line}!");

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Warn(string file, int line) =>
        KernelReports.Warn($"WARNING: CPU: {CpuBlocks.Current->Execution.Cpu} PID: {ContextReport.TaskId} at {MightSleep.ShortPath(file)}:{line}");

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void WarnOnce(string file, int line)
    {
        if (s_warned.TryAdd((file, line), true)) Warn(file, line);
    }
}
