// vmalloc: memory that is contiguous for the program only. Scattered frames are mapped next to each other, with an unmapped page behind them.
//
//   frames     .. 17 ....... 300 301 302 ...... 5 ..
//   range      | 17 | 300 | 301 | 302 | 5 | guard |      one mmap per run of neighbours (300..302 is one)
//   _table     frame + 1 of each page of the range: the page table, so vmalloc_to_page takes no lock
//
// On a backing without aliases the frames are taken contiguous and stay at their direct-map address, with a protected guard page behind.
// Invariant: an area's frames carry the Vmalloc flag; its pages are in the table exactly while it is mapped.
// Cost: 1.3-1.5 us a run. Not done: lazy unmapping, huge pages; a freed range faults at once. Kernel concept: struct vm_struct, vmap_area, mm/vmalloc.c.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal enum AreaKind
{
    /// <summary>The area owns its frames.</summary>
    Vmalloc,

    /// <summary>The area shows frames of somebody else.</summary>
    Vmap,
}

/// <summary>One mapped range.</summary>
internal sealed record VmallocArea(nuint Address, uint PageCount, AreaKind Kind, bool User);

internal sealed unsafe partial class VmallocSpace : IDisposable
{
    private const int PageShift = PhysicalMemory.PageShift;
    private const nuint PageSize = PhysicalMemory.PageSize;

    private readonly Lock _lock = new();
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _pages;
    private readonly SortedDictionary<nuint, VmallocArea> _areas = [];
    private readonly RangeTree _free;
    private readonly byte* _start;
    private readonly uint* _table;
    private readonly Func<nuint, string?>? _describeBelow;

    internal VmallocSpace(PageAllocator pages, ulong bytes)
    {
        _pages = pages;
        _memory = pages.Memory;
        Aliases = _memory.Arena.CanAlias;
        Bytes = (nuint)(bytes & ~(ulong)(PageSize - 1));
        _free = new RangeTree(Bytes >> PageShift);
        _describeBelow = pages.DescribeObject;
        pages.DescribeObject = address => Describe(address) ?? _describeBelow?.Invoke(address);
        if (!Aliases) return;
        _start = AddressSpace.ReserveInaccessible(Bytes, _memory.IsDefault ? unchecked((nuint)DefaultMap.VmallocStart) : 0);
        _table = (uint*)AddressSpace.Reserve(TableBytes);
        if (_start == null || _table == null) throw new InvalidOperationException("KAlloc cannot reserve its vmalloc range: the address range is taken or too small.");
    }

    /// <summary>Whether frames are really mapped a second time.</summary>
    internal bool Aliases { get; }

    /// <summary>Bytes of the range, guard pages included.</summary>
    internal nuint Bytes { get; }

    private nuint TableBytes => ((Bytes >> PageShift) * sizeof(uint) + PageSize - 1) & ~(PageSize - 1);

    /// <summary>Whether an address is one that vmalloc hands out (the kernel's is_vmalloc_addr).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool Contains(nuint address) => Aliases
        ? address - (nuint)_start < Bytes
        : _memory.IsDirect(address) && (_memory.PageOf(_memory.FrameOfAddress(address))->Flags & PageFlags.Vmalloc) != 0;

    /// <summary>The frame behind an address, or null (the kernel's vmalloc_to_page). Takes no lock.</summary>
    internal Page* PageOf(nuint address)
    {
        if (!Contains(address)) return null;
        if (!Aliases) return _memory.PageOf(_memory.FrameOfAddress(address));
        uint entry = Volatile.Read(ref _table[(address - (nuint)_start) >> PageShift]);
        return entry == 0 ? null : _memory.PageOf(entry - 1);
    }

    /// <summary>The kernel's __vmalloc; null if there is no memory or no range.</summary>
    internal void* Allocate(nuint size, GfpFlags flags, bool user = false)
    {
        MightSleep.Check();
        nuint pages = (size >> PageShift) + ((size & (PageSize - 1)) != 0 ? 1u : 0u);
        if (size == 0 || pages > _memory.Frames)
        {
            if (size == 0) KernelReports.Warn("WARNING: vmalloc(0): the request fails");
            else if ((flags & GfpFlags.NoWarn) == 0) KernelReports.Warn($"vmalloc error: size {size}, exceeds total pages");
            return null;
        }

        const GfpFlags Zones = GfpFlags.Movable | GfpFlags.Compound;
        void* memory = Aliases ? Scattered((uint)pages, (flags & ~Zones) | (LowOnly(flags) ? 0 : GfpFlags.HighMem), user) : Contiguous((uint)pages, flags & ~Zones, user);
        if (memory != null && (flags & GfpFlags.Zero) != 0) NativeMemory.Clear(memory, pages << PageShift);
        return memory;
    }

