// Where an area's range and frames come from and go to.
//
// Scattered: the largest blocks that the buddy has, no larger than what is missing, split into single frames; small ones of high memory before large ones
// of low memory. Blocks of a zone only get smaller on the way, so each lies at a multiple of its size from the start; an area of 2 MiB and more starts on
// 2 MiB, and blocks that the arena keeps on huge pages are mapped with huge pages. A failure on the way (no frame, no mapping) takes everything back.
// Contiguous (no aliases): one block, or a run of largest blocks; the frame behind the last is the guard.
// Kernel concept: alloc_vmap_area, vm_area_alloc_pages, vmap_pages_range, vunmap_range.

using System.Numerics;

namespace KAlloc;

internal sealed unsafe partial class VmallocSpace
{
    /// <summary>Bit of a table entry: the page is not, or no longer, anybody's, though it may be mapped.</summary>
    private const uint Hidden = 1u << 31;

    /// <summary>Up to this many pages are entered in the page tables by the call that maps them; more by one call for the whole area.</summary>
    private const uint FewPages = 16;

    /// <summary>Pages of a huge one: 2 MiB.</summary>
    private uint HugePages => (2u << 20) >> PageShift;

    private uint* EntriesOf(VmallocArea area) => _table + (area.Start - ((nuint)_start >> PageShift));

    private void* Scattered(uint count, GfpFlags flags, nuint alignment, bool user, bool huge)
    {
        bool anyFrames = (flags & (GfpFlags.Dma | GfpFlags.Dma32)) == 0;
        VmallocArea? area = anyFrames && alignment == 1 && !huge ? TakeLazy(count) : null;
        if (area is null)
        {
            bool quiet = (flags & GfpFlags.NoWarn) != 0;
            if (count >= HugePages && alignment < HugePages) area = Reserve(count, HugePages, AreaKind.Vmalloc, quiet: true);
            area ??= Reserve(count, alignment, AreaKind.Vmalloc, quiet);
            if (area is null) return null;
            uint* entries = EntriesOf(area);
            uint got = TakeFrames(entries, count, (flags & ~(GfpFlags.Zero | GfpFlags.Movable | GfpFlags.Compound)) | (anyFrames ? GfpFlags.HighMem : 0));
            if (got < count || !MapRuns(area, populate: !huge, quiet))
            {
                GiveFrames(entries, got);
                new Span<uint>(entries, (int)count).Clear();
                GiveRange(area);
                return null;
            }

            if (huge) MakeHuge(area);
        }

        area.User = user;
        return Publish(area);
    }

    /// <summary>Takes a range for an area; null with a report if there is none.</summary>
    private VmallocArea? Reserve(uint count, nuint alignment, AreaKind kind, bool quiet)
    {
        ulong length = count + 1UL;
        ulong start = TakeRange(length, alignment);
        if (start == ulong.MaxValue && Purge()) start = TakeRange(length, alignment);
        if (start != ulong.MaxValue) return new VmallocArea(start, count, kind, PageShift);
        if (quiet) return null;
        KernelReports.Warn($"vmap allocation for size {length << PageShift} failed: the vmalloc range of {Bytes} bytes has no such free range"
            + (alignment > 1 ? $" aligned to {alignment << PageShift}" : ""));
        return null;
    }

    private ulong TakeRange(ulong length, nuint alignment)
    {
        lock (_lock) return _free.Take(length, alignment);
    }

    private void GiveRange(VmallocArea area)
    {
        lock (_lock) _free.Give(area.Start, area.Length);
    }

    /// <summary>Enters frames in the table, hidden; returns how many there were.</summary>
    private uint TakeFrames(uint* entries, uint count, GfpFlags flags)
    {
        uint got = 0;
        int order = PhysicalMemory.MaxOrder;
        bool highFirst = (flags & GfpFlags.HighMem) != 0 && _memory.LowFrames < _memory.Frames;
        while (got < count)
        {
            order = Math.Min(order, BitOperations.Log2(count - got));
            bool last = order == 0 && LazyPages == 0;
            GfpFlags effort = order > 0 ? (flags & ~(GfpFlags.DirectReclaim | GfpFlags.NoFail)) | GfpFlags.NoWarn : last ? flags : flags | GfpFlags.NoWarn;
            Page* block = _pages.Allocate(effort, order);
            if (block == null)
            {
                if (order > 0) order--;
                else if (last || !Purge()) break;
                continue;
            }

            uint frame = _memory.FrameOf(block);
            if (highFirst && frame < _memory.LowFrames)
            {
                // Low memory is dear: only if high memory does not have even a single frame.
                highFirst = order > 0;
                _pages.FreeChecked(block, order);
                order = highFirst ? order - 1 : PhysicalMemory.MaxOrder;
                continue;
            }

            _pages.Split(block, order);
            for (uint i = 0; i < 1u << order; i++)
            {
                block[i].Flags |= PageFlags.Vmalloc;
                entries[got++] = (frame + i + 1) | Hidden;
            }
        }

        return got;
    }

    private void GiveFrames(uint* entries, uint count)
    {
        for (uint i = 0; i < count; i++) GiveFrame(_memory.PageOf((entries[i] & ~Hidden) - 1));
    }

    private void GiveFrame(Page* page)
    {
        page->Flags &= ~PageFlags.Vmalloc;
        _pages.FreeChecked(page, 0);
    }

