// What a request may do to the reserves, derived from its gfp flags once per attempt. Kernel concept: ALLOC_*, gfp_to_alloc_flags.

namespace KAlloc;

[Flags]
internal enum AllocFlags
{
    /// <summary>Down to the min mark: the slow path.</summary>
    MinMark = 0,

    /// <summary>Down to the low mark: the fast path.</summary>
    LowMark = 1,

    /// <summary>Down to the high mark.</summary>
    HighMark = 2,

    MarkMask = 3,

    /// <summary>Everything (PF_MEMALLOC).</summary>
    NoWatermarks = 4,

    /// <summary>Half of the reserve: the request is about to free memory.</summary>
    Oom = 8,

    /// <summary>The caller may not wait.</summary>
    NonBlock = 0x10,

    /// <summary>Half of the reserve (<c>__GFP_HIGH</c>); with <see cref="NonBlock"/> five eighths.</summary>
    MinReserve = 0x20,

    /// <summary>Page blocks of another type only as a whole.</summary>
    NoFragment = 0x100,

    /// <summary>Blocks kept for large requests that may not wait.</summary>
    HighAtomic = 0x200,

    /// <summary>Frames with memory behind them first: high priority, and may not wait for a page fault.</summary>
    Populated = 0x400,

    /// <summary>The background reclaimer may be woken.</summary>
    Kswapd = 0x800,

    Reserves = Oom | NonBlock | MinReserve | HighAtomic,
}
