// How much of the zone a request may take.
//
//   free - (2^order - 1) - what is kept for atomic requests   must be above   mark - reserves + lowmem_reserve[zone of the request]
//
// and above order 0 one free block that fits must be on a list that the request may use.
//   __GFP_HIGH             halves the min mark          and may not wait: a quarter less again, so GFP_ATOMIC may go down to 3/8 of min
//   OOM                    half of what is left         PF_MEMALLOC, __GFP_MEMALLOC: no mark at all
// Cost: reads counters without the lock. They may be a moment old: marks are no promise to the page, the size of the zone is.
// Kernel concept: __zone_watermark_ok, zone_watermark_fast, boost_watermark.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal sealed unsafe partial class Zone
{
    private const int ZoneTypes = 5;

    private readonly long[] _reserve = new long[ZoneTypes];
    private readonly long[] _fastLimit = new long[ZoneTypes];
    private ZoneMarks _marks;
    private long _boost;
    private bool _wakeForBoost;

    internal ZoneMarks Marks => _marks;
    internal long WatermarkBoost => Volatile.Read(ref _boost);
    internal ReadOnlySpan<long> LowmemReserve => _reserve;

    internal void SetMarks(ZoneMarks marks, ReadOnlySpan<long> reserve)
    {
        _marks = marks;
        reserve.CopyTo(_reserve);
        SetFastLimits();
    }

    /// <summary>Whether a request of order 0 is clear of the low mark: all that the fast path asks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool HasPlenty(int order, int request) => _usableFrames - (1L << order) >= _fastLimit[request];

    /// <summary>The mark that the flags name, boost included.</summary>
    internal long Mark(AllocFlags flags) => _boost + (flags & AllocFlags.MarkMask) switch
    {
        AllocFlags.LowMark => _marks.Low,
        AllocFlags.HighMark => _marks.High,
        _ => _marks.Min,
    };

    /// <summary>Whether the zone may serve a request.</summary>
    /// <param name="order">The order.</param>
    /// <param name="mark">The mark to stay above.</param>
    /// <param name="request">The highest zone that the request allows.</param>
    /// <param name="flags">The reserves it may use.</param>
    internal bool IsAbove(int order, long mark, ZoneType request, AllocFlags flags)
    {
        long free = ((flags & AllocFlags.Reserves) != 0 ? FreeFrames : UsableFrames) - ((1L << order) - 1);
        if ((flags & AllocFlags.MinReserve) != 0)
        {
            mark -= mark / 2;
            if ((flags & AllocFlags.NonBlock) != 0) mark -= mark / 4;
        }

        if ((flags & AllocFlags.Oom) != 0) mark -= mark / 2;
        if (free <= mark + _reserve[(int)request]) return false;
        if (order == 0) return true;
        bool mayHighAtomic = (flags & (AllocFlags.HighAtomic | AllocFlags.Oom)) != 0;
        for (int o = order; o <= MaxOrder; o++)
        {
            for (int type = 0; type < Mobility.SetTypes; type++)
            {
                if (FreeBlocks(o, (MigrateType)type) != 0) return true;
            }

            if (FreeBlocks(o, MigrateType.Reserve) != 0) return true;

            if (mayHighAtomic && FreeBlocks(o, MigrateType.HighAtomic) != 0) return true;
        }

        return false;
    }

    /// <summary>The check of a request with its own mark. A request of order 0 for the reserve disregards the boost.</summary>
    internal bool MayTake(int order, ZoneType request, AllocFlags flags)
    {
        if ((flags & AllocFlags.NoWatermarks) != 0 || IsAbove(order, Mark(flags), request, flags)) return true;
        return order == 0 && _boost != 0 && (flags & (AllocFlags.MinReserve | AllocFlags.MarkMask)) == AllocFlags.MinReserve
            && IsAbove(order, _marks.Min, request, flags);
    }

    /// <summary>Whether the background reclaimer has nothing to do here.</summary>
    internal bool IsBalanced(int order, ZoneType request) => IsAbove(order, Mark(AllocFlags.HighMark), request, AllocFlags.MinMark);

    /// <summary>Takes the boost back; the background reclaimer does it when it is done.</summary>
    internal void EndBoost()
    {
        _lock.Enter();
        _boost = 0;
        SetFastLimits();
        _lock.Leave();
    }

    /// <summary>Whether the background reclaimer should be woken because page blocks were mixed; asks once.</summary>
    internal bool TakeBoostWake()
    {
        if (!_wakeForBoost) return false;
        _wakeForBoost = false;
        return true;
    }

    private bool Boost()
    {
        long most = _marks.High * ZoneFormulas.BoostFactor / 10_000;

        // Too small a zone would be boosted for ever.
        if (Managed < Mobility.BlockFrames * 4 || _boost >= most) return false;
        most = Math.Max(most, Mobility.BlockFrames);
        _boost = Math.Min(_boost + Mobility.BlockFrames, most);
        SetFastLimits();
        return true;
    }

    private void SetFastLimits()
    {
        for (int type = 0; type < ZoneTypes; type++) Volatile.Write(ref _fastLimit[type], _marks.Low + _boost + _reserve[type]);
    }
}
