// What every hit path asks before it pops, and the push of those that are not written out.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class FastPath
{
    /// <summary>Flags that the fast path need not look at: with any other the slow path decides.</summary>
    private const GfpFlags Plain = GfpFlags.Reclaim | GfpFlags.Io | GfpFlags.Fs | GfpFlags.High | GfpFlags.NoWarn | GfpFlags.RetryMayFail | GfpFlags.NoFail
        | GfpFlags.NoRetry | GfpFlags.MemAlloc | GfpFlags.NoMemAlloc | GfpFlags.HardWall | GfpFlags.ThisNode | GfpFlags.Compound | GfpFlags.Write
        | GfpFlags.NoGrow | GfpFlags.Cold;

    /// <summary>Whether flags ask for nothing that the fast path cannot do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsPlain(GfpFlags flags) => (flags & ~Plain) == 0;

    /// <summary>Whether the thread may make a call with these flags in its context.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool MayRun(CpuBlock* block, GfpFlags flags) => (flags & GfpFlags.DirectReclaim) == 0 || block->Execution.AtomicWord == 0;

    /// <summary>Frees an object to the slot of a cache if the object is that cache's; false: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryPush(CacheSlot* slot, ushort fastId, void* obj) =>
        DefaultMap.IsInWindow((nuint)obj) && DefaultMap.ClassInWindow((nuint)obj) == fastId && Sheaf.TryPush(slot, (nint)obj);
}
