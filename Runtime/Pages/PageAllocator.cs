// The page allocator: flags to zones, zones in order, what happens when none has memory.
//
//   Allocate(flags, order)
//     might_alloc check, allocation scopes
//     gfp_zone(flags) -> start in the zonelist, then downwards: MOVABLE, HIGHMEM, NORMAL, DMA32, DMA. A request never goes up.
//     none: if the caller may sleep, caches give back what they do not need, and once more; then null and a report
//
// Invariant: a block handed out has one reference and knows its order, compound or not: that is how a wrong order is caught at free.
// Cost: one zone lock. Kernel concept: __alloc_pages, get_page_from_freelist, __alloc_pages_slowpath.

using System.Diagnostics;

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    private const GfpFlags ZoneBits = GfpFlags.Dma | GfpFlags.HighMem | GfpFlags.Dma32 | GfpFlags.Movable;

    /// <summary>gfp_zone by the four zone bits; 255: a combination that makes no sense.</summary>
    private static ReadOnlySpan<byte> ZoneTable =>
    [
        (byte)ZoneType.Normal, (byte)ZoneType.Dma, (byte)ZoneType.HighMem, 255, (byte)ZoneType.Dma32, 255, 255, 255,
        (byte)ZoneType.Normal, (byte)ZoneType.Dma, (byte)ZoneType.Movable, 255, (byte)ZoneType.Dma32, 255, 255, 255,
    ];

    private readonly PhysicalMemory _memory;
    private readonly Zone[] _zones;
    private readonly int[] _zonelistStart = new int[5];
    private long _lastFailureReport = long.MinValue / 2;

    internal PageAllocator(PhysicalMemory memory, MemoryLayout layout)
    {
        _memory = memory;
        var zones = new List<Zone>();
        uint start = 0;
        foreach (ZoneBoundary boundary in layout.Zones)
        {
            uint end = (uint)Math.Min(boundary.End >> PhysicalMemory.PageShift, memory.Frames);
            if (end > start) zones.Add(new Zone(memory, boundary.Type, start, end));
            start = Math.Max(start, end);
        }

        _zones = [.. zones];
        for (int type = 0; type < _zonelistStart.Length; type++)
        {
            // The highest zone not above the wanted one. A zone that the layout does not have means NORMAL.
            int index = HighestZone(type);
            bool configured = false;
            foreach (ZoneBoundary boundary in layout.Zones) configured |= (int)boundary.Type == type;
            _zonelistStart[type] = index < 0 && !configured ? HighestZone((int)ZoneType.Normal) : index;
        }
    }

    /// <summary>Asks caches for memory they do not need; true if some came back. Installed by the slab layer.</summary>
    internal Func<bool>? Reclaim { get; set; }

    /// <summary>Says what an address is, in more detail than this layer can. Installed by the slab layer.</summary>
    internal Func<nuint, string?>? DescribeObject { get; set; }

    internal PhysicalMemory Memory => _memory;

    /// <summary>Zones that have frames, lowest first.</summary>
    internal ReadOnlySpan<Zone> Zones => _zones;

    internal long FreeFrames
    {
        get
        {
            long sum = 0;
            foreach (Zone zone in _zones) sum += zone.FreeFrames;
            return sum;
        }
    }

    internal Zone ZoneOf(uint frame)
    {
        int i = 0;
        while (frame >= _zones[i].End) i++;
        return _zones[i];
    }

    /// <summary>The kernel's alloc_pages: 2^order frames, or null.</summary>
    internal Page* Allocate(GfpFlags flags, int order)
    {
        MightSleep.CheckAlloc(flags);
        CpuBlock* block = ThisCpu.Block;
        if (block != null) flags &= ~block->Execution.AllocationScopeBits;
        int type = ZoneTable[(int)(flags & ZoneBits)];
        if ((uint)order > PhysicalMemory.MaxOrder || type > (int)ZoneType.Movable) return Refuse(flags, order);
        Page* page = TryZones(flags, order, type);
        return page != null ? page : AllocateSlow(flags, order, type);
    }

    private Page* TryZones(GfpFlags flags, int order, int type)
    {
        PageFlags pageFlags = order > 0 && (flags & GfpFlags.Compound) != 0 ? PageFlags.Head : PageFlags.None;
        for (int i = _zonelistStart[type]; i >= 0; i--)
        {
            Page* page = _zones[i].Allocate(order, pageFlags);
            if (page == null) continue;
            if (pageFlags != 0) LinkTails(page, order);
            if ((flags & GfpFlags.Zero) != 0) _memory.Zero(_memory.FrameOf(page), 1u << order);
            return page;
        }

        return null;
    }

    private Page* AllocateSlow(GfpFlags flags, int order, int type)
    {
        bool mayReclaim = (flags & GfpFlags.DirectReclaim) != 0;
        bool noFail = (flags & GfpFlags.NoFail) != 0;
        if (noFail && !mayReclaim)
            KernelReports.Warn($"WARNING: __GFP_NOFAIL without __GFP_DIRECT_RECLAIM cannot be kept: mode:0x{(uint)flags:x}({flags.Format()})");
        if (noFail && order > 1)
            KernelReports.Warn($"WARNING: __GFP_NOFAIL with order {order}: orders above 1 may take for ever");
        for (int round = 0; mayReclaim; round++)
        {
            bool freed = Reclaim is { } reclaim && reclaim();
            Page* page = TryZones(flags, order, type);
            if (page != null) return page;
            if (!noFail && (!freed || round >= 1)) break;
            if (!freed) Thread.Sleep(1);
        }

        if ((flags & GfpFlags.NoWarn) == 0) ReportFailure(flags, order);
        return null;
    }

    private Page* Refuse(GfpFlags flags, int order)
    {
        if ((uint)order > PhysicalMemory.MaxOrder)
        {
            if ((flags & GfpFlags.NoWarn) == 0)
                KernelReports.Warn($"WARNING: page order {order} is not in 0..{PhysicalMemory.MaxOrder}, the request fails: mode:0x{(uint)flags:x}({flags.Format()})");
        }
        else
        {
            KernelReports.Bug($"BUG: mode:0x{(uint)flags:x}({flags.Format()}) names more than one zone: use at most one of __GFP_DMA, __GFP_DMA32 and __GFP_HIGHMEM");
        }

        return null;
    }

    private void ReportFailure(GfpFlags flags, int order)
    {
        long now = Stopwatch.GetTimestamp();
        long last = Volatile.Read(ref _lastFailureReport);
        if (now - last < 10 * Stopwatch.Frequency || Interlocked.CompareExchange(ref _lastFailureReport, now, last) != last) return;
        KernelReports.Warn($"{Thread.CurrentThread.Name ?? "thread"}: page allocation failure: order:{order}, mode:0x{(uint)flags:x}({flags.Format()}), nodemask=(null)");
    }

    private void LinkTails(Page* head, int order)
    {
        uint frame = _memory.FrameOf(head);
        for (uint i = 1; i < 1u << order; i++)
        {
            Page* tail = head + i;
            tail->HeadFrame = frame;
            tail->RefCount = 0;
            tail->Flags = PageFlags.Tail;
        }
    }

    private int HighestZone(int type)
    {
        int found = -1;
        for (int i = 0; i < _zones.Length; i++)
        {
            if ((int)_zones[i].Type <= type) found = i;
        }

        return found;
    }
}
