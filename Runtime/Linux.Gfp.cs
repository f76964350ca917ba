// The kernel face: gfp flags and the constants of pages. Values are those of GfpFlags.

namespace KAlloc;

/// <summary>
/// The kernel's memory functions by the kernel's names and argument order. <c>using static KAlloc.Linux;</c> makes ported code read the same.
/// All of them work on <see cref="KernelMemory.Default"/>.
/// </summary>
public static unsafe partial class Linux
{
    /// <inheritdoc cref="GfpFlags.Dma"/>
    public const gfp_t __GFP_DMA = GfpFlags.Dma;

    /// <inheritdoc cref="GfpFlags.HighMem"/>
    public const gfp_t __GFP_HIGHMEM = GfpFlags.HighMem;

    /// <inheritdoc cref="GfpFlags.Dma32"/>
    public const gfp_t __GFP_DMA32 = GfpFlags.Dma32;

    /// <inheritdoc cref="GfpFlags.Movable"/>
    public const gfp_t __GFP_MOVABLE = GfpFlags.Movable;

    /// <inheritdoc cref="GfpFlags.Reclaimable"/>
    public const gfp_t __GFP_RECLAIMABLE = GfpFlags.Reclaimable;

    /// <inheritdoc cref="GfpFlags.High"/>
    public const gfp_t __GFP_HIGH = GfpFlags.High;

    /// <inheritdoc cref="GfpFlags.Io"/>
    public const gfp_t __GFP_IO = GfpFlags.Io;

    /// <inheritdoc cref="GfpFlags.Fs"/>
    public const gfp_t __GFP_FS = GfpFlags.Fs;

    /// <inheritdoc cref="GfpFlags.Zero"/>
    public const gfp_t __GFP_ZERO = GfpFlags.Zero;

    /// <inheritdoc cref="GfpFlags.DirectReclaim"/>
    public const gfp_t __GFP_DIRECT_RECLAIM = GfpFlags.DirectReclaim;

    /// <inheritdoc cref="GfpFlags.KswapdReclaim"/>
    public const gfp_t __GFP_KSWAPD_RECLAIM = GfpFlags.KswapdReclaim;

    /// <inheritdoc cref="GfpFlags.Reclaim"/>
    public const gfp_t __GFP_RECLAIM = GfpFlags.Reclaim;

    /// <inheritdoc cref="GfpFlags.Wait"/>
    public const gfp_t __GFP_WAIT = GfpFlags.Wait;

    /// <summary>The flag of kernels 4.4 to 6.2; its successor is <c>__GFP_HIGH</c>: <inheritdoc cref="GfpFlags.High"/></summary>
    public const gfp_t __GFP_ATOMIC = GfpFlags.High;

    /// <inheritdoc cref="GfpFlags.Cold"/>
    public const gfp_t __GFP_COLD = GfpFlags.Cold;

    /// <inheritdoc cref="GfpFlags.Write"/>
    public const gfp_t __GFP_WRITE = GfpFlags.Write;

    /// <inheritdoc cref="GfpFlags.NoWarn"/>
    public const gfp_t __GFP_NOWARN = GfpFlags.NoWarn;

    /// <inheritdoc cref="GfpFlags.Repeat"/>
    public const gfp_t __GFP_REPEAT = GfpFlags.Repeat;

    /// <inheritdoc cref="GfpFlags.RetryMayFail"/>
    public const gfp_t __GFP_RETRY_MAYFAIL = GfpFlags.RetryMayFail;

    /// <inheritdoc cref="GfpFlags.NoFail"/>
    public const gfp_t __GFP_NOFAIL = GfpFlags.NoFail;

    /// <inheritdoc cref="GfpFlags.NoRetry"/>
    public const gfp_t __GFP_NORETRY = GfpFlags.NoRetry;

    /// <inheritdoc cref="GfpFlags.NoGrow"/>
    public const gfp_t __GFP_NO_GROW = GfpFlags.NoGrow;

