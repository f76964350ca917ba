// One zone and its buddy lists.
//
//   Start ............ Fresh ................ End        all multiples of the largest block
//   | handed out once |  never handed out    |
//     split and merged    no list, no Page touched
//   lists[order, type]:  order 0 -> single frames   1 -> pairs ...   10 -> blocks of 1024;   type: see MigrateType
//
// A request takes the smallest block of its type that fits and splits it: it gets the low half, the upper halves go on the lists. Blocks of the
// fresh range come in one by one when the largest blocks of their type are used up, so booting a system of 64 GiB touches nothing. A free block
// merges with its buddy (pfn XOR size) as long as that is free and of the same order. Where a type has nothing: Zone.Fallback.cs.
// Invariant: a frame is in exactly one of: fresh, a free block on a list, a page set, an allocated block. A free block lies on the list of its
// page block's type; its buddy is not free at the same order, unless one of the two is kept for atomic requests.
// Cost: one lock, at most 10 steps. Kernel concept: struct zone, free_area, __rmqueue_smallest, __free_one_page.

namespace KAlloc;

internal sealed unsafe partial class Zone
{
    private const int MaxOrder = PhysicalMemory.MaxOrder;

    private readonly PhysicalMemory _memory;
    private readonly PageBlocks _blocks;
    private readonly FreeList[] _lists = new FreeList[(MaxOrder + 1) * Mobility.Types];
    private SpinWord _lock;
    private uint _fresh;
    private long _freeFrames;
    private long _usableFrames;

    internal Zone(PhysicalMemory memory, PageBlocks blocks, int index, ZoneBoundary boundary, uint start, uint end, bool grouping)
    {
        _memory = memory;
        _blocks = blocks;
        Index = index;
        Boundary = boundary;
        Start = start;
        End = end;
        Grouping = grouping;
        _fresh = start;
        _freeFrames = _usableFrames = end - start;
        foreach (ref FreeList list in _lists.AsSpan()) list.Head = list.Tail = Page.Nil;
        blocks.SetZone(start, end, index, FreshType);
    }

    /// <summary>Its place among the zones that have frames.</summary>
    internal int Index { get; }
    internal ZoneBoundary Boundary { get; }
    internal ZoneType Type => Boundary.Type;
    internal uint Start { get; }
    internal uint End { get; }
    internal long Managed => End - Start;

    /// <summary>Whether page blocks have types. Without it all are unmovable.</summary>
    internal bool Grouping { get; }

    /// <summary>The type of page blocks that were never used.</summary>
    internal MigrateType FreshType => Grouping ? MigrateType.Movable : MigrateType.Unmovable;

    /// <summary>Frames from here on were never handed out.</summary>
    internal uint Fresh => Volatile.Read(ref _fresh);

    /// <summary>Free frames, the fresh ones included, those in page sets not.</summary>
    internal long FreeFrames => Volatile.Read(ref _freeFrames);

    /// <summary>Free frames that are not kept for atomic requests.</summary>
    internal long UsableFrames => Volatile.Read(ref _usableFrames);

    /// <summary>Times that requests took the lock to take frames.</summary>
    internal long Visits { get; private set; }

    /// <summary>Frames that left the zone's lists and came back to them so far. What a page set serves again is in neither.</summary>
    internal long TakenFrames { get; private set; }
    internal long ReturnedFrames { get; private set; }

    /// <summary>Free blocks of an order, the fresh ones included.</summary>
    internal long FreeBlocks(int order)
    {
        long sum = 0;
        for (int type = 0; type < Mobility.Types; type++) sum += FreeBlocks(order, (MigrateType)type);
        return sum;
    }

    /// <summary>Free blocks of an order and type, the fresh ones included.</summary>
    internal long FreeBlocks(int order, MigrateType type) =>
        Volatile.Read(ref List(order, type).Count) + (order == MaxOrder && type == FreshType ? (End - Volatile.Read(ref _fresh)) >> MaxOrder : 0);

