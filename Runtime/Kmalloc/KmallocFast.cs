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
    /// <summary>An object, or 0: take the slow path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint TryAllocate(nuint size, GfpFlags flags)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null || size - 1 >= KmallocSizes.MaxCacheSize || !FastPath.IsPlain(flags) || !FastPath.MayRun(block, flags)) return 0;
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
