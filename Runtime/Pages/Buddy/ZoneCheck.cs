// The invariants of a zone, checked one by one: what VM_BUG_ON checks in the kernel here and there, in one place.
// Runs under the zone's lock; walks every list and then every frame. For tests and debugging.

namespace KAlloc;

internal sealed unsafe class ZoneCheck(PhysicalMemory memory, PageBlocks blocks, Zone zone, List<string> errors)
{
    private const int MaxErrors = 20;
    private readonly string _name = MemoryLayout.NameOf(zone.Type);

    internal long Run(FreeList[] lists, uint fresh, long freeFrames, long usableFrames)
    {
        long listed = 0, highAtomic = 0;
        for (int i = 0; i < lists.Length; i++)
        {
            long frames = List(i / Mobility.Types, (MigrateType)(i % Mobility.Types), lists[i], fresh);
            listed += frames;
            if (i % Mobility.Types == (int)MigrateType.HighAtomic) highAtomic += frames;
        }

        long free = listed + (zone.End - fresh);
        if (free != freeFrames) Error($"counts {freeFrames} free frames, has {free}");
        if (free - highAtomic != usableFrames) Error($"counts {usableFrames} usable frames, has {free - highAtomic}");
        return Walk(fresh, listed);
    }

    private long List(int order, MigrateType type, FreeList list, uint fresh)
    {
        long count = 0;
        uint last = Page.Nil;
        for (uint frame = list.Head; frame != Page.Nil; frame = memory.PageOf(frame)->Next)
        {
            if (frame < zone.Start || frame >= fresh)
            {
                Error($"order {order}: frame {frame} on the list is not one of the zone's");
                return count << order;
            }

            Page* page = memory.PageOf(frame);
            if ((frame & ((1u << order) - 1)) != 0) Error($"order {order}: frame {frame} is not aligned");
            if (page->Flags != PageFlags.Buddy) Error($"order {order}: frame {frame} on the list has flags {page->Flags}");
            if (page->MigrateType != (byte)type || blocks.TypeOf(frame) != type)
                Error($"order {order}: frame {frame} on the list of {type} is marked {(MigrateType)page->MigrateType}, its page block {blocks.TypeOf(frame)}");
            if (page->Order != order) Error($"order {order}: frame {frame} on the list has order {page->Order}");
            if (page->RefCount != 0) Error($"order {order}: free frame {frame} has {page->RefCount} references");
            if (page->Prev != last) Error($"order {order}: frame {frame} links back to {page->Prev}, not {last}");
            Page* buddy = memory.PageOf(order < PhysicalMemory.MaxOrder ? frame ^ (1u << order) : frame);
            MigrateType other = blocks.TypeOf(memory.FrameOf(buddy));
            bool apart = type != other && (Mobility.StaysApart(type) || Mobility.StaysApart(other));
            if (order < PhysicalMemory.MaxOrder && (buddy->Flags & PageFlags.Buddy) != 0 && buddy->Order == order && !apart)
                Error($"order {order}: frame {frame} and its buddy are both free and not merged");
            last = frame;
            if (++count > list.Count) break;
        }

        if (count != list.Count) Error($"order {order}: counts {list.Count} blocks, has {count} or more");
        else if (list.Tail != last) Error($"order {order}: the list ends at {last}, not {list.Tail}");
        return count << order;
    }

    /// <summary>Every frame handed out once is in a free block or in an allocated one.</summary>
    private long Walk(uint fresh, long listed)
    {
        long free = 0, allocated = 0;
        for (uint frame = zone.Start; frame < fresh;)
        {
            Page* page = memory.PageOf(frame);
            uint size = 1u << page->Order;
            if ((page->Flags & PageFlags.Buddy) != 0)
            {
                free += size;
            }
            else if ((page->Flags & PageFlags.PageSet) != 0)
            {
                // In a page set, or on the way to it.
            }
            else if (page->RefCount > 0 && (page->Flags & PageFlags.Tail) == 0)
            {
                allocated += size;
                if ((page->Flags & PageFlags.Head) != 0) Compound(frame, size);
            }
            else
            {
                Error($"frame {frame} is lost: neither free nor allocated (flags {page->Flags}, {page->RefCount} references)");
                size = 1;
            }

            frame += size;
        }

        if (free != listed) Error($"{free} frames are marked free, {listed} are on the lists");
        return allocated;
    }

    private void Compound(uint head, uint size)
    {
        // The first and the last tail stand for all: both are written in one loop.
        if (size < 2) return;
        foreach (uint frame in (ReadOnlySpan<uint>)[head + 1, head + size - 1])
        {
            Page* tail = memory.PageOf(frame);

            // A block is compound as soon as it is allocated, its tails are written just after: only a wrong head is an error.
            if ((tail->Flags & PageFlags.Tail) != 0 && tail->HeadFrame != head) Error($"tail frame {frame} names head {tail->HeadFrame}, not {head}");
        }
    }

    private void Error(string text)
    {
        if (errors.Count < MaxErrors) errors.Add($"zone {_name}: {text}");
    }
}
