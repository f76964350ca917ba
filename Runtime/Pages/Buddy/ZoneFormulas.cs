// The kernel's arithmetic of reserves and page sets, in pages unless the name says otherwise. Pure functions: tests compare them with the figures
// of a running kernel.
//
//   0 ....... min ....... low ....... high ..................... managed
//   reserve   | only reclaim  | kswapd works  | kswapd sleeps
//
// Kernel concept: calculate_min_free_kbytes, __setup_per_zone_wmarks, setup_per_zone_lowmem_reserve, zone_batchsize, zone_highsize.

using System.Numerics;

namespace KAlloc;

/// <summary>The marks of a zone, in pages.</summary>
internal readonly record struct ZoneMarks(long Min, long Low, long High)
{
    /// <summary>Where memory tiering would begin to promote pages; printed by zoneinfo.</summary>
    internal long Promo => High + (Low - Min);
}

internal static class ZoneFormulas
{
    internal const int MinFreeKilobytesLimit = 262_144;

    /// <summary>watermark_scale_factor: the least distance between two marks, in 1/10,000 of the zone.</summary>
    internal const int WatermarkScale = 10;

    /// <summary>watermark_boost_factor: how far a mark may be raised after mixing, in 1/10,000 of the high mark.</summary>
    internal const int BoostFactor = 15_000;

    /// <summary>min_free_kbytes of a machine: the square root of 16 times its directly mapped kilobytes, 128 KiB to 256 MiB.</summary>
    internal static long MinFreeKilobytes(long lowKilobytes) => Math.Clamp((long)Math.Sqrt(lowKilobytes * 16.0), 128, MinFreeKilobytesLimit);

    /// <summary>The marks of a zone of <paramref name="managed"/> pages.</summary>
    /// <param name="minFreePages">min_free_kbytes in pages.</param>
    /// <param name="managed">Pages of the zone.</param>
    /// <param name="lowPages">Pages of all zones but HIGHMEM and MOVABLE.</param>
    /// <param name="type">The zone.</param>
    internal static ZoneMarks Marks(long minFreePages, long managed, long lowPages, ZoneType type)
    {
        long share = lowPages == 0 ? 0 : (long)((Int128)minFreePages * managed / lowPages);
        long min = IsLow(type) ? share : Math.Clamp(managed / 1024, 32, 128);
        long gap = Math.Max(share / 4, managed * WatermarkScale / 10_000);
        return new ZoneMarks(min, min + gap, min + (2 * gap));
    }

    /// <summary>Pages of zone <paramref name="zone"/> that requests for zone <paramref name="request"/> must leave.</summary>
    /// <param name="managed">Pages of each zone type, lowest first.</param>
    /// <param name="zone">The zone that is asked.</param>
    /// <param name="request">The highest zone that the request allows.</param>
    internal static long LowmemReserve(ReadOnlySpan<long> managed, ZoneType zone, ZoneType request)
    {
        int ratio = zone switch { ZoneType.Dma or ZoneType.Dma32 => 256, ZoneType.Normal => 32, _ => 0 };
        if (ratio == 0 || managed[(int)zone] == 0) return 0;
        long above = 0;
        for (int i = (int)zone + 1; i <= (int)request; i++) above += managed[i];
        return above / ratio;
    }

    /// <summary>How many pages move between a page set and the buddy at a time.</summary>
    internal static int Batch(long managed, int pageShift = DefaultMap.PageShift)
    {
        long most = (1 << 20) >> pageShift;
        long b = Math.Max(1, Math.Min(managed / 1024, most) / 4);
        return (int)Math.Max(1, (long)BitOperations.RoundUpToPowerOf2((ulong)(b + (b / 2) + 1)) / 2 - 1);
    }

    /// <summary>The least number of pages at which a page set gives some back.</summary>
    internal static int HighMin(long lowMark, int cpus, int batch) => (int)Math.Max(lowMark / cpus, 4L * batch);

    /// <summary>The largest number that limit may grow to.</summary>
    internal static int HighMax(long managed, int cpus, int batch) => (int)Math.Min(int.MaxValue / 2, Math.Max(managed / 8 / cpus, 4L * batch));

    internal static bool IsLow(ZoneType type) => type is not (ZoneType.HighMem or ZoneType.Movable);
}