    /// <summary>A block with a reference count of 1, or null.</summary>
    internal Page* Allocate(int order, MigrateType type, AllocFlags flags, PageFlags pageFlags)
    {
        _lock.Enter();
        Visits++;
        uint frame = Take(order, type, flags);
        Page* page = null;
        if (frame != Page.Nil)
        {
            page = _memory.PageOf(frame);
            Prepare(page, order, type, pageFlags);
            TakenFrames += 1L << order;
            if (order > 0 && (flags & AllocFlags.HighAtomic) != 0) ReserveHighAtomic(frame, order);
        }

        _lock.Leave();
        return page;
    }

    /// <summary>Moves up to a number of blocks to a page set, the first at the front.</summary>
    /// <returns>How many.</returns>
    internal int Fill(PageSet* set, int list, int order, MigrateType type, AllocFlags flags, int count)
    {
        int got = 0;
        _lock.Enter();
        Visits++;
        for (; got < count; got++)
        {
            uint frame = Take(order, type, flags);
            if (frame == Page.Nil) break;
            Page* page = _memory.PageOf(frame);
            page->State = (ulong)PageFlags.PageSet;
            page->Order = (byte)order;
            set->Append(_memory.MemMap, list, frame, order);
        }

        TakenFrames += (long)got << order;
        _lock.Leave();
        return got;
    }

    /// <summary>Takes single frames for a bulk request, as many as leave the zone above the mark, and puts them in front of a chain.</summary>
    /// <returns>How many.</returns>
    internal int TakeChain(MigrateType type, ZoneType request, AllocFlags flags, int count, ref uint chain)
    {
        int got = 0;
        _lock.Enter();
        Visits++;
        long room = _usableFrames - Mark(flags) - _reserve[(int)request];
        for (; got < count && got < room; got++)
        {
            uint frame = Take(0, type, flags);
            if (frame == Page.Nil) break;
            Page* page = _memory.PageOf(frame);
            Prepare(page, 0, type, PageFlags.None);
            page->Next = chain;
            chain = frame;
        }

        TakenFrames += got;
        _lock.Leave();
        return got;
    }

    /// <summary>Moves blocks from a page set to the lists, the coldest first.</summary>
    internal void Empty(PageSet* set, int frames)
    {
        _lock.Enter();
        bool all = frames == int.MaxValue;
        while (frames > 0 && set->TakeColdest(_memory.MemMap, all, out uint frame, out int order))
        {
            FreeBlock(frame, order);
            ReturnedFrames += 1L << order;
            frames -= 1 << order;
        }

        NoteActivity();
        _lock.Leave();
        Freed();
    }

    /// <summary>
    /// Drops one reference. The last one frees the block; an earlier one leaves the first frame to the other holders and frees the rest, unless
    /// the block is compound: as the kernel does.
    /// </summary>
    /// <returns>Frames that are free now; -1: the page had no reference any more, nothing was done.</returns>
    internal int Put(Page* page)
    {
        int freed = 0, order;
        _lock.Enter();
        int count = Interlocked.Decrement(ref page->RefCount);
        if (count < 0)
        {
            Interlocked.Increment(ref page->RefCount);
            _lock.Leave();
            return -1;
        }

        // Somebody else may have freed the tail meanwhile: only what the page says now counts.
        order = page->Order;
        uint frame = _memory.FrameOf(page);
        if (count == 0)
        {
            page->Flags = PageFlags.None;
            FreeBlock(frame, order);
            freed = 1 << order;
        }
        else if ((page->Flags & PageFlags.Head) == 0)
        {
            freed = (1 << order) - 1;
            while (order > 0)
            {
                order--;
                FreeBlock(frame + (1u << order), order);
            }

            page->Order = 0;
        }

        ReturnedFrames += freed;
        _lock.Leave();
        Freed();
        return freed;
    }

