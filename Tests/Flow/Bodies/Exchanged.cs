// Interlocked.CompareExchange: the thread that loses still has what it wanted to put there.

using System.Threading;

unsafe struct Node
{
    public Node* next;
    public int value;
}

unsafe sealed class Guarded : IDisposable
{
    private void* _memory;
    private int _isDisposed;

    public Guarded() => _memory = NativeMemory.Alloc(8);

    public void Dispose()
    {
        if (Interlocked.CompareExchange(ref _isDisposed, 1, 0) != 0) return;
        NativeMemory.Free(_memory);
    }
}

unsafe sealed class Taken : IDisposable
{
    private nint _memory = (nint)NativeMemory.Alloc(8);

    public void Dispose()
    {
        nint memory = _memory;
        if (memory != 0 && Interlocked.CompareExchange(ref _memory, 0, memory) == memory) NativeMemory.Free((void*)memory);
    }
}

unsafe sealed class LockFree
{
    private nint _head;

    public void Push(Node* node)
    {
        nint head;
        do
        {
            head = _head;
            node->next = (Node*)head;
        } while (Interlocked.CompareExchange(ref _head, (nint)node, head) != head);
    }

    public void PushOnce(Node* node)
    {
        nint head = _head;
        node->next = (Node*)head;
        Interlocked.CompareExchange(ref _head, (nint)node, head);
    }

    public Node* Pop()
    {
        while (true)
        {
            nint head = _head;
            if (head == 0) return null;
            nint next = (nint)((Node*)head)->next;
            if (Interlocked.CompareExchange(ref _head, next, head) == head) return (Node*)head;
        }
    }
}

unsafe class Bodies
{
    static nint s_memory;
    static int s_lock;
    static readonly nint[] s_slots = new nint[4];
    nint _lazy;
    int _state;

    static nint LoserLost()
    {
        void* p = NativeMemory.Alloc(8);
        nint old = Interlocked.CompareExchange(ref s_memory, (nint)p, 0);
        return old != 0 ? old : (nint)p; // expect: KA4001
    }

    static nint LoserFreed()
    {
        void* p = NativeMemory.Alloc(8);
        nint old = Interlocked.CompareExchange(ref s_memory, (nint)p, 0);
        if (old == 0) return (nint)p;
        NativeMemory.Free(p);
        return old;
    }

    static void HeadReadBefore()
    {
        Node* node = (Node*)NativeMemory.Alloc((nuint)sizeof(Node));
        nint head = s_memory;
        node->next = (Node*)head;
        if (Interlocked.CompareExchange(ref s_memory, (nint)node, head) == head) return;
    } // expect: KA4001

    static void ToTheHead(LockFree all) => all.Push((Node*)NativeMemory.Alloc((nuint)sizeof(Node)));

    static void ToTheHeadOnce(LockFree all)
    {
        all.PushOnce((Node*)NativeMemory.Alloc((nuint)sizeof(Node)));
    } // expect: KA4001

    static void OfAnOwnStack()
    {
        var all = new LockFree();
        all.Push((Node*)NativeMemory.Alloc((nuint)sizeof(Node)));
        NativeMemory.Free(all.Pop());
    }

    nint Lazy()
    {
        if (_lazy != 0) return _lazy;
        nint made = (nint)NativeMemory.Alloc(8), other = Interlocked.CompareExchange(ref _lazy, made, 0);
        if (other == 0) return made;
        NativeMemory.Free((void*)made);
        return other;
    }

    nint LazyAndLost()
    {
        if (_lazy == 0) Interlocked.CompareExchange(ref _lazy, (nint)NativeMemory.Alloc(8), 0);
        return _lazy; // expect: KA4001
    }

    static int FirstFree()
    {
        void* p = NativeMemory.Alloc(8);
        for (int i = 0; i < s_slots.Length; i++)
            if (Interlocked.CompareExchange(ref s_slots[i], (nint)p, 0) == 0) return i;
        NativeMemory.Free(p);
        return -1;
    }

    static int FirstFreeOrLost()
    {
        void* p = NativeMemory.Alloc(8);
        for (int i = 0; i < s_slots.Length; i++)
            if (Interlocked.CompareExchange(ref s_slots[i], (nint)p, 0) == 0) return i;
        return -1; // expect: KA4001
    }

    static void OfALocal()
    {
        nint slot = 0;
        if (Interlocked.CompareExchange(ref slot, (nint)NativeMemory.Alloc(8), 0) == 0) NativeMemory.Free((void*)slot);
    }

    static void OfALocalAskedWrongly()
    {
        nint slot = 0;
        if (Interlocked.CompareExchange(ref slot, (nint)NativeMemory.Alloc(8), 0) != 0) NativeMemory.Free((void*)slot);
    } // expect: KA4001

    static void SpunAround()
    {
        void* p = NativeMemory.Alloc(8);
        while (Interlocked.CompareExchange(ref s_lock, 1, 0) != 0) Thread.SpinWait(1);
        NativeMemory.Free(p);
        Volatile.Write(ref s_lock, 0);
    }

    static void TakenAndFreedTwice()
    {
        nint p = s_memory;
        if (p == 0 || Interlocked.CompareExchange(ref s_memory, 0, p) != p) return;
        NativeMemory.Free((void*)p);
        NativeMemory.Free((void*)p); // expect: KA4005
    }

    bool Enter() => Interlocked.CompareExchange(ref _state, 1, 0) == 0;

    void EnteredTwice()
    {
        if (!Enter()) return;
        void* p = NativeMemory.Alloc(8);
        Volatile.Write(ref _state, 0);
        if (Enter()) NativeMemory.Free(p);
        else NativeMemory.Free(p);
    }

    static void Keep(byte* p)
    {
        if (Interlocked.CompareExchange(ref s_memory, (nint)p, 0) != 0) NativeMemory.Free(p);
    }

    static void KeepOrLose(byte* p) => Interlocked.CompareExchange(ref s_memory, (nint)p, 0);

    static void Kept() => Keep((byte*)NativeMemory.Alloc(8));

    static void KeptOrLost()
    {
        KeepOrLose((byte*)NativeMemory.Alloc(8));
    } // expect: KA4001

    static void DisposedTwiceOnce()
    {
        var guarded = new Guarded();
        guarded.Dispose();
        guarded.Dispose();
    }

    static void NotDisposed(bool fails)
    {
        var guarded = new Guarded();
        if (fails) return; // expect: KA4001
        guarded.Dispose();
    }

    static void TakenOnce()
    {
        using var taken = new Taken();
        taken.Dispose();
    }
}
