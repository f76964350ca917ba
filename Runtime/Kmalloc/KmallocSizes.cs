// The size classes of kmalloc, as data. Everything else about them is computed from here.
//
//   index   0  1  2  3  4   5   6   7   8    9   10  11  12          id of the cache = 1 + type * 13 + index
//   bytes   8 16 32 64 96 128 192 256 512  1024  2k  4k  8k          type: normal, DMA, reclaimable, accounted
//
// Size to index is one load from a byte table: by eighths of 64 up to 1024, by kilobytes above. Cheaper than counting leading zeros, and it allows
// classes that are no powers of two. Kernel concept: kmalloc_info[], kmalloc_index(), size_index[].

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal static class KmallocSizes
{
    internal const int Count = 13;
    internal const int Types = 4;

    /// <summary>Largest size that a cache serves; more comes from the page allocator.</summary>
    internal const nuint MaxCacheSize = 8192;

    /// <summary>Largest size at all: the largest block.</summary>
    internal const nuint MaxSize = PhysicalMemory.MaxBlockBytes;

    /// <summary>First cache id behind the kmalloc caches.</summary>
    internal const int FirstOtherId = 1 + (Types * Count);

    internal static ReadOnlySpan<ushort> Bytes => [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192];

    internal static readonly string[] Names = ["8", "16", "32", "64", "96", "128", "192", "256", "512", "1k", "2k", "4k", "8k"];

    private static ReadOnlySpan<byte> IndexBy8 =>
    [
        0, 0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7,
        7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8,
        8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
        9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
        9,
    ];

    private static ReadOnlySpan<byte> IndexBy1024 => [0, 9, 10, 11, 11, 12, 12, 12, 12];

    /// <summary>Index of the smallest class that holds a size of 1..8192.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint IndexOf(nuint size) => size <= 1024
        ? Unsafe.Add(ref MemoryMarshal.GetReference(IndexBy8), (size + 7) >> 3)
        : Unsafe.Add(ref MemoryMarshal.GetReference(IndexBy1024), (size + 1023) >> 10);

    /// <summary>Bytes of a class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint BytesOf(uint index) => Unsafe.Add(ref MemoryMarshal.GetReference(Bytes), index);
}
