// What a system holds, as text in the kernel's own format, so that programs that read /proc read this too. Each line ends in a line feed.
//
//   buddyinfo     "Node 0, zone   Normal " and the free blocks of each order        slabinfo     version 2.1, newest cache first
//   vmallocinfo   a line for each area, guard page included in its size
//
// Cost: builds strings and takes each lock for a moment; figures of different lines may be of different moments.
// Pages: ProcFs.Pages.cs. Totals: ProcFs.Memory.cs. Kernel concept: mm/vmstat.c, mm/slab_common.c, mm/vmalloc.c.

using System.Globalization;
using System.Text;

namespace KAlloc;

/// <summary>The files of <c>/proc</c> that show a system's memory, as text.</summary>
public sealed unsafe partial class ProcFs
{
    private readonly PageAllocator _pages;
    private readonly SlabAllocator _slab;
    private readonly VmallocSpace _vmalloc;
    private readonly PerCpuSpace _perCpu;
    private readonly StackMemory _stacks;

    internal ProcFs(PageAllocator pages, SlabAllocator slab, VmallocSpace vmalloc, PerCpuSpace perCpu, StackMemory stacks)
    {
        _perCpu = perCpu;
        _stacks = stacks;
        _pages = pages;
        _slab = slab;
        _vmalloc = vmalloc;
    }

    /// <summary><c>/proc/buddyinfo</c>: free blocks of each order in each zone. Memory never used counts as free blocks of the largest order.</summary>
    /// <returns>The text.</returns>
    public string BuddyInfo()
    {
        var text = new StringBuilder();
        foreach (Zone zone in _pages.Zones)
        {
            text.Append("Node 0, zone ").Append(MemoryLayout.NameOf(zone.Type).PadLeft(8)).Append(' ');
            for (int order = 0; order <= PhysicalMemory.MaxOrder; order++) Number(text, zone.FreeBlocks(order), 6).Append(' ');
            text.Append('\n');
        }

        return text.ToString();
    }

    /// <summary><c>/proc/slabinfo</c>: the caches. Objects that threads keep for later count as active, as in the kernel.</summary>
    /// <returns>The text.</returns>
    public string SlabInfo()
    {
        var text = new StringBuilder("slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
            + " : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
        for (int id = _slab.IdLimit - 1; id > 0; id--)
        {
            KmemCache* cache = _slab.Caches + id;
            if (cache->Magic != KmemCache.Alive) continue;
            CacheStatistics counts = _slab.StatisticsOf(cache);
            text.Append(counts.Name.PadRight(17)).Append(' ');
            Number(text, counts.ActiveObjects, 6).Append(' ');
            Number(text, counts.Objects, 6).Append(' ');
            Number(text, cache->Size, 6).Append(' ');
            Number(text, cache->ObjectsPerSlab, 4).Append(' ');
            Number(text, 1 << cache->Order, 4).Append(" : tunables    0    0    0 : slabdata ");
            Number(text, counts.Slabs, 6).Append(' ');
            Number(text, counts.Slabs, 6).Append("      0\n");
        }

        return text.ToString();
    }

    /// <summary><c>/proc/vmallocinfo</c>: the areas, lowest address first, then freed ones that are not yet unmapped.</summary>
    /// <returns>The text.</returns>
    public string VmallocInfo()
    {
        var text = new StringBuilder();
        foreach (VmallocArea area in _vmalloc.Areas())
        {
            Range(text, area);
            if (area.Kind == AreaKind.Vmap) text.Append(" vmap");
            else if (area.Kind == AreaKind.Ram) text.Append(" vm_map_ram");
            else text.Append(" pages=").Append(area.PageCount).Append(" vmalloc");
            if (area.User) text.Append(" user");
            if (area.Kind == AreaKind.Vmalloc) text.Append(" N0=").Append(area.PageCount);
            text.Append('\n');
        }

        foreach (VmallocArea area in _vmalloc.LazyAreas()) Range(text, area).Append(" unpurged vm_area\n");
        return text.ToString();
    }

    private StringBuilder Range(StringBuilder text, VmallocArea area)
    {
        nuint end = area.Address + area.Bytes + _pages.Memory.PageSize;
        text.Append("0x").Append(((ulong)area.Address).ToString("x16")).Append("-0x").Append(((ulong)end).ToString("x16")).Append(' ');
        return Number(text, (long)(end - area.Address), 7);
    }

    private static StringBuilder Number(StringBuilder text, long value, int width) =>
        text.Append(value.ToString(CultureInfo.InvariantCulture).PadLeft(width));
}
