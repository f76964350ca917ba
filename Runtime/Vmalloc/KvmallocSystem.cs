// kvmalloc: physically contiguous if that is easy, else only virtually. For sizes that are usually small and sometimes not.
//
// A try of kmalloc over one page is made without effort: no reclaim, no report. What may not sleep gets kmalloc memory or null.
// Kernel concept: kvmalloc_node, kvfree.

using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe class KvmallocSystem(PhysicalMemory physical, KmallocCaches kmalloc, VmallocSpace vmalloc)
{
    internal void* Allocate(nuint size, GfpFlags flags)
    {
        MightSleep.CheckAlloc(flags);
        bool large = size > physical.PageSize;
        GfpFlags first = flags;
        if (large)
        {
            first = (flags | GfpFlags.NoWarn) & ~GfpFlags.NoFail;
            if ((flags & GfpFlags.RetryMayFail) == 0) first = (first | GfpFlags.NoRetry) & ~GfpFlags.DirectReclaim;
        }

        void* memory = kmalloc.Allocate(size, first);
        if (memory != null || !large || (flags & GfpFlags.DirectReclaim) == 0) return memory;
        if (size <= int.MaxValue) return vmalloc.Allocate(size, flags);
        if ((flags & GfpFlags.NoWarn) == 0) KernelReports.Warn($"WARNING: kvmalloc of {size} bytes is over INT_MAX: the request fails");
        return null;
    }

    internal void Free(void* memory)
    {
        if (vmalloc.Contains((nuint)memory)) vmalloc.Free(memory);
        else kmalloc.Free(memory);
    }

    internal nuint SizeOf(void* memory, string caller) =>
        vmalloc.Contains((nuint)memory) ? vmalloc.SizeOf(memory) : kmalloc.SizeOf(memory, caller);

    internal void* Reallocate(void* memory, nuint size, GfpFlags flags)
    {
        if ((nuint)memory <= (nuint)KmallocCaches.ZeroSizePointer) return Allocate(size, flags);
        nuint old = SizeOf(memory, "kvrealloc");
        if (old == 0) return null;
        if (size == 0)
        {
            Free(memory);
            return (void*)KmallocCaches.ZeroSizePointer;
        }

        if (size <= old)
        {
            if ((flags & GfpFlags.Zero) != 0) NativeMemory.Clear((byte*)memory + size, old - size);
            return memory;
        }

        void* larger = Allocate(size, flags);
        if (larger == null) return null;
        Buffer.MemoryCopy(memory, larger, size, old);
        Free(memory);
        return larger;
    }
}
