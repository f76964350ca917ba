// Largest blocks with memory behind every frame, kept for requests that may not wait: not even for the page fault of a first touch.
//
// A block is taken off its list as an allocated one while the system call runs, and comes back as Reserve. From then on its frames merge among
// themselves only and are not given back to the operating system. They count as free and usable like any other: the marks decide who may have the
// last of them. Kernel concept: MIGRATE_RESERVE (before 4.4).

namespace KAlloc;

internal sealed unsafe partial class Zone
{
    private long _reserveFrames;

    /// <summary>Frames of populated page blocks, free or not.</summary>
    internal long ReserveFrames => Volatile.Read(ref _reserveFrames);

    /// <summary>Whether there is a free populated frame for a request of an order. Read without the lock.</summary>
    internal bool HasReserve(int order)
    {
        if (ReserveFrames == 0) return false;
        for (int o = order; o <= MaxOrder; o++)
        {
            if (Volatile.Read(ref List(o, MigrateType.Reserve).Count) != 0) return true;
        }

        return false;
    }

    /// <summary>Makes one more largest block a populated one.</summary>
    /// <returns>False if there is none, or the system has no memory for it.</returns>
    internal bool AddReserve()
    {
        _lock.Enter();
        uint frame = Page.Nil;
        if (Grouping && _usableFrames - (2L << MaxOrder) > _marks.High + _boost)
        {
            for (int type = 0; type < Mobility.SetTypes && frame == Page.Nil; type++) frame = TakeSmallest(MaxOrder, (MigrateType)type);
            if (frame != Page.Nil) SetAside(frame, MaxOrder, MigrateType.Unmovable);
        }

        _lock.Leave();
        if (frame == Page.Nil) return false;
        bool populated = _memory.Arena.Populate((nuint)frame << _memory.PageShift, _memory.MaxBlockBytes);
        _lock.Enter();
        if (populated)
        {
            _blocks.SetType(frame, MaxOrder, MigrateType.Reserve);
            Volatile.Write(ref _reserveFrames, _reserveFrames + (1L << MaxOrder));
        }

        FreeBlock(frame, MaxOrder);
        Volatile.Write(ref _asideFrames, _asideFrames - (1L << MaxOrder));
        _lock.Leave();
        Freed();
        return populated;
    }

    /// <summary>Moves populated single frames to a set's stack, which is empty: half of what it can hold.</summary>
    internal void FillReserve(PageSet* set)
    {
        int count = (set->ReserveCapacity + 1) / 2;
        _lock.Enter();
        for (uint frame; count > 0 && (frame = TakeSmallest(0, MigrateType.Reserve)) != Page.Nil; count--)
        {
            Page* page = _memory.PageOf(frame);
            page->State = (ulong)PageFlags.PageSet;
            page->Order = 0;
            set->Push(page, (int)MigrateType.Reserve);
        }

        _lock.Leave();
    }
}
