// Who owns what: returns, fields, out parameters, structs, containers, overwriting.

unsafe struct Pair { public nint First, Second; }

unsafe class Node { public Node Next; public nint Data; }

unsafe class Bodies
{
    private nint _field;
    private static nint s_static;
    private List<nint> _list = new();

    void Freed() { nint p = Marshal.AllocHGlobal(4); Marshal.FreeHGlobal(p); }

    nint Returned() { nint p = Marshal.AllocHGlobal(4); return p; }

    nint ReturnedWithOffset() { nint p = Marshal.AllocHGlobal(4); return p + 2; }

    (nint, int) ReturnedInTuple() { nint p = Marshal.AllocHGlobal(4); return (p, 4); }

    void Lost()
    {
        nint p = Marshal.AllocHGlobal(4);
        Marshal.WriteInt32(p, 1);
    } // expect: KA4001

    void StoredInField() { _field = Marshal.AllocHGlobal(4); }

    void StoredInStatic() { s_static = Marshal.AllocHGlobal(4); }

    void StoredInOtherObject(Node node) { node.Data = Marshal.AllocHGlobal(4); }

    void StoredThroughPointer(nint* where) { *where = Marshal.AllocHGlobal(4); }

    void StoredInOut(out nint p) { p = Marshal.AllocHGlobal(4); }

    void StoredInRef(ref nint p) { p = Marshal.AllocHGlobal(4); }

    void AddedToList() { _list.Add(Marshal.AllocHGlobal(4)); }

    void AddedToLocalList()
    {
        var list = new List<nint>();
        list.Add(Marshal.AllocHGlobal(4));
        foreach (nint p in list) Marshal.FreeHGlobal(p);
    }

    void StoredInNewObject()
    {
        var node = new Node { Data = Marshal.AllocHGlobal(4) };
        Marshal.FreeHGlobal(node.Data);
    }

    Node ReturnedInObject() { var node = new Node(); node.Data = Marshal.AllocHGlobal(4); return node; }

    Pair ReturnedInStruct() { Pair pair = default; pair.First = Marshal.AllocHGlobal(4); return pair; }

    void StructCopied()
    {
        Pair pair = default;
        pair.First = Marshal.AllocHGlobal(4);
        Pair copy = pair;
        Marshal.FreeHGlobal(copy.First);
    }

    void StructLost()
    {
        Pair pair = default;
        pair.Second = Marshal.AllocHGlobal(4);
        Marshal.WriteInt32(pair.Second, 1);
    } // expect: KA4001

    void Overwritten()
    {
        nint p = Marshal.AllocHGlobal(4);
        p = Marshal.AllocHGlobal(8); // expect: KA4001
        Marshal.FreeHGlobal(p);
    }

    void OverwrittenButAliased()
    {
        nint p = Marshal.AllocHGlobal(4), first = p;
        p = Marshal.AllocHGlobal(8);
        Marshal.FreeHGlobal(p);
        Marshal.FreeHGlobal(first);
    }

    void Swapped()
    {
        nint a = Marshal.AllocHGlobal(4), b = Marshal.AllocHGlobal(8);
        (a, b) = (b, a);
        Marshal.FreeHGlobal(a);
        Marshal.FreeHGlobal(b);
    }

    void InteriorPointerFreedThroughBase()
    {
        byte* start = (byte*)NativeMemory.Alloc(16), p = start;
        while (p < start + 16) *p++ = 0;
        NativeMemory.Free(start);
    }

    void InteriorKeepsAlive()
    {
        byte* p = (byte*)NativeMemory.Alloc(16);
        p += 4;
        NativeMemory.Free(p - 4);
    }

    void Reallocated()
    {
        void* p = NativeMemory.Alloc(4);
        p = NativeMemory.Realloc(p, 8);
        NativeMemory.Free(p);
    }

    void ReallocatedAndLost()
    {
        void* p = NativeMemory.Alloc(4);
        p = NativeMemory.Realloc(p, 8);
    } // expect: KA4001

    void ReallocatedByForeignFamily()
    {
        void* p = (void*)Marshal.AllocHGlobal(4);
        p = NativeMemory.Realloc(p, 8); // expect: KA4007
        NativeMemory.Free(p);
    }

    void PoolArrayMayBeLost() { byte[] rented = ArrayPool<byte>.Shared.Rent(10); rented[0] = 1; }

    void ArrayOfPointers(int n)
    {
        var all = new nint[n];
        for (int i = 0; i < n; i++) all[i] = Marshal.AllocHGlobal(4);
        for (int i = 0; i < n; i++) Marshal.FreeHGlobal(all[i]);
    }

    void StackArrayOfPointers(int n)
    {
        nint* all = stackalloc nint[8];
        for (int i = 0; i < 8; i++) all[i] = Marshal.AllocHGlobal(4);
        for (int i = 0; i < 8; i++) Marshal.FreeHGlobal(all[i]);
    }

    void LinkedNative()
    {
        nint* head = null;
        for (int i = 0; i < 10; i++)
        {
            nint* node = (nint*)NativeMemory.Alloc(16);
            node[0] = (nint)head;
            head = node;
        }

        while (head != null)
        {
            nint* next = (nint*)head[0];
            NativeMemory.Free(head);
            head = next;
        }
    }

    void ViaIntPtr() { IntPtr p = new IntPtr(NativeMemory.Alloc(4)); NativeMemory.Free(p.ToPointer()); }

    void ViaLong() { long p = (long)NativeMemory.Alloc(4); NativeMemory.Free((void*)p); }

    void HiddenInTag() { nint p = (nint)NativeMemory.Alloc(16) | 1; NativeMemory.Free((void*)(p & ~1)); }

    void NotStoredAtAll()
    {
        Marshal.AllocHGlobal(4); // expect: KA4003
    }

    void Exchanged() { nint old = System.Threading.Interlocked.Exchange(ref _field, Marshal.AllocHGlobal(4)); Marshal.FreeHGlobal(old); }

    void Spanned()
    {
        void* p = NativeMemory.Alloc(16);
        var span = new Span<byte>(p, 16);
        span.Clear();
        NativeMemory.Free(p);
    }

    void SpannedAndLost()
    {
        void* p = NativeMemory.Alloc(16);
        var span = new Span<byte>(p, 16);
        span.Clear();
    } // expect: KA4001
}
