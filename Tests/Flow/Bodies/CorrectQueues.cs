// Queues and stacks without locks, as programs write them: an array, two counters, and a store at an index that nothing here knows. Who is told "true" has
// handed the block over; who is told "false" still has it.

sealed unsafe class SpscQueue
{
    private readonly nint[] _ring = new nint[256];
    private int _head, _tail;

    public bool Enqueue(void* block)
    {
        int tail = System.Threading.Volatile.Read(ref _tail), next = (tail + 1) & (_ring.Length - 1);
        if (next == System.Threading.Volatile.Read(ref _head)) return false;
        _ring[tail] = (nint)block;
        System.Threading.Volatile.Write(ref _tail, next);
        return true;
    }

    public bool TryDequeue(out nint block)
    {
        int head = System.Threading.Volatile.Read(ref _head);
        block = 0;
        if (head == System.Threading.Volatile.Read(ref _tail)) return false;
        block = _ring[head];
        System.Threading.Volatile.Write(ref _head, (head + 1) & (_ring.Length - 1));
        return true;
    }
}

sealed unsafe class NativeRing(int size)
{
    private readonly void** _slots = (void**)NativeMemory.AllocZeroed((nuint)size, (nuint)sizeof(void*));
    private readonly uint _mask = (uint)size - 1;
    private uint _head, _tail;

    public bool Enqueue(void* block)
    {
        uint tail = _tail;
        if (tail - System.Threading.Volatile.Read(ref _head) > _mask) return false;
        _slots[tail & _mask] = block;
        System.Threading.Volatile.Write(ref _tail, tail + 1);
        return true;
    }

    public void Close() => NativeMemory.Free(_slots);
}

sealed unsafe class BoundedQueue
{
    private struct Slot { public long Sequence; public nint Value; }

    private readonly Slot[] _slots;
    private readonly int _mask;
    private long _tail, _head;

    public BoundedQueue(int size)
    {
        _slots = new Slot[size];
        _mask = size - 1;
        for (int i = 0; i < size; i++) _slots[i].Sequence = i;
    }

    public bool Enqueue(void* block)
    {
        while (true)
        {
            long tail = System.Threading.Volatile.Read(ref _tail);
            ref Slot slot = ref _slots[tail & _mask];
            long ahead = System.Threading.Volatile.Read(ref slot.Sequence) - tail;
            if (ahead < 0) return false;
            if (ahead > 0 || System.Threading.Interlocked.CompareExchange(ref _tail, tail + 1, tail) != tail) continue;
            slot.Value = (nint)block;
            System.Threading.Volatile.Write(ref slot.Sequence, tail + 1);
            return true;
        }
    }

    public bool EnqueueBySpinning(void* block)
    {
        var spin = new System.Threading.SpinWait();
        long tail = _tail;
        for (;;)
        {
            int index = (int)tail & _mask;
            long sequence = System.Threading.Volatile.Read(ref _slots[index].Sequence);
            if (sequence == tail)
            {
                long seen = System.Threading.Interlocked.CompareExchange(ref _tail, tail + 1, tail);
                if (seen == tail)
                {
                    _slots[index].Value = (nint)block;
                    System.Threading.Volatile.Write(ref _slots[index].Sequence, sequence + 1);
                    return true;
                }

                tail = seen;
            }
            else if (sequence < tail)
            {
                return false;
            }
            else
            {
                tail = System.Threading.Volatile.Read(ref _tail);
            }

            spin.SpinOnce();
        }
    }
}

sealed unsafe class NativeBoundedQueue
{
    private struct Slot { public long Sequence; public void* Value; }

    private Slot* _slots;
    private long _mask, _tail;

    public bool Enqueue(void* block)
    {
        long tail;
        Slot* slot;
        do
        {
            tail = System.Threading.Volatile.Read(ref _tail);
            slot = &_slots[tail & _mask];
            long ahead = System.Threading.Volatile.Read(ref slot->Sequence) - tail;
            if (ahead < 0) return false;
        }
        while (System.Threading.Interlocked.CompareExchange(ref _tail, tail + 1, tail) != tail);
        slot->Value = block;
        System.Threading.Volatile.Write(ref slot->Sequence, tail + 1);
        return true;
    }
}

