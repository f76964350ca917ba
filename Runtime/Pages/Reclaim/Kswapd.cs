// The background thread of a system: reclaims between the low and the high mark, and gives idle memory back to the operating system.
//
//   first      gives the reserve of requests that may not wait its memory: AtomicReserve.cs
//   woken by   a request that found a zone below its low mark        ->  rounds of reclaim until a zone is above its high mark; boost ends
//              the first large block that becomes free               ->  sweeps, a quarter of the give-back delay apart, as long as there are any
//   asleep     otherwise: no timer
//
// After 16 runs that freed nothing it is hopeless and is not woken until somebody makes progress. Waking never waits.
// Invariant: the thread holds no lock while it runs shrinkers. Kernel concept: kswapd, balance_pgdat, page reporting.

using System.Diagnostics;

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    private readonly WakeSignal _wake = new();
    private readonly TimeSpan? _giveBackAfter;
    private readonly Thread _kswapd;
    private long _wanted;
    private int _kswapdFailures;
    private bool _stopping;
    private bool _setsBusy;

    /// <summary>Times that the background reclaimer ran.</summary>
    internal long BackgroundRuns { get; private set; }

    /// <summary>Bytes given back to the operating system so far.</summary>
    internal long GivenBackBytes
    {
        get
        {
            long sum = 0;
            foreach (Zone zone in _zones) sum += zone.GivenBackBytes;
            return sum;
        }
    }

    private Thread StartBackground()
    {
        foreach (Zone zone in _zones) zone.BlockBecameIdle = _giveBackAfter is null ? null : _wake.Set;
        var thread = new Thread(RunBackground) { Name = "kswapd0", IsBackground = true };
        thread.Start();
        return thread;
    }

    /// <summary>Ends the thread. Before the layers above are disposed: it calls them.</summary>
    internal void StopBackground()
    {
        Volatile.Write(ref _stopping, true);
        _wake.Set();
        _kswapd?.Join();
    }

    /// <summary>Asks for background reclaim, if a zone that serves such requests needs it. Never waits.</summary>
    private void WakeBackground(int order, int type)
    {
        if (Volatile.Read(ref _kswapdFailures) >= MaxReclaimRetries) return;
        long wanted = ((long)order << 8) | (uint)type | (1L << 32);
        if (Interlocked.Exchange(ref _wanted, wanted) == 0) _wake.Set();
    }

    /// <summary>A request's own reclaim freed something: the background reclaimer is not hopeless.</summary>
    private void KswapdMayTryAgain() => Volatile.Write(ref _kswapdFailures, 0);

    private void RunBackground()
    {
        long sweep = _giveBackAfter is { } delay ? (long)(delay.TotalSeconds * Stopwatch.Frequency / Zone.IdleSweeps) : long.MaxValue;
        long next = long.MaxValue;
        if (_populateLater)
        {
            // Whatever woke the thread meanwhile is looked at right after.
            _wake.Wait(PopulateDelayMilliseconds);
            if (!Volatile.Read(ref _stopping)) PopulateReserve();
            _wake.Set();
        }

        while (!Volatile.Read(ref _stopping))
        {
            bool idle = _giveBackAfter is not null && HasIdle();
            if (!idle) next = long.MaxValue;
            else if (next == long.MaxValue) next = Stopwatch.GetTimestamp() + sweep;
            _wake.Wait(idle ? (int)Math.Clamp((next - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency, 1, 1 << 30) : -1);
            if (Volatile.Read(ref _stopping)) break;
            try
            {
                long wanted = Interlocked.Exchange(ref _wanted, 0);
                if (wanted != 0) Balance((int)(wanted >> 8) & 0xFF, (int)wanted & 0xFF);
                if (Stopwatch.GetTimestamp() < next) continue;
                next = long.MaxValue;
                Sweep(now: false);
            }
            catch (Exception error)
            {
                // A shrinker threw. The thread is everybody's: it reports and goes on.
                KernelReports.Warn($"WARNING: kswapd0: {error.GetType().Name} from a shrinker: {error.Message}");
            }
        }

        CpuBlocks.Detach();
    }

    private bool HasIdle()
    {
        bool idle = _setsBusy;
        foreach (Zone zone in _zones) idle |= zone.HasIdle;
        return idle;
    }

    /// <summary>Gives idle memory back to the operating system.</summary>
    /// <param name="now">All that is free, however short a time.</param>
    internal void Sweep(bool now)
    {
        _setsBusy = _sets.DrainQuiet();
        foreach (Zone zone in _zones) zone.GiveBackIdle(now);
    }

    private void Balance(int order, int type)
    {
        BackgroundRuns++;
        CpuBlock* block = CpuBlocks.Current;
        long freed = 0;
        block->MemAllocDepth++;
        try
        {
            for (int priority = DefaultPriority; priority > 0 && _shrinkers.Length != 0 && !IsServed(order, type); priority--)
                freed += ShrinkAll(GfpFlags.Kernel, priority);
            if (!IsServed(order, type) && Reclaim is { } reclaim && reclaim()) freed++;
            if (!IsServed(order, type)) _sets.DrainAll();
        }
        finally
        {
            block->MemAllocDepth--;
        }

        foreach (Zone zone in _zones)
        {
            if (zone.WatermarkBoost != 0) zone.EndBoost();
        }

        if (freed > 0 || IsServed(order, type)) Volatile.Write(ref _kswapdFailures, 0);
        else Interlocked.Increment(ref _kswapdFailures);
    }
}
