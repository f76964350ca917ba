// Where the default system lies in the address space. Constants, because the JIT folds a constant address into an instruction.
//
//   0x0D00_0000_0000   cache descriptors: 64 Ki x 256 B = 16 MiB
//   0x0E00_0000_0000   memory map: one Page per frame
//   0x0F00_0000_0000   class map: 2 bytes per frame, for the whole window, so that any address in the window may be looked up
//   0x1000_0000_0000   direct map: frame 0 at PAGE_OFFSET; the window is 1 TiB
//   0x1200_0000_0000   vmalloc range        0x1300_0000_0000   kmap window
//
// These addresses lie between where systems put programs and where they put libraries. All of it is reserved, none of it committed.
// Kernel concept: PAGE_OFFSET, VMALLOC_START, vmemmap.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal static unsafe class DefaultMap
{
    internal const int PageShift = 12;
    internal const nuint PageSize = 1 << PageShift;

    /// <summary>Bytes of its largest block: 4 MiB.</summary>
    internal const nuint MaxBlockBytes = PageSize << PhysicalMemory.MaxOrder;

    internal const ulong Caches = 0x0D00_0000_0000;
    internal const ulong MemMap = 0x0E00_0000_0000;
    internal const ulong ClassMap = 0x0F00_0000_0000;
    internal const ulong PageOffset = 0x1000_0000_0000;
    internal const int WindowShift = 40;
    internal const ulong VmallocStart = 0x1200_0000_0000;
    internal const ulong KmapStart = 0x1300_0000_0000;

    /// <summary>Largest vmalloc range.</summary>
    internal const ulong VmallocMaxBytes = KmapStart - VmallocStart;

    /// <summary>Whether an address lies in the direct map's window: it has a class map entry, be there memory or not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsInWindow(nuint address) => (address - PageOffset) >> PageShift < 1UL << (WindowShift - PageShift);

    /// <summary>The class map entry of an address in the window: 0 for memory that is no slab's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint ClassInWindow(nuint address) => *(ushort*)(ClassMap + (((address - PageOffset) >> PageShift) * 2));

    /// <summary>The class map entry of any address: 0 outside of the window and for memory that is no slab's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint ClassOf(nuint address) => IsInWindow(address) ? ClassInWindow(address) : 0u;
}
