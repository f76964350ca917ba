// How an allocation may be served: from which zones, whether it may wait, what it may do to get memory.
//
//   bits 0-3    zone modifiers (DMA, HIGHMEM, DMA32, MOVABLE)      bits 4-..   action modifiers
//   type flags  (GFP_KERNEL, GFP_ATOMIC, ...) are combinations of both
//
// The values are those of Linux 6.18. Names of the 2.6 era that were replaced map to their successors: WAIT is RECLAIM, REPEAT is
// RETRY_MAYFAIL, __GFP_ATOMIC is HIGH (an allocation that may not wait is one without DIRECT_RECLAIM). Two flags of the book that no kernel has
// today keep a meaning and get bits above all others: COLD and NO_GROW.
// Kernel concept: gfp_t, include/linux/gfp_types.h.

namespace KAlloc;

/// <summary>Flags of an allocation (the kernel's <c>gfp_t</c>): zone modifiers, action modifiers and the usual combinations.</summary>
/// <remarks>Use one of the combinations: <see cref="Kernel"/> where the code may sleep, <see cref="Atomic"/> where it must not.</remarks>
[Flags]
public enum GfpFlags : uint
{
    /// <summary>No flag: never waits, wakes nobody, uses no reserve.</summary>
    None = 0,

    /// <summary><c>__GFP_DMA</c>: from <c>ZONE_DMA</c> only (below 16 MiB on x86). Also the type flag <c>GFP_DMA</c>.</summary>
    Dma = 0x1,

    /// <summary><c>__GFP_HIGHMEM</c>: high memory will do; the frame may have no permanent address.</summary>
    HighMem = 0x2,

    /// <summary><c>__GFP_DMA32</c>: below 4 GiB. Also the type flag <c>GFP_DMA32</c>.</summary>
    Dma32 = 0x4,

    /// <summary><c>__GFP_MOVABLE</c>: the content can be moved; with <see cref="HighMem"/> also from <c>ZONE_MOVABLE</c>.</summary>
    Movable = 0x8,

    /// <summary><c>__GFP_RECLAIMABLE</c>: slab pages that a shrinker can free.</summary>
    Reclaimable = 0x10,

    /// <summary><c>__GFP_HIGH</c>: high priority, may use part of the emergency reserve.</summary>
    High = 0x20,

    /// <summary><c>__GFP_IO</c>: reclaim may start I/O.</summary>
    Io = 0x40,

    /// <summary><c>__GFP_FS</c>: reclaim may call into file systems.</summary>
    Fs = 0x80,

    /// <summary><c>__GFP_ZERO</c>: the memory is zeroed.</summary>
    Zero = 0x100,

    /// <summary><c>__GFP_DIRECT_RECLAIM</c>: the caller itself may reclaim, and so sleep.</summary>
    DirectReclaim = 0x400,

    /// <summary><c>__GFP_KSWAPD_RECLAIM</c>: wake the background reclaimer when memory runs low.</summary>
    KswapdReclaim = 0x800,

    /// <summary><c>__GFP_RECLAIM</c>: both kinds of reclaim.</summary>
    Reclaim = DirectReclaim | KswapdReclaim,

    /// <summary><c>__GFP_WAIT</c>, the book's name of <see cref="Reclaim"/>: the allocator may sleep.</summary>
    Wait = Reclaim,

    /// <summary><c>__GFP_WRITE</c>: the page will soon be dirty. Has no effect here: there is no writeback.</summary>
    Write = 0x1000,

    /// <summary><c>__GFP_NOWARN</c>: no report on failure.</summary>
    NoWarn = 0x2000,

    /// <summary><c>__GFP_RETRY_MAYFAIL</c>: try hard, fail in the end.</summary>
    RetryMayFail = 0x4000,

    /// <summary><c>__GFP_REPEAT</c>, the book's name of <see cref="RetryMayFail"/>.</summary>
    Repeat = RetryMayFail,

    /// <summary><c>__GFP_NOFAIL</c>: retry for ever; never returns null. Needs <see cref="DirectReclaim"/>.</summary>
    NoFail = 0x8000,

    /// <summary><c>__GFP_NORETRY</c>: one round of reclaim, then fail.</summary>
    NoRetry = 0x10000,

    /// <summary><c>__GFP_MEMALLOC</c>: may use all reserves. For code that is about to free memory.</summary>
    MemAlloc = 0x20000,

    /// <summary><c>__GFP_COMP</c>: the block's head page records its order, its tail pages point to the head.</summary>
    Compound = 0x40000,

    /// <summary><c>__GFP_NOMEMALLOC</c>: never use reserves; wins over <see cref="MemAlloc"/>.</summary>
    NoMemAlloc = 0x80000,

    /// <summary><c>__GFP_HARDWALL</c>: obey the cpuset. Has no effect here: there is one memory node.</summary>
    HardWall = 0x100000,

    /// <summary><c>__GFP_THISNODE</c>: no other node. Has no effect here: there is one memory node.</summary>
    ThisNode = 0x200000,

    /// <summary><c>__GFP_ACCOUNT</c>: charge the allocation to its owner.</summary>
    Account = 0x400000,

    /// <summary><c>__GFP_COLD</c> (2.6): prefer a frame that is not in the processor's cache.</summary>
    Cold = 0x1000000,

    /// <summary><c>__GFP_NO_GROW</c> (2.4): a cache serves the request from its slabs or fails; it does not grow.</summary>
    NoGrow = 0x2000000,

    /// <summary><c>GFP_ATOMIC</c>: high priority, never sleeps. For interrupt handlers, bottom halves and under spin locks.</summary>
    Atomic = High | KswapdReclaim,

    /// <summary><c>GFP_NOWAIT</c>: never sleeps, uses no reserve, no report on failure.</summary>
    NoWait = KswapdReclaim | NoWarn,

    /// <summary><c>GFP_NOIO</c>: may sleep, starts no I/O. For block-layer code.</summary>
    NoIo = Reclaim,

    /// <summary><c>GFP_NOFS</c>: may sleep and start I/O, enters no file system. For file-system code.</summary>
    NoFs = Reclaim | Io,

    /// <summary><c>GFP_KERNEL</c>: the default choice in process context; may sleep.</summary>
    Kernel = Reclaim | Io | Fs,

    /// <summary><c>GFP_KERNEL_ACCOUNT</c>: <see cref="Kernel"/>, charged to the owner.</summary>
    KernelAccount = Kernel | Account,

    /// <summary><c>GFP_TEMPORARY</c> (2.6): <see cref="Kernel"/> for short-lived, reclaimable memory.</summary>
    Temporary = Kernel | Reclaimable,

    /// <summary><c>GFP_USER</c>: for memory of user space; may sleep.</summary>
    User = Kernel | HardWall,

    /// <summary><c>GFP_HIGHUSER</c>: <see cref="User"/>, high memory will do.</summary>
    HighUser = User | HighMem,

    /// <summary><c>GFP_HIGHUSER_MOVABLE</c>: <see cref="HighUser"/>, the content can be moved.</summary>
    HighUserMovable = HighUser | Movable,
}