    /// <summary>Frees a block that is in nobody's hands any more: its state says page set.</summary>
    internal void FreeOne(uint frame, int order)
    {
        _lock.Enter();
        FreeBlock(frame, order);
        ReturnedFrames += 1L << order;
        _lock.Leave();
        Freed();
    }

    /// <summary>Takes a run of largest blocks that lie next to each other; each is then an allocated block of the largest order.</summary>
    internal Page* AllocateRun(uint blocks)
    {
        const uint Step = 1u << MaxOrder;
        _lock.Enter();
        uint run = 0;
        bool enough = _usableFrames - ((long)blocks * Step) > _marks.Min;
        for (uint frame = Start; enough && frame < End; frame += Step)
        {
            Page* page = _memory.PageOf(frame);
            bool free = frame >= _fresh || ((page->Flags & PageFlags.Buddy) != 0 && page->Order == MaxOrder && !Mobility.StaysApart(_blocks.TypeOf(frame)));
            run = free ? run + 1 : 0;
            if (run < blocks) continue;

            uint first = frame - ((blocks - 1) * Step);
            for (uint f = first; f <= frame; f += Step)
            {
                // A run that reaches the fresh range starts at or before its first frame, so no fresh block is skipped.
                if (f >= _fresh) BringIn();
                Remove(f, MaxOrder);
                _blocks.SetType(f, MaxOrder, Grouping ? MigrateType.Unmovable : FreshType);
                Prepare(_memory.PageOf(f), MaxOrder, MigrateType.Unmovable, PageFlags.None);
            }

            TakenFrames += (long)blocks * Step;
            _lock.Leave();
            return _memory.PageOf(first);
        }

        _lock.Leave();
        return null;
    }

    private ref FreeList List(int order, MigrateType type) => ref _lists[(order * Mobility.Types) + (int)type];

    /// <summary>Takes the smallest block of the type that fits, splits it and leaves the upper halves on the lists.</summary>
    private uint TakeSmallest(int order, MigrateType type)
    {
        int found = order;
        while (List(found, type).Head == Page.Nil)
        {
            if (++found <= MaxOrder) continue;
            if (type != FreshType || !BringIn()) return Page.Nil;
            found = MaxOrder;
        }

        uint frame = List(found, type).Head;
        Remove(frame, found);
        Expand(frame, found, order, type);
        return frame;
    }

    /// <summary>Puts the next block of the fresh range on its list.</summary>
    private bool BringIn()
    {
        if (_fresh >= End) return false;
        uint frame = _fresh;
        Volatile.Write(ref _fresh, frame + (1u << MaxOrder));

        // Counted as free since boot: the insertion must not count it twice.
        _freeFrames -= 1L << MaxOrder;
        _usableFrames -= 1L << MaxOrder;
        Insert(frame, MaxOrder, FreshType, atTail: false);
        _memory.PageOf(frame)->Private = Unpopulated;
        return true;
    }

    private void Expand(uint frame, int from, int to, MigrateType type)
    {
        bool untouched = from > Mobility.BlockOrder && _memory.PageOf(frame)->Private == Unpopulated;
        while (from > to)
        {
            from--;
            Insert(frame + (1u << from), from, type, atTail: false);
            if (untouched && from >= Mobility.BlockOrder) _memory.PageOf(frame + (1u << from))->Private = Unpopulated;
        }
    }

    private static void Prepare(Page* page, int order, MigrateType type, PageFlags flags)
    {
        page->Links = 0;
        page->Private = 0;
        page->Shape = Page.PlainShape(order) | ((ulong)type << Page.TypeShift);
        Volatile.Write(ref page->State, Page.OneUser | (ulong)flags);
    }

