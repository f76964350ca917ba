// Tuples, structs of one field and structs that dispose of themselves: what they hold is followed through them.

unsafe class Bodies
{
    static void Use(byte* p) => Console.WriteLine(p[0]);

    static (nint Memory, int Length) Make()
    {
        byte* p = (byte*)NativeMemory.Alloc(100);
        return ((nint)p, 100);
    }

    void DeconstructedAndFreed()
    {
        (nint p, int length) = Make();
        Console.WriteLine(length);
        NativeMemory.Free((void*)p);
    }

    void DeconstructedAndLost()
    {
        (nint p, int length) = Make();
        Console.WriteLine(length);
    } // expect: KA4001

    void DeconstructedAndFreedWrongly()
    {
        var (p, _) = Make();
        Marshal.FreeHGlobal(p); // expect: KA4007
    }

    void ByName()
    {
        var made = Make();
        NativeMemory.Free((void*)made.Memory);
        NativeMemory.Free((void*)made.Item1); // expect: KA4005
    }

    void Swapped()
    {
        byte* a = (byte*)NativeMemory.Alloc(1);
        nint p = (nint)a, q = 0;
        (p, q) = (q, p);
        NativeMemory.Free((void*)q);
        NativeMemory.Free((void*)p);
    }

    void SwappedAndFreedTwice()
    {
        byte* a = (byte*)NativeMemory.Alloc(1);
        nint p = (nint)a, q = 0;
        (p, q) = (q, p);
        NativeMemory.Free((void*)q);
        NativeMemory.Free(a); // expect: KA4005
    }

    void Nested()
    {
        (int count, (nint p, int length)) = (1, Make());
        Console.WriteLine(count + length);
        NativeMemory.Free((void*)p);
    }

    void IntoFieldsOfAnArray(nint[] slots)
    {
        (slots[0], int length) = Make();
        Console.WriteLine(length);
    }

    void Discarded()
    {
        (_, int length) = Make();
        Console.WriteLine(length);
    } // expect: KA4001

    struct One { public byte* P; }

    static void FreeWrongly(One one) => Marshal.FreeHGlobal((nint)one.P);

    static void Free(in One one) => NativeMemory.Free(one.P);

    void StructOfOneFieldByInitializer()
    {
        One one = new() { P = (byte*)NativeMemory.Alloc(1) };
        FreeWrongly(one); // expect: KA4007
    }

    void StructOfOneFieldByIn()
    {
        One one = new() { P = (byte*)NativeMemory.Alloc(1) };
        Free(in one);
    }

    ref struct Scope(byte* p)
    {
        private byte* _p = p;
        public void Dispose() => NativeMemory.Free(_p);
    }

    void DisposedByPattern()
    {
        byte* p = (byte*)NativeMemory.Alloc(1);
        using var scope = new Scope(p);
        Use(p);
    }

    void DisposedByPatternAndFreed()
    {
        byte* p = (byte*)NativeMemory.Alloc(1);
        {
            using var scope = new Scope(p);
            Use(p);
        }

        NativeMemory.Free(p); // expect: KA4005
    }

    sealed class Kept(byte* memory)
    {
        private readonly byte* _memory = memory;
        private int _count = 3;
        public int Count => _count;
        public void Free() => NativeMemory.Free(_memory);
    }

    void KeptByAPrimaryConstructor()
    {
        byte* p = (byte*)NativeMemory.Alloc(1);
        new Kept(p).Free();
        NativeMemory.Free(p); // expect: KA4005
    }

    sealed class Ended(byte* memory, int length)
    {
        private readonly byte* _end = memory + length;
        public long Length => _end - memory;
        public void Free() => NativeMemory.Free(memory);
    }

    void KeptInAnExpression()
    {
        byte* p = (byte*)NativeMemory.Alloc(1);
        var ended = new Ended(p, 1);
        Console.WriteLine(ended.Length);
    }

    record struct Block(nint Memory, int Length);

    void PropertyOfARecord()
    {
        var block = new Block((nint)NativeMemory.Alloc(1), 1);
        NativeMemory.Free((void*)block.Memory);
    }

    void PropertyOfARecordFreedWrongly()
    {
        var block = new Block((nint)NativeMemory.Alloc(1), 1);
        Marshal.FreeHGlobal(block.Memory); // expect: KA4007
    }

    record struct Handle(nint Memory);

    void PropertyOfARecordOfOne()
    {
        var handle = new Handle((nint)NativeMemory.Alloc(1));
        Marshal.FreeHGlobal(handle.Memory); // expect: KA4007
    }

    static void Read(nint[] slots) => Use((byte*)slots[1]);

    sealed class Box
    {
        private readonly byte* _p;
        public Box(byte* p) => _p = p;
        public void Read() => Use(_p);
        public void Free() => NativeMemory.Free(_p);
    }

    void UsedThroughAnArray()
    {
        byte* p = (byte*)NativeMemory.Alloc(1);
        nint[] slots = new nint[2];
        slots[1] = (nint)p;
        NativeMemory.Free(p);
        Read(slots); // expect: KA4006
    }

    void LostThroughAnArray()
    {
        byte* p = (byte*)NativeMemory.Alloc(1);
        nint[] slots = new nint[2];
        slots[1] = (nint)p;
        Read(slots);
    } // expect: KA4001

    void UsedThroughAnObject()
    {
        byte* p = (byte*)NativeMemory.Alloc(1);
        var box = new Box(p);
        NativeMemory.Free(p);
        box.Read(); // expect: KA4006
    }

    void FreedByAnObject()
    {
        byte* p = (byte*)NativeMemory.Alloc(1);
        var box = new Box(p);
        box.Read();
        box.Free();
    }
}
