// Loops of as many turns as a constant says, and a growing array in a struct that a function fills from turn to turn.

unsafe class Bodies
{
    struct Vec : IDisposable
    {
        public float* data;
        public int count, cap;

        public void Dispose() => NativeMemory.Free(data);
    }

    static void FiveTurnsDouble()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 5; i++)
            if (i >= 3) NativeMemory.Free(p); // expect: KA4005
    }
    static void SevenTurnsFreeAll()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 7; i++) NativeMemory.Free(p); // expect: KA4005
    }
    static void UseInTurn4()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 8; i++)
        {
            if (i == 2) NativeMemory.Free(p);
            if (i == 4) p[0] = 1; // expect: KA4006
        }
    }
    static void UseInTurn4Right()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 8; i++)
        {
            if (i == 2) p[0] = 1;
            if (i == 4) NativeMemory.Free(p);
        }
    }
    static void ArrayOfSix()
    {
        byte** a = stackalloc byte*[6];
        for (int i = 0; i < 6; i++) a[i] = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 5; i++) NativeMemory.Free(a[i]);
    } // expect: KA4001
    static void ArrayOfSixRight()
    {
        byte** a = stackalloc byte*[6];
        for (int i = 0; i < 6; i++) a[i] = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 6; i++) NativeMemory.Free(a[i]);
    }

    static void Push(ref Vec v, float x)
    {
        if (v.count == v.cap)
        {
            int cap = v.cap == 0 ? 4 : v.cap * 2;
            float* d = (float*)NativeMemory.Alloc((nuint)cap, 4);
            for (int i = 0; i < v.count; i++) d[i] = v.data[i];
            v.data = d;
            v.cap = cap;
        }
        v.data[v.count++] = x;
    }
    static void PushedAndLost()
    {
        Vec v = default;
        for (int i = 0; i < 100; i++) Push(ref v, i); // expect: KA4001
        NativeMemory.Free(v.data);
    }
    static void PushedAndNotFreed()
    {
        Vec v = default;
        Push(ref v, 1);
        Push(ref v, 2);
    } // expect: KA4001

    static void Append(ref Vec v, float x)
    {
        if (v.count == v.cap)
        {
            int cap = v.cap == 0 ? 4 : v.cap * 2;
            float* d = (float*)NativeMemory.Alloc((nuint)cap, 4);
            for (int i = 0; i < v.count; i++) d[i] = v.data[i];
            NativeMemory.Free(v.data);
            v.data = d;
            v.cap = cap;
        }
        v.data[v.count++] = x;
    }
    static void AppendedAndFreed()
    {
        Vec v = default;
        for (int i = 0; i < 100; i++) Append(ref v, i);
        NativeMemory.Free(v.data);
    }
}
