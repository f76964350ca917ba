// Structs of zeroes, written over a block or a variable as a whole: "*p = default" of a struct that is too large to be followed part by part makes its
// fields zero, as new memory of kzalloc is.

struct Inner { public int flag; public int mode; }

unsafe struct Sub { public Inner inner; public void* link; public long a1, a2, a3, a4, a5, a6; }

unsafe struct Big
{
    public long a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20;
    public Sub sub;
    public Inner inner;
    public void* buffer;
    public nint borrowed;
}

struct Flags { public int owned; public int kept; }

unsafe struct Small { public void* p; public int kept; public Inner inner; }

unsafe class Bodies
{
    static int s_mode;

    // Correct: what decides whether it is freed is zero.

    static void FreeIfOwned(Big* big)
    {
        if (big == null) return;
        if (big->borrowed != 0) return;
        kfree(big->buffer);
        kfree(big);
    }

    static void Cleared()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        FreeIfOwned(big);
    }

    static void New()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = new Big();
        FreeIfOwned(big);
    }

    static void NewWithSome(int n)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = new Big { a1 = n, inner = new Inner { mode = n } };
        FreeIfOwned(big);
    }

    static void NewWithTheFlag(int n)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = new Big { borrowed = 1 };
        FreeIfOwned(big);
    } // expect: KA4001

    static Big* Create(int mode)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return null;
        Init(big, mode);
        return big;
    }

    static void Init(Big* big, int mode)
    {
        *big = new Big { a3 = mode };
        if (Reset(big, mode) != 0) s_mode = mode;
    }

    static int Reset(Big* big, int mode)
    {
        if (big->inner.flag != 0) return -1;
        big->a1 = 0;
        kfree(big->sub.link);
        big->sub = new Sub();
        big->inner.mode = mode;
        return 0;
    }

    static void ClearedByACallee()
    {
        Big* big = Create(3);
        if (big == null) return;
        FreeIfOwned(big);
    }

    static void ClearedByACalleeAndLost()
    {
        Big* big = Create(3);
        if (big == null) return;
        if (big->borrowed == 0) return; // expect: KA4001
        kfree(big);
    }

    static void ClearedByACalleeAndFreedTwice()
    {
        Big* big = Create(3);
        if (big == null) return;
        FreeIfOwned(big);
        kfree(big); // expect: KA4005
    }

    static void CopiedFromAVariable(int n)
    {
        Big made = default;
        made.a1 = n;
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = made;
        FreeIfOwned(big);
    }

    static Big Made(int n)
    {
        Big made = default;
        made.a1 = n;
        return made;
    }

    static void CopiedFromWhatACalleeMade()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = Made(3);
        FreeIfOwned(big);
    }

    static void ThroughAPointerInto()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        Sub* sub = &big->sub;
        Inner* inner = &sub->inner;
        if (inner->flag == 0 && big->borrowed == 0) kfree(big);
    }

    static void AVariable(int n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        big.a2 = n;
        if (big.borrowed == 0) kfree(p);
    }

    static void FlagsOnly()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Flags flags = default;
        flags.owned = 1;
        if (flags.kept == 0) kfree(p);
    }

    static void SmallWithSome()
    {
        Small small = new() { p = kmalloc(8, GFP_KERNEL) };
        if (small.kept == 0) kfree(small.p);
    }

    static void SubZeroedAgain()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        big->sub.link = kmalloc(4, GFP_KERNEL);
        kfree(big->sub.link);
        big->sub = default;
        if (big->sub.link == null && big->sub.inner.flag == 0) kfree(big);
    }

    static void ClearedWhereItWasLost()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        if (big->buffer == null) return; // expect: KA4001
        kfree(big);
    }

    static void MovedFromAnother()
    {
        Big* from = (Big*)kzalloc((nuint)sizeof(Big), GFP_KERNEL);
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (from != null && big != null)
        {
            *big = *from;
            if (big->borrowed == 0) kfree(big);
        }
        else kfree(big);
        kfree(from);
    }
}
