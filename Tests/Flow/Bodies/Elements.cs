// Elements of arrays and of what is like them, reached by more than one name: spans, fixed, indices from the end, inline arrays, unions, boxes.

unsafe class Bodies
{
    void SpanOfArray()
    {
        var all = new nint[4];
        all[1] = (nint)kmalloc(4, GFP_KERNEL);
        Span<nint> span = all.AsSpan();
        kfree((void*)span[1]);
        kfree((void*)all[1]); // expect: KA4005
    }

    void SpanOfArrayOnce()
    {
        var all = new nint[4];
        all[1] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)all.AsSpan(1)[0]);
    }

    void SpanOnStack()
    {
        Span<nint> span = stackalloc nint[4];
        span[2] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)span[2]);
        kfree((void*)span.Slice(1)[1]); // expect: KA4005
    }

    void SpanOnStackLost()
    {
        Span<nint> span = stackalloc nint[4];
        span[2] = (nint)kmalloc(4, GFP_KERNEL);
    } // expect: KA4001

    static void CalleeFreeFirst(Span<nint> span) => kfree((void*)span[0]);

    void SpanPassed()
    {
        Span<nint> span = stackalloc nint[4];
        span[1] = (nint)kmalloc(4, GFP_KERNEL);
        CalleeFreeFirst(span[1..]);
    }

    void SpanPassedAndFreed()
    {
        Span<nint> span = stackalloc nint[4];
        span[0] = (nint)kmalloc(4, GFP_KERNEL);
        CalleeFreeFirst(span);
        kfree((void*)span[0]); // expect: KA4005
    }

    static extern void Outside(Span<nint> span);

    void SpanGoesOut()
    {
        Span<nint> span = stackalloc nint[4];
        span[0] = (nint)kmalloc(4, GFP_KERNEL);
        Outside(span);
    }

    void SpanCleared()
    {
        Span<nint> span = new nint[4];
        span[0] = (nint)kmalloc(4, GFP_KERNEL);
        span.Clear();
    }

    void SpanInALoop(int n)
    {
        Span<nint> span = stackalloc nint[4];
        for (int i = 0; i < 4; i++) span[i] = (nint)kmalloc(4, GFP_KERNEL);
        foreach (nint p in span) kfree((void*)p);
    }

    void SpanIsTheOnlyHolder()
    {
        nint p = (nint)kmalloc(4, GFP_KERNEL);
        Span<nint> span = new nint[2];
        span[0] = p;
        p = 0;
        kfree((void*)span[0]);
    }

    static extern void OutsideObjects(ReadOnlySpan<Held<nint>> span);

    sealed class Held<T>(T value) { public T Value => value; }

    void ObjectsGoOut()
    {
        var box = new Held<nint>((nint)kmalloc(4, GFP_KERNEL));
        OutsideObjects([box]);
    }

    ReadOnlySpan<nint> ReturnedInASpan() => new nint[] { (nint)kmalloc(4, GFP_KERNEL) };

    struct Item { public byte* Memory; public int Count; }

    void AnyItem(Item* items, int i)
    {
        items->Memory = (byte*)kmalloc(4, GFP_KERNEL);
        kfree(items[i].Memory);
    }

    void AnyOwnItem(int i)
    {
        Item* items = stackalloc Item[2];
        items->Memory = (byte*)kmalloc(4, GFP_KERNEL);
        kfree(items[i].Memory);
    }

    void StackInitialized()
    {
        nint p = (nint)kmalloc(4, GFP_KERNEL);
        nint* all = stackalloc nint[] { 0, p };
        kfree((void*)all[1]);
    }

    void Fixed()
    {
        var all = new nint[2];
        fixed (nint* first = all)
        {
            first[1] = (nint)kmalloc(4, GFP_KERNEL);
        }

        kfree((void*)all[1]);
    }

    void FixedAndMoved()
    {
        var all = new nint[3];
        fixed (nint* first = all)
        {
            nint* second = first + 1;
            *(second + 1) = (nint)kmalloc(4, GFP_KERNEL);
        }

        kfree((void*)all[2]);
        kfree((void*)all[2]); // expect: KA4005
    }

    void FromTheEnd()
    {
        var all = new nint[4];
        all[3] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)all[^1]);
    }

    void FromTheEndTwice()
    {
        var all = new nint[4];
        all[3] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)all[^1]);
        kfree((void*)all[3]); // expect: KA4005
    }

    void AnyElement(int i)
    {
        var all = new nint[2];
        all[0] = (nint)kmalloc(4, GFP_KERNEL);
        all[1] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)all[i]);
        kfree((void*)all[1 - i]);
    }

    void AnyElementOfPointers(int i)
    {
        byte** all = stackalloc byte*[2];
        all[0] = (byte*)kmalloc(4, GFP_KERNEL);
        all[1] = null;
        kfree(all[i]);
    }

    void TwoDimensions()
    {
        var all = new nint[2, 2];
        all[1, 0] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)all[1, 0]);
        kfree((void*)all[1, 0]); // expect: KA4005
    }

    void Collection()
    {
        nint[] all = [0, (nint)kmalloc(4, GFP_KERNEL)];
        kfree((void*)all[1]);
    }

    [System.Runtime.CompilerServices.InlineArray(4)]
    struct Four { private nint _first; }

    void Inline()
    {
        Four four = default;
        four[1] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)four[1]);
    }

    void InlineFromTheEndAndRange()
    {
        Four four = default;
        four[^1] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)four[^1]);
        Span<nint> some = four[1..3];
        some[0] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)some[0]);
    }

    void InlineTwice()
    {
        Four four = default;
        four[1] = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)four[1]);
        kfree((void*)four[1]); // expect: KA4005
    }

    [StructLayout(LayoutKind.Explicit)]
    struct Union
    {
        [FieldOffset(0)] public nint Number;
        [FieldOffset(0)] public void* Pointer;
        [FieldOffset(8)] public int Kind;
    }

    void ByAnotherField()
    {
        Union union = default;
        union.Number = (nint)kmalloc(4, GFP_KERNEL);
        kfree(union.Pointer);
    }

    void ByAnotherFieldTwice()
    {
        Union union = default;
        union.Number = (nint)kmalloc(4, GFP_KERNEL);
        kfree(union.Pointer);
        kfree((void*)union.Number); // expect: KA4005
    }

    ref struct ByReference
    {
        public ref nint Place;

        public ByReference(ref nint place) => Place = ref place;
    }

    void ReferenceField()
    {
        nint p = 0;
        var by = new ByReference(ref p);
        by.Place = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)p);
    }

    void Box()
    {
        object box = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)(nint)box);
    }

    void BoxTwice()
    {
        object box = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)(nint)box);
        kfree((void*)(nint)box); // expect: KA4005
    }

    static ref nint CalleeWhere(nint[] all) => ref all[1];

    void ReturnedByReference()
    {
        var all = new nint[2];
        CalleeWhere(all) = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)all[1]);
        kfree((void*)CalleeWhere(all)); // expect: KA4005
    }

    struct Counted
    {
        public nint Memory;
        public int Count;

        public static Counted operator +(Counted left, int right)
        {
            left.Count += right;
            return left;
        }

        public static Counted operator -(Counted left, Counted right)
        {
            kfree((void*)right.Memory);
            return left;
        }

        public static implicit operator Counted(nint memory) => new() { Memory = memory };
    }

    void Operator()
    {
        Counted counted = (nint)kmalloc(4, GFP_KERNEL);
        counted += 1;
        kfree((void*)(counted + 1).Memory);
    }

    void OperatorFrees()
    {
        Counted counted = (nint)kmalloc(4, GFP_KERNEL);
        _ = default(Counted) - counted;
        kfree((void*)counted.Memory); // expect: KA4005
    }

    void FreedForEach()
    {
        nint p = (nint)kmalloc(4, GFP_KERNEL);
        Array.ForEach([p], each => kfree((void*)each));
    }

    struct Numbers
    {
        public fixed long all[4];
    }

    // What a loop changed in one block lies at several offsets.
    void NumbersOnStack()
    {
        long* all = stackalloc long[4];
        for (int i = 0; i < 4; i++) all[i] = (long)Marshal.AllocHGlobal(3);
        for (int i = 0; i < 4; i++) Marshal.FreeHGlobal((nint)all[i]);
    }

    void NumbersInFixedBuffer()
    {
        Numbers numbers = default;
        for (int i = 0; i < 4; i++) numbers.all[i] = (long)Marshal.AllocHGlobal(3);
        for (int i = 0; i < 4; i++) Marshal.FreeHGlobal((nint)numbers.all[i]);
    }

    void CountsOnStack(byte* data, int n)
    {
        int* counts = stackalloc int[2];
        for (int i = 0; i < n; i++)
        {
            if (data[i] == 0) counts[0]++;
            else counts[1]++;
        }

        void* p = counts[0] > 0 ? NativeMemory.Alloc(8) : null;
        if (counts[1] > 0) NativeMemory.Free(p);
    } // expect: KA4001
}
