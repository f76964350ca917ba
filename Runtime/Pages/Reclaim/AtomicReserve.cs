// The reserve that GFP_ATOMIC may use gets memory before it is needed: a first touch is a page fault, and a page fault waits.
//
//   how much   the min mark of the zone that GFP_KERNEL prefers, in whole blocks of 4 MiB; none in a zone of less than 64 MiB
//   when       on the background thread a moment after boot, or at boot, or never
//
// Kernel concept: none; a kernel's frames are always there. Zone.Reserve.cs keeps the blocks.

namespace KAlloc;

/// <summary>When the reserve for requests that may not wait gets memory behind it.</summary>
public enum ReservePopulation
{
    /// <summary>On the background thread, a moment after boot.</summary>
    InBackground,

    /// <summary>Before the boot returns: it takes about a millisecond for each 4 MiB.</summary>
    AtBoot,

    /// <summary>Never: frames get memory when they are first touched.</summary>
    Never,
}

internal sealed unsafe partial class PageAllocator
{
    /// <summary>A program that only starts and ends should not pay.</summary>
    private const int PopulateDelayMilliseconds = 20;

    /// <summary>No more of a zone than this part of it, so that small systems have none.</summary>
    private const int LeastZonePart = 16;

    private readonly bool _populateLater;

    /// <summary>Frames with memory behind them that requests of high priority, which may not wait, get first.</summary>
    internal long ReserveFrames => _preferred[(int)ZoneType.Normal]?.ReserveFrames ?? 0;

    private void PopulateReserve()
    {
        if (_preferred[(int)ZoneType.Normal] is not { } zone) return;
        const long Block = 1L << PhysicalMemory.MaxOrder;
        long wanted = Math.Min((zone.Marks.Min + Block - 1) / Block, zone.Managed / LeastZonePart / Block);
        for (long i = 0; i < wanted && !Volatile.Read(ref _stopping); i++)
        {
            if (!zone.AddReserve()) break;
        }

        if (zone.ReserveFrames != 0) _sets.UseReserve();
    }
}
