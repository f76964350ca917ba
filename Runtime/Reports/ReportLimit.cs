// At most one report a second from each place, so that a mistake in a loop can be read. Places that share a slot share the second.
// Cost: one interlocked operation per report. Kernel concept: the static prev_jiffy of __might_sleep, and ratelimit.

namespace KAlloc;

internal sealed class ReportLimit
{
    private const long Interval = 1000;

    /// <summary>When the last report of each slot was made; 0: never.</summary>
    private readonly long[] _last = new long[256];

    internal bool MayReport(string file, int line)
    {
        ref long last = ref _last[(uint)HashCode.Combine(file, line) % (uint)_last.Length];
        long now = Environment.TickCount64 + 1;
        long before = Volatile.Read(ref last);
        return (before == 0 || now - before >= Interval) && Interlocked.CompareExchange(ref last, now, before) == before;
    }
}
