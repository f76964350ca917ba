// Where memory comes from when a type has none of its own.
//
//   Take        own type, smallest fit
//     Claim     the largest foreign block first. A whole page block, or one of which half is free or of our kind, becomes ours
//     Steal     the smallest foreign block that fits; its page block keeps its type
//     HighAtomic blocks, if the caller may not wait
//     Reserve     populated blocks: first for requests of high priority that may not wait, last for all
//
// Mixing a page block raises the marks for a while (boost), so that reclaim makes room before the next one is mixed.
// Invariant: a page block's type and the list of each free block in it change together.
// Kernel concept: __rmqueue, __rmqueue_claim, __rmqueue_steal, try_to_claim_block, reserve_highatomic_pageblock.

namespace KAlloc;

internal sealed unsafe partial class Zone
{
    private long _reservedHighAtomic;

    /// <summary>Frames of page blocks kept for atomic requests, free or not.</summary>
    internal long ReservedHighAtomic => Volatile.Read(ref _reservedHighAtomic);

    /// <summary>Page blocks that became another type's, and requests served from a foreign one.</summary>
    internal long Claims { get; private set; }
    internal long Steals { get; private set; }

    private uint Take(int order, MigrateType type, AllocFlags flags)
    {
        uint frame = Page.Nil;
        if ((flags & AllocFlags.Populated) != 0) frame = TakeSmallest(order, MigrateType.Reserve);
        if (frame == Page.Nil && (flags & AllocFlags.HighAtomic) != 0) frame = TakeSmallest(order, MigrateType.HighAtomic);
        if (frame == Page.Nil) frame = TakeSmallest(order, Grouping ? type : FreshType);
        if (frame == Page.Nil && Grouping) frame = Claim(order, type, flags);
        if (frame == Page.Nil && Grouping && (flags & AllocFlags.NoFragment) == 0) frame = Steal(order, type);
        if (frame == Page.Nil && (flags & (AllocFlags.Oom | AllocFlags.NonBlock)) != 0) frame = TakeSmallest(order, MigrateType.HighAtomic);
        if (frame == Page.Nil && (flags & AllocFlags.NoFragment) == 0) frame = TakeSmallest(order, MigrateType.Reserve);
        return frame;
    }

    private uint Claim(int order, MigrateType type, AllocFlags flags)
    {
        int least = (flags & AllocFlags.NoFragment) != 0 ? Math.Max(order, Mobility.BlockOrder) : order;
        for (int found = MaxOrder; found >= least; found--)
        {
            if (!HasForeign(found, type, out MigrateType other)) continue;

            // Small movable requests are not worth a page block, and smaller blocks are less so.
            if (found < Mobility.BlockOrder / 2 && type == MigrateType.Movable) break;
            uint frame = TryClaim(found, order, type, other, flags);
            if (frame != Page.Nil) return frame;
        }

        return Page.Nil;
    }

    private uint TryClaim(int found, int order, MigrateType type, MigrateType other, AllocFlags flags)
    {
        uint frame = List(found, other).Head;
        if (found >= Mobility.BlockOrder)
        {
            Remove(frame, found);
            _blocks.SetType(frame, found, type);
            Expand(frame, found, order, type);
            Claims++;
            return frame;
        }

        if (Boost() && (flags & AllocFlags.Kswapd) != 0) _wakeForBoost = true;
        uint block = frame & ~(Mobility.BlockFrames - 1);
        (uint free, uint movable) = CountBlock(block);
        uint alike = type == MigrateType.Movable ? movable : other == MigrateType.Movable ? Mobility.BlockFrames - (free + movable) : 0;
        if (free + alike < Mobility.BlockFrames / 2) return Page.Nil;
        ChangeBlock(block, type);
        Claims++;
        return TakeSmallest(order, type);
    }

    private uint Steal(int order, MigrateType type)
    {
        for (int found = order; found <= MaxOrder; found++)
        {
            if (!HasForeign(found, type, out MigrateType other)) continue;
            uint frame = List(found, other).Head;
            Remove(frame, found);
            Expand(frame, found, order, other);
            Steals++;
            return frame;
        }

        return Page.Nil;
    }

