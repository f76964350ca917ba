// Where an area's frames come from and go to.
//
// Scattered: the largest blocks that the buddy has, no larger than what is missing, split into single frames; runs of neighbours are mapped with one
// call each. A failure on the way (no frame, no mapping) takes everything back.
// Contiguous (no aliases): one block, or a run of largest blocks; the frame behind the last is the guard.
// Kernel concept: vm_area_alloc_pages, vmap_pages_range, vunmap_range.

using System.Numerics;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe partial class VmallocSpace
{
    /// <summary>Runs an area may have: a system allows a process some 65,000 mappings in all.</summary>
    private const int MaxRuns = 16 * 1024;

    private void* Scattered(uint count, GfpFlags flags, bool user)
    {
        uint* frames = (uint*)NativeMemory.Alloc(count, sizeof(uint));
        try
        {
            uint got = TakeFrames(frames, count, flags & ~GfpFlags.Zero);
            if (got < count)
            {
                GiveFrames(frames, got);
                return null;
            }

            nuint address = MapRange(frames, count, AreaKind.Vmalloc, user);
            if (address == 0) GiveFrames(frames, count);
            return (void*)address;
        }
        finally
        {
            NativeMemory.Free(frames);
        }
    }

    private uint TakeFrames(uint* frames, uint count, GfpFlags flags)
    {
        uint got = 0;
        int order = PhysicalMemory.MaxOrder;
        while (got < count)
        {
            order = Math.Min(order, BitOperations.Log2(count - got));
            GfpFlags effort = order > 0 ? (flags & ~(GfpFlags.DirectReclaim | GfpFlags.NoFail)) | GfpFlags.NoWarn : flags;
            Page* block = _pages.Allocate(effort, order);
            if (block == null)
            {
                if (order == 0) break;
                order--;
                continue;
            }

            _pages.Split(block, order);
            for (uint i = 0; i < 1u << order; i++)
            {
                block[i].Flags |= PageFlags.Vmalloc;
                frames[got++] = _memory.FrameOf(block + i);
            }
        }

        return got;
    }

    private void GiveFrames(uint* frames, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            Page* page = _memory.PageOf(frames[i]);
            page->Flags &= ~PageFlags.Vmalloc;
            _pages.FreeChecked(page, 0);
        }
    }

    /// <summary>Finds a range, maps the frames and enters the area; 0 with nothing left behind if that fails.</summary>
    private nuint MapRange(uint* frames, uint count, AreaKind kind, bool user)
    {
        ulong place;
        lock (_lock) place = _free.Take(count + 1UL);
        if (place == ulong.MaxValue)
        {
            KernelReports.Warn($"vmalloc error: no free range of {count + 1UL} pages");
            return 0;
        }

        byte* start = _start + (place << PageShift);
        uint run, runs = 0;
        for (uint first = 0; first < count; first += run, runs++)
        {
            run = 1;
            while (first + run < count && frames[first + run] == frames[first] + run) run++;
            if (runs < MaxRuns && _memory.Arena.Map(start + ((nuint)first << PageShift), (nuint)frames[first] << PageShift, (nuint)run << PageShift)) continue;
            _memory.Arena.Unmap(start, (nuint)count << PageShift);
            lock (_lock) _free.Give(place, count + 1UL);
            KernelReports.Warn($"vmalloc error: {count} pages lie in too many pieces, or the process has too many mappings");
            return 0;
        }

        for (uint i = 0; i < count; i++) Volatile.Write(ref _table[place + i], frames[i] + 1);
        lock (_lock) _areas.Add((nuint)start, new VmallocArea((nuint)start, count, kind, user));
        return (nuint)start;
    }

    private void Dismantle(VmallocArea area)
    {
        nuint place = (area.Address - (nuint)_start) >> PageShift;
        _memory.Arena.Unmap((byte*)area.Address, (nuint)area.PageCount << PageShift);
        for (uint i = 0; i < area.PageCount; i++)
        {
            uint frame = _table[place + i] - 1;
            Volatile.Write(ref _table[place + i], 0);
            if (area.Kind == AreaKind.Vmalloc) GiveFrames(&frame, 1);
        }

        lock (_lock) _free.Give(place, area.PageCount + 1UL);
    }

    private void* Contiguous(uint count, GfpFlags flags, bool user)
    {
        uint total = count + 1;
        uint taken;
        Page* first;
        if (total <= 1u << PhysicalMemory.MaxOrder)
        {
            int order = PageAllocator.OrderOf((nuint)total << PageShift);
            first = _pages.Allocate(flags & ~(GfpFlags.Zero | GfpFlags.HighMem), order);
            if (first == null) return null;
            _pages.Split(first, order);
            taken = 1u << order;
        }
        else
        {
            uint blocks = (total + (1u << PhysicalMemory.MaxOrder) - 1) >> PhysicalMemory.MaxOrder;
            first = TakeRun(blocks);
            if (first == null) return null;
            for (uint i = 0; i < blocks; i++) _pages.Split(first + (i << PhysicalMemory.MaxOrder), PhysicalMemory.MaxOrder);
            taken = blocks << PhysicalMemory.MaxOrder;
        }

        for (uint i = total; i < taken; i++) _pages.FreeChecked(first + i, 0);
        for (uint i = 0; i < total; i++) first[i].Flags |= PageFlags.Vmalloc;
        byte* address = _memory.Address(_memory.FrameOf(first));
        AddressSpace.Protect(address + ((nuint)count << PageShift), PageSize, accessible: false);
        lock (_lock) _areas.Add((nuint)address, new VmallocArea((nuint)address, count, AreaKind.Vmalloc, user));
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
        AddressSpace.Protect((byte*)area.Address + ((nuint)area.PageCount << PageShift), PageSize, accessible: true);
        uint first = _memory.FrameOfAddress(area.Address);
        for (uint i = 0; i <= area.PageCount; i++)
        {
            uint frame = first + i;
            GiveFrames(&frame, 1);
        }
    }

    /// <summary>Adds what is wrong to the list: areas and free ranges must fill the range, the table must name marked frames.</summary>
    internal void Validate(List<string> errors)
    {
        if (!Aliases) return;
        lock (_lock)
        {
            ulong pages = 0;
            foreach ((ulong _, ulong length) in _free.ToList()) pages += length;
            foreach (VmallocArea area in _areas.Values)
            {
                pages += area.PageCount + 1UL;
                nuint place = (area.Address - (nuint)_start) >> PageShift;
                for (uint i = 0; i < area.PageCount; i++)
                {
                    uint entry = _table[place + i];
                    bool right = entry != 0 && (area.Kind == AreaKind.Vmap || (_memory.PageOf(entry - 1)->Flags & PageFlags.Vmalloc) != 0);
                    if (!right && errors.Count < 20) errors.Add($"vmalloc: page {i} of the area at 0x{area.Address:x} has table entry {entry}");
                }
            }

            // Ranges on their way between the two are missing for a moment, none is counted twice.
            if (pages > Bytes >> PageShift) errors.Add($"vmalloc: areas and free ranges have {pages} pages, the range has {Bytes >> PageShift}");
        }
    }
}
