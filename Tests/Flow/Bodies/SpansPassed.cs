// Spans of pointers that callees free all of: how many there are is known of some, and what is in the others is handed over.

static class Memory
{
    public static unsafe nint New() => (nint)NativeMemory.Alloc(8);

    public static unsafe void Free(nint p) => NativeMemory.Free((void*)p);
}

unsafe class Bodies
{
    static void FreeAll(ReadOnlySpan<nint> all)
    {
        foreach (nint p in all) Memory.Free(p);
    }

    static void FreeEach(Span<nint> all)
    {
        for (int i = 0; i < all.Length; i++)
        {
            Memory.Free(all[i]);
            all[i] = 0;
        }
    }

    static void EachTwice(ReadOnlySpan<nint> all)
    {
        foreach (nint p in all)
        {
            Memory.Free(p);
            Memory.Free(p); // expect: KA4005
        }
    }

    static void UsedAfter()
    {
        nint p = Memory.New();
        FreeAll([p]);
        *(byte*)p = 1; // expect: KA4006
    }

    static void OfAnArray()
    {
        nint[] all = [Memory.New(), Memory.New()];
        FreeAll(all);
    }

    static void PartOfAnArray()
    {
        nint[] all = [Memory.New(), Memory.New()];
        FreeAll(all.AsSpan(0, 1));
        Memory.Free(all[1]);
    }

    static void PartOfAnArrayAndForgotten()
    {
        nint[] all = [Memory.New(), Memory.New()];
        FreeAll(all.AsSpan(0, 1));
    } // expect: KA4001

    static void FromAnIndexOn(int first)
    {
        nint[] all = [Memory.New(), Memory.New()];
        for (int i = 0; i < first; i++) Memory.Free(all[i]);
        FreeEach(all.AsSpan(first));
    }

    static void OnTheStack()
    {
        Span<nint> all = stackalloc nint[3];
        for (int i = 0; i < 3; i++) all[i] = Memory.New();
        FreeAll(all);
    }

    static void PartOfTheStack()
    {
        Span<nint> all = stackalloc nint[3];
        for (int i = 0; i < 3; i++) all[i] = Memory.New();
        FreeAll(all[..2]);
        Memory.Free(all[2]);
    }

    static void OfOneVariable()
    {
        nint p = Memory.New();
        FreeAll(MemoryMarshal.CreateReadOnlySpan(ref p, 1));
    }

    static void OverAPointer()
    {
        nint* all = stackalloc nint[2];
        all[0] = Memory.New();
        all[1] = Memory.New();
        FreeAll(new ReadOnlySpan<nint>(all, 1));
        Memory.Free(all[1]);
    }

    static void OfMemory()
    {
        nint[] all = [Memory.New()];
        Memory<nint> memory = all;
        FreeAll(memory.Span);
    }

    static void OfAList()
    {
        var all = new List<nint> { Memory.New() };
        FreeAll(CollectionsMarshal.AsSpan(all));
    }

    static void Passed(ReadOnlySpan<nint> all, bool isLast)
    {
        if (isLast) FreeAll(all);
    }

    static void PassedOn()
    {
        nint p = Memory.New();
        Passed([p], true);
    }
}