sealed unsafe class SlotTable
{
    private readonly nint[] _slots = new nint[64];
    private int _next;

    public bool Put(void* block)
    {
        for (int i = 0; i < _slots.Length; i++)
            if (System.Threading.Interlocked.CompareExchange(ref _slots[i], (nint)block, 0) == 0) return true;
        return false;
    }

    public bool PutAnywhere(void* block)
    {
        int index = System.Threading.Interlocked.Increment(ref _next) - 1;
        if (index >= _slots.Length) return false;
        System.Threading.Volatile.Write(ref _slots[index], (nint)block);
        return true;
    }

    public bool PutByReference(void* block)
    {
        int index = System.Threading.Interlocked.Increment(ref _next) & 63;
        ref nint slot = ref System.Runtime.CompilerServices.Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slots), index);
        if (slot != 0) return false;
        slot = (nint)block;
        return true;
    }

    public bool PutInASpan(void* block)
    {
        Span<nint> slots = _slots;
        int index = slots.IndexOf(0);
        if (index < 0) return false;
        slots[index] = (nint)block;
        return true;
    }
}

unsafe struct InlineRing
{
    public fixed long Slots[16];
    public uint Head, Tail;
}

unsafe struct Link { public Link* Next; public int Number; }

sealed unsafe class LinkStack
{
    private Link* _head;
    private int _count;

    public bool Push(Link* link)
    {
        if (System.Threading.Volatile.Read(ref _count) > 100) return false;
        Link* head;
        fixed (Link** place = &_head)
        {
            do
            {
                head = *place;
                link->Next = head;
            }
            while ((Link*)System.Threading.Interlocked.CompareExchange(ref *(nint*)place, (nint)link, (nint)head) != head);
        }

        System.Threading.Interlocked.Increment(ref _count);
        return true;
    }
}

sealed unsafe class TypedRing<T>(int size)
    where T : unmanaged
{
    private readonly T*[] _items = new T*[size];
    private int _write, _read;

    public bool TryAdd(T* item)
    {
        int write = _write, next = write + 1 == _items.Length ? 0 : write + 1;
        if (next == System.Threading.Volatile.Read(ref _read)) return false;
        _items[write] = item;
        System.Threading.Volatile.Write(ref _write, next);
        return true;
    }
}

static unsafe class Queues
{
    internal static bool Add(InlineRing* ring, void* block)
    {
        uint tail = System.Threading.Volatile.Read(ref ring->Tail);
        if (tail - System.Threading.Volatile.Read(ref ring->Head) == 16) return false;
        ring->Slots[tail & 15] = (long)block;
        System.Threading.Volatile.Write(ref ring->Tail, tail + 1);
        return true;
    }

    internal static bool Add(ref InlineRing ring, void* block)
    {
        uint tail = System.Threading.Volatile.Read(ref ring.Tail);
        if (tail - System.Threading.Volatile.Read(ref ring.Head) == 16) return false;
        ring.Slots[tail & 15] = (long)block;
        System.Threading.Interlocked.Increment(ref ring.Tail);
        return true;
    }
}

unsafe class Bodies
{
    private static readonly SpscQueue s_queue = new();
    private static readonly BoundedQueue s_bounded = new(64);
    private static nint[] s_ring = new nint[8];
    private static int s_at;
    private SlotTable _table;
    private NativeRing _native;
    private NativeBoundedQueue _nativeBounded;
    private LinkStack _stack;
    private TypedRing<Link> _typed;

    void HandedOver() { void* p = kmalloc(64, GFP_KERNEL); if (p == null) return; if (!s_queue.Enqueue(p)) kfree(p); }

    void HandedOverToOneThatIsGiven(SpscQueue queue) { void* p = kmalloc(64, GFP_KERNEL); if (!queue.Enqueue(p)) kfree(p); }

