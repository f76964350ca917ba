// CPU time and allocation of one piece of work, all threads together: wall time would depend on who else uses the machine.

using System.Diagnostics;

namespace KAlloc.Benchmarks.Analysis;

internal readonly record struct Cost(double CpuMs, double Megabytes)
{
    /// <summary>Runs the work once.</summary>
    /// <param name="collect">First collect what earlier work left, and let the JIT compile what that made hot, so that neither is charged to this.</param>
    internal static Cost Of(Action work, bool collect = true)
    {
        if (collect)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Warmth.Settle();
        }

        using var process = Process.GetCurrentProcess();
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        TimeSpan before = process.TotalProcessorTime;
        work();
        process.Refresh();
        return new Cost((process.TotalProcessorTime - before).TotalMilliseconds, (GC.GetTotalAllocatedBytes(precise: true) - allocated) / 1e6);
    }

    internal static Cost Median(IEnumerable<Cost> costs)
    {
        Cost[] all = [.. costs];
        return new Cost(Middle(all.Select(cost => cost.CpuMs)), Middle(all.Select(cost => cost.Megabytes)));
    }

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
