// Members of extension blocks: their receiver is a parameter of the block.

static class Extensions
{
    extension(nint p)
    {
        public unsafe void Free() => NativeMemory.Free((void*)p);

        public bool IsThere => p != 0;
    }

    extension(ref Block block)
    {
        public void Clear()
        {
            block.Memory.Free();
            block.Memory = 0;
        }
    }

    public static unsafe nint New() => (nint)NativeMemory.Alloc(8);
}

struct Block
{
    public nint Memory;
    public int Size;
}

class Bodies
{
    static int s_count;

    static void Freed()
    {
        nint p = Extensions.New();
        if (p.IsThere) p.Free();
    }

    static void FreedAtOnce() => Extensions.New().Free();

    static void Cleared()
    {
        var block = new Block { Memory = Extensions.New() };
        block.Clear();
    }

    static void Lost()
    {
        var block = new Block { Memory = Extensions.New() };
        s_count++;
    } // expect: KA4001
}
