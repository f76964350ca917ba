// The walk of the page tables, as the processor would make it: from an address to the frame behind it, and the four indices on the way.
//
//   address   | 47..39 pgd | 38..30 pud | 29..21 pmd | 20..12 pte | 11..0 offset |
//
// It reads the allocator's own tables; the process's maps say the same, and a test compares the two for every page: what is mapped at a page of the
// vmalloc range is the arena's file at offset pfn * 4096. Cost: arithmetic for the direct map, a table entry and a lock for the rest.
// Kernel concept: pgd_offset ... pte_offset, virt_to_phys, vmalloc_to_pfn, ptdump.

namespace KAlloc;

/// <summary>By which mapping an address is reached.</summary>
public enum MappingKind
{
    /// <summary>Nothing is mapped there: an access faults. Also a guard page.</summary>
    None,

    /// <summary>The direct map of low memory.</summary>
    Direct,

    /// <summary>An area of vmalloc.</summary>
    Vmalloc,

    /// <summary>Frames shown by vmap or vm_map_ram.</summary>
    Vmap,

    /// <summary>The window of kmap.</summary>
    Kmap,

    /// <summary>A local mapping of the running thread.</summary>
    KmapLocal,
}

/// <summary>Where an address leads.</summary>
/// <param name="Address">The address.</param>
/// <param name="Kind">By which mapping.</param>
/// <param name="FrameNumber">The frame (pfn); 0 if nothing is mapped.</param>
public readonly record struct PageTranslation(nuint Address, MappingKind Kind, nuint FrameNumber)
{
    /// <summary>log2 of the layout's page size: 12 or 13.</summary>
    public int PageShift { get; init; } = DefaultMap.PageShift;

    /// <summary>Whether a frame is behind the address.</summary>
    public bool IsMapped => Kind != MappingKind.None;

    /// <summary>Offset within the page, in bytes.</summary>
    public int Offset => (int)(Address & ((1u << PageShift) - 1));

    /// <summary>The physical address: the offset in the arena's file, if the backing is one. 0 if nothing is mapped.</summary>
    public ulong PhysicalAddress => IsMapped ? ((ulong)FrameNumber << PageShift) + (ulong)Offset : 0;

    /// <summary>Index in the top table, bits 47–39 of the address. (A page of 8 KiB as a table has twice the entries: bits 52–43.)</summary>
    public int Pgd => Index(3);

    /// <summary>Index in the second table, bits 38–30 (42–33).</summary>
    public int Pud => Index(2);

    /// <summary>Index in the third table, bits 29–21 (32–23).</summary>
    public int Pmd => Index(1);

    /// <summary>Index in the last table, bits 20–12 (22–13).</summary>
    public int Pte => Index(0);

    /// <inheritdoc/>
    public override string ToString()
    {
        string walk = $"0x{Address:x12}: pgd {Pgd}, pud {Pud}, pmd {Pmd}, pte {Pte}, offset 0x{Offset:x3} -> ";
        return IsMapped ? $"{walk}pfn 0x{FrameNumber:x}, physical 0x{PhysicalAddress:x} ({Kind})" : walk + "not mapped";
    }

    /// <summary>A table is a page of entries of 8 bytes.</summary>
    private int Index(int level)
    {
        int bits = PageShift - 3;
        return (int)((Address >> (PageShift + (level * bits))) & ((1u << bits) - 1));
    }
}

/// <summary>The page tables of a system, as far as they map its frames.</summary>
public sealed unsafe class KernelPageTable
{
    private readonly PhysicalMemory _memory;
    private readonly VmallocSpace _vmalloc;
    private readonly HighMemoryMap _highMemory;

    internal KernelPageTable(PhysicalMemory memory, VmallocSpace vmalloc, HighMemoryMap highMemory)
    {
        _memory = memory;
        _vmalloc = vmalloc;
        _highMemory = highMemory;
    }

    /// <summary>Walks from an address to its frame. Never sleeps; any address may be asked for.</summary>
    /// <param name="address">The address.</param>
    /// <returns>Where it leads. A freed vmalloc range leads nowhere, also while it waits to be unmapped.</returns>
    public PageTranslation Translate([Borrows] void* address)
    {
        var value = (nuint)address;
        AreaKind? kind = _vmalloc.KindOf(value);
        Page* page = kind is null ? null : _vmalloc.PageOf(value);
        if (page != null) return Found(value, kind == AreaKind.Vmalloc ? MappingKind.Vmalloc : MappingKind.Vmap, page);
        if (_memory.IsDirect(value) && !_vmalloc.Contains(value)) return Found(value, MappingKind.Direct, _memory.PageOf(_memory.FrameOfAddress(value)));
        page = _highMemory.PageOf(value);
        if (page != null) return Found(value, MappingKind.Kmap, page);
        page = _highMemory.Local.PageOf(value);
        return page != null ? Found(value, MappingKind.KmapLocal, page) : new PageTranslation(value, MappingKind.None, 0) { PageShift = _memory.PageShift };
    }

    private PageTranslation Found(nuint address, MappingKind kind, Page* page) => new(address, kind, _memory.FrameOf(page)) { PageShift = _memory.PageShift };
}
