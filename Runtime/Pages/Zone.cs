// One zone and its buddy lists.
//
//   Start ............ Fresh ................ End        all multiples of the largest block
//   | handed out once |  never handed out    |
//     split and merged    no list, no Page touched
//   list[0] -> single frames   list[1] -> pairs ...   list[10] -> blocks of 1024
//
// A request takes the smallest block that fits and splits it: it gets the low half, the upper halves go on the lists. If no list has one, the next
// largest block comes in from the fresh range, so booting a system of 64 GiB touches nothing. A free block merges with its buddy
// (pfn XOR size) as long as that is free and of the same order.
// Invariant: a frame is in exactly one of: fresh, a free block, an allocated block; a free block's buddy is not free at the same order.
// Cost: one lock, at most 10 steps. Not done: migrate types, per-thread page sets, watermarks.
// Kernel concept: struct zone, free_area, __rmqueue_smallest, __free_one_page.

namespace KAlloc;

internal sealed unsafe class Zone
{
    private readonly PhysicalMemory _memory;
    private readonly uint[] _head = new uint[PhysicalMemory.MaxOrder + 1];
    private readonly uint[] _tail = new uint[PhysicalMemory.MaxOrder + 1];
    private readonly long[] _blocks = new long[PhysicalMemory.MaxOrder + 1];
    private SpinWord _lock;
    private uint _fresh;
    private long _freeFrames;

    internal Zone(PhysicalMemory memory, ZoneType type, uint start, uint end)
    {
        _memory = memory;
        Type = type;
        Start = start;
        End = end;
        _fresh = start;
        _freeFrames = end - start;
        Array.Fill(_head, Page.Nil);
        Array.Fill(_tail, Page.Nil);
    }

    internal ZoneType Type { get; }
    internal uint Start { get; }
    internal uint End { get; }

    /// <summary>Frames from here on were never handed out.</summary>
    internal uint Fresh => Volatile.Read(ref _fresh);

    /// <summary>Free frames, the fresh ones included.</summary>
    internal long FreeFrames => Volatile.Read(ref _freeFrames);

    /// <summary>Free blocks of an order, the fresh ones included.</summary>
    internal long FreeBlocks(int order) =>
        Volatile.Read(ref _blocks[order]) + (order == PhysicalMemory.MaxOrder ? (End - Volatile.Read(ref _fresh)) >> PhysicalMemory.MaxOrder : 0);

    /// <summary>A block with a reference count of 1, or null.</summary>
    internal Page* Allocate(int order, PageFlags flags)
    {
        _lock.Enter();
        int found = order;
        while (found <= PhysicalMemory.MaxOrder && _head[found] == Page.Nil) found++;
        uint frame;
        if (found <= PhysicalMemory.MaxOrder)
        {
            frame = _head[found];
            Remove(frame, found);
        }
        else if (_fresh < End)
        {
            frame = _fresh;
            _fresh += 1u << PhysicalMemory.MaxOrder;
            found = PhysicalMemory.MaxOrder;
        }
        else
        {
            _lock.Leave();
            return null;
        }

        while (found > order)
        {
            found--;
            Insert(frame + (1u << found), found, atTail: false);
        }

        Page* page = _memory.PageOf(frame);
        Prepare(page, order, flags);
        _freeFrames -= 1L << order;
        _lock.Leave();
        return page;
    }

    /// <summary>
    /// Drops one reference. The last one frees the block; an earlier one leaves the first frame to the other holders and frees the rest, unless
    /// the block is compound: as the kernel does.
    /// </summary>
    /// <returns>False: the page had no reference any more, nothing was done.</returns>
    internal bool Put(Page* page, int order)
    {
        _lock.Enter();
        int count = Interlocked.Decrement(ref page->RefCount);
        if (count < 0)
        {
            Interlocked.Increment(ref page->RefCount);
            _lock.Leave();
            return false;
        }

        uint frame = _memory.FrameOf(page);
        if (count == 0)
        {
            page->Flags = PageFlags.None;
            FreeBlock(frame, order);
        }
        else if ((page->Flags & PageFlags.Head) == 0)
        {
            while (order > 0)
            {
                order--;
                FreeBlock(frame + (1u << order), order);
            }

            page->Order = 0;
        }

        _lock.Leave();
        return true;
    }

