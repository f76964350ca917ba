// The free pages that a thread keeps of one zone: what makes a page cost a few instructions instead of a lock.
//
//   stacks  single pages, one for each of three migrate types, and populated ones: HotPages.cs
//   lists   orders 0..3 of three migrate types, order 9 of two (movable or not); linked through Page.Next/Prev, head warm, tail cold
//   alloc   takes the head           free   puts at the head          refill appends a batch          too many: the coldest go to the buddy
//   a stack that runs dry takes half of itself from its list, one that is full gives the colder half to it
//
// Only the owner uses its set, so there is no atomic operation in it. Another thread that wants the pages back (drain) claims the set:
//   owner     Busy = 1; Claimed != 0 ? hands off : work; Busy = 0
//   drainer   Claimed = 1; barrier on all processors; wait for Busy == 0; work; Claimed = 0
// An owner who meets a claim goes to the buddy; it never waits. Prev of a list's head is not valid: nobody reads it.
// Invariant: Listed is the number of frames in the lists; each block's state is PageSet and its order is written.
// Kernel concept: struct per_cpu_pages, rmqueue_pcplist, free_unref_page_commit, nr_pcp_alloc, nr_pcp_free.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct PageSet
{
    internal const int Bytes = 256;
    private const int TopOffset = 8;

    /// <summary>Largest order of the small lists (PAGE_ALLOC_COSTLY_ORDER).</summary>
    internal const int SmallOrder = 3;

    internal const int Lists = (SmallOrder + 1) * Mobility.SetTypes + 2;

    /// <summary>A refill takes at most this many times two batches (CONFIG_PCP_BATCH_SCALE_MAX).</summary>
    private const int MaxScale = 5;

    // What the hit paths read: one line of the cache.
    [FieldOffset(0)] private int _busy;
    [FieldOffset(4)] private int _claimed;
    [FieldOffset(TopOffset)] private fixed ulong _top[Mobility.Types];

    /// <summary>Bytes of the memory map that describe frames with an address.</summary>
    [FieldOffset(48)] internal nuint MapBytes;

    /// <summary>The word of each page block, see <see cref="PageBlocks"/>.</summary>
    [FieldOffset(56)] internal ushort* BlockInfo;

    /// <summary>Frames in the lists.</summary>
    [FieldOffset(64)] internal int Listed;

    /// <summary>Above this many the set gives some back.</summary>
    [FieldOffset(68)] internal int High;
    [FieldOffset(72)] internal int HighMin;
    [FieldOffset(76)] internal int HighMax;
    [FieldOffset(80)] internal int Batch;

    /// <summary>Doublings of the next refill: grows while the thread only allocates.</summary>
    [FieldOffset(84)] private int _allocScale;

    /// <summary>Frames freed lately: grows while the thread only frees.</summary>
    [FieldOffset(88)] private int _freed;

    /// <summary>The list that gives pages back next.</summary>
    [FieldOffset(92)] private int _turn;

    /// <summary><see cref="Count"/> when it was last looked at.</summary>
    [FieldOffset(96)] private int _seen;

    /// <summary>Pages that a stack can hold; 0: single pages are kept in the lists only.</summary>
    [FieldOffset(100)] internal int Capacity;

    /// <summary>A page that was found in use while it lay on a stack: two threads freed it at once.</summary>
    [FieldOffset(104)] private Page* _stray;

    /// <summary>The stack of plain requests of high priority that may not wait: Reserve, or Unmovable if the zone has no populated blocks.</summary>
    [FieldOffset(112)] internal int AtomicStack;

    /// <summary>Populated pages that the set can hold; 0: none.</summary>
    [FieldOffset(116)] internal int ReserveCapacity;

    [FieldOffset(128)] private fixed uint _head[Lists];
    [FieldOffset(192)] private fixed uint _tail[Lists];

    /// <summary>Frames in the set.</summary>
    internal int Count
    {
        get
        {
            int sum = Volatile.Read(ref Listed);
            for (int type = 0; type < Mobility.Types; type++) sum += OnStack(type);
            return sum;
        }
    }

    /// <summary>Where the top of a type's stack is kept: it points above the last page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Page*** Top(PageSet* set, int type) => (Page***)((byte*)set + TopOffset) + type;

    /// <summary>The set of a frame's zone, by the word of its page block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static PageSet* OfBlock(PageSet* sets, uint info) => (PageSet*)((byte*)sets + (info & ~(Bytes - 1u)));

    /// <summary>Where the top of the stack is kept that a frame's page goes to, by the word of its page block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Page*** TopOfBlock(PageSet* sets, uint info) => (Page***)((byte*)sets + TopOffset + info);

    /// <summary>Makes all empty.</summary>
    /// <param name="stacks">Memory for the stacks, aligned to their size; not used if <paramref name="capacity"/> is 0.</param>
    /// <param name="capacity">Pages of a stack.</param>
    /// <param name="reserve">Populated pages of a stack; 0: there is none.</param>
    internal void Clear(byte* stacks, int capacity, int reserve)
    {
        for (int i = 0; i < Lists; i++) _head[i] = _tail[i] = Page.Nil;
        Capacity = capacity;
        ReserveCapacity = reserve;
        for (int type = 0; type < Mobility.Types; type++)
            _top[type] = (ulong)(CapacityOf(type) == 0 ? HotPages.NoTop : HotPages.Bottom((Page**)(stacks + (type * HotPages.StackBytes)), CapacityOf(type)));
    }

    /// <summary>The list of an order and type, or -1: blocks of that order are not kept.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int ListOf(int order, MigrateType type)
    {
        if (type == MigrateType.Reserve) return -1;
        if ((uint)order <= SmallOrder) return (order * Mobility.SetTypes) + (type == MigrateType.HighAtomic ? (int)MigrateType.Movable : (int)type);
        return order == Mobility.BlockOrder ? Lists - (type == MigrateType.Movable ? 1 : 2) : -1;
    }

    /// <summary>The owner begins: false if another thread has claimed the set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool Enter()
    {
        Volatile.Write(ref _busy, 1);
        if (Volatile.Read(ref _claimed) == 0) return true;
        Volatile.Write(ref _busy, 0);
        return false;
    }

    /// <summary>The owner is done.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Leave() => Volatile.Write(ref _busy, 0);

    /// <summary>Another thread wants the set; it must make all processors see that before it waits.</summary>
    internal void Claim() => Volatile.Write(ref _claimed, 1);

    internal readonly bool IsClaimed => _claimed != 0;

    internal void WaitForOwner()
    {
        SpinWait wait = default;
        while (Volatile.Read(ref _busy) != 0) wait.SpinOnce();
    }

    internal void EndClaim() => Volatile.Write(ref _claimed, 0);

    /// <summary>Takes the head of a list, or <see cref="Page.Nil"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal uint Take(Page* map, int list, int order)
    {
        uint frame = _head[list];
        if (frame == Page.Nil) return frame;
        _head[list] = map[frame].Next;
        Listed -= 1 << order;
        return frame;
    }

    /// <summary>Puts a block at the head of a list.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Push(Page* map, int list, uint frame, int order)
    {
        uint head = _head[list];
        map[frame].Next = head;
        if (head == Page.Nil) _tail[list] = frame;
        else map[head].Prev = frame;
        _head[list] = frame;
        Listed += 1 << order;
    }

    /// <summary>Puts a block at the tail of a list.</summary>
    internal void Append(Page* map, int list, uint frame, int order)
    {
        map[frame].Next = Page.Nil;
        if (_head[list] == Page.Nil)
        {
            _head[list] = frame;
        }
        else
        {
            map[frame].Prev = _tail[list];
            map[_tail[list]].Next = frame;
        }

        _tail[list] = frame;
        Listed += 1 << order;
    }

    /// <summary>Takes the tail of a list: a page that is not in the processor's cache.</summary>
    internal uint TakeTail(Page* map, int list, int order)
    {
        if (_head[list] == Page.Nil) return Page.Nil;
        uint frame = _tail[list];
        if (frame == _head[list])
        {
            _head[list] = Page.Nil;
        }
        else
        {
            _tail[list] = map[frame].Prev;
            map[_tail[list]].Next = Page.Nil;
        }

        Listed -= 1 << order;
        return frame;
    }

    /// <summary>Takes a cold block from the list whose turn it is; when all are empty and it must be, from a stack.</summary>
    internal bool TakeColdest(Page* map, bool all, out uint frame, out int order)
    {
        for (int i = 0; i < Lists; i++)
        {
            int list = (_turn + i) % Lists;
            order = list >= Lists - 2 ? Mobility.BlockOrder : list / Mobility.SetTypes;
            frame = TakeTail(map, list, order);
            if (frame != Page.Nil) return true;
        }

        order = 0;
        frame = Page.Nil;
        for (int type = 0; all && type < Mobility.Types && frame == Page.Nil; type++) frame = Pop(map, type);
        return frame != Page.Nil;
    }

    /// <summary>Takes a single page: the top of the stack, which is filled from the list if it is empty.</summary>
    internal uint TakeHot(Page* map, int type)
    {
        if (Capacity == 0) return Take(map, type, 0);
        uint frame = Pop(map, type);
        if (frame != Page.Nil) return frame;
        int count = 0, most = (Capacity + 1) / 2;
        uint* frames = stackalloc uint[(HotPages.MaxCapacity + 1) / 2];
        while (count < most && (frames[count] = Take(map, type, 0)) != Page.Nil) count++;
        while (count > 0) Push(map + frames[--count], type);
        return Pop(map, type);
    }

    /// <summary>Takes the top of a stack, or <see cref="Page.Nil"/>.</summary>
    internal uint Pop(Page* map, int type)
    {
        while (true)
        {
            Page** top = (Page**)_top[type] - 1;
            Page* page = *top;
            if (page == null) return Page.Nil;
            _top[type] = (ulong)top;
            if (page->State == (ulong)PageFlags.PageSet) return (uint)(page - map);
            _stray = page;
        }
    }

    /// <summary>Puts a single page on its stack, whose colder half goes to the list if it is full.</summary>
    /// <returns>Whether the list was given pages.</returns>
    internal bool PutHot(Page* map, int type, uint frame)
    {
        if (Capacity == 0)
        {
            PutBlock(map, type, frame, 0);
            return true;
        }

        bool full = HotPages.IsFull((Page**)_top[type]);
        if (full)
        {
            Page** bottom = HotPages.Bottom((Page**)_top[type], Capacity);
            int half = (Capacity + 1) / 2;
            for (int i = 0; i < half; i++)
            {
                if (bottom[i]->State == (ulong)PageFlags.PageSet) Push(map, type, (uint)(bottom[i] - map), 0);
                else _stray = bottom[i];
            }

            for (int i = half; i < Capacity; i++) bottom[i - half] = bottom[i];
            _top[type] = (ulong)(bottom + Capacity - half);
            _allocScale = 0;
            if (_freed < Batch << MaxScale) _freed += half;
        }

        Push(map + frame, type);
        return full;
    }

    /// <summary>Puts a populated page on its stack; false: there is no room.</summary>
    internal bool PutReserve(Page* page)
    {
        if (HotPages.IsFull((Page**)_top[(int)MigrateType.Reserve])) return false;
        Push(page, (int)MigrateType.Reserve);
        return true;
    }

    /// <summary>Puts a page on a stack that has room.</summary>
    internal void Push(Page* page, int type)
    {
        Page** top = (Page**)_top[type];
        *top = page;
        _top[type] = (ulong)(top + 1);
    }

    private readonly int OnStack(int type)
    {
        var top = (Page**)Volatile.Read(in _top[type]);
        return top == HotPages.NoTop ? 0 : (int)(top - HotPages.Bottom(top, CapacityOf(type)));
    }

    private readonly int CapacityOf(int type) => type < Mobility.SetTypes ? Capacity : type == (int)MigrateType.Reserve ? ReserveCapacity : 0;

    /// <summary>The last page that was found in use while it lay on a stack, once.</summary>
    internal Page* TakeStray()
    {
        Page* page = _stray;
        if (page != null) _stray = null;
        return page;
    }

    /// <summary>How many blocks of an order to fetch: twice as many each time, as long as nothing is freed.</summary>
    internal int RefillBlocks(int order)
    {
        if (HighMin != HighMax) High = Math.Min(High + Batch, HighMax);
        int batch = Batch;
        if (order == 0)
        {
            int most = Math.Max(High - Listed - batch, batch);
            batch <<= _allocScale;
            if (batch <= most && _allocScale < MaxScale) _allocScale++;
            batch = Math.Min(batch, most);
        }
        else if (batch > 1)
        {
            batch = Math.Max(batch >> order, 2);
        }

        _freed >>= 1;
        return batch;
    }

    /// <summary>How many frames to give back now that there are too many.</summary>
    /// <param name="zoneIsLow">The zone is below its high mark: the set shrinks.</param>
    internal int SurplusFrames(bool zoneIsLow)
    {
        _turn = (_turn + 1) % Lists;
        int most = Math.Max(High - Batch, Batch);
        int frames = Math.Clamp(_freed, Math.Min(Batch, most), most);
        if (zoneIsLow) High = Math.Max(High - frames, HighMin);
        return frames;
    }

    /// <summary>Puts a freed block at the head of its list.</summary>
    internal void PutBlock(Page* map, int list, uint frame, int order)
    {
        Push(map, list, frame, order);
        _allocScale >>= 1;
        if (_freed < Batch << MaxScale) _freed += 1 << order;
    }

    /// <summary>Whether the set holds as much as at the last call, and something. A set in use seldom does; one that does loses a refill.</summary>
    internal bool IsQuiet()
    {
        int before = _seen;
        _seen = Count;
        return before == _seen && before != 0;
    }

    /// <summary>Lets the limit sink back towards its least value when the thread is quiet.</summary>
    internal void Decay() => High = Math.Max(HighMin, High - (High >> 3));
}
