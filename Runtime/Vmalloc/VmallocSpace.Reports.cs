// What an address in the range is, what is wrong with a call, and whether all tables agree.

namespace KAlloc;

internal sealed unsafe partial class VmallocSpace
{
    /// <summary>Whether this is an interrupt, where mappings must not change: the kernel's BUG_ON(in_interrupt()).</summary>
    private static bool IsInterrupt(string caller)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null || !block->Execution.InInterrupt) return false;
        KernelReports.Bug($"BUG: {caller} in interrupt context, {ContextReport.Task}, preempt_count: 0x{block->Execution.PreemptCount:x8}");
        return true;
    }

    private void ReportNoArea(nuint address, string caller)
    {
        string text = AreaAt(address) is { } area ? $"BUG: {caller}(0x{address:x}): the range was made by {area.FreedBy switch { "vunmap" => "vmap", "vm_unmap_ram" => "vm_map_ram", _ => "vmalloc" }}: use {area.FreedBy}"
            : (address & (PageSize - 1)) != 0 ? $"BUG: Trying to {caller}() bad address (0x{address:x}): {_pages.Describe(address)}"
            : $"BUG: Trying to {caller}() nonexistent vm area (0x{address:x}): {_pages.Describe(address)}";
        KernelReports.Bug(text, address);
    }

    private string? Describe(nuint address)
    {
        if (!Contains(address)) return null;
        lock (_lock)
        {
            if (_areas.Find(address >> PageShift) is VmallocArea area)
            {
                nuint offset = address - area.Address;
                return offset >= area.Bytes ? $"0x{address:x} is in the guard page of the {area.Name} that starts at 0x{area.Address:x}"
                    : offset == 0 ? $"0x{address:x} is a {area.Name} of {area.PageCount} pages"
                    : $"0x{address:x} is inside the {area.Name} that starts at 0x{area.Address:x} (offset {offset})";
            }
        }

        foreach (VmallocArea area in LazyAreas())
        {
            if (address - area.Address < area.Bytes) return $"0x{address:x} is in a vmalloc area of {area.PageCount} pages that was freed (offset {address - area.Address})";
        }

        return $"0x{address:x} is in the vmalloc range, where nothing is mapped";
    }

    /// <summary>Adds what is wrong to the list: areas and free ranges must fill the range, the table must name marked frames.</summary>
    internal void Validate(List<string> errors)
    {
        if (!Aliases) return;
        lock (_lock)
        {
            ulong pages = 0;
            ulong end = 0;
            foreach (AddressRange range in _free.ToList<AddressRange>())
            {
                pages += range.Length;
                if (range.Start <= end) errors.Add($"vmalloc: the free range at page 0x{range.Start:x} touches or overlaps the one before");
                end = range.End;
            }

            foreach (VmallocArea area in _areas.ToList<VmallocArea>()) pages += Check(area, hidden: 0, errors);
            uint lazyPages = 0;
            foreach (VmallocArea area in LazyAreas())
            {
                pages += Check(area, Hidden, errors);
                lazyPages += area.PageCount;
            }

            if (lazyPages != _lazyPages) errors.Add($"vmalloc: {_lazyPages} freed pages are counted, the lists have {lazyPages}");

            // Ranges on their way between the two are missing for a moment, none is counted twice.
            if (pages > Bytes >> PageShift) errors.Add($"vmalloc: areas and free ranges have {pages} pages, the range has {Bytes >> PageShift}");
        }
    }

    private ulong Check(VmallocArea area, uint hidden, List<string> errors)
    {
        uint* entries = EntriesOf(area);
        for (uint i = 0; i < area.PageCount && errors.Count < 20; i++)
        {
            uint entry = entries[i];
            bool right = entry != 0 && (entry & Hidden) == hidden;
            if (area.Kind == AreaKind.Vmalloc) right = right && (_memory.PageOf((entry & ~Hidden) - 1)->Flags & PageFlags.Vmalloc) != 0;
            if (!right) errors.Add($"vmalloc: page {i} of the area at 0x{area.Address:x} has table entry 0x{entry:x}");
        }

        return area.Length;
    }
}
