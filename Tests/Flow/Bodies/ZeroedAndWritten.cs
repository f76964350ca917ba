// What is zero as a whole ends to be where something was written, in whatever way: the branch that needs another number is possible then.

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

unsafe struct Tail { public Big big; public nint borrowed; public void* more; }

unsafe struct Other { public long a1, a2, a3; public nint o4; public Inner inner; public long b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16, b17, b18, b19, b20; public void* p; }

unsafe class Bodies
{
    static int s_mode;
    static Big s_template;

    static void WrittenAfterwards(nint n)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        big->borrowed = n;
        if (big->borrowed != 0) return; // expect: KA4001
        kfree(big);
    }

    static void WrittenInAPart(Sub* with)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        big->sub = *with;
        if (big->sub.inner.flag != 0) return; // expect: KA4001
        kfree(big);
    }

    static void WrittenAsAWhole(Big* with)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        *big = *with;
        if (big->borrowed != 0) return; // expect: KA4001
        kfree(big);
    }

    static void WrittenFromAStatic()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        *big = s_template;
        if (big->borrowed != 0) return; // expect: KA4001
        kfree(big);
    }

    static void FilledByACall(byte* user)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        if (copy_from_user(big, user, (nuint)sizeof(Big)) != 0) s_mode = 1;
        if (big->borrowed != 0) return; // expect: KA4001
        kfree(big);
    }

    static void FillIt(void* big, byte* user)
    {
        if (copy_from_user(big, user, (nuint)sizeof(Big)) != 0) s_mode = 1;
    }

    static void FilledByACalleesCall(byte* user)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        FillIt(big, user);
        if (big->borrowed != 0) return; // expect: KA4001
        kfree(big);
    }

    static void OfZeroedMemoryFilledByACall(byte* user)
    {
        Big* big = (Big*)kzalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        if (copy_from_user(big, user, (nuint)sizeof(Big)) != 0) s_mode = 1;
        if (big->borrowed != 0) return; // expect: KA4001
        kfree(big);
    }

    static void OfZeroedMemoryFilledWithNumbers()
    {
        Big* big = (Big*)NativeMemory.AllocZeroed((nuint)sizeof(Big));
        NativeMemory.Fill(big, (nuint)sizeof(Big), 0xff);
        if (big->borrowed != 0) return; // expect: KA4001
        NativeMemory.Free(big);
    }

    static void FillAll(Big* big) => NativeMemory.Fill(big, (nuint)sizeof(Big), 0xff);

    static void OfZeroedMemoryFilledByACallee()
    {
        Big* big = (Big*)NativeMemory.AllocZeroed((nuint)sizeof(Big));
        FillAll(big);
        if (big->borrowed != 0) return; // expect: KA4001
        NativeMemory.Free(big);
    }

    static void PartFilledWithNumbers()
    {
        Big* big = (Big*)NativeMemory.AllocZeroed((nuint)sizeof(Big));
        NativeMemory.Fill(&big->sub, (nuint)sizeof(Sub), 0xff);
        if (big->sub.inner.mode != 0) return; // expect: KA4001
        if (big->borrowed == 0) NativeMemory.Free(big);
    }

    static void FilledVariable(byte* user)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        if (copy_from_user(&big, user, (nuint)sizeof(Big)) != 0) s_mode = 1;
        if (big.borrowed != 0) return; // expect: KA4001
        kfree(p);
    }

    static void OnlyTheHead()
    {
        Tail* tail = (Tail*)kmalloc((nuint)sizeof(Tail), GFP_KERNEL);
        if (tail == null) return;
        *(Big*)tail = default;
        if (tail->borrowed != 0) return; // expect: KA4001
        kfree(tail);
    }

    static void OnlyAPart()
    {
        Tail* tail = (Tail*)kmalloc((nuint)sizeof(Tail), GFP_KERNEL);
        if (tail == null) return;
        tail->big = default;
        if (tail->borrowed != 0) return; // expect: KA4001
        kfree(tail);
    }

    static void OnlyTheHeadOfZeroedMemory(nint n)
    {
        Tail* tail = (Tail*)kzalloc((nuint)sizeof(Tail), GFP_KERNEL);
        if (tail == null) return;
        tail->borrowed = n;
        *(Big*)tail = default;
        if (tail->borrowed != 0) return; // expect: KA4001
        kfree(tail);
    }

    static void OnlyTheFirstOfSome()
    {
        Big* all = (Big*)kmalloc(2 * (nuint)sizeof(Big), GFP_KERNEL);
        if (all == null) return;
        all[0] = default;
        if (all[1].borrowed != 0) return; // expect: KA4001
        kfree(all);
    }

    static void OnlyOneOfSome(int i, nint n)
    {
        Big* all = (Big*)kmalloc(2 * (nuint)sizeof(Big), GFP_KERNEL);
        if (all == null) return;
        all[0] = default;
        all[i].borrowed = n;
        if (all[0].borrowed != 0) return; // expect: KA4001
        kfree(all);
    }

    static void ReadAsAnother()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Other), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        if (((Other*)big)->b20 != 0) return; // expect: KA4001
        kfree(big);
    }

    static void WrittenAsAnother(nint n)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Other), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        ((Other*)big)->o4 = n;
        if (big->a4 != 0) return; // expect: KA4001
        kfree(big);
    }

    static void WrittenAsAnothersPart(Inner inner)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Other), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        ((Other*)big)->inner = inner;
        if (big->a5 != 0) return; // expect: KA4001
        kfree(big);
    }

    static void WrittenAsBytes(byte n)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        *big = default;
        ((byte*)big)[8] = n;
        if (big->a2 != 0) return; // expect: KA4001
        kfree(big);
    }

    static void Passed(Big big, Big* to) => *to = big;

    static void PassedBy(Big big, Big* to, byte* user)
    {
        if (copy_from_user(&big, user, (nuint)sizeof(Big)) != 0) s_mode = 1;
        *to = big;
    }

    static void PassedAndFilled(byte* user)
    {
        Big made = default;
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        PassedBy(made, big, user);
        if (big->borrowed != 0) return; // expect: KA4001
        kfree(big);
    }

    static Big ClearedAndReturned(Big big)
    {
        big = default;
        return big;
    }

    static void ReturnedAfterItWasCleared(nint n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        big.borrowed = 1;
        big = ClearedAndReturned(big);
        if (big.borrowed == 0) kfree(p);
    }

    static void FreedOnlyIfWritten(bool some, nint n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        if (some) big.borrowed = n;
        if (big.borrowed == 0) kfree(p);
    } // expect: KA4001

    static void ZeroedInALoop(int n, nint m)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        big.borrowed = m;
        for (int i = 0; i < n; i++) big = default;
        if (big.borrowed == 0) kfree(p);
    } // expect: KA4001

    static void WrittenInALoop(int n, nint m)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big = default;
        for (int i = 0; i < n; i++) big.borrowed += m;
        if (big.borrowed == 0) kfree(p);
    } // expect: KA4001
}
