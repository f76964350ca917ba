// vmalloc: memory that is contiguous for the program only. Scattered frames are mapped next to each other, with an unmapped page behind them.
//
//   frames     .. 17 ....... 300 301 302 ...... 5 ..
//   range      | 17 | 300 | 301 | 302 | 5 | guard |      one mmap per run of neighbours (300..302 is one)
//   _table     frame + 1 of each page of the range: the page table, so vmalloc_to_page takes no lock
//
//   free range ──Reserve, TakeFrames, MapRuns──> area ──vfree──> lazy: unmapped in batches ──Purge──> free range
//                                                 └──<── taken again by the next vmalloc of that size ──<──┘
//
// On a backing without aliases the frames are taken contiguous and stay at their direct-map address, with a protected guard page behind.
// Invariant: a page of the range is in exactly one free range, area (busy or lazy) or area under construction; an area's frames carry the Vmalloc
// flag; a frame goes back to the buddy only after its last mapping is gone, so a stale pointer never reaches another owner's memory through an alias.
// Cost: a tree operation for a size that was freed lately; else 1.3-1.5 us a run and 0.2 us a page; unmapping costs a TLB flush of all processors.
// Kernel concept: mm/vmalloc.c.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

internal sealed unsafe partial class VmallocSpace : IDisposable
{

    private readonly Lock _lock = new();
    private readonly PhysicalMemory _memory;
    private readonly PageAllocator _pages;
    private readonly RangeTree _areas = new();
    private readonly RangeTree _free = new();
    private readonly byte* _start;
    private readonly uint* _table;
    private readonly Func<nuint, string?>? _describeBelow;

    private int PageShift => _memory.PageShift;

    private nuint PageSize => _memory.PageSize;

    /// <summary>Makes the range of a system.</summary>
    /// <param name="pages">Where frames come from.</param>
    /// <param name="bytes">Length of the range.</param>
    /// <param name="unmapAtOnce">Freed areas fault at once, as the kernel's debug_pagealloc has it.</param>
    internal VmallocSpace(PageAllocator pages, ulong bytes, bool unmapAtOnce)
    {
        _pages = pages;
        _memory = pages.Memory;
        _unmapAtOnce = unmapAtOnce;
        Aliases = _memory.Arena.CanAlias;
        Bytes = (nuint)(bytes & ~(ulong)(PageSize - 1));
        LazyLimit = Math.Min((uint)(32 - BitOperations.LeadingZeroCount((uint)Environment.ProcessorCount)) * LazyPagesPerStep, _memory.Frames / 32);
        _describeBelow = pages.DescribeObject;
        pages.DescribeObject = address => Describe(address) ?? _describeBelow?.Invoke(address);
        if (!Aliases) return;
        _start = AddressSpace.ReserveInaccessible(Bytes, _memory.IsDefault ? unchecked((nuint)DefaultMap.VmallocStart) : 0, PageSize);
        _table = (uint*)AddressSpace.Reserve(TableBytes);
        if (_start == null || _table == null) throw new InvalidOperationException("KAlloc cannot reserve its vmalloc range: the address range is taken or too small.");
        _free.Add(new AddressRange((nuint)_start >> PageShift, Bytes >> PageShift));
        Func<bool>? reclaimBelow = pages.Reclaim;
        pages.Reclaim = () => Purge() | (reclaimBelow?.Invoke() ?? false);
    }

    /// <summary>Whether frames are really mapped a second time.</summary>
    internal bool Aliases { get; }

    /// <summary>Start of the range.</summary>
    internal nuint Start => (nuint)_start;

    /// <summary>Bytes of the range, guard pages included.</summary>
    internal nuint Bytes { get; }

