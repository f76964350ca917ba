// Memory that a call made zero: reading a part of it afterwards gives zero, and what that decides is decided.

using System.Runtime.CompilerServices;

unsafe struct Big
{
    public long a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20;
    public void* buffer;
    public nint borrowed;
}

unsafe struct Tail { public Big big; public nint borrowed; public void* more; }

unsafe class Bodies
{
    static void FreeIfOwned(Big* big)
    {
        if (big->borrowed != 0) return;
        kfree(big->buffer);
        kfree(big);
    }

    static void ByNativeMemory()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        NativeMemory.Clear(big, (nuint)sizeof(Big));
        FreeIfOwned(big);
    }

    static void ByNativeMemorysFill()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        NativeMemory.Fill(big, (nuint)sizeof(Big), 0);
        FreeIfOwned(big);
    }

    static void ByInitBlock()
    {
        Big* big = (Big*)NativeMemory.Alloc((nuint)sizeof(Big));
        Unsafe.InitBlock(big, 0, (uint)sizeof(Big));
        if (big->borrowed == 0) NativeMemory.Free(big);
    }

    static void ByInitBlockUnaligned()
    {
        Big* big = (Big*)NativeMemory.Alloc((nuint)sizeof(Big));
        Unsafe.InitBlockUnaligned(big, 0, (uint)sizeof(Big));
        if (big->borrowed == 0) NativeMemory.Free(big);
    }

    static void ByMemset()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        memset(big, 0, (nuint)sizeof(Big));
        FreeIfOwned(big);
    }

    static void BySpan()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        new Span<byte>(big, sizeof(Big)).Clear();
        FreeIfOwned(big);
    }

    static void BySpansFill()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        var bytes = new Span<byte>(big, sizeof(Big));
        bytes.Fill(0);
        FreeIfOwned(big);
    }

    static void ByVariableSize(int count)
    {
        nuint size = (nuint)(count * sizeof(Big));
        Big* all = (Big*)kmalloc(size, GFP_KERNEL);
        if (all == null) return;
        NativeMemory.Clear(all, size);
        if (all->borrowed == 0) kfree(all);
    }

    static void Zero(void* p, nuint n) => NativeMemory.Clear(p, n);

    static void ByAHelper()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        Zero(big, (nuint)sizeof(Big));
        FreeIfOwned(big);
    }

    static Big* Create()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big != null) memset(big, 0, (nuint)sizeof(Big));
        return big;
    }

    static void ByACallee()
    {
        Big* big = Create();
        if (big == null) return;
        FreeIfOwned(big);
    }

    static void AVariable()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big;
        NativeMemory.Clear(&big, (nuint)sizeof(Big));
        if (big.borrowed == 0) kfree(p);
    }

    static void AVariableBySpan()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        Big big;
        new Span<byte>(&big, sizeof(Big)).Clear();
        if (big.borrowed == 0) kfree(p);
    }

    static void PointersInIt()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        NativeMemory.Clear(big, (nuint)sizeof(Big));
        if (big->buffer == null) big->buffer = kmalloc(8, GFP_KERNEL);
        kfree(big->buffer);
        kfree(big);
    }

    static void FreedBeforeItIsCleared()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        big->buffer = kmalloc(8, GFP_KERNEL);
        kfree(big->buffer);
        NativeMemory.Clear(big, (nuint)sizeof(Big));
        kfree(big->buffer);
        kfree(big);
    }

    static void FreedBeforeItIsClearedBySpan()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        big->buffer = kmalloc(8, GFP_KERNEL);
        kfree(big->buffer);
        new Span<byte>(big, sizeof(Big)).Clear();
        kfree(big->buffer);
        kfree(big);
    }

    static void AVariableThatWasFreed()
    {
        Big big;
        big.buffer = kmalloc(8, GFP_KERNEL);
        kfree(big.buffer);
        NativeMemory.Clear(&big, (nuint)sizeof(Big));
        kfree(big.buffer);
    }

    static void ElementsOfAnArray()
    {
        nint[] all = [(nint)kmalloc(8, GFP_KERNEL), 0];
        kfree((void*)all[0]);
        Array.Clear(all);
        kfree((void*)all[0]);
    }

    static void ElementsOfASpan()
    {
        Span<nint> all = stackalloc nint[4];
        all[0] = (nint)kmalloc(8, GFP_KERNEL);
        kfree((void*)all[0]);
        all.Clear();
        kfree((void*)all[0]);
    }

    static void AsLongAsItWasMade(int n)
    {
        nint p = Marshal.AllocHGlobal(n);
        var bytes = new Span<byte>((void*)p, n);
        if (bytes.Length > n) return;
        if (bytes.IsEmpty && n > 0) return;
        Marshal.FreeHGlobal(p);
    }

    static void NotEmpty()
    {
        byte* p = (byte*)NativeMemory.Alloc(4);
        var bytes = new Span<byte>(p, 4);
        if (bytes.IsEmpty) return;
        NativeMemory.Free(p);
    }

    static void EmptyOfTheCaller(ReadOnlySpan<byte> bytes)
    {
        nint p = bytes.IsEmpty ? 0 : Marshal.AllocHGlobal(bytes.Length);
        if (bytes.Length == 0) return;
        Marshal.FreeHGlobal(p);
    }

    static void MaybeEmpty(int n)
    {
        nint p = Marshal.AllocHGlobal(n);
        var bytes = new Span<byte>((void*)p, n);
        if (bytes.IsEmpty) return; // expect: KA4001
        Marshal.FreeHGlobal(p);
    }

    // Zero it was, and no more; or only a part of it.

    static void OnlyTheHead()
    {
        Tail* tail = (Tail*)kmalloc((nuint)sizeof(Tail), GFP_KERNEL);
        if (tail == null) return;
        NativeMemory.Clear(tail, (nuint)sizeof(Big));
        if (tail->borrowed != 0) return; // expect: KA4001
        kfree(tail);
    }

    static void OnlySome(int n)
    {
        Tail* tail = (Tail*)kmalloc((nuint)sizeof(Tail), GFP_KERNEL);
        if (tail == null) return;
        new Span<byte>(tail, n).Clear();
        if (tail->borrowed != 0) return; // expect: KA4001
        kfree(tail);
    }

    static void WithOnes()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        Unsafe.InitBlock(big, 1, (uint)sizeof(Big));
        if (big->borrowed != 0) return; // expect: KA4001
        kfree(big);
    }

    static void WrittenAfterwards(nint n)
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        NativeMemory.Clear(big, (nuint)sizeof(Big));
        big->borrowed = n;
        if (big->borrowed != 0) return; // expect: KA4001
        kfree(big);
    }

    static void LostWithIt()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        big->buffer = kmalloc(8, GFP_KERNEL);
        kfree(big);
    } // expect: KA4001

    static void TheOneWayThatLosesIt()
    {
        Big* big = (Big*)kmalloc((nuint)sizeof(Big), GFP_KERNEL);
        if (big == null) return;
        NativeMemory.Clear(big, (nuint)sizeof(Big));
        if (big->borrowed == 0) return; // expect: KA4001
        kfree(big);
    }
}