    private void FreeBlock(uint frame, int order)
    {
        // It may become the middle of a larger block, and must not look like the head of one.
        _memory.PageOf(frame)->State = 0;
        MigrateType type = _blocks.TypeOf(frame);
        while (order < MaxOrder)
        {
            uint buddy = frame ^ (1u << order);
            if (!IsFreeBlock(buddy, order)) break;
            if (order >= Mobility.BlockOrder)
            {
                MigrateType other = _blocks.TypeOf(buddy);
                if (other != type && (Mobility.StaysApart(other) || Mobility.StaysApart(type))) break;
                Remove(buddy, order);
                _blocks.SetType(buddy, order, type);
            }
            else
            {
                Remove(buddy, order);
            }

            frame &= buddy;
            order++;
        }

        // A block whose next merge is half done is likely to merge soon: at the tail it is handed out last.
        bool mergeLikely = order < MaxOrder - 1 && IsFreeBlock((frame & ~(1u << order)) ^ (2u << order), order + 1);
        Insert(frame, order, type, mergeLikely);
    }

    private bool IsFreeBlock(uint frame, int order)
    {
        Page* page = _memory.PageOf(frame);
        return (page->Flags & PageFlags.Buddy) != 0 && page->Order == order;
    }

    private void Insert(uint frame, int order, MigrateType type, bool atTail)
    {
        Page* page = _memory.PageOf(frame);
        page->State = (ulong)PageFlags.Buddy;
        page->Shape = Page.PlainShape(order) | ((ulong)type << Page.TypeShift);
        ref FreeList list = ref List(order, type);
        if (atTail)
        {
            page->Next = Page.Nil;
            page->Prev = list.Tail;
            if (page->Prev != Page.Nil) _memory.PageOf(page->Prev)->Next = frame;
            else list.Head = frame;
            list.Tail = frame;
        }
        else
        {
            page->Prev = Page.Nil;
            page->Next = list.Head;
            if (page->Next != Page.Nil) _memory.PageOf(page->Next)->Prev = frame;
            else list.Tail = frame;
            list.Head = frame;
        }

        list.Count++;
        Count(1L << order, type);
        if (order >= Mobility.BlockOrder) NoteIdle(page);
    }

    private void Remove(uint frame, int order)
    {
        Page* page = _memory.PageOf(frame);
        var type = (MigrateType)page->MigrateType;
        ref FreeList list = ref List(order, type);
        if (page->Prev != Page.Nil) _memory.PageOf(page->Prev)->Next = page->Next;
        else list.Head = page->Next;
        if (page->Next != Page.Nil) _memory.PageOf(page->Next)->Prev = page->Prev;
        else list.Tail = page->Prev;
        page->Flags = PageFlags.None;
        list.Count--;
        Count(-(1L << order), type);
    }

    private void Count(long frames, MigrateType type)
    {
        Volatile.Write(ref _freeFrames, _freeFrames + frames);
        if (type != MigrateType.HighAtomic) Volatile.Write(ref _usableFrames, _usableFrames + frames);
    }

    /// <summary>The free blocks of an order and type in the order of their list, without the fresh ones.</summary>
    internal List<uint> Snapshot(int order, MigrateType type)
    {
        var frames = new List<uint>();
        _lock.Enter();
        for (uint frame = List(order, type).Head; frame != Page.Nil; frame = _memory.PageOf(frame)->Next) frames.Add(frame);
        _lock.Leave();
        return frames;
    }

    /// <summary>Checks the whole zone under its lock; adds what is wrong to the list.</summary>
    /// <returns>Frames that are allocated.</returns>
    internal long Validate(List<string> errors)
    {
        _lock.Enter();
        try
        {
            return new ZoneCheck(_memory, _blocks, this, errors).Run(_lists, _fresh, _freeFrames, _usableFrames);
        }
        finally
        {
            _lock.Leave();
        }
    }
}

/// <summary>Free blocks of one order and type: ends of the list, and how many.</summary>
internal struct FreeList
{
    internal uint Head;
    internal uint Tail;
    internal long Count;
}