    /// <summary>Pieces that the free range is in.</summary>
    internal int FreeRanges
    {
        get
        {
            lock (_lock) return _free.Count;
        }
    }

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
        return entry - 1 < Hidden - 1 ? _memory.PageOf(entry - 1) : null;
    }

    /// <summary>The kernel's __vmalloc: flags of a caller that may be wrong.</summary>
    internal void* AllocateChecked(nuint size, GfpFlags flags, nuint alignment = 0, bool huge = false)
    {
        const GfpFlags Supported = GfpFlags.Kernel | GfpFlags.High | GfpFlags.NoWarn | GfpFlags.NoFail | GfpFlags.NoRetry | GfpFlags.RetryMayFail
            | GfpFlags.Zero | GfpFlags.HardWall | GfpFlags.Account;
        GfpFlags wrong = flags & ~Supported;
        if (wrong != 0)
        {
            GfpFlags kept = flags & Supported;
            KernelReports.Warn($"Unexpected gfp: 0x{(uint)wrong:x} ({wrong.Format()}). Fixing up to gfp: 0x{(uint)kept:x} ({kept.Format()}). Fix your code!");
            flags = kept;
        }

        return Allocate(size, flags, alignment, huge: huge);
    }

    /// <summary>Memory, or null if there is none, no range, or too many mappings.</summary>
    internal void* Allocate(nuint size, GfpFlags flags, nuint alignment = 0, bool user = false, bool huge = false)
    {
        if ((flags & GfpFlags.DirectReclaim) != 0) MightSleep.Check();
        if (IsInterrupt("vmalloc")) return null;
        nuint pages = (size >> PageShift) + ((size & (PageSize - 1)) != 0 ? 1u : 0u);
        if (size == 0 || pages > _memory.Frames)
        {
            if (size == 0) KernelReports.Warn("WARNING: vmalloc(0): the request fails");
            else if ((flags & GfpFlags.NoWarn) == 0) KernelReports.Warn($"vmalloc error: size {size}, exceeds total pages");
            return null;
        }

        if ((alignment & (alignment - 1)) != 0)
        {
            KernelReports.Warn($"WARNING: vmalloc with alignment {alignment}, which is no power of two: the request fails");
            return null;
        }

        nuint step = Math.Max(alignment >> PageShift, 1);
        void* memory = TryAllocate((uint)pages, flags, step, user, huge);
        if (memory == null && (flags & GfpFlags.NoFail) != 0 && (flags & GfpFlags.DirectReclaim) != 0)
        {
            // Somebody will free a range, a mapping or frames; the failure has been reported once.
            do Thread.Sleep(1);
            while ((memory = TryAllocate((uint)pages, flags | GfpFlags.NoWarn, step, user, huge)) == null);
        }

        if (memory != null && (flags & GfpFlags.Zero) != 0) NativeMemory.Clear(memory, pages << PageShift);
        return memory;
    }

    private void* TryAllocate(uint pages, GfpFlags flags, nuint alignment, bool user, bool huge) =>
        Aliases ? Scattered(pages, flags, alignment, user, huge) : Contiguous(pages, flags, alignment, user);

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
        if (Detach((nuint)address, AreaKind.Vmalloc, "vfree") is { } area) Retire(area);
    }

    /// <summary>The kernel's vfree_atomic: mistakes are reported here, a worker thread does the work.</summary>
    internal void FreeLater(void* address)
    {
        if (address == null) return;
        CpuBlock* block = ThisCpu.Block;
        if (block != null && (block->Execution.PreemptCount & ExecutionState.NmiMask) != 0)
        {
            KernelReports.Bug($"BUG: vfree(0x{(nuint)address:x}) in an NMI", (nuint)address);
            return;
        }

        if (Detach((nuint)address, AreaKind.Vmalloc, "vfree_atomic") is { } area) Defer(area);
    }

    /// <summary>The kernel's vmap and vm_map_ram; null if there is no range, too many mappings, or no aliases.</summary>
    internal void* Map(Page** pages, uint count, AreaKind kind)
    {
        string caller = kind == AreaKind.Ram ? "vm_map_ram" : "vmap";
        MightSleep.Check();
        if (IsInterrupt(caller) || count == 0 || count > _memory.Frames) return null;
        if (!Aliases)
        {
            KernelReports.Warn($"WARNING: {caller}: this backing cannot map frames a second time");
            return null;
        }

        for (uint i = 0; i < count; i++)
        {
            if (_memory.IsPage(pages[i]) && (pages[i]->Flags & PageFlags.Buddy) == 0) continue;
            KernelReports.Bug($"BUG: {caller}: entry {i}, 0x{(nuint)pages[i]:x}: {_pages.DescribePage(pages[i])}", (nuint)pages[i]);
            return null;
        }

        VmallocArea? area = Reserve(count, 1, kind, quiet: false);
        if (area is null) return null;
        uint* entries = EntriesOf(area);
        for (uint i = 0; i < count; i++) entries[i] = (_memory.FrameOf(pages[i]) + 1) | Hidden;
        if (!MapRuns(area, populate: true, quiet: false))
        {
            new Span<uint>(entries, (int)count).Clear();
            GiveRange(area);
            return null;
        }

        return Publish(area);
    }

    /// <summary>The kernel's vunmap.</summary>
    internal void Unmap(void* address)
    {
        if (address == null) return;
        MightSleep.Check();
        if (!IsInterrupt("vunmap") && Detach((nuint)address, AreaKind.Vmap, "vunmap") is { } area) Retire(area);
    }

    /// <summary>The kernel's vm_unmap_ram: the caller knows the count.</summary>
    internal void UnmapRam(void* address, uint count)
    {
        MightSleep.Check();
        if (IsInterrupt("vm_unmap_ram")) return;
        if (AreaAt((nuint)address) is { Kind: AreaKind.Ram } ram && ram.PageCount != count)
            KernelReports.Bug($"BUG: vm_unmap_ram(0x{(nuint)address:x}, {count}): the range was made with {ram.PageCount} pages", (nuint)address);
        else if (Detach((nuint)address, AreaKind.Ram, "vm_unmap_ram") is { } area)
            Retire(area);
    }

    /// <summary>What kind of area an address lies in; null if in none, or in its guard page.</summary>
    internal AreaKind? KindOf(nuint address)
    {
        if (!Contains(address)) return null;
        lock (_lock) return _areas.Find(address >> PageShift) is VmallocArea area && address - area.Address < area.Bytes ? area.Kind : null;
    }

    /// <summary>Bytes of the area that starts at an address; 0 if there is none.</summary>
    internal nuint SizeOf(void* address) => AreaAt((nuint)address)?.Bytes ?? 0;

    /// <summary>A copy of the areas in use, lowest first.</summary>
    internal List<VmallocArea> Areas()
    {
        lock (_lock) return _areas.ToList<VmallocArea>();
    }

    public void Dispose()
    {
        lock (_purgeLock)
        {
            _disposed = true;
            foreach (VmallocArea area in Areas()) MappingBudget.Give(area.Mappings);
            foreach (VmallocArea area in LazyAreas()) MappingBudget.Give(area.Mappings);
            AddressSpace.Release(_start, Bytes);
            AddressSpace.Release((byte*)_table, TableBytes);
        }
    }

    /// <summary>The area that starts at an address, or null.</summary>
    private VmallocArea? AreaAt(nuint address)
    {
        if ((address & (PageSize - 1)) != 0) return null;
        lock (_lock) return _areas.Find(address >> PageShift) is VmallocArea area && area.Address == address ? area : null;
    }

    /// <summary>Takes an area out of use; null with a report if there is none of the kind.</summary>
    private VmallocArea? Detach(nuint address, AreaKind kind, string caller)
    {
        lock (_lock)
        {
            if ((address & (PageSize - 1)) == 0 && _areas.Find(address >> PageShift) is VmallocArea area && area.Address == address && area.Kind == kind)
            {
                _areas.Remove(area.Start);
                return area;
            }
        }

        ReportNoArea(address, caller);
        return null;
    }
}
