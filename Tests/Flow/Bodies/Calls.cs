// What crosses methods: each call is replaced by what the summary of the callee says, on the caller's own state.

unsafe class Bodies
{
    private static spinlock_t s_lock;
    private static byte* s_kept;
    private byte* _buffer;

    struct Pair { public byte* First; public byte* Second; }

    sealed class Owner : IDisposable
    {
        private byte* _memory;

        public Owner(nuint size) { _memory = (byte*)NativeMemory.Alloc(size); }

        public byte* Memory => _memory;

        public void Dispose()
        {
            NativeMemory.Free(_memory);
            _memory = null;
        }
    }

    struct Parcel
    {
        public int Tag;
        public byte* Item;
    }

    static Parcel CalleeMakeParcel()
    {
        Parcel made = default;
        made.Item = (byte*)NativeMemory.AllocZeroed(1, 64);
        return made;
    }

    static void CalleeNativeFree(byte* item)
    {
        NativeMemory.Free(item);
    }

    void ParcelEachTurn(int n)
    {
        for (int i = 0; i < n; i++)
        {
            Parcel parcel = CalleeMakeParcel();
            byte* p = parcel.Item;
            CalleeNativeFree(p);
        }
    }

    void ParcelAgain()
    {
        Parcel parcel = CalleeMakeParcel();
        NativeMemory.Free(parcel.Item);
        parcel = CalleeMakeParcel();
        NativeMemory.Free(parcel.Item);
    }

    void ParcelNotFreed()
    {
        Parcel parcel = CalleeMakeParcel();
        byte* p = parcel.Item;
        *p = 1;
    } // expect: KA4001

    void ParcelFreedWrongly()
    {
        Parcel parcel = CalleeMakeParcel();
        vfree(parcel.Item); // expect: KA4007
    }

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

    static Pair CalleeMakePair() => new Pair { First = (byte*)kmalloc(8, GFP_KERNEL), Second = (byte*)kmalloc(8, GFP_KERNEL) };

    static void CalleeFreePair(Pair pair)
    {
        kfree(pair.First);
        kfree(pair.Second);
    }

    static void CalleeSwap(ref byte* a, ref byte* b)
    {
        byte* t = a;
        a = b;
        b = t;
    }

    static void CalleeUse(byte* p) => *p = 1;

    static void CalleeApply(byte* p, delegate*<byte*, void> f) => f(p);

    static void CalleeApplyAction(Action action) => action();

    static void CalleeLock() => spin_lock(ref s_lock);

    static void CalleeUnlock() => spin_unlock(ref s_lock);

    static void CalleeSleeps() => msleep(10);

    static void CalleeSleepsDeep() => CalleeSleeps();

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

    void PairFreed()
    {
        Pair pair = CalleeMakePair();
        CalleeFreePair(pair);
    }

    void PairHalfFreed()
    {
        Pair pair = CalleeMakePair();
        kfree(pair.First);
    } // expect: KA4001

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

    void SleepsBelow()
    {
        spin_lock(ref s_lock);
        CalleeSleepsDeep(); // expect: KA1004
        spin_unlock(ref s_lock);
    }

    void SleepsByFlags()
    {
        spin_lock(ref s_lock);
        byte* p = CalleeMake(8, GFP_KERNEL); // expect: KA1004
        spin_unlock(ref s_lock);
        kfree(p);
    }

    void DoesNotSleepByFlags()
    {
        spin_lock(ref s_lock);
        byte* p = CalleeMake(8, GFP_ATOMIC);
        spin_unlock(ref s_lock);
        kfree(p);
    }

    void LockedInCallee()
    {
        CalleeLock();
        byte* p = (byte*)kmalloc(8, GFP_KERNEL); // expect: KA1001
        CalleeUnlock();
        kfree(p);
    }

    void UnlockedInCallee()
    {
        CalleeLock();
        CalleeUnlock();
        kfree(kmalloc(8, GFP_KERNEL));
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

    void OwnerDisposed()
    {
        using var owner = new Owner(8);
        owner.Memory[0] = 1;
    }

    void OwnerDisposedByHand()
    {
        var owner = new Owner(8);
        owner.Dispose();
        owner.Dispose();
    }

    void OwnerLost()
    {
        var owner = new Owner(8);
        owner.Memory[0] = 1;
    } // expect: KA4001

    Owner OwnerReturned()
    {
        var owner = new Owner(8);
        owner.Memory[0] = 1;
        return owner;
    }

    void OwnerInList(List<Owner> list)
    {
        list.Add(new Owner(8));
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

    sealed class Keeper(byte* memory) : IDisposable
    {
        public void Dispose() => kfree(memory);
    }

    sealed class WrongKeeper(byte* memory) : IDisposable
    {
        public void Dispose() => vfree(memory);
    }

    sealed class LazyKeeper(byte* memory) : IDisposable
    {
        public byte* Memory => memory;

        public void Dispose() { }
    }

    void KeptByPrimaryConstructor()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        using var keeper = new Keeper(p);
        *p = 1;
    }

    void FreedWrongByPrimaryConstructor()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        using (new WrongKeeper(p)) // expect: KA4007
        {
            *p = 1;
        }
    }

    void LostByPrimaryConstructor()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        using (var keeper = new LazyKeeper(p)) keeper.Memory[0] = 1;
    } // expect: KA4001

    static void CalleeUsePair(in Pair pair) => *pair.First = 1;

    void FreedThenUsedInStruct()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (p == null) return;
        Pair pair = default;
        pair.First = p;
        kfree(p);
        CalleeUsePair(pair); // expect: KA4006
    }

    void FreedTwiceByReference(bool early)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        if (early) CalleeFree(p);
        CalleeFreeAndClear(ref p); // expect: KA4005
    }
}
