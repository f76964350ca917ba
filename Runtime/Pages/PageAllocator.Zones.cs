// The zones of a machine and their marks, and how a request walks them.
//
// Cost: a set refill or one zone lock. Kernel concept: free_area_init, setup_per_zone_wmarks, build_zonelists, get_page_from_freelist, rmqueue.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    private readonly bool _usesSets;
    private long _minFreeKilobytes;

    /// <summary>Whether requests for NORMAL first look for a place where they mix no page block: there is a zone below that can help.</summary>
    private bool NoFragment { get; }

    /// <summary>min_free_kbytes: what the min marks add up to.</summary>
    internal long MinFreeKilobytes => _minFreeKilobytes;

    private Zone[] MakeZones(PhysicalMemory memory, MemoryLayout layout, bool noGrouping)
    {
        // With fewer page blocks than types there is nothing to group.
        bool grouping = !noGrouping && memory.Frames >= Mobility.BlockFrames * (uint)Mobility.LeastBlocks;
        var zones = new List<Zone>();
        uint start = 0;
        foreach (ZoneBoundary boundary in layout.Zones)
        {
            uint end = (uint)Math.Min(boundary.End >> memory.PageShift, memory.Frames);
            if (end > start) zones.Add(new Zone(memory, _blocks, zones.Count, boundary, start, end, grouping));
            start = Math.Max(start, end);
        }

        return [.. zones];
    }

    /// <summary>Computes the marks and the lowmem reserves of all zones.</summary>
    private void SetUpMarks(long minFreeKilobytes)
    {
        long low = 0;
        Span<long> managed = stackalloc long[5];
        managed.Clear();
        foreach (Zone zone in _zones)
        {
            managed[(int)zone.Type] = zone.Managed;
            if (ZoneFormulas.IsLow(zone.Type)) low += zone.Managed;
        }

        _minFreeKilobytes = minFreeKilobytes > 0 ? minFreeKilobytes : ZoneFormulas.MinFreeKilobytes(low << (_memory.PageShift - 10));
        Span<long> reserve = stackalloc long[5];
        foreach (Zone zone in _zones)
        {
            for (int type = 0; type < reserve.Length; type++)
                reserve[type] = type > (int)zone.Type ? ZoneFormulas.LowmemReserve(managed, zone.Type, (ZoneType)type) : 0;

            // A request for a zone that the layout does not have is one for NORMAL.
            foreach (int type in (ReadOnlySpan<int>)[(int)ZoneType.Dma, (int)ZoneType.Dma32])
            {
                if (managed[type] == 0) reserve[type] = reserve[(int)ZoneType.Normal];
            }

            zone.SetMarks(ZoneFormulas.Marks(_minFreeKilobytes >> (_memory.PageShift - 10), zone.Managed, low, zone.Type), reserve);
        }
    }

    private Zone? HighestZone(int type)
    {
        Zone? found = null;
        foreach (Zone zone in _zones)
        {
            if ((int)zone.Type <= type) found = zone;
        }

        return found;
    }

    /// <summary>A block from the first zone of the request's list that may give one, or null.</summary>
    private Page* FromZones(CpuBlock* block, GfpFlags flags, int order, int type, AllocFlags alloc)
    {
        if (_preferred[type] is not { } preferred) return null;
        if (NoFragment && preferred.Type == ZoneType.Normal) alloc |= AllocFlags.NoFragment;
        while (true)
        {
            for (int i = preferred.Index; i >= 0; i--)
            {
                Zone zone = _zones[i];
                if (!zone.MayTake(order, (ZoneType)type, alloc)) continue;
                Page* page = FromZone(block, zone, flags, order, alloc);
                if (page == null) continue;
                if (zone.TakeBoostWake()) WakeBackground(order, type);
                return Finish(page, flags, order);
            }

            // Rather mixed than from nowhere.
            if ((alloc & AllocFlags.NoFragment) == 0) return null;
            alloc &= ~AllocFlags.NoFragment;
        }
    }

    private Page* FromZone(CpuBlock* block, Zone zone, GfpFlags flags, int order, AllocFlags alloc)
    {
        MigrateType type = Mobility.Of(flags);
        bool populated = (alloc & AllocFlags.Populated) != 0 && (order == 0 ? zone.ReserveFrames != 0 : zone.HasReserve(order));
        int list = _usesSets && (alloc & AllocFlags.HighAtomic) == 0 && !(populated && order > 0) ? PageSet.ListOf(order, type) : -1;
        PageSet* set = list < 0 ? null : _sets.Make(block->Execution.Cpu);
        if (set != null && (set += zone.Index)->Enter())
        {
            uint frame = populated ? TakePopulated(set, zone) : Page.Nil;
            if (frame == Page.Nil) frame = TakeOrRefill(set, zone, list, flags, order, type, alloc);
            Page* stray = set->TakeStray();
            set->Leave();
            if (stray != null) ReportStray(stray, frame, order);
            if (frame != Page.Nil) return MakeUser(_map + frame, order, type);
        }

        return zone.Allocate(order, type, alloc, PageFlags.None);
    }

    private uint TakePopulated(PageSet* set, Zone zone)
    {
        uint frame = set->Pop(_map, (int)MigrateType.Reserve);
        if (frame != Page.Nil || set->ReserveCapacity == 0) return frame;
        zone.FillReserve(set);
        return set->Pop(_map, (int)MigrateType.Reserve);
    }

    private uint TakeOrRefill(PageSet* set, Zone zone, int list, GfpFlags flags, int order, MigrateType type, AllocFlags alloc)
    {
        for (int round = 0; ; round++)
        {
            uint frame = (flags & GfpFlags.Cold) != 0 && round < 2 ? set->TakeTail(_map, list, order)
                : order == 0 ? set->TakeHot(_map, list) : set->Take(_map, list, order);
            if (frame != Page.Nil || round == 2) return frame;
            if (round == 0 && zone.Fill(set, list, order, type, alloc, set->RefillBlocks(order)) == 0) round = 1;
        }
    }

    /// <summary>Gives the coldest pages of a set that holds too many to the buddy.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void TrimSet(PageSet* set, Zone zone) =>
        zone.Empty(set, set->SurplusFrames(zone.FreeFrames < zone.Mark(AllocFlags.HighMark)));

    /// <summary>For a thread that has no page set yet, or whose set is being drained, or for a system without sets.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GiveToBuddy(CpuBlock* block, uint frame, int order)
    {
        int cpu = block->Execution.Cpu;
        if (_usesSets && _sets.OfAny(cpu) == null && _sets.Make(cpu) != null) GiveToSet(_map + frame, order);
        else ZoneOf(frame).FreeOne(frame, order);
    }
}
