// At most one report a second from each place, so that a mistake in a loop can be read.
// Cost: a lookup per report. Kernel concept: the static prev_jiffy of __might_sleep, and ratelimit.

using System.Collections.Concurrent;

namespace KAlloc;

internal sealed class ReportLimit
{
    private const long Interval = 1000;

    /// <summary>When the last report of each place was made. As many entries as the program has places with mistakes.</summary>
    private readonly ConcurrentDictionary<(string File, int Line), long> _last = new();

    internal bool MayReport(string file, int line)
    {
        long now = Environment.TickCount64;
        if (_last.TryAdd((file, line), now)) return true;
        long before = _last[(file, line)];
        return now - before >= Interval && _last.TryUpdate((file, line), now, before);
    }
}
