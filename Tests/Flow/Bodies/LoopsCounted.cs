// Loops of which it is known how often they go round: three or four turns are walked one by one.

unsafe class Bodies
{
    static void ListOfThree(bool fails)
    {
        var all = new List<nint>();
        for (int i = 0; i < 3; i++) all.Add((nint)NativeMemory.Alloc(8));
        if (fails) return; // expect: KA4001
        foreach (nint p in all) NativeMemory.Free((void*)p);
    }

    static void ListOfThreeFreed()
    {
        var all = new List<nint>();
        for (int i = 0; i < 3; i++) all.Add((nint)NativeMemory.Alloc(8));
        foreach (nint p in all) NativeMemory.Free((void*)p);
    }

    static void ListByIndex()
    {
        var all = new List<nint>();
        for (int i = 0; i < 4; i++) all.Add((nint)NativeMemory.Alloc(8));
        for (int i = all.Count - 1; i >= 0; i--) NativeMemory.Free((void*)all[i]);
    }

    static void LastOfAnArrayKept()
    {
        var all = new nint[4];
        for (int i = 0; i < 4; i++) all[i] = (nint)NativeMemory.Alloc(8);
        for (int i = 0; i < 3; i++) NativeMemory.Free((void*)all[i]);
    } // expect: KA4001

    static void ArrayFreed()
    {
        var all = new nint[4];
        for (int i = 0; i < all.Length; i++) all[i] = (nint)NativeMemory.Alloc(8);
        foreach (nint p in all) NativeMemory.Free((void*)p);
    }

    static void LastFreedTwice()
    {
        nint* all = stackalloc nint[3];
        for (int i = 0; i != 3; i++) all[i] = (nint)NativeMemory.Alloc(8);
        for (int i = 0; i < 3; i++) NativeMemory.Free((void*)all[i]);
        NativeMemory.Free((void*)all[2]); // expect: KA4005
    }

    static bool Unwound()
    {
        byte** all = stackalloc byte*[3];
        for (int i = 0; i < 3; i++)
        {
            all[i] = (byte*)kmalloc(64, GFP_KERNEL);
            if (all[i] != null) continue;
            while (--i >= 0) kfree(all[i]);
            return false;
        }

        for (int i = 0; i < 3; i++) kfree(all[i]);
        return true;
    }

    static bool FirstNotUnwound()
    {
        byte** all = stackalloc byte*[3];
        for (int i = 0; i < 3; i++)
        {
            all[i] = (byte*)kmalloc(64, GFP_KERNEL);
            if (all[i] != null) continue;
            while (--i > 0) kfree(all[i]);
            return false; // expect: KA4001
        }

        for (int i = 0; i < 3; i++) kfree(all[i]);
        return true;
    }

    static void InTwoLoops(bool fails)
    {
        for (int i = 0; i < 3; i++)
        {
            void* outer = NativeMemory.Alloc(8);
            for (int j = 0; j < 3; j++)
            {
                void* inner = NativeMemory.Alloc(8);
                if (fails && i == 2 && j == 2) break; // expect: KA4001
                NativeMemory.Free(inner);
            }

            NativeMemory.Free(outer);
        }
    }

    static void FreedInTheThird()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 3; i++)
            if (i == 2) NativeMemory.Free(p);
    }

    static void FreedInTheThirdAndAfter()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 4; i++)
            if (i == 2) NativeMemory.Free(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    static void FreeAll(params ReadOnlySpan<nint> all)
    {
        foreach (nint p in all) NativeMemory.Free((void*)p);
    }

    static void FreedTogether()
    {
        void* a = NativeMemory.Alloc(8), b = NativeMemory.Alloc(8), c = NativeMemory.Alloc(8);
        FreeAll((nint)a, (nint)b, (nint)c);
    }

    static void FreedTogetherAndAlone()
    {
        void* a = NativeMemory.Alloc(8), b = NativeMemory.Alloc(8);
        FreeAll((nint)a, (nint)b);
        NativeMemory.Free(b); // expect: KA4005
    }

    static void OneForgotten()
    {
        void* a = NativeMemory.Alloc(8), b = NativeMemory.Alloc(8);
        FreeAll((nint)a);
    } // expect: KA4001

    static void SameTwice()
    {
        void* a = NativeMemory.Alloc(8);
        FreeAll((nint)a, (nint)a); // expect: KA4005
    }

    static void PartOfASpan()
    {
        Span<nint> all = [(nint)NativeMemory.Alloc(8), (nint)NativeMemory.Alloc(8)];
        foreach (nint p in all[1..]) NativeMemory.Free((void*)p);
        NativeMemory.Free((void*)all[0]);
    }

    static void SpanReadOnly()
    {
        Span<nint> all = stackalloc nint[2];
        for (int i = 0; i < all.Length; i++) all[i] = (nint)NativeMemory.Alloc(8);
        ReadOnlySpan<nint> view = all;
        foreach (nint p in view) NativeMemory.Free((void*)p);
    }
}
