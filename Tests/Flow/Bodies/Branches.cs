// Path conditions: two tests of the same thing agree, and the error branch is the one that leaks.

unsafe class Bodies
{
    private bool _fast;
    private readonly bool _debug;

    void EarlyReturn(bool stop)
    {
        void* p = NativeMemory.Alloc(4);
        if (stop) return; // expect: KA4001
        NativeMemory.Free(p);
    }

    void NullBranch()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        if (p == null) return;
        kfree(p);
    }

    void NullBranchByPattern()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        if (p is null) return;
        kfree(p);
    }

    void NullBranchInverted()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        if (p != null) kfree(p);
    }

    void NullTestRemembered()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        bool ok = p != null;
        if (!ok) return;
        kfree(p);
    }

    int SecondFails()
    {
        void* a = kmalloc(4, GFP_KERNEL);
        if (a == null) return -ENOMEM;
        void* b = kmalloc(4, GFP_KERNEL);
        if (b == null) return -ENOMEM; // expect: KA4001
        kfree(b);
        kfree(a);
        return 0;
    }

    int GotoUnwind(int n)
    {
        int err = -ENOMEM;
        void* a = kmalloc(4, GFP_KERNEL);
        if (a == null) goto fail;
        void* b = kmalloc(4, GFP_KERNEL);
        if (b == null) goto free_a;
        err = -EINVAL;
        if (n > 5) goto free_b;
        kfree(b);
        kfree(a);
        return 0;
    free_b:
        kfree(b);
    free_a:
        kfree(a);
    fail:
        return err;
    }

    int GotoPastTheFree(int n)
    {
        void* a = kmalloc(4, GFP_KERNEL);
        if (a == null) goto fail;
        if (n > 5) goto fail;
        kfree(a);
        return 0;
    fail:
        return -1; // expect: KA4001
    }

    void StackOrHeapByPointer(int n)
    {
        byte* stack = stackalloc byte[256];
        byte* p = n <= 256 ? stack : (byte*)NativeMemory.Alloc((nuint)n);
        p[0] = 1;
        if (p != stack) NativeMemory.Free(p);
    }

    void StackOrHeapBySize(int n)
    {
        byte* stack = stackalloc byte[256];
        byte* p = n <= 256 ? stack : (byte*)NativeMemory.Alloc((nuint)n);
        p[0] = 1;
        if (n > 256) NativeMemory.Free(p);
    }

    void StackOrHeapByFlag(int n)
    {
        byte* stack = stackalloc byte[256];
        bool heap = n > 256;
        byte* p = heap ? (byte*)NativeMemory.Alloc((nuint)n) : stack;
        p[0] = 1;
        if (heap) NativeMemory.Free(p);
    }

    void WrongBound(int n)
    {
        byte* stack = stackalloc byte[256];
        byte* p = n <= 256 ? stack : (byte*)NativeMemory.Alloc((nuint)n);
        p[0] = 1;
        if (n > 512) NativeMemory.Free(p);
    } // expect: KA4001

    void SameFieldTwice()
    {
        void* p = null;
        if (_debug) p = NativeMemory.Alloc(4);
        Console.WriteLine();
        if (_debug) NativeMemory.Free(p);
    }

    void SameLocalTwice(int mode)
    {
        void* p = null;
        if (mode == 2) p = NativeMemory.Alloc(4);
        if (mode != 3) Console.WriteLine();
        if (mode == 2) NativeMemory.Free(p);
    }

    void OtherTest(int mode)
    {
        void* p = null;
        if (mode == 2) p = NativeMemory.Alloc(4);
        if (mode == 3) NativeMemory.Free(p);
    } // expect: KA4001

    void Switched(int kind)
    {
        void* p = NativeMemory.Alloc(4);
        switch (kind)
        {
            case 1:
                NativeMemory.Free(p);
                break;
            case 2:
                return; // expect: KA4001
            default:
                NativeMemory.Free(p);
                break;
        }
    }

    void SwitchExpression(int kind)
    {
        nint p = kind switch { 1 => Marshal.AllocHGlobal(1), 2 => Marshal.AllocHGlobal(2), _ => 0 };
        if (p == 0) return;
        Marshal.FreeHGlobal(p);
    }

    void Bits(int flags)
    {
        void* p = null;
        if ((flags & 4) != 0) p = NativeMemory.Alloc(4);
        if ((flags & 4) != 0) NativeMemory.Free(p);
    }

    void DifferentBits(int flags)
    {
        void* p = null;
        if ((flags & 4) != 0) p = NativeMemory.Alloc(4);
        if ((flags & 8) != 0) NativeMemory.Free(p);
    } // expect: KA4001

    void ShortCircuit(int a, int b)
    {
        void* p = a > 0 && b > 0 ? NativeMemory.Alloc(4) : null;
        if (p != null && a > 0) NativeMemory.Free(p);
    }

    void Coalesced(string text)
    {
        nint p = Marshal.StringToHGlobalAnsi(text);
        Console.WriteLine(text?.Length ?? 0);
        Marshal.FreeHGlobal(p);
    }

    void ConstantCondition()
    {
        void* p = NativeMemory.Alloc(4);
        const bool Keep = false;
        if (Keep) return;
        NativeMemory.Free(p);
    }

    void EnvironmentExit(bool bad)
    {
        void* p = NativeMemory.Alloc(4);
        if (bad) Environment.Exit(1);
        NativeMemory.Free(p);
    }

    void FailFast(bool bad)
    {
        void* p = NativeMemory.Alloc(4);
        if (bad) Environment.FailFast("bad");
        NativeMemory.Free(p);
    }

    void NeverNullWithNoFail()
    {
        void* p = kmalloc(4, GFP_KERNEL | __GFP_NOFAIL);
        kfree(p);
    }

    void RangeByPattern(int n)
    {
        void* p = null;
        if (n is > 5 and < 10) p = NativeMemory.Alloc(4);
        if (n is > 5 and < 10) NativeMemory.Free(p);
    }
}
