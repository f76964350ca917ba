// gfp flags as text, as the kernel's %pGg prints them: greedy, longest combination first, joined by '|', "none" for 0.
// Cost: builds a string; used by reports only. Kernel concept: include/trace/events/mmflags.h.

using System.Text;

namespace KAlloc;

/// <summary>The text form of gfp flags.</summary>
public static class GfpFormat
{
    // The order is the kernel's; bits that no kernel has today come last.
    private static readonly (GfpFlags Flags, string Name)[] s_names =
    [
        (GfpFlags.HighUserMovable, "GFP_HIGHUSER_MOVABLE"),
        (GfpFlags.HighUser, "GFP_HIGHUSER"),
        (GfpFlags.User, "GFP_USER"),
        (GfpFlags.KernelAccount, "GFP_KERNEL_ACCOUNT"),
        (GfpFlags.Kernel, "GFP_KERNEL"),
        (GfpFlags.NoFs, "GFP_NOFS"),
        (GfpFlags.Atomic, "GFP_ATOMIC"),
        (GfpFlags.NoIo, "GFP_NOIO"),
        (GfpFlags.NoWait, "GFP_NOWAIT"),
        (GfpFlags.Dma, "GFP_DMA"),
        (GfpFlags.Dma32, "GFP_DMA32"),
        (GfpFlags.Reclaim, "__GFP_RECLAIM"),
        (GfpFlags.HighMem, "__GFP_HIGHMEM"),
        (GfpFlags.Movable, "__GFP_MOVABLE"),
        (GfpFlags.Reclaimable, "__GFP_RECLAIMABLE"),
        (GfpFlags.High, "__GFP_HIGH"),
        (GfpFlags.Io, "__GFP_IO"),
        (GfpFlags.Fs, "__GFP_FS"),
        (GfpFlags.Zero, "__GFP_ZERO"),
        (GfpFlags.DirectReclaim, "__GFP_DIRECT_RECLAIM"),
        (GfpFlags.KswapdReclaim, "__GFP_KSWAPD_RECLAIM"),
        (GfpFlags.Write, "__GFP_WRITE"),
        (GfpFlags.NoWarn, "__GFP_NOWARN"),
        (GfpFlags.RetryMayFail, "__GFP_RETRY_MAYFAIL"),
        (GfpFlags.NoFail, "__GFP_NOFAIL"),
        (GfpFlags.NoRetry, "__GFP_NORETRY"),
        (GfpFlags.MemAlloc, "__GFP_MEMALLOC"),
        (GfpFlags.Compound, "__GFP_COMP"),
        (GfpFlags.NoMemAlloc, "__GFP_NOMEMALLOC"),
        (GfpFlags.HardWall, "__GFP_HARDWALL"),
        (GfpFlags.ThisNode, "__GFP_THISNODE"),
        (GfpFlags.Account, "__GFP_ACCOUNT"),
        (GfpFlags.Cold, "__GFP_COLD"),
        (GfpFlags.NoGrow, "__GFP_NO_GROW"),
    ];

    /// <summary>The flags as the kernel prints them (<c>%pGg</c>), for example <c>GFP_KERNEL|__GFP_ZERO</c>; <c>none</c> for 0.</summary>
    /// <param name="flags">The flags.</param>
    public static string Format(this GfpFlags flags)
    {
        if (flags == GfpFlags.None) return "none";
        var text = new StringBuilder();
        foreach ((GfpFlags mask, string name) in s_names)
        {
            if ((flags & mask) != mask) continue;
            if (text.Length != 0) text.Append('|');
            text.Append(name);
            flags &= ~mask;
        }

        if (flags != 0)
        {
            if (text.Length != 0) text.Append('|');
            text.Append("0x").Append(((uint)flags).ToString("x"));
        }

        return text.ToString();
    }
}
