// The frames of one system and the tables that are parallel to them. pfn, page and address are converted by arithmetic.
//
//   pfn        0 .................. LowFrames ........ Frames
//   address    DirectMap + pfn*PageSize | none (high)
//   MemMap     Page[Frames]         reserved, touched block by block as zones hand frames out
//   KmapSlots  ushort[high frames]
//   ClassMap   ushort[frames]       0 no slab, 1..255 caches with per-thread slots, .. more caches, 0xFFFE large kmalloc
//
// Kernel concept: mem_map / vmemmap, pfn_to_page, __va.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe class PhysicalMemory : IDisposable
{
    /// <summary>Largest order, inclusive: blocks of 1024 pages.</summary>
    internal const int MaxOrder = 10;

    /// <summary>Class map entry of the first page of a large kmalloc allocation.</summary>
    internal const ushort ClassLarge = 0xFFFE;

    private readonly nuint _memMapBytes;
    private readonly nuint _classMapBytes;

    internal PhysicalMemory(BackingKind backing, nuint bytes, nuint directBytes, bool isDefault, int pageSize = (int)DefaultMap.PageSize)
    {
        IsDefault = isDefault;
        PageSize = (nuint)pageSize;
        PageShift = BitOperations.Log2((uint)pageSize);
        Frames = (uint)(bytes >> PageShift);
        LowFrames = (uint)(directBytes >> PageShift);
        _memMapBytes = RoundToPages((nuint)MapCost(bytes, (int)PageSize, Page.Bytes));
        _classMapBytes = isDefault ? (nuint)2 << (DefaultMap.WindowShift - PageShift) : RoundToPages((nuint)Frames * 2);
        Arena = Arena.Create(backing, bytes, directBytes, isDefault ? unchecked((nuint)DefaultMap.PageOffset) : 0, MaxBlockBytes);
        DirectMap = Arena.DirectMap;
        MemMap = (Page*)AddressSpace.Reserve(_memMapBytes, isDefault ? unchecked((nuint)DefaultMap.MemMap) : 0);
        ClassMap = (ushort*)AddressSpace.Reserve(_classMapBytes, isDefault ? unchecked((nuint)DefaultMap.ClassMap) : 0);
        if (LowFrames < Frames) KmapSlots = (ushort*)AddressSpace.Reserve(KmapSlotBytes);
        if (MemMap != null && ClassMap != null && (KmapSlots != null || LowFrames == Frames)) return;
        Dispose();
        throw new InvalidOperationException("KAlloc cannot reserve its memory map: the address range is taken or too small.");
    }

    /// <summary>Bytes of a memory map.</summary>
    internal static ulong MapCost(ulong bytes, int pageSize, int structSize) => bytes / (ulong)pageSize * (ulong)structSize;

    internal bool IsDefault { get; }

    /// <summary>The layout's page size. The default system's is a constant, folded into its hit paths: <see cref="DefaultMap.PageSize"/>.</summary>
    internal nuint PageSize { get; }
    internal int PageShift { get; }

    /// <summary>Bytes of the largest block: 4 or 8 MiB.</summary>
    internal nuint MaxBlockBytes => PageSize << MaxOrder;
    internal Arena Arena { get; }
    internal uint Frames { get; }
    internal uint LowFrames { get; }
    internal byte* DirectMap { get; }
    internal Page* MemMap { get; }
    internal ushort* ClassMap { get; }

    /// <summary>Start of the kmap window, once there is one.</summary>
    internal byte* KmapWindow { get; set; }

    /// <summary>
    /// For each high frame its slot in the window, plus 1; 0 if kmap has not mapped it. A table of its own: a page inside a block has other uses for its Page.
    /// </summary>
    internal ushort* KmapSlots { get; }

    /// <summary>Bytes reserved for the tables.</summary>
    internal nuint MemMapBytes => _memMapBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint FrameOf(Page* page) => (uint)(((nuint)page - (nuint)MemMap) / Page.Bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Page* PageOf(uint frame) => MemMap + frame;

    /// <summary>Direct-map address of a low frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Address(uint frame) => DirectMap + ((nuint)frame << PageShift);

    /// <summary>Whether an address lies in the direct map.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool IsDirect(nuint address) => address - (nuint)DirectMap < (nuint)LowFrames << PageShift;

    /// <summary>The frame of a direct-map address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint FrameOfAddress(nuint address) => (uint)((address - (nuint)DirectMap) >> PageShift);

    /// <summary>Whether a pointer points exactly at an element of the memory map.</summary>
    internal bool IsPage(Page* page)
    {
        nuint offset = (nuint)page - (nuint)MemMap;
        return offset < (nuint)Frames * Page.Bytes && offset % Page.Bytes == 0;
    }

    /// <summary>The kernel's page_address: the direct map, or where kmap put a high page, or null.</summary>
    internal void* AddressOf(Page* page)
    {
        uint frame = FrameOf(page);
        if (frame < LowFrames) return Address(frame);
        uint slot = Volatile.Read(ref KmapSlots[frame - LowFrames]);
        if (slot == 0) return null;
        return Arena.CanAlias ? KmapWindow + ((nuint)(slot - 1) << PageShift) : Arena.HiddenAddress((nuint)frame << PageShift);
    }

    /// <summary>The first page of the compound block that a page belongs to; the page itself if it is in none.</summary>
    internal Page* HeadOf(Page* page) => (page->Flags & PageFlags.Tail) != 0 ? PageOf(page->HeadFrame) : page;

    /// <summary>Fills a run of frames, all low or all high, with zeros.</summary>
    internal void Zero(uint frame, uint count)
    {
        nuint bytes = (nuint)count << PageShift;
        if (frame < LowFrames) NativeMemory.Clear(Address(frame), bytes);
        else Arena.Zero((nuint)frame << PageShift, bytes);
    }

    public void Dispose()
    {
        Arena.Dispose();
        AddressSpace.Release((byte*)MemMap, _memMapBytes);
        AddressSpace.Release((byte*)ClassMap, _classMapBytes);
        AddressSpace.Release((byte*)KmapSlots, KmapSlotBytes);
    }

    private nuint KmapSlotBytes => RoundToPages((nuint)(Frames - LowFrames) * sizeof(ushort));

    private nuint RoundToPages(nuint bytes)
    {
        nuint unit = (nuint)Math.Max(Environment.SystemPageSize, (int)PageSize);
        return (bytes + unit - 1) & ~(unit - 1);
    }
}
