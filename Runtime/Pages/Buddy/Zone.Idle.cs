// Free blocks of page-block size and up: which of them the operating system holds memory for, and since when nobody has used them.
//
//   Private of a free block, order 9 and 10:   Unpopulated: never used, or given back | the sweep during which it became free
//   a sweep is a quarter of the give-back delay; a block that stayed free for four whole sweeps is idle
//
// An idle block is taken off its list while the system call runs, as an allocated block, because the call takes too long for the lock. It goes
// back to the tail: memory that is still populated is handed out first. The zone keeps so many free frames meanwhile that nobody misses it.
// Kernel concept: free page reporting.

namespace KAlloc;

internal sealed unsafe partial class Zone
{
    /// <summary>A free block without memory behind it.</summary>
    private static nuint Unpopulated => nuint.MaxValue;

    /// <summary>Sweeps that a block must stay free.</summary>
    internal const int IdleSweeps = 4;

    private const int GiveBackAtOnce = 8;
    private nuint _sweep = 1;
    private bool _hasIdle;
    private bool _tellIdle;

    /// <summary>Called without the lock when a large block became free and there was none before. Must not wait.</summary>
    internal Action? BlockBecameIdle { get; set; }

    /// <summary>Whether there is a large free block that has memory.</summary>
    internal bool HasIdle => Volatile.Read(ref _hasIdle);

    /// <summary>
    /// Free frames, with those that are on no list just now because a system call gives them memory or takes it, at one moment: a block on its way between
    /// the two is neither missing nor there twice.
    /// </summary>
    internal long AllFreeFrames
    {
        get
        {
            _lock.Enter();
            long sum = _freeFrames + _asideFrames;
            _lock.Leave();
            return sum;
        }
    }

    private long _asideFrames;

    /// <summary>Bytes given back to the operating system so far.</summary>
    internal long GivenBackBytes { get; private set; }

    private void NoteIdle(Page* page)
    {
        page->Private = _sweep;
        NoteActivity();
    }

    /// <summary>Page sets give back small blocks: large ones may follow when the threads are quiet.</summary>
    private void NoteActivity()
    {
        if (_hasIdle) return;
        _hasIdle = true;
        _tellIdle = true;
    }

    private void Freed()
    {
        if (!_tellIdle) return;
        _tellIdle = false;
        BlockBecameIdle?.Invoke();
    }

    /// <summary>Gives the idle blocks' memory back to the operating system.</summary>
    /// <param name="now">All free ones, however long they have been free.</param>
    internal void GiveBackIdle(bool now)
    {
        uint* frames = stackalloc uint[GiveBackAtOnce];
        int* orders = stackalloc int[GiveBackAtOnce];
        _sweep++;
        for (bool left = true; left;)
        {
            int count = TakeIdle(frames, orders, now, out left);
            for (int i = 0; i < count; i++)
            {
                nuint bytes = _memory.PageSize << orders[i];
                if (_memory.Arena.Discard((nuint)frames[i] << _memory.PageShift, bytes)) GivenBackBytes += (long)bytes;
            }

            for (int i = 0; i < count; i++) PutBack(frames[i], orders[i]);
            left &= count != 0;
        }
    }

    private int TakeIdle(uint* frames, int* orders, bool now, out bool left)
    {
        int count = 0;
        bool populated = false;
        _lock.Enter();
        for (int order = MaxOrder; order >= Mobility.BlockOrder; order--)
        {
            for (int type = 0; type < Mobility.SetTypes; type++)
            {
                uint next;
                for (uint frame = List(order, (MigrateType)type).Head; frame != Page.Nil; frame = next)
                {
                    Page* page = _memory.PageOf(frame);
                    next = page->Next;
                    if (page->Private == Unpopulated)
                    {
                        // The largest ones are last; there may be many. Halves of them lie anywhere; there are few.
                        if (order == MaxOrder) break;
                        continue;
                    }

                    populated = true;
                    if (!now && _sweep - page->Private <= IdleSweeps) continue;
                    if (count == GiveBackAtOnce || _usableFrames - (2L << order) < _marks.High + _boost) break;
                    Remove(frame, order);
                    SetAside(frame, order, (MigrateType)type);
                    frames[count] = frame;
                    orders[count++] = order;
                }
            }
        }

        _hasIdle = populated;
        _lock.Leave();
        left = count == GiveBackAtOnce;
        return count;
    }

    /// <summary>Marks a block that was taken off its list as allocated while a system call works on it. It still counts as free.</summary>
    private void SetAside(uint frame, int order, MigrateType type)
    {
        Prepare(_memory.PageOf(frame), order, type, PageFlags.None);
        Volatile.Write(ref _asideFrames, _asideFrames + (1L << order));
    }

    private void PutBack(uint frame, int order)
    {
        _lock.Enter();
        Volatile.Write(ref _asideFrames, _asideFrames - (1L << order));
        uint buddy = frame ^ (1u << order);
        bool alone = order == MaxOrder || !IsFreeBlock(buddy, order);
        bool untouched = alone || _memory.PageOf(buddy)->Private == Unpopulated;
        FreeBlock(frame, order);
        if (!alone && _memory.PageOf(frame & buddy)->Order > order) (frame, order) = (frame & buddy, order + 1);
        if (untouched)
        {
            var type = (MigrateType)_memory.PageOf(frame)->MigrateType;
            Remove(frame, order);
            Insert(frame, order, type, atTail: true);
            _memory.PageOf(frame)->Private = Unpopulated;
        }

        _lock.Leave();
    }
}
