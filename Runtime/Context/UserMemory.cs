// User memory: where copy_to_user and copy_from_user may reach.
//
//   null page | anything native that is not KAlloc's: "user" | KAlloc's tables, direct map, vmalloc, kmap: "kernel"
//
// A program has one address space, so user memory is what the default system does not own: a buffer from NativeMemory, a pinned array, a stack. A pointer
// to it must be valid, as any pointer: only null and kernel addresses are refused, like access_ok() does.
// Invariant: nothing is copied unless the whole range is user memory. Cost: two compares and a copy.
// Kernel concept: access_ok, TASK_SIZE. Not done: page faults, so a copy is never partial.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class UserMemory
{
    /// <summary>The first page is never mapped: a pointer into it is a null pointer with an offset.</summary>
    private const nuint FirstAddress = 4096;

    /// <summary>Whether the range may be touched on a user's behalf (the kernel's <c>access_ok</c>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsUser(void* address, nuint bytes)
    {
        nuint start = (nuint)address;
        nuint end = start + bytes;
        return start >= FirstAddress && end >= start && (end <= KernelStart || start >= KernelEnd);
    }

    private static nuint KernelStart => unchecked((nuint)DefaultMap.Caches);
    private static nuint KernelEnd => unchecked((nuint)(DefaultMap.KmapStart + (1UL << DefaultMap.WindowShift)));
}