    /// <inheritdoc cref="GfpFlags.Compound"/>
    public const gfp_t __GFP_COMP = GfpFlags.Compound;

    /// <inheritdoc cref="GfpFlags.MemAlloc"/>
    public const gfp_t __GFP_MEMALLOC = GfpFlags.MemAlloc;

    /// <inheritdoc cref="GfpFlags.NoMemAlloc"/>
    public const gfp_t __GFP_NOMEMALLOC = GfpFlags.NoMemAlloc;

    /// <inheritdoc cref="GfpFlags.HardWall"/>
    public const gfp_t __GFP_HARDWALL = GfpFlags.HardWall;

    /// <inheritdoc cref="GfpFlags.ThisNode"/>
    public const gfp_t __GFP_THISNODE = GfpFlags.ThisNode;

    /// <inheritdoc cref="GfpFlags.Account"/>
    public const gfp_t __GFP_ACCOUNT = GfpFlags.Account;

    /// <inheritdoc cref="GfpFlags.Atomic"/>
    public const gfp_t GFP_ATOMIC = GfpFlags.Atomic;

    /// <inheritdoc cref="GfpFlags.NoWait"/>
    public const gfp_t GFP_NOWAIT = GfpFlags.NoWait;

    /// <inheritdoc cref="GfpFlags.NoIo"/>
    public const gfp_t GFP_NOIO = GfpFlags.NoIo;

    /// <inheritdoc cref="GfpFlags.NoFs"/>
    public const gfp_t GFP_NOFS = GfpFlags.NoFs;

    /// <inheritdoc cref="GfpFlags.Kernel"/>
    public const gfp_t GFP_KERNEL = GfpFlags.Kernel;

    /// <inheritdoc cref="GfpFlags.KernelAccount"/>
    public const gfp_t GFP_KERNEL_ACCOUNT = GfpFlags.KernelAccount;

    /// <inheritdoc cref="GfpFlags.Temporary"/>
    public const gfp_t GFP_TEMPORARY = GfpFlags.Temporary;

    /// <inheritdoc cref="GfpFlags.User"/>
    public const gfp_t GFP_USER = GfpFlags.User;

    /// <inheritdoc cref="GfpFlags.HighUser"/>
    public const gfp_t GFP_HIGHUSER = GfpFlags.HighUser;

    /// <inheritdoc cref="GfpFlags.HighUserMovable"/>
    public const gfp_t GFP_HIGHUSER_MOVABLE = GfpFlags.HighUserMovable;

    /// <inheritdoc cref="GfpFlags.Dma"/>
    public const gfp_t GFP_DMA = GfpFlags.Dma;

    /// <inheritdoc cref="GfpFlags.Dma32"/>
    public const gfp_t GFP_DMA32 = GfpFlags.Dma32;

    /// <summary>Bytes of a page: 4096.</summary>
    public const int PAGE_SIZE = 1 << PAGE_SHIFT;

    /// <summary>Base-2 logarithm of <see cref="PAGE_SIZE"/>.</summary>
    public const int PAGE_SHIFT = DefaultMap.PageShift;

    /// <summary>Mask that keeps the page part of an address: <c>~(PAGE_SIZE - 1)</c>.</summary>
    public static nuint PAGE_MASK => ~(nuint)(PAGE_SIZE - 1);

    /// <summary>Largest order, inclusive: blocks of 1024 pages. (Kernels before 6.4 meant the first order that is too large, 11.)</summary>
    public const int MAX_ORDER = PhysicalMemory.MaxOrder;

    /// <summary>Today's name of <see cref="MAX_ORDER"/>.</summary>
    public const int MAX_PAGE_ORDER = PhysicalMemory.MaxOrder;

    /// <summary>Number of orders: 11.</summary>
    public const int NR_PAGE_ORDERS = PhysicalMemory.MaxOrder + 1;
}
