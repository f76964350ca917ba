// Which zones a machine has, and where they end. The reasons are part of the data: a zone exists because some device or the kernel itself could
// not reach further.
//
//   X86_32   | DMA 16M | NORMAL 896M | HIGHMEM ...        X86_64   | DMA 16M | DMA32 4G | NORMAL ...        Flat   | NORMAL ...
//
// Boundaries are multiples of the largest block (1024 pages), so that no block crosses one. A layout has its page size: 4 KiB, which is a constant of
// the default system's hit paths, or the 8 KiB of the book's 64-bit machines. Kernel concept: enum zone_type, arch zone limits, PAGE_SHIFT.

namespace KAlloc;

/// <summary>The zones, lowest first (the kernel's <c>enum zone_type</c>).</summary>
public enum ZoneType
{
    /// <summary>Reached by devices with 24-bit addresses.</summary>
    Dma,

    /// <summary>Reached by devices with 32-bit addresses.</summary>
    Dma32,

    /// <summary>Mapped permanently.</summary>
    Normal,

    /// <summary>No permanent address: mapped with kmap.</summary>
    HighMem,

    /// <summary>Holds only movable memory.</summary>
    Movable,
}

/// <summary>Where a zone ends and why.</summary>
/// <param name="Type">The zone.</param>
/// <param name="End">First byte behind it; <see cref="ulong.MaxValue"/>: all the rest.</param>
/// <param name="Reason">Why it ends there.</param>
public sealed record ZoneBoundary(ZoneType Type, ulong End, string Reason);

/// <summary>A machine's zones.</summary>
public sealed class MemoryLayout
{
    /// <summary>A layout of one's own, with pages of 4 KiB.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="zones">Zones in ascending order, ends being multiples of 4 MiB, the last with <see cref="ulong.MaxValue"/>.</param>
    /// <exception cref="ArgumentException">The zones are not in order, or an end is not a multiple of 4 MiB.</exception>
    public MemoryLayout(string name, params ZoneBoundary[] zones) : this(name, (int)DefaultMap.PageSize, zones)
    {
    }

    /// <summary>A layout of one's own.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="pageSize">Bytes of a page: 4096 or 8192.</param>
    /// <param name="zones">Zones in ascending order, ends being multiples of 1024 pages, the last with <see cref="ulong.MaxValue"/>.</param>
    /// <exception cref="ArgumentException">The zones are not in order, or an end is not a multiple of 1024 pages.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such page size.</exception>
    public MemoryLayout(string name, int pageSize, params ZoneBoundary[] zones)
    {
        if (pageSize is not (4096 or 8192)) throw new ArgumentOutOfRangeException(nameof(pageSize), pageSize, "A page has 4096 or 8192 bytes.");
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(zones);
        if (zones.Length == 0 || zones[^1].End != ulong.MaxValue)
            throw new ArgumentException("The last zone must take all the rest.", nameof(zones));
        for (int i = 0; i < zones.Length; i++)
        {
            bool ordered = i == 0 || (zones[i].Type > zones[i - 1].Type && zones[i].End > zones[i - 1].End);
            bool aligned = zones[i].End == ulong.MaxValue || zones[i].End % ((ulong)pageSize << PhysicalMemory.MaxOrder) == 0;
            if (!ordered || !aligned) throw new ArgumentException($"Zones must ascend and end at multiples of {pageSize >> 10} MiB.", nameof(zones));
        }

        Name = name;
        PageSize = pageSize;
        Zones = zones;
    }

    /// <summary>The layout's name.</summary>
    public string Name { get; }

    /// <summary>Bytes of a page: 4096 or 8192. Only systems of <see cref="KernelMemory.Boot"/> can have the latter.</summary>
    public int PageSize { get; }

    /// <summary>Its zones in ascending order.</summary>
    public IReadOnlyList<ZoneBoundary> Zones { get; }

    /// <summary>The same zones with pages of another size.</summary>
    /// <param name="pageSize">Bytes of a page: 4096 or 8192.</param>
    /// <returns>The layout.</returns>
    /// <exception cref="ArgumentException">A zone does not end at a multiple of 1024 such pages.</exception>
    public MemoryLayout WithPageSize(int pageSize) => new(Name, pageSize, [.. Zones]);

    /// <summary>Whether the layout has a high-memory zone.</summary>
    internal bool HasHighMemory
    {
        get
        {
            foreach (ZoneBoundary zone in Zones)
            {
                if (zone.Type == ZoneType.HighMem) return true;
            }

            return false;
        }
    }

    /// <summary>The 32-bit PC of the book: ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM.</summary>
    public static MemoryLayout X86_32 { get; } = new("X86_32",
        new ZoneBoundary(ZoneType.Dma, 16 << 20, "ISA devices drive 24 address lines"),
        new ZoneBoundary(ZoneType.Normal, 896 << 20, "the kernel's 1 GiB window less 128 MiB for vmalloc and kmap"),
        new ZoneBoundary(ZoneType.HighMem, ulong.MaxValue, "memory beyond the kernel's window"));

    /// <summary>The 64-bit PC: ZONE_DMA, ZONE_DMA32, ZONE_NORMAL.</summary>
    public static MemoryLayout X86_64 { get; } = new("X86_64",
        new ZoneBoundary(ZoneType.Dma, 16 << 20, "ISA devices drive 24 address lines"),
        new ZoneBoundary(ZoneType.Dma32, 4UL << 30, "32-bit devices reach 4 GiB"),
        new ZoneBoundary(ZoneType.Normal, ulong.MaxValue, "all memory is mapped"));

    /// <summary>One zone: all memory is alike.</summary>
    public static MemoryLayout Flat { get; } = new("Flat",
        new ZoneBoundary(ZoneType.Normal, ulong.MaxValue, "all memory is mapped, no device has a limit"));

    /// <summary>The zone's name as the kernel prints it.</summary>
    internal static string NameOf(ZoneType type) => type switch
    {
        ZoneType.Dma => "DMA",
        ZoneType.Dma32 => "DMA32",
        ZoneType.Normal => "Normal",
        ZoneType.HighMem => "HighMem",
        _ => "Movable",
    };
}
