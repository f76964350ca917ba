// Loops over iterators: those that have done all before their first element are followed, those that go on between two are not.

sealed class Memory : IDisposable
{
    public nint Start { get; private set; } = Marshal.AllocHGlobal(8);

    public void Dispose()
    {
        Marshal.FreeHGlobal(Start);
        Start = 0;
    }
}

unsafe class Bodies
{
    static nint Make() => (nint)NativeMemory.Alloc(8);

    static void Free(nint p) => NativeMemory.Free((void*)p);

    static IEnumerable<nint> Same(nint p)
    {
        yield return p;
    }

    static IEnumerable<nint> Made()
    {
        nint p = Make();
        yield return p;
    }

    static IEnumerable<nint> MadeUnless(bool none)
    {
        if (none) yield break;
        nint p = Make();
        yield return p;
    }

    static IEnumerable<nint> Both(nint a, nint b)
    {
        yield return a;
        yield return b;
    }

    static IEnumerable<int> FreesFirst(nint p)
    {
        Free(p);
        yield return 1;
    }

    static IEnumerable<nint> FreesAfter(nint p)
    {
        yield return p;
        Free(p);
    }

    static IEnumerable<nint> FreesInTheEnd()
    {
        nint p = Make();
        try
        {
            yield return p;
        }
        finally
        {
            Free(p);
        }
    }

    static IEnumerable<nint> DisposesInTheEnd()
    {
        using var memory = new Memory();
        yield return memory.Start;
    }

    static IEnumerable<nint> Many(int n)
    {
        for (int i = 0; i < n; i++) yield return Make();
    }

    static void FreedTwice()
    {
        nint p = Make();
        foreach (nint q in Same(p)) Free(q);
        Free(p); // expect: KA4005
    }

    static void FreedByTheLoop()
    {
        nint p = Make();
        foreach (nint q in Same(p)) Free(q);
    }

    static void LostByTheLoop()
    {
        foreach (nint p in Made()) Console.WriteLine(*(byte*)p);
    } // expect: KA4001

    static void MadeAndFreed()
    {
        foreach (nint p in Made()) Free(p);
    }

    static void MadeAndFreedUnless(bool none)
    {
        foreach (nint p in MadeUnless(none)) Free(p);
    }

    static void BothFreed()
    {
        foreach (nint p in Both(Make(), Make())) Free(p);
    }

    static void BothAndOneAgain()
    {
        nint a = Make(), b = Make();
        foreach (nint p in Both(a, b)) Free(p);
        Free(b); // expect: KA4005
    }

    static void FreedBefore()
    {
        nint p = Make();
        foreach (int n in FreesFirst(p)) Console.WriteLine(*(byte*)p); // expect: KA4006
    }

    static void FreedAfter()
    {
        nint p = Make();
        foreach (nint q in FreesAfter(p)) *(byte*)q = 1;
    }

    static void FreedInTheEnd()
    {
        foreach (nint p in FreesInTheEnd()) *(byte*)p = 1;
    }

    static void DisposedInTheEnd()
    {
        foreach (nint p in DisposesInTheEnd()) *(byte*)p = 1;
    }

    static void ManyFreed(int n)
    {
        foreach (nint p in Many(n)) Free(p);
    }

    static void NeverBegun()
    {
        nint p = Make();
        IEnumerable<int> later = FreesFirst(p);
        Free(p);
    }

    static void BegunLater()
    {
        nint p = Make();
        IEnumerable<int> later = FreesFirst(p);
        *(byte*)p = 1;
        foreach (int n in later) Console.WriteLine(n);
    }

    static void FirstOnly()
    {
        nint a = Make(), b = Make();
        foreach (nint p in Both(a, b))
        {
            Free(p);
            break;
        }

        Free(b);
    }
}