    void HandedOverToOneOfItsOwn() { var queue = new SpscQueue(); void* p = kmalloc(64, GFP_KERNEL); if (!queue.Enqueue(p)) kfree(p); while (queue.TryDequeue(out nint q)) kfree((void*)q); }

    void HandedOverInALoop(SpscQueue queue, int n)
    {
        for (int i = 0; i < n; i++)
        {
            byte* p = (byte*)kmalloc(64, GFP_KERNEL);
            if (p == null) break;
            *p = (byte)i;
            if (!queue.Enqueue(p))
            {
                kfree(p);
                break;
            }
        }
    }

    void TriedAgain(SpscQueue queue)
    {
        void* p = kmalloc(64, GFP_KERNEL);
        while (!queue.Enqueue(p)) System.Threading.Thread.Yield();
    }

    void ToANativeRing() { void* p = kmalloc(64, GFP_KERNEL); if (!_native.Enqueue(p)) kfree(p); }

    void ToABoundedQueue() { void* p = kmalloc(64, GFP_KERNEL); if (!s_bounded.Enqueue(p)) kfree(p); }

    void ToABoundedQueueBySpinning() { void* p = kmalloc(64, GFP_KERNEL); if (!s_bounded.EnqueueBySpinning(p)) kfree(p); }

    void ToANativeBoundedQueue() { void* p = kmalloc(64, GFP_KERNEL); if (!_nativeBounded.Enqueue(p)) kfree(p); }

    void ToATable() { void* p = kmalloc(64, GFP_KERNEL); if (!_table.Put(p)) kfree(p); }

    void ToATableByCount() { void* p = kmalloc(64, GFP_KERNEL); if (!_table.PutAnywhere(p)) kfree(p); }

    void ToATableByReference() { void* p = kmalloc(64, GFP_KERNEL); if (!_table.PutByReference(p)) kfree(p); }

    void ToATableAsASpan() { void* p = kmalloc(64, GFP_KERNEL); if (!_table.PutInASpan(p)) kfree(p); }

    void ToAnInlineRing(InlineRing* ring) { void* p = kmalloc(64, GFP_KERNEL); if (!Queues.Add(ring, p)) kfree(p); }

    void ToAnInlineRingByReference(ref InlineRing ring) { void* p = kmalloc(64, GFP_KERNEL); if (!Queues.Add(ref ring, p)) kfree(p); }

    void ToAStack() { var p = (Link*)kmalloc((nuint)sizeof(Link), GFP_KERNEL); if (p == null) return; p->Number = 1; if (!_stack.Push(p)) kfree(p); }

    void ToATypedRing() { var p = (Link*)kmalloc((nuint)sizeof(Link), GFP_KERNEL); if (p == null) return; if (!_typed.TryAdd(p)) kfree(p); }

    void ToARingHere()
    {
        void* p = kmalloc(64, GFP_KERNEL);
        int at = System.Threading.Interlocked.Increment(ref s_at) & 7;
        if (System.Threading.Interlocked.CompareExchange(ref s_ring[at], (nint)p, 0) != 0) kfree(p);
    }

    void ToARingHereByVolatile()
    {
        void* p = kmalloc(64, GFP_KERNEL);
        int at = System.Threading.Volatile.Read(ref s_at);
        if (System.Threading.Volatile.Read(ref s_ring[at]) != 0) kfree(p);
        else System.Threading.Volatile.Write(ref s_ring[at], (nint)p);
    }

    void LostWhereItIsFull(SpscQueue queue)
    {
        void* p = kmalloc(64, GFP_KERNEL);
        if (!queue.Enqueue(p)) return; // expect: KA4001
        s_at++;
    }

    void LostWhereABoundedQueueIsFull()
    {
        void* p = kmalloc(64, GFP_KERNEL);
        if (!s_bounded.Enqueue(p)) return; // expect: KA4001
        s_at++;
    }

    void LostWhereANativeRingIsFull()
    {
        void* p = kmalloc(64, GFP_KERNEL);
        if (!_native.Enqueue(p)) return; // expect: KA4001
        s_at++;
    }
}
