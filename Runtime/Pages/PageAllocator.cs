// The page allocator: flags to zones, and the fast path.
//
//   Allocate(flags, order)
//     might_alloc check, allocation scopes
//     gfp_zone(flags) -> the preferred zone. Clear of its low mark, and the thread's page set has a block: done, without lock or atomic operation
//     else  FromZones: the zonelist downwards, MOVABLE, HIGHMEM, NORMAL, DMA32, DMA. A request never goes up
//     else  PageAllocator.Slow.cs: reserves, reclaim, out of memory
//   Free(page, order)
//     one compare-and-swap from "one user, no flags" to "in a page set": anything else is looked at in PageAllocator.Free.cs
//
// Invariant: a block handed out has one reference and knows its order, compound or not: that is how a wrong order is caught at free.
// Kernel concept: __alloc_pages, get_page_from_freelist, rmqueue, free_frozen_pages.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal sealed unsafe partial class PageAllocator : IDisposable
{
    private const GfpFlags ZoneBits = GfpFlags.Dma | GfpFlags.HighMem | GfpFlags.Dma32 | GfpFlags.Movable | GfpFlags.Reclaimable;
    private const GfpFlags NeedsMore = GfpFlags.Zero | GfpFlags.Compound;
    private const GfpFlags Rare = GfpFlags.Account | GfpFlags.Cold;

    /// <summary>More than one zone; movable and reclaimable at once.</summary>
    private const byte BadZones = 255;
    private const byte BadMobility = 254;

    /// <summary>gfp_zone by the four zone bits and the reclaimable bit.</summary>
    private static ReadOnlySpan<byte> ZoneTable =>
    [
        (byte)ZoneType.Normal, (byte)ZoneType.Dma, (byte)ZoneType.HighMem, BadZones, (byte)ZoneType.Dma32, BadZones, BadZones, BadZones,
        (byte)ZoneType.Normal, (byte)ZoneType.Dma, (byte)ZoneType.Movable, BadZones, (byte)ZoneType.Dma32, BadZones, BadZones, BadZones,
        (byte)ZoneType.Normal, (byte)ZoneType.Dma, (byte)ZoneType.HighMem, BadZones, (byte)ZoneType.Dma32, BadZones, BadZones, BadZones,
        BadMobility, BadMobility, BadMobility, BadZones, BadMobility, BadZones, BadZones, BadZones,
    ];

    private readonly PhysicalMemory _memory;
    private readonly PageBlocks _blocks;

    // Fields of the two above, for the fast path.
    private readonly Page* _map;
    private readonly ushort* _blockInfo;
    private readonly PageSets _sets;
    private readonly Zone[] _zones;

    /// <summary>The highest zone of the list of each request type; null: there is none.</summary>
    private readonly Zone?[] _preferred = new Zone?[5];

    internal PageAllocator(PhysicalMemory memory, MemoryLayout layout, PageOptions options = default)
    {
        _memory = memory;
        try
        {
            _blocks = new PageBlocks(memory.Frames);
            _map = memory.MemMap;
            _blockInfo = _blocks.Info;
            _zones = MakeZones(memory, layout, options.NoGrouping);
            SetUpMarks(options.MinFreeKilobytes);
            for (int type = 0; type < _preferred.Length; type++)
            {
                // A zone that the layout does not have means NORMAL.
                bool configured = false;
                foreach (ZoneBoundary boundary in layout.Zones) configured |= (int)boundary.Type == type;
                _preferred[type] = HighestZone(configured || type == (int)ZoneType.Movable ? type : (int)ZoneType.Normal);
            }

            _sets = new PageSets(_zones, memory, _blocks, _preferred[(int)ZoneType.Normal]?.Index ?? -1, !options.ChecksEachCall && !options.NoPageSets);
            NoFragment = HighestZone((int)ZoneType.Dma32) is { Type: ZoneType.Dma32 };
            _usesSets = !options.NoPageSets;
            _giveBackAfter = options.GiveBackAfter;
            _outOfMemory = options.OutOfMemory;
            _outOfMemoryCallback = options.OutOfMemoryCallback;
            if (options.AtomicReserve == ReservePopulation.AtBoot) PopulateReserve();
            _populateLater = options.AtomicReserve == ReservePopulation.InBackground;
            _kswapd = StartBackground();
        }
        catch
        {
            // A failed boot leaves neither memory nor a descriptor nor a listener behind.
            Dispose();
            throw;
        }
    }

    /// <summary>Says what an address is, in more detail than this layer can. Installed by the slab layer.</summary>
    internal Func<nuint, string?>? DescribeObject { get; set; }

    /// <summary>Failures on purpose.</summary>
    internal FaultInjection FailPages { get; } = new("fail_page_alloc");

    internal PhysicalMemory Memory => _memory;
    internal PageBlocks Blocks => _blocks;
    internal PageSets Sets => _sets;

    /// <summary>Zones that have frames, lowest first.</summary>
    internal ReadOnlySpan<Zone> Zones => _zones;

    /// <summary>Frames that nobody uses: on the lists, never handed out, or in page sets.</summary>
    internal long FreeFrames
    {
        get
        {
            long sum = 0;
            foreach (Zone zone in _zones) sum += zone.AllFreeFrames + _sets.FramesOf(zone);
            return sum;
        }
    }

    internal Zone ZoneOf(uint frame) => _zones[_blocks.ZoneOf(frame)];

    /// <summary>The kernel's alloc_pages: 2^order frames, or null.</summary>
    internal Page* Allocate(GfpFlags flags, int order)
    {
        CpuBlock* block = CpuBlocks.Current;
        if ((flags & GfpFlags.DirectReclaim) != 0 && block->Execution.AtomicWord != 0) MightSleep.CheckAlloc(flags);
        flags &= ~block->Execution.AllocationScopeBits;
        if (ObeysLockOrder(flags) && block->MemAllocDepth == 0) ReclaimMap?.Announce(block);
        if (FailPages.IsOn && FailPages.ShouldFailPages(order, flags)) return null;
        int type = ZoneTable[(int)(flags & ZoneBits)];
        if ((uint)order <= PageSet.SmallOrder && type <= (int)ZoneType.Movable && (flags & Rare) == 0 && _preferred[type] is { } zone && zone.HasPlenty(order, type))
        {
            Page* page = FromSet(block, zone, flags, order);
            if (page != null) return (flags & NeedsMore) == 0 ? page : Finish(page, flags, order);
        }

        return AllocateMore(block, flags, order, type);
    }

    /// <summary>A block from the thread's page set, or null if the set has none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Page* FromSet(CpuBlock* block, Zone zone, GfpFlags flags, int order)
    {
        int type = ((int)flags >> 3) & 3;
        bool populated = PopulatedOf(flags) != 0 && zone.ReserveFrames != 0;
        PageSet* set = _sets.OfAny(block->Execution.Cpu);
        if (set == null || (populated && order > 0) || !(set += zone.Index)->Enter()) return null;
        uint frame = populated ? set->Pop(_map, (int)MigrateType.Reserve) : order == 0 ? set->TakeHot(_map, type) : set->Take(_map, (order * Mobility.SetTypes) + type, order);
        Page* stray = set->TakeStray();
        set->Leave();
        if (stray != null) ReportStray(stray, frame, order);
        return frame == Page.Nil ? null : MakeUser(_map + frame, order, (MigrateType)type);
    }

    /// <summary>A block that was in a page set gets its user: 32 bytes in four stores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Page* MakeUser(Page* page, int order, MigrateType type)
    {
        page->Shape = Page.PlainShape(order) | ((ulong)type << Page.TypeShift);
        page->Links = 0;
        page->Private = 0;
        Volatile.Write(ref page->State, Page.OneUser);
        return page;
    }

    /// <summary>The kernel's __free_pages. Null is ignored.</summary>
    internal void Free(Page* page, int order)
    {
        // One user, no flags, the right order, mapped nowhere, charged to nobody: the page is ours in one atomic step.
        if ((uint)order > PageSet.SmallOrder || !_memory.IsPage(page) || (page->Shape & Page.ShapeMask) != Page.PlainShape(order) || page->KmapSlot != 0
            || Interlocked.CompareExchange(ref page->State, (ulong)PageFlags.PageSet, Page.OneUser) != Page.OneUser)
        {
            FreeUnusual(page, order);
            return;
        }

        // Another user's free may have split it between the look and the step.
        GiveToSet(page, page->Order);
    }

    /// <summary>Puts a block whose state says page set into the thread's, or into the buddy if that cannot be.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void GiveToSet(Page* page, int order)
    {
        uint frame = _memory.FrameOf(page);
        ushort info = _blockInfo[frame >> Mobility.BlockOrder];
        CpuBlock* block = CpuBlocks.Current;
        PageSet* set = _sets.OfAny(block->Execution.Cpu);
        if (set != null && (set += PageBlocks.ZoneIn(info))->Enter())
        {
            int list = PageSet.ListOf(order, PageBlocks.TypeIn(info));
            if (list < 0)
            {
                bool kept = order == 0 && set->PutReserve(page);
                set->Leave();
                if (!kept) ZoneOf(frame).FreeOne(frame, order);
                return;
            }

            bool listed = true;
            if (order == 0) listed = set->PutHot(_map, list, frame);
            else set->PutBlock(_map, list, frame, order);
            if (listed && set->Count >= set->High) TrimSet(set, _zones[PageBlocks.ZoneIn(info)]);
            set->Leave();
        }
        else
        {
            GiveToBuddy(block, frame, order);
        }
    }

    /// <summary>What a block needs before its user gets it, besides a reference.</summary>
    private Page* Finish(Page* page, GfpFlags flags, int order)
    {
        if (order > 0 && (flags & GfpFlags.Compound) != 0)
        {
            page->Flags |= PageFlags.Head;
            LinkTails(page, order);
        }

        if ((flags & GfpFlags.Zero) != 0) _memory.Zero(_memory.FrameOf(page), 1u << order);
        return page;
    }

    private void LinkTails(Page* head, int order)
    {
        uint frame = _memory.FrameOf(head);
        for (uint i = 1; i < 1u << order; i++)
        {
            Page* tail = head + i;
            tail->HeadFrame = frame;
            tail->State = (ulong)PageFlags.Tail;
        }
    }

    public void Dispose()
    {
        StopBackground();
        LetOwnersGo();

        // Threads that end now empty their sets, and with that wake: not before none of them can may the descriptor be another's.
        _sets?.Dispose();
        _wake.Dispose();
        _blocks?.Dispose();
    }
}

/// <summary>What the page allocator is told at boot.</summary>
/// <param name="MinFreeKilobytes">min_free_kbytes; 0: by the formula.</param>
/// <param name="NoGrouping">Whether all page blocks are of one type.</param>
/// <param name="NoPageSets">Whether every request goes to the buddy.</param>
internal readonly record struct PageOptions(long MinFreeKilobytes = 0, bool NoGrouping = false, bool NoPageSets = false)
{
    /// <summary>Whether every wrong call must be seen at the call: no single page is then taken or freed without a compare-and-swap.</summary>
    internal bool ChecksEachCall { get; init; }

    /// <summary>When the reserve gets memory.</summary>
    internal ReservePopulation AtomicReserve { get; init; }

    /// <summary>How long a page block stays free before its memory goes back to the operating system; null: for ever.</summary>
    internal TimeSpan? GiveBackAfter { get; init; }

    /// <summary>What a request for which there is no memory does in the end.</summary>
    internal OutOfMemoryPolicy OutOfMemory { get; init; }

    /// <summary>For <see cref="OutOfMemoryPolicy.Callback"/>: frees memory and says whether it did.</summary>
    internal Func<OutOfMemoryInfo, bool>? OutOfMemoryCallback { get; init; }
}
