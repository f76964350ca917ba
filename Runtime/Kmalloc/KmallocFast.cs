// The hit paths of kmalloc and kfree on the default system, inlined into the caller.
//
//   kmalloc: my block, a size with a class, plain flags, may this thread sleep?   slot of the class: pop
//   kfree:   my block, class map entry of the address                             slot of that class: push
//
// kmalloc, kfree and their kmem_cache twins of the kernel face are written out there: the JIT lays one method out better than several.
// Every "no" is one branch to a call. Zeroing, DMA and other classes, first use, empty and full sheaves, wrong pointers, NULL: all behind it.
// Cost: see docs/benchmarks.md; no atomic, no write to the object. Kernel concept: the fast paths of SLUB and sheaves.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class KmallocFast
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

    /// <summary>An object, or 0: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint TryAllocate(nuint size, GfpFlags flags)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null || size - 1 >= KmallocSizes.MaxCacheSize || !IsPlain(flags) || !MayRun(block, flags)) return 0;
        return Sheaf.TryPop(CpuBlock.Slot(block, 1 + KmallocSizes.IndexOf(size)));
    }

    /// <summary>Frees an object of any fast cache; false: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryFree(void* obj)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null) return false;
        uint id = DefaultMap.ClassOf((nuint)obj);
        return id < CpuBlock.SlotCount && Sheaf.TryPush(CpuBlock.Slot(block, id), (nint)obj);
    }
}
