// The size classes of kmalloc, as data. Everything else about them is computed from here.
//
//   8 16 32 64 96 128 192 256      the kernel's; then 4 for each doubling, the kernel's powers of two among them, up to 8192
//   id of the cache = 1 + type * 28 + index                                type: normal, DMA, reclaimable, accounted
//
// Powers of two alone waste a third of what is asked for above 256 bytes; docs/design/slab.md has what was measured.
// Size to index is one load from a byte table: by eighths of 64 up to 1024, by 128 above. Cheaper than counting leading zeros.
// Invariant: within a doubling all classes are multiples of one step, so that a class is aligned as well as any size that it serves.
// Kernel concept: kmalloc_info[], kmalloc_index(), size_index[].

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal static class KmallocSizes
{
    internal const int Count = 28;
    internal const int Types = 4;

    /// <summary>Largest size that a cache serves; more comes from the page allocator.</summary>
    internal const nuint MaxCacheSize = 8192;

    /// <summary>Largest size at all: the largest block.</summary>
    internal const nuint MaxSize = DefaultMap.MaxBlockBytes;

    /// <summary>First cache id behind the kmalloc caches.</summary>
    internal const int FirstOtherId = 1 + (Types * Count);

    internal static ReadOnlySpan<ushort> Bytes =>
    [
        8, 16, 32, 64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168,
        8192,
    ];

    private static ReadOnlySpan<byte> IndexBy8 =>
    [
        0, 0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9,
        9, 9, 10, 10, 10, 10, 10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 11, 11, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 13, 13,
        13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 15, 15, 15, 15, 15,
        15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    ];

    private static ReadOnlySpan<byte> IndexBy128 =>
    [
        0, 5, 7, 9, 11, 12, 13, 14, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20, 20, 20, 20, 21, 21, 21, 21, 22, 22, 22, 22, 23, 23, 23, 23, 24, 24, 24,
        24, 24, 24, 24, 24, 25, 25, 25, 25, 25, 25, 25, 25, 26, 26, 26, 26, 26, 26, 26, 26, 27, 27, 27, 27, 27, 27, 27, 27,
    ];

    /// <summary>The kernel's way to write a class: <c>512</c>, <c>1k</c>.</summary>
    internal static string NameOf(uint bytes) => bytes % 1024 == 0 && bytes >= 1024 && System.Numerics.BitOperations.IsPow2(bytes) ? $"{bytes / 1024}k" : $"{bytes}";

    /// <summary>Index of the smallest class that holds a size of 1..8192.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint IndexOf(nuint size) => size <= 1024
        ? Unsafe.Add(ref MemoryMarshal.GetReference(IndexBy8), (size + 7) >> 3)
        : Unsafe.Add(ref MemoryMarshal.GetReference(IndexBy128), (size + 127) >> 7);

    /// <summary>Bytes of a class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint BytesOf(uint index) => Unsafe.Add(ref MemoryMarshal.GetReference(Bytes), index);
}
