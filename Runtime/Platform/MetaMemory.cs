// Memory for the allocator's own small bookkeeping that is not part of the arena: thread blocks and the like.
// It is allocated once and never freed: a block outlives its thread and serves the next one.

using System.Runtime.InteropServices;

namespace KAlloc;

internal static unsafe class MetaMemory
{
    private static long s_bytes;

    /// <summary>Bytes handed out so far.</summary>
    internal static long Bytes => Volatile.Read(ref s_bytes);

    /// <summary>Zeroed memory; throws <see cref="OutOfMemoryException"/> when the process has none.</summary>
    /// <param name="bytes">Size in bytes, a multiple of <paramref name="alignment"/>.</param>
    /// <param name="alignment">A power of two.</param>
    internal static void* AllocateZeroed(nuint bytes, nuint alignment)
    {
        void* memory = NativeMemory.AlignedAlloc(bytes, alignment);
        NativeMemory.Clear(memory, bytes);
        Interlocked.Add(ref s_bytes, (long)bytes);
        return memory;
    }
}
