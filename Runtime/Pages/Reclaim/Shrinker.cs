// What a user of memory registers so that its cache shrinks when memory runs low.
// Kernel concept: struct shrinker, struct shrink_control, linux/shrinker.h.

#pragma warning disable IDE1006 // the fields keep the kernel's names

namespace KAlloc;

/// <summary>What a shrinker is asked for (the kernel's <c>struct shrink_control</c>).</summary>
public struct ShrinkControl
{
    /// <summary>What the request that needs memory allows: a shrinker must not do I/O without <see cref="GfpFlags.Io"/>, and must not take file-system
    /// locks without <see cref="GfpFlags.Fs"/>.</summary>
    public GfpFlags gfp_mask;

    /// <summary>The memory node: 0.</summary>
    public int nid;

    /// <summary>How many objects to look at.</summary>
    public nuint nr_to_scan;

    /// <summary>How many were looked at, if the shrinker changes it; else taken to be <see cref="nr_to_scan"/>.</summary>
    public nuint nr_scanned;
}

/// <summary>Says how many objects could be freed: 0 for none, <see cref="Shrinker.Empty"/> if the cache holds none at all. Must be quick.</summary>
/// <param name="shrinker">The shrinker.</param>
/// <param name="control">The request.</param>
/// <returns>The number of objects.</returns>
public delegate nuint CountObjects(Shrinker shrinker, ref ShrinkControl control);

/// <summary>Frees up to <see cref="ShrinkControl.nr_to_scan"/> objects.</summary>
/// <param name="shrinker">The shrinker.</param>
/// <param name="control">The request.</param>
/// <returns>How many were freed, or <see cref="Shrinker.Stop"/>: nothing can be done now.</returns>
public delegate nuint ScanObjects(Shrinker shrinker, ref ShrinkControl control);

/// <summary>A cache that gives memory back on request (the kernel's <c>struct shrinker</c>).</summary>
/// <remarks>
/// Called from kswapd and from threads whose allocation may sleep, never from one that may not. It may free memory and allocate; what it allocates
/// comes out of the reserves and starts no further reclaim.
/// </remarks>
public sealed class Shrinker
{
    /// <summary>Default of <see cref="Seeks"/>.</summary>
    public const int DefaultSeeks = 2;

    /// <summary>Returned by <see cref="ScanObjects"/>: no progress is possible now (<c>SHRINK_STOP</c>).</summary>
    public static readonly nuint Stop = nuint.MaxValue;

    /// <summary>Returned by <see cref="CountObjects"/>: the cache is empty (<c>SHRINK_EMPTY</c>).</summary>
    public static readonly nuint Empty = nuint.MaxValue - 1;

    private static int s_lastId;
    private long _deferred;

    /// <summary>Threads that are in it.</summary>
    internal int Users;

    /// <summary>A shrinker; it does nothing until it is registered.</summary>
    /// <param name="count">Says how many objects could be freed.</param>
    /// <param name="scan">Frees some.</param>
    /// <param name="name">A name for reports.</param>
    public Shrinker(CountObjects count, ScanObjects scan, string name = "shrinker")
    {
        ArgumentNullException.ThrowIfNull(count);
        ArgumentNullException.ThrowIfNull(scan);
        ArgumentNullException.ThrowIfNull(name);
        Count = count;
        Scan = scan;
        Name = name;
    }

    /// <summary>Says how many objects could be freed.</summary>
    public CountObjects Count { get; }

    /// <summary>Frees some.</summary>
    public ScanObjects Scan { get; }

    /// <summary>A name for reports.</summary>
    public string Name { get; }

    /// <summary>What it costs to make an object again, relative to others: more is shrunk less. 0: free of cost, half of all is taken at once.</summary>
    public int Seeks { get; init; } = DefaultSeeks;

    /// <summary>Objects of one call; 0: 128.</summary>
    public int Batch { get; init; }

    /// <summary>Whether the shrinker takes file-system locks: it is skipped for requests without <see cref="GfpFlags.Fs"/>.</summary>
    public bool NeedsFs { get; init; }

    /// <summary>Whether the shrinker does I/O: it is skipped for requests without <see cref="GfpFlags.Io"/>.</summary>
    public bool NeedsIo { get; init; }

    /// <summary>A number of its own.</summary>
    internal int Id { get; } = Interlocked.Increment(ref s_lastId);

    /// <summary>Whether a request may call the shrinker.</summary>
    internal bool Allows(GfpFlags flags) => (!NeedsFs || (flags & GfpFlags.Fs) != 0) && (!NeedsIo || (flags & GfpFlags.Io) != 0);

    /// <summary>
    /// One round. The lower the priority number, the larger the share of the cache: 1/4096 at 12, all of it at 0. What is too little for a call is
    /// left for the next round.
    /// </summary>
    /// <param name="flags">What the request allows.</param>
    /// <param name="priority">12..0.</param>
    /// <param name="looked">Grows by the objects looked at.</param>
    /// <returns>Objects freed.</returns>
    internal long Shrink(GfpFlags flags, int priority, ref long looked)
    {
        const int SmallBatch = 128;
        var control = new ShrinkControl { gfp_mask = flags };
        nuint counted = Count(this, ref control);
        if (counted == 0 || counted >= Empty) return 0;
        long freeable = (long)Math.Min((ulong)counted, long.MaxValue / 8);
        long deferred = Interlocked.Exchange(ref _deferred, 0);
        long delta = Seeks > 0 ? (freeable >> priority) * 4 / Seeks : freeable / 2;
        long total = Math.Min((deferred >> priority) + delta, 2 * freeable);
        long batch = Batch > 0 ? Batch : SmallBatch;
        long freed = 0, left = total, before = looked;
        while (left >= batch || left >= freeable)
        {
            long ask = Math.Min(batch, left);
            if (ask == 0) break;
            control.nr_to_scan = (nuint)ask;
            control.nr_scanned = (nuint)ask;
            nuint got = Scan(this, ref control);
            if (got == Stop) break;
            freed += (long)got;
            long step = Math.Max(1, (long)control.nr_scanned);
            left -= step;
            looked += step;
        }

        Interlocked.Add(ref _deferred, Math.Clamp(deferred + delta - (looked - before), 0, 2 * freeable));
        return freed;
    }

    /// <summary>Whether there is something to free.</summary>
    internal bool HasObjects(GfpFlags flags)
    {
        var control = new ShrinkControl { gfp_mask = flags };
        nuint counted = Count(this, ref control);
        return counted != 0 && counted < Empty;
    }
}
