// What a foreach loop leaves behind in an array or a list: elements it goes past, and those that it does not come to. Also arrays of structs.

static class Memory
{
    public static unsafe nint New() => (nint)NativeMemory.Alloc(8);

    public static unsafe void Free(nint p) => NativeMemory.Free((void*)p);
}

struct Block
{
    public nint Memory;
    public int Size;

    public Block(int size)
    {
        Memory = global::Memory.New();
        Size = size;
    }

    public readonly void Free() => global::Memory.Free(Memory);
}

readonly struct Handle(nint memory) : IDisposable
{
    public nint Value { get; } = memory;

    public void Dispose() => Memory.Free(Value);
}

class Bodies
{
    static int s_count;

    static void OnlyIf()
    {
        var all = new List<nint> { Memory.New() };
        foreach (nint p in all)
            if (s_count > 2) Memory.Free(p);
    } // expect: KA4001

    static void LeftEarly()
    {
        var all = new[] { Memory.New(), Memory.New() };
        foreach (nint p in all)
        {
            Memory.Free(p);
            break; // expect: KA4001
        }
    }

    static void LeftEarlyAndFreed()
    {
        var all = new[] { Memory.New(), Memory.New() };
        foreach (nint p in all)
        {
            Memory.Free(p);
            break;
        }

        Memory.Free(all[1]);
    }

    static void AllFreedAndOneAgain()
    {
        var all = new List<nint> { Memory.New(), Memory.New() };
        foreach (nint p in all) Memory.Free(p);
        Memory.Free(all[1]); // expect: KA4005
    }

    static void LastKept()
    {
        nint last = 0;
        foreach (nint p in new List<nint> { Memory.New(), Memory.New() }) last = p;
        Memory.Free(last);
    } // expect: KA4001

    static void AllButTheLastOnTheWay()
    {
        nint last = 0;
        foreach (nint p in new[] { Memory.New(), Memory.New(), Memory.New() })
        {
            if (last != 0) Memory.Free(last);
            last = p;
        }

        Memory.Free(last);
    }

    static nint OneKept(int which)
    {
        nint found = 0;
        foreach (nint p in new List<nint> { Memory.New(), Memory.New() })
            if (found == 0) found = p;
            else Memory.Free(p);
        return found;
    }

    static void OfMany()
    {
        var all = new nint[6];
        for (int i = 0; i < 6; i++) all[i] = Memory.New();
        foreach (nint p in all) Memory.Free(p);
    }

    static void OfAnyNumber(int n)
    {
        var all = new List<nint>();
        for (int i = 0; i < n; i++) all.Add(Memory.New());
        foreach (nint p in all) Memory.Free(p);
    }

    static void OneOrTwo(bool isSecond)
    {
        var all = new List<nint> { Memory.New() };
        if (isSecond) all.Add(Memory.New());
        foreach (nint p in all) Memory.Free(p);
    }

    static void Structs()
    {
        Block[] all = [new Block(1), new Block(2)];
        foreach (Block block in all) block.Free();
    }

    static void StructsAndOneAgain()
    {
        Block[] all = [new Block(1), new Block(2)];
        foreach (Block block in all) block.Free();
        all[1].Free(); // expect: KA4005
    }

    static void SmallStructsOnly()
    {
        Block[] all = [new Block(1), new Block(2)];
        foreach (Block block in all)
            if (block.Size == 1) block.Free();
    } // expect: KA4001

    static void StructsOfAnyNumber(int n)
    {
        var all = new Block[n];
        for (int i = 0; i < n; i++) all[i] = new Block(i);
        foreach (Block block in all) block.Free();
    }

    static void FreeAll(Block[] all)
    {
        foreach (Block block in all) block.Free();
    }

    static void FreedByCallee() => FreeAll([new Block(1), new Block(2)]);

    static void Pairs()
    {
        (nint First, nint Second)[] all = [(Memory.New(), Memory.New())];
        foreach ((nint first, nint second) in all) Memory.Free(first);
    } // expect: KA4001

    static void BothOfPairs()
    {
        (nint First, nint Second)[] all = [(Memory.New(), Memory.New())];
        foreach ((nint first, nint second) in all)
        {
            Memory.Free(first);
            Memory.Free(second);
        }
    }

    static void HandleDisposed()
    {
        using var handle = new Handle(Memory.New());
        s_count += handle.Value == 0 ? 1 : 2;
    }

    static void HandleFreedToo()
    {
        using var handle = new Handle(Memory.New()); // expect: KA4005
        Memory.Free(handle.Value);
    }

    static void HandleLost()
    {
        var handle = new Handle(Memory.New());
        s_count++;
    } // expect: KA4001
}
