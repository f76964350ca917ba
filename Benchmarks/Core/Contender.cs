namespace KAlloc.Benchmarks.Core;

/// <summary>One way to do the work of a benchmark.</summary>
/// <param name="Name">Its name in tables and files.</param>
/// <param name="Sample">Does the work once and returns nanoseconds for one operation.</param>
/// <param name="Threads">Threads that work at once.</param>
internal sealed record Contender(string Name, Func<double> Sample, int Threads = 1)
{
    /// <summary>
    /// Does a little of the work, where a sample calls its loop only once: the JIT's last tier comes after some hundred calls. Null: a sample calls all
    /// that it measures often enough.
    /// </summary>
    internal Action? Warm { get; init; }

    /// <summary>Measures peak resident memory, in a process of its own because peaks do not go away; null: not measured.</summary>
    internal Func<MemoryUse>? Memory { get; init; }
}

/// <summary>Bytes that became resident at the peak, beside the bytes that the program had asked for at its peak.</summary>
internal readonly record struct MemoryUse(long PeakResident, long Live);

/// <summary>What was measured of one contender at one workload.</summary>
internal sealed record Measurement(string Workload, string Contender, int Threads, double[] Samples, MemoryUse Memory)
{
    internal double Median => MedianOf(Samples);
    internal double Minimum => Samples.Min();

    /// <summary>Median of the ratios of each round: both took turns, so that a disturbance hits both.</summary>
    internal double RatioTo(Measurement peer) => MedianOf([.. Samples.Zip(peer.Samples, (own, other) => own / other)]);

    private static double MedianOf(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int half = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    }
}