    private bool HasForeign(int order, MigrateType type, out MigrateType other)
    {
        for (int choice = 0; choice < 2; choice++)
        {
            other = Mobility.Fallback(type, choice);
            if (List(order, other).Head != Page.Nil || (order == MaxOrder && other == FreshType && BringIn())) return true;
        }

        other = type;
        return false;
    }

    /// <summary>Counts a page block's free frames, and the movable ones among the others. Frames in page sets count as neither.</summary>
    private (uint Free, uint Movable) CountBlock(uint block)
    {
        uint free = 0, movable = 0;
        for (uint frame = block; frame < block + Mobility.BlockFrames;)
        {
            Page* page = _memory.PageOf(frame);
            uint size = 1;
            if ((page->Flags & PageFlags.Buddy) != 0)
            {
                size = 1u << page->Order;
                free += size;
            }
            else if (page->RefCount > 0 && (page->Flags & PageFlags.Owned) == 0 && page->MigrateType == (byte)MigrateType.Movable)
            {
                // Read without the user's knowledge: an order that is too large for its place is one that is being written.
                size = Math.Min(1u << page->Order, block + Mobility.BlockFrames - frame);
                movable += size;
            }

            frame += size;
        }

        return (free, movable);
    }

    /// <summary>Moves the free blocks of a page block to another type's lists, and the page block with them.</summary>
    /// <returns>Frames moved.</returns>
    private uint ChangeBlock(uint block, MigrateType type)
    {
        uint moved = 0;
        for (uint frame = block; frame < block + Mobility.BlockFrames;)
        {
            Page* page = _memory.PageOf(frame);
            if ((page->Flags & PageFlags.Buddy) == 0)
            {
                frame++;
                continue;
            }

            int order = page->Order;
            Remove(frame, order);
            Insert(frame, order, type, atTail: true);
            moved += 1u << order;
            frame += 1u << order;
        }

        _blocks.SetType(block, Mobility.BlockOrder, type);
        return moved;
    }

    /// <summary>After a large atomic request was served: keeps its page block for the next ones. At most 1 % of the zone, and at least a page block.</summary>
    private void ReserveHighAtomic(uint frame, int order)
    {
        long share = Managed / 100;
        long most = (share + Mobility.BlockFrames - 1) & ~(Mobility.BlockFrames - 1L);
        if (!Grouping || share < Mobility.BlockFrames || _reservedHighAtomic >= most || Mobility.StaysApart(_blocks.TypeOf(frame))) return;
        if (order < Mobility.BlockOrder) ChangeBlock(frame & ~(Mobility.BlockFrames - 1), MigrateType.HighAtomic);
        else _blocks.SetType(frame, order, MigrateType.HighAtomic);
        Volatile.Write(ref _reservedHighAtomic, _reservedHighAtomic + Math.Max(Mobility.BlockFrames, 1L << order));
    }

    /// <summary>Gives a page block that was kept for atomic requests, and has free frames, back to others.</summary>
    /// <param name="type">The type it gets.</param>
    /// <param name="force">Also the last one.</param>
    /// <returns>Whether frames became available.</returns>
    internal bool UnreserveHighAtomic(MigrateType type, bool force)
    {
        if (ReservedHighAtomic == 0 || (!force && ReservedHighAtomic <= Mobility.BlockFrames)) return false;
        bool found = false;
        _lock.Enter();
        for (int order = 0; order <= MaxOrder && !found; order++)
        {
            uint frame = List(order, MigrateType.HighAtomic).Head;
            if (frame == Page.Nil) continue;
            found = true;
            if (order < Mobility.BlockOrder)
            {
                ChangeBlock(frame & ~(Mobility.BlockFrames - 1), type);
                _reservedHighAtomic -= Mobility.BlockFrames;
                continue;
            }

            Remove(frame, order);
            _blocks.SetType(frame, order, type);
            FreeBlock(frame, order);
            _reservedHighAtomic -= 1L << order;
        }

        _lock.Leave();
        return found;
    }
}
