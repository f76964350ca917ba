// What each body costs in the analysis of a whole compilation: the CPU time of the thread that walks it, from the events of the analyzers. A body in a
// circle of calls is walked several times, and one that two threads ask for at once by both: the sum is told, and the longest walk.

using System.Diagnostics.Tracing;
using System.Globalization;
using System.Runtime.InteropServices;
using KAlloc.Analyzers.Host;

namespace KAlloc.Benchmarks.Analysis;

/// <param name="Walks">How often the body was walked.</param>
/// <param name="Longest">The longest of its walks.</param>
/// <param name="Visits">Block visits of all its walks.</param>
/// <param name="Work">Other work of all its walks that counts against the budget.</param>
internal sealed record BodyCost(string Body, int Walks, TimeSpan Total, TimeSpan Longest, long Visits, long Work)
{
    internal BodyCost With(TimeSpan walk, int visits, int work) =>
        this with { Walks = Walks + 1, Total = Total + walk, Longest = walk > Longest ? walk : Longest, Visits = Visits + visits, Work = Work + work };

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Total.TotalMilliseconds,8:N0} ms of CPU in {Walks} walks, the longest {Longest.TotalMilliseconds:N0} ms; {Visits:N0} visits, {Work:N0} work: {Body}");
}

/// <summary>Listens while it lives.</summary>
internal sealed partial class BodyCosts : EventListener
{
    private const int ThreadCpuClock = 3;

    [ThreadStatic]
    private static TimeSpan s_begun;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, BodyCost> _costs = new(StringComparer.Ordinal);

    internal IReadOnlyList<BodyCost> All()
    {
        lock (_lock) return [.. _costs.Values];
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == AnalysisEvents.SourceName) EnableEvents(eventSource, EventLevel.LogAlways);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.EventId == AnalysisEvents.WalkBeginsId) s_begun = ThreadCpu();
        if (eventData.EventId != AnalysisEvents.WalkEndsId || eventData.Payload is not [string body, int visits, int work]) return;
        TimeSpan walk = ThreadCpu() - s_begun;
        lock (_lock)
            _costs[body] = (_costs.GetValueOrDefault(body) ?? new BodyCost(body, 0, default, default, 0, 0)).With(walk, visits, work);
    }

    private static TimeSpan ThreadCpu()
    {
        _ = ClockGetTime(ThreadCpuClock, out TimeSpec now);
        return TimeSpan.FromTicks(now.Seconds * TimeSpan.TicksPerSecond + now.Nanoseconds / TimeSpan.NanosecondsPerTick);
    }

    private readonly record struct TimeSpec(long Seconds, long Nanoseconds);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);
}
