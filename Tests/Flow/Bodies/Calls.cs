// What crosses methods: each call is replaced by what the summary of the callee says, on the caller's own state.

unsafe class Bodies
{
    private static byte* s_kept;
    private byte* _buffer;

    static byte* CalleeMake(nuint size, gfp_t flags) => (byte*)kmalloc(size, flags);

    static byte* CalleeMakeOrThrow(nuint size)
    {
        byte* p = (byte*)kmalloc(size, GFP_KERNEL);
        if (p == null) throw new OutOfMemoryException();
        return p;
    }

    static int CalleeMakeInto(byte** place)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return -ENOMEM;
        *place = p;
        return 0;
    }

    static bool CalleeTryMake(out byte* p)
    {
        p = (byte*)kmalloc(8, GFP_KERNEL);
        return p != null;
    }

    static int CalleeConsume(byte* p, int n)
    {
        if (n < 0) return -EINVAL;
        kfree(p);
        return 0;
    }

    static void CalleeFreeDeep(byte* p) => CalleeFree(p);

    static void CalleeFree(byte* p) => kfree(p);

    static void CalleeFreeAndClear(ref byte* p)
    {
        kfree(p);
        p = null;
    }

    static void CalleeVfree(void* p) => vfree(p);

    static void CalleeFreePages(nuint address, int order) => free_pages(address, order);

    static void CalleeKeepStatic(byte* p) => s_kept = p;

    void CalleeKeepField(byte* p) => _buffer = p;

    static void CalleeFreeIf(byte* p, bool really) { if (really) kfree(p); }

    static void CalleeSwap(ref byte* a, ref byte* b)
    {
        byte* t = a;
        a = b;
        b = t;
    }

    static void CalleeUse(byte* p) => *p = 1;

    static void CalleeApply(byte* p, delegate*<byte*, void> f) => f(p);

    static void CalleeApplyAction(Action action) => action();

    static byte* CalleeSame(byte* p) => p;

    static bool CalleeIsValid(byte* p) => p != null;

    static byte* CalleeNext(byte* p) => p + 4;

    void MadeAndFreed()
    {
        byte* p = CalleeMake(8, GFP_KERNEL);
        kfree(p);
    }

    void MadeAndLost()
    {
        byte* p = CalleeMake(8, GFP_KERNEL);
        CalleeUse(p);
    } // expect: KA4001

    void MadeOrThrown()
    {
        byte* p = CalleeMakeOrThrow(8);
        *p = 1;
        kfree(p);
    }

    void MadeInto()
    {
        byte* p = null;
        if (CalleeMakeInto(&p) != 0) return;
        kfree(p);
    }

    void MadeIntoAndLost()
    {
        byte* p = null;
        if (CalleeMakeInto(&p) != 0) return;
        *p = 1;
    } // expect: KA4001

    void TriedAndFreed()
    {
        if (!CalleeTryMake(out byte* p)) return;
        kfree(p);
    }

    void TriedAndLost()
    {
        if (!CalleeTryMake(out byte* p)) return;
        *p = 1;
    } // expect: KA4001

    int ConsumedOnSuccess(int n)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        int error = CalleeConsume(p, n);
        if (error != 0) kfree(p);
        return error;
    }

    int ConsumedOnSuccessAndLostOnError(int n)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        int error = CalleeConsume(p, n);
        return error; // expect: KA4001
    }

    void FreedTwiceDeep()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        CalleeFreeDeep(p);
        CalleeFree(p); // expect: KA4005
    }

    void FreedThenUsedInCallee()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        kfree(p);
        CalleeUse(p); // expect: KA4006
    }

    void FreedAndCleared()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        CalleeFreeAndClear(ref p);
        kfree(p);
    }

    void WrongDeallocatorInCallee()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        CalleeVfree(p); // expect: KA4007
    }

    void WrongOrderInCallee()
    {
        nuint address = __get_free_pages(GFP_KERNEL, 2);
        CalleeFreePages(address, 1); // expect: KA3001
    }

    void RightOrderInCallee()
    {
        nuint address = __get_free_pages(GFP_KERNEL, 2);
        CalleeFreePages(address, 2);
    }

    void KeptInStatic()
    {
        byte* p = CalleeMake(8, GFP_KERNEL);
        CalleeKeepStatic(p);
    }

    void KeptInField()
    {
        byte* p = CalleeMake(8, GFP_KERNEL);
        CalleeKeepField(p);
    }

    void FreedIfAsTheCallerSays()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        CalleeFreeIf(p, true);
    }

    void NotFreedAsTheCallerSays()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        CalleeFreeIf(p, false);
    } // expect: KA4001

    void FreedIfCorrelated(bool really)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        CalleeFreeIf(p, really);
        if (!really) kfree(p);
    }

    void Swapped()
    {
        byte* a = (byte*)kmalloc(8, GFP_KERNEL);
        byte* b = null;
        CalleeSwap(ref a, ref b);
        kfree(b);
    }

    void SwappedAndLost()
    {
        byte* a = (byte*)kmalloc(8, GFP_KERNEL);
        byte* b = null;
        CalleeSwap(ref a, ref b);
        kfree(a);
    } // expect: KA4001

    void FreedThroughFunctionPointer()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        CalleeApply(p, &CalleeFree);
    }

    void UsedThroughFunctionPointerAndLost()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        CalleeApply(p, &CalleeUse);
    } // expect: KA4001

    void FreedInActionOfCallee()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        nint held = (nint)p;
        CalleeApplyAction(() => kfree((void*)held));
    }

    void SameThroughCallee()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        kfree(CalleeSame(p));
    }

    void ValidThroughCallee()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (CalleeIsValid(p)) kfree(p);
    }

    void InvalidThroughCallee()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (!CalleeIsValid(p)) kfree(p);
    } // expect: KA4001

    void InteriorThroughCallee()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        byte* q = CalleeNext(p);
        kfree(q - 4);
    }

    static bool CalleeHas(uint flags, uint mask) => (flags & mask) == flags;

    void EqualToWhatMentionsIt(uint flags, uint mask)
    {
        byte* p = CalleeHas(flags, mask) ? CalleeMake(flags, GFP_KERNEL) : null;
        if (flags == (flags & mask)) GC.KeepAlive((nint)(flags | mask));
        kfree(p);
    }

    static void CalleeFreeToCache(kmem_cache* cache, void* p)
    {
        if (cache == null) kfree(p);
        else kmem_cache_free(cache, p);
    }

    void FreedToTheCacheItCameFrom(kmem_cache* cache)
    {
        void* p = kmem_cache_alloc(cache, GFP_KERNEL);
        CalleeFreeToCache(cache, p);
    }

    void FreedTwiceByReference(bool early)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (early) CalleeFree(p);
        CalleeFreeAndClear(ref p); // expect: KA4005
    }
}
