// One stack of real pages with a pointer into it that pushes and pops.
//
//   low  ..... free ..... Sp | newest frame | ... | oldest frame | Top  high
//
// Invariant: Sp is a multiple of 16 between the pages' low end and Top (below the low end only if a guard page lies there).
// Cost: an addition and a compare to push.

namespace KAlloc;

internal sealed unsafe class SimulatedStack(byte* low, int bytes, nuint guardBytes)
{
    internal readonly byte* Low = low;
    internal readonly int Bytes = bytes;

    internal nuint Top => (nuint)Low + (nuint)Bytes;

    internal nuint Sp { get; set; } = (nuint)low + (nuint)bytes;

    /// <summary>The lowest the pointer ever was.</summary>
    internal nuint Lowest { get; set; } = (nuint)low + (nuint)bytes;

    internal bool IsEmpty => Sp == Top;

    /// <summary>The frames that are open, oldest first.</summary>
    internal List<nuint> Frames { get; } = [];

    /// <summary>Takes bytes off; null and a BUG if they would lie in memory of somebody else.</summary>
    internal void* Push(nuint size, string owner)
    {
        nuint sp = Sp - (size + 15 & ~(nuint)15);

        // Below a guarded stack the processor says no, one page long; what would jump over that page is refused like the rest.
        nuint end = (nuint)Low - guardBytes;
        if (size > (nuint)Bytes || sp < end)
        {
            KernelReports.Bug($"BUG: stack overflow of {owner}: {size} more bytes would reach {end - Math.Min(end, sp)} bytes below its pages, into memory of somebody else", sp);
            return null;
        }

        Sp = sp;
        Lowest = Math.Min(Lowest, sp);
        return (void*)sp;
    }

    /// <summary>Gives back a frame and what was taken after it; it must be the newest.</summary>
    internal void Pop(nuint frame, nuint size, string owner)
    {
        if (Frames.Count == 0 || Frames[^1] != frame)
        {
            KernelReports.Bug($"BUG: frame at 0x{frame:x} of {owner} is popped, but the newest is at 0x{(Frames.Count == 0 ? 0 : Frames[^1]):x}: the last pushed goes first", frame);
            return;
        }

        Frames.RemoveAt(Frames.Count - 1);
        Sp = frame + (size + 15 & ~(nuint)15);
    }
}
