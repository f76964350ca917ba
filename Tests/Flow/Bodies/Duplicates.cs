// One mistake is one finding, also where several rules could speak.

unsafe class Bodies
{
    sealed class NeverFrees
    {
        private readonly byte* _block;

        public NeverFrees(int n) => _block = (byte*)NativeMemory.Alloc((nuint)n); // expect: KA4011

        public byte First => _block[0];
    }

    static byte* FreedAndReturned()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        kfree(p);
        return p; // expect: KA4006
    }

    static void CalleeUsesAndFrees(byte* q)
    {
        if (q == null) return;
        q[0] = 1;
        kfree(q);
    }

    static void FreedAndGivenToWhatFrees()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        kfree(p);
        CalleeUsesAndFrees(p); // expect: KA4006
    }

    static byte* CalleeFreesAndReturns(byte* q)
    {
        kfree(q);
        return q; // expect: KA4006
    }

    static int ClassThatNeverFrees()
    {
        var owner = new NeverFrees(8);
        return owner.First;
    }

    static void CopyOfStructFreedTwice(int n)
    {
        Block a = CalleeMake(n);
        Block b = a;
        kfree(a.Data);
        kfree(b.Data); // expect: KA4005
    }

    static void CalleeFreesCopy(Block* p)
    {
        Block copy = *p;
        kfree(copy.Data);
    }

    static void FreedThroughCopyAndAgain(int n)
    {
        Block a = CalleeMake(n);
        CalleeFreesCopy(&a);
        kfree(a.Data); // expect: KA4005
    }

    static void CopyOfCallersStructFreedTwice(Block* p)
    {
        Block copy = *p;
        kfree(copy.Data);
        kfree(p->Data); // expect: KA4005
    }

    static void SwappedOutAndLost(int n)
    {
        Block a = CalleeMake(n), b = default;
        CalleeSwap(ref a, ref b);
        kfree(a.Data);
    } // expect: KA4001

    static void CountedDownAndLost()
    {
        Counted* c = (Counted*)kzalloc((nuint)sizeof(Counted), GFP_KERNEL);
        if (c == null) return;
        c->Users = 2;
        CalleePut(c);
    } // expect: KA4001

    static void CountedDownToNothing()
    {
        Counted* c = (Counted*)kzalloc((nuint)sizeof(Counted), GFP_KERNEL);
        if (c == null) return;
        c->Users = 1;
        CalleePut(c);
        c->Users = 3; // expect: KA4006
    }

    struct Counted { public int Users; public Counted* Next; }

    static void CalleePut(Counted* c)
    {
        if (System.Threading.Interlocked.Decrement(ref c->Users) == 0) kfree(c);
    }

    struct Block { public byte* Data; public int Length; }

    static Block CalleeMake(int n)
    {
        Block made;
        made.Data = (byte*)kmalloc((nuint)n, GFP_KERNEL);
        made.Length = n;
        return made;
    }

    static void CalleeSwap(ref Block a, ref Block b)
    {
        Block t = a;
        a = b;
        b = t;
    }
}