    /// <summary>Maps an area's frames, one call for each run of neighbours; false, with a report and nothing mapped, if there are too many.</summary>
    private bool MapRuns(VmallocArea area, bool populate, bool quiet)
    {
        uint* entries = EntriesOf(area);
        uint runs = 1;
        for (uint i = 1; i < area.PageCount; i++)
        {
            if (entries[i] != entries[i - 1] + 1) runs++;
        }

        // The guard page splits the mapping it lies in.
        area.Mappings = runs + 1;
        if (!MappingBudget.TryTake(area.Mappings) && !(Purge() && MappingBudget.TryTake(area.Mappings)))
        {
            if (!quiet) KernelReports.Warn($"vmalloc error: {area.PageCount} pages in {runs} pieces: KAlloc has {MappingBudget.Used} of the {MappingBudget.Limit} mappings it may have");
            return false;
        }

        uint run;
        for (uint first = 0; first < area.PageCount; first += run)
        {
            run = 1;
            while (first + run < area.PageCount && entries[first + run] == entries[first] + run) run++;
            nuint offset = (nuint)((entries[first] & ~Hidden) - 1) << PageShift;
            if (_memory.Arena.Map((byte*)area.Address + ((nuint)first << PageShift), offset, (nuint)run << PageShift, populate && area.PageCount <= FewPages)) continue;
            _memory.Arena.Unmap((byte*)area.Address, area.Bytes);
            MappingBudget.Give(area.Mappings);
            if (!quiet) KernelReports.Warn($"vmalloc error: {area.PageCount} pages in {runs} pieces: the system refuses the mapping, the process has too many");
            return false;
        }

        if (populate && area.PageCount > FewPages) _memory.Arena.Populate((byte*)area.Address, area.Bytes);
        return true;
    }

    /// <summary>Puts the whole aligned 2 MiB blocks of an area on huge pages, and maps the rest as it is.</summary>
    private void MakeHuge(VmallocArea area)
    {
        uint* entries = EntriesOf(area);
        for (uint first = 0; first + HugePages <= area.PageCount; first += HugePages)
        {
            uint frame = (entries[first] & ~Hidden) - 1;
            if (frame % HugePages == 0 && entries[first + HugePages - 1] == entries[first] + HugePages - 1)
                _memory.Arena.MakeHuge((byte*)area.Address + ((nuint)first << PageShift), (nuint)HugePages << PageShift);
        }

        _memory.Arena.Populate((byte*)area.Address, area.Bytes);
    }

    /// <summary>Makes an area visible to lookups and to vfree.</summary>
    private void* Publish(VmallocArea area)
    {
        uint* entries = EntriesOf(area);
        for (uint i = 0; i < area.PageCount; i++) entries[i] &= ~Hidden;
        lock (_lock) _areas.Add(area);
        return (void*)area.Address;
    }

    /// <summary>Makes an area invisible to lookups; false if somebody else holds one of its frames or has marked it.</summary>
    private bool Hide(VmallocArea area)
    {
        uint* entries = EntriesOf(area);
        bool exclusive = true;
        for (uint i = 0; i < area.PageCount; i++)
        {
            Page* page = _memory.PageOf(entries[i] - 1);
            exclusive &= page->RefCount == 1 && page->Flags == PageFlags.Vmalloc;
            entries[i] |= Hidden;
        }

        return exclusive;
    }

    private void* Contiguous(uint count, GfpFlags flags, nuint alignment, bool user)
    {
        uint total = count + 1;
        uint taken;
        Page* first;
        flags &= ~(GfpFlags.Zero | GfpFlags.HighMem);
        if (Math.Max(total, alignment) <= 1u << PhysicalMemory.MaxOrder)
        {
            int order = PageAllocator.OrderOf(Math.Max(total, alignment) << PageShift, PageShift);
            first = _pages.Allocate(flags, order);
            if (first == null) return null;
            _pages.Split(first, order);
            taken = 1u << order;
        }
        else
        {
            uint blocks = (total + (1u << PhysicalMemory.MaxOrder) - 1) >> PhysicalMemory.MaxOrder;
            first = alignment <= 1u << PhysicalMemory.MaxOrder ? TakeRun(blocks) : null;
            if (first == null)
            {
                if ((flags & GfpFlags.NoWarn) == 0) KernelReports.Warn($"vmalloc error: size {(nuint)count << PageShift}: this backing has no such run of free frames");
                return null;
            }

            for (uint i = 0; i < blocks; i++) _pages.Split(first + (i << PhysicalMemory.MaxOrder), PhysicalMemory.MaxOrder);
            taken = blocks << PhysicalMemory.MaxOrder;
        }

        for (uint i = total; i < taken; i++) _pages.FreeChecked(first + i, 0);
        for (uint i = 0; i < total; i++) first[i].Flags |= PageFlags.Vmalloc;
        byte* address = _memory.Address(_memory.FrameOf(first));
        AddressSpace.Protect(address + ((nuint)count << PageShift), PageSize, accessible: false);
        lock (_lock) _areas.Add(new VmallocArea((nuint)address >> PageShift, count, AreaKind.Vmalloc, PageShift) { User = user });
        return address;
    }

    private Page* TakeRun(uint blocks)
    {
        for (int i = _pages.Zones.Length - 1; i >= 0; i--)
        {
            Zone zone = _pages.Zones[i];
            Page* first = zone.End <= _memory.LowFrames ? zone.AllocateRun(blocks) : null;
            if (first != null) return first;
        }

        return null;
    }

    private void DismantleContiguous(VmallocArea area)
    {
        AddressSpace.Protect((byte*)area.Address + area.Bytes, PageSize, accessible: true);
        Page* first = _memory.PageOf(_memory.FrameOfAddress(area.Address));
        for (uint i = 0; i <= area.PageCount; i++) GiveFrame(first + i);
    }
}
