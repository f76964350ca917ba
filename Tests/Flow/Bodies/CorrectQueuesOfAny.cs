// Queues of any element: the pointer goes through a type parameter, a struct, a number.

sealed class Ring<T>
{
    private readonly T[] _items = new T[64];
    private int _head, _tail;

    public bool Enqueue(T item)
    {
        int tail = System.Threading.Volatile.Read(ref _tail), next = (tail + 1) % _items.Length;
        if (next == System.Threading.Volatile.Read(ref _head)) return false;
        _items[tail] = item;
        System.Threading.Volatile.Write(ref _tail, next);
        return true;
    }

    public bool TryDequeue(out T item)
    {
        int head = _head;
        item = default;
        if (head == System.Threading.Volatile.Read(ref _tail)) return false;
        item = _items[head];
        _items[head] = default;
        System.Threading.Volatile.Write(ref _head, (head + 1) % _items.Length);
        return true;
    }
}

sealed class SlotRing<T>
{
    private struct Slot { public int Sequence; public T Item; }

    private readonly Slot[] _slots = new Slot[64];
    private int _tail;

    public bool TryEnqueue(T item)
    {
        for (;;)
        {
            int tail = System.Threading.Volatile.Read(ref _tail);
            int at = tail & 63;
            int sequence = System.Threading.Volatile.Read(ref _slots[at].Sequence);
            if (sequence - tail < 0) return false;
            if (sequence != tail) continue;
            if (System.Threading.Interlocked.CompareExchange(ref _tail, tail + 1, tail) != tail) continue;
            _slots[at].Item = item;
            System.Threading.Volatile.Write(ref _slots[at].Sequence, tail + 1);
            return true;
        }
    }
}

unsafe struct Packet { public byte* Data; public int Length; }

unsafe class Frame { public byte* Data; public int Length; }

sealed unsafe class PacketRing
{
    private readonly Packet[] _packets = new Packet[16];
    private readonly Frame[] _frames = new Frame[16];
    private readonly ulong[] _words = new ulong[16];
    private readonly IntPtr _native = Marshal.AllocHGlobal(128);
    private volatile int _tail;
    private volatile int _head;

    public bool Enqueue(Packet packet)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        _packets[tail & 15] = packet;
        _tail = tail + 1;
        return true;
    }

    public bool EnqueueIn(in Packet packet)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        _packets[tail & 15] = packet;
        _tail = tail + 1;
        return true;
    }

    public bool EnqueueParts(byte* data, int length)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        ref Packet slot = ref _packets[tail & 15];
        slot.Data = data;
        slot.Length = length;
        _tail = tail + 1;
        return true;
    }

    public bool EnqueueMade(byte* data, int length)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        _packets[tail & 15] = new Packet { Data = data, Length = length };
        System.Threading.Interlocked.Increment(ref _tail);
        return true;
    }

    public bool Enqueue(Frame frame)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        _frames[tail & 15] = frame;
        _tail = tail + 1;
        return true;
    }

    public bool EnqueueTagged(byte* data, int tag)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        _words[tail & 15] = (ulong)data | ((ulong)tag << 48);
        _tail = tail + 1;
        return true;
    }

    public bool EnqueueNative(byte* data)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        Marshal.WriteIntPtr(_native, (tail & 15) * 8, (nint)data);
        _tail = tail + 1;
        return true;
    }

    public bool EnqueueNativeByPointer(byte* data)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        ((byte**)_native)[tail & 15] = data;
        _tail = tail + 1;
        return true;
    }

    public bool EnqueueBySpan(byte* data)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        _words.AsSpan()[tail & 15] = (ulong)data;
        new Span<nint>((void*)_native, 16)[tail & 15] = (nint)data;
        _tail = tail + 1;
        return true;
    }

    public bool TryEnqueue(byte* data, out int position)
    {
        position = System.Threading.Interlocked.Increment(ref _tail) - 1;
        if (position - _head >= 16)
        {
            System.Threading.Interlocked.Decrement(ref _tail);
            return false;
        }

        System.Threading.Interlocked.Exchange(ref _words[position & 15], (ulong)data);
        return true;
    }

    public bool EnqueueFixed(byte* data)
    {
        int tail = _tail;
        if (tail - _head == 16) return false;
        fixed (ulong* words = _words) words[tail & 15] = (ulong)data;
        _tail = tail + 1;
        return true;
    }

    public void Close() => Marshal.FreeHGlobal(_native);
}