    /// <summary>Takes a run of largest blocks that lie next to each other; each is then an allocated block of the largest order.</summary>
    internal Page* AllocateRun(uint blocks)
    {
        const uint Step = 1u << PhysicalMemory.MaxOrder;
        _lock.Enter();
        uint run = 0;
        for (uint frame = Start; frame < End; frame += Step)
        {
            Page* page = _memory.PageOf(frame);
            bool free = frame >= _fresh || ((page->Flags & PageFlags.Buddy) != 0 && page->Order == PhysicalMemory.MaxOrder);
            run = free ? run + 1 : 0;
            if (run < blocks) continue;

            uint first = frame - ((blocks - 1) * Step);
            for (uint f = first; f <= frame; f += Step)
            {
                // Fresh frames skipped below the run never happen: a run that reaches the fresh range starts at or before its first frame.
                if (f >= _fresh) _fresh = f + Step;
                else Remove(f, PhysicalMemory.MaxOrder);
                Prepare(_memory.PageOf(f), PhysicalMemory.MaxOrder, PageFlags.None);
            }

            _freeFrames -= (long)blocks * Step;
            _lock.Leave();
            return _memory.PageOf(first);
        }

        _lock.Leave();
        return null;
    }

    private void Prepare(Page* page, int order, PageFlags flags)
    {
        page->Flags = flags;
        page->Order = (byte)order;
        page->MapCount = 0;
        page->SlabCache = 0;
        page->MigrateType = 0;
        page->Next = 0;
        page->Prev = 0;
        page->Private = 0;
        Volatile.Write(ref page->RefCount, 1);
    }

    private void FreeBlock(uint frame, int order)
    {
        _freeFrames += 1L << order;
        while (order < PhysicalMemory.MaxOrder)
        {
            uint buddy = frame ^ (1u << order);
            if (!IsFreeBlock(buddy, order)) break;
            Remove(buddy, order);
            frame &= buddy;
            order++;
        }

        // A block whose next merge is half done is likely to merge soon: at the tail it is handed out last.
        bool mergeLikely = order < PhysicalMemory.MaxOrder - 1 && IsFreeBlock((frame & ~(1u << order)) ^ (2u << order), order + 1);
        Insert(frame, order, mergeLikely);
    }

    private bool IsFreeBlock(uint frame, int order)
    {
        Page* page = _memory.PageOf(frame);
        return (page->Flags & PageFlags.Buddy) != 0 && page->Order == order;
    }

    private void Insert(uint frame, int order, bool atTail)
    {
        Page* page = _memory.PageOf(frame);
        page->Flags = PageFlags.Buddy;
        page->RefCount = 0;
        page->Order = (byte)order;
        if (atTail)
        {
            page->Next = Page.Nil;
            page->Prev = _tail[order];
            if (page->Prev != Page.Nil) _memory.PageOf(page->Prev)->Next = frame;
            else _head[order] = frame;
            _tail[order] = frame;
        }
        else
        {
            page->Prev = Page.Nil;
            page->Next = _head[order];
            if (page->Next != Page.Nil) _memory.PageOf(page->Next)->Prev = frame;
            else _tail[order] = frame;
            _head[order] = frame;
        }

        _blocks[order]++;
    }

    private void Remove(uint frame, int order)
    {
        Page* page = _memory.PageOf(frame);
        if (page->Prev != Page.Nil) _memory.PageOf(page->Prev)->Next = page->Next;
        else _head[order] = page->Next;
        if (page->Next != Page.Nil) _memory.PageOf(page->Next)->Prev = page->Prev;
        else _tail[order] = page->Prev;
        page->Flags = PageFlags.None;
        _blocks[order]--;
    }

    /// <summary>Checks the whole zone under its lock; adds what is wrong to the list.</summary>
    /// <returns>Frames that are allocated.</returns>
    internal long Validate(List<string> errors)
    {
        _lock.Enter();
        try
        {
            return new ZoneCheck(_memory, this, errors).Run(_head, _tail, _blocks, _fresh, _freeFrames);
        }
        finally
        {
            _lock.Leave();
        }
    }
}