    /// <summary>The kernel's vfree.</summary>
    internal void Free(void* address)
    {
        if (address == null) return;
        CpuBlock* block = ThisCpu.Block;
        if (block != null && block->Execution.InInterrupt)
        {
            FreeLater(address);
            return;
        }

        MightSleep.Check();
        Remove((nuint)address, AreaKind.Vmalloc, "vfree");
    }

    /// <summary>The kernel's vfree_atomic: a worker thread does it.</summary>
    internal void FreeLater(void* address)
    {
        if (address == null || !IsArea((nuint)address, AreaKind.Vmalloc, "vfree_atomic")) return;
        ThreadPool.UnsafeQueueUserWorkItem(static work => work.Space.Remove((nuint)work.Address, AreaKind.Vmalloc, "vfree"), (Space: this, Address: (nint)address), preferLocal: false);
    }

    /// <summary>The kernel's vmap; null if there is no range, or no aliases.</summary>
    internal void* Map(Page** pages, uint count)
    {
        MightSleep.Check();
        if (count == 0 || count > _memory.Frames) return null;
        if (!Aliases)
        {
            KernelReports.Warn("WARNING: vmap: this backing cannot map frames a second time");
            return null;
        }

        uint* frames = (uint*)NativeMemory.Alloc(count, sizeof(uint));
        for (uint i = 0; i < count; i++)
        {
            if (!_memory.IsPage(pages[i]))
            {
                NativeMemory.Free(frames);
                KernelReports.Bug($"BUG: vmap: entry {i}, 0x{(nuint)pages[i]:x}, is not a struct page", (nuint)pages[i]);
                return null;
            }

            frames[i] = _memory.FrameOf(pages[i]);
        }

        nuint address = MapRange(frames, count, AreaKind.Vmap, user: false);
        NativeMemory.Free(frames);
        return (void*)address;
    }

    /// <summary>The kernel's vunmap.</summary>
    internal void Unmap(void* address)
    {
        if (address == null) return;
        MightSleep.Check();
        Remove((nuint)address, AreaKind.Vmap, "vunmap");
    }

    /// <summary>Bytes of the area that starts at an address; 0 if there is none.</summary>
    internal nuint SizeOf(void* address)
    {
        lock (_lock) return _areas.TryGetValue((nuint)address, out VmallocArea? area) ? (nuint)area.PageCount << PageShift : 0;
    }

    /// <summary>A copy of the areas, lowest first.</summary>
    internal VmallocArea[] Areas()
    {
        lock (_lock) return [.. _areas.Values];
    }

    public void Dispose()
    {
        AddressSpace.Release(_start, Bytes);
        AddressSpace.Release((byte*)_table, TableBytes);
    }

    private static bool LowOnly(GfpFlags flags) => (flags & (GfpFlags.Dma | GfpFlags.Dma32)) != 0;

    private void Remove(nuint address, AreaKind kind, string caller)
    {
        VmallocArea? area;
        lock (_lock)
        {
            if (_areas.TryGetValue(address, out area) && area.Kind == kind) _areas.Remove(address);
            else area = null;
        }

        if (area is null) IsArea(address, kind, caller);
        else if (Aliases) Dismantle(area);
        else DismantleContiguous(area);
    }

    private bool IsArea(nuint address, AreaKind kind, string caller)
    {
        VmallocArea? area;
        lock (_lock) _areas.TryGetValue(address, out area);
        if (area?.Kind == kind) return true;
        string text = area is not null ? $"BUG: {caller}(0x{address:x}): the range was made by {(area.Kind == AreaKind.Vmap ? "vmap: use vunmap" : "vmalloc: use vfree")}"
            : (address & (PageSize - 1)) != 0 ? $"BUG: Trying to {caller}() bad address (0x{address:x}): {_pages.Describe(address)}"
            : $"BUG: Trying to {caller}() nonexistent vm area (0x{address:x}): {_pages.Describe(address)}";
        KernelReports.Bug(text, address);
        return false;
    }

    private string? Describe(nuint address)
    {
        if (!Contains(address)) return null;
        lock (_lock)
        {
            foreach (VmallocArea area in _areas.Values)
            {
                nuint offset = address - area.Address;
                nuint bytes = (nuint)area.PageCount << PageShift;
                if (offset >= bytes + PageSize) continue;
                string what = area.Kind == AreaKind.Vmap ? "vmap range" : "vmalloc area";
                return offset >= bytes ? $"0x{address:x} is in the guard page of the {what} that starts at 0x{area.Address:x}"
                    : offset == 0 ? $"0x{address:x} is a {what} of {area.PageCount} pages"
                    : $"0x{address:x} is inside the {what} that starts at 0x{area.Address:x} (offset {offset})";
            }
        }

        return $"0x{address:x} is in the vmalloc range, where nothing is mapped";
    }
}