unsafe class Bodies
{
    private readonly Ring<nint> _numbers = new();
    private readonly SlotRing<nint> _slots = new();
    private readonly Ring<Packet> _ofPackets = new();
    private readonly Ring<Frame> _ofFrames = new();
    private readonly PacketRing _ring = new();
    private static PacketRing s_ring;
    private static Ring<IntPtr> s_numbers;

    void ANumber() { void* p = kmalloc(64, GFP_KERNEL); if (p == null) return; if (!_numbers.Enqueue((nint)p)) kfree(p); }

    void ANumberToAStatic() { void* p = kmalloc(64, GFP_KERNEL); if (!s_numbers.Enqueue((nint)p)) kfree(p); }

    void ANumberThatIsGiven(Ring<nint> ring) { nint p = (nint)NativeMemory.Alloc(64); if (!ring.Enqueue(p)) NativeMemory.Free((void*)p); }

    void ANumberInASlot() { void* p = kmalloc(64, GFP_KERNEL); if (!_slots.TryEnqueue((nint)p)) kfree(p); }

    void ANumberInARingOfItsOwn()
    {
        var ring = new Ring<nint>();
        void* p = kmalloc(64, GFP_KERNEL);
        if (!ring.Enqueue((nint)p)) kfree(p);
        while (ring.TryDequeue(out nint q)) kfree((void*)q);
    }

    void AStruct() { var packet = new Packet { Data = (byte*)kmalloc(64, GFP_KERNEL), Length = 64 }; if (!_ring.Enqueue(packet)) kfree(packet.Data); }

    void AStructByReference() { var packet = new Packet { Data = (byte*)kmalloc(64, GFP_KERNEL), Length = 64 }; if (!_ring.EnqueueIn(packet)) kfree(packet.Data); }

    void AStructOfAny() { var packet = new Packet { Data = (byte*)kmalloc(64, GFP_KERNEL), Length = 64 }; if (!_ofPackets.Enqueue(packet)) kfree(packet.Data); }

    void AnObject() { var frame = new Frame { Data = (byte*)kmalloc(64, GFP_KERNEL) }; if (!_ring.Enqueue(frame)) kfree(frame.Data); }

    void AnObjectOfAny() { var frame = new Frame { Data = (byte*)kmalloc(64, GFP_KERNEL) }; if (!_ofFrames.Enqueue(frame)) kfree(frame.Data); }

    void Parts() { var p = (byte*)kmalloc(64, GFP_KERNEL); if (!_ring.EnqueueParts(p, 64)) kfree(p); }

    void AStructThatIsMadeThere() { var p = (byte*)kmalloc(64, GFP_KERNEL); if (!s_ring.EnqueueMade(p, 64)) kfree(p); }

    void AWordWithATag() { var p = (byte*)kmalloc(64, GFP_KERNEL); if (!s_ring.EnqueueTagged(p, 5)) kfree(p); }

    void IntoNativeMemory() { var p = (byte*)kmalloc(64, GFP_KERNEL); if (!s_ring.EnqueueNative(p)) kfree(p); }

    void IntoNativeMemoryByPointer() { var p = (byte*)kmalloc(64, GFP_KERNEL); if (!s_ring.EnqueueNativeByPointer(p)) kfree(p); }

    void ThroughASpan() { var p = (byte*)kmalloc(64, GFP_KERNEL); if (!s_ring.EnqueueBySpan(p)) kfree(p); }

    void AtAPosition() { var p = (byte*)kmalloc(64, GFP_KERNEL); if (!s_ring.TryEnqueue(p, out int at)) kfree(p); else Console.WriteLine(at); }

    void PinnedArray() { var p = (byte*)kmalloc(64, GFP_KERNEL); if (!s_ring.EnqueueFixed(p)) kfree(p); }
}
