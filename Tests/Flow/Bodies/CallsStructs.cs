// Structs that cross methods: what their fields hold goes with every copy, as argument and as result.

unsafe class Bodies
{
    struct Pair { public byte* First; public byte* Second; }

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

    static Pair CalleeMakePair() => new Pair { First = (byte*)kmalloc(8, GFP_KERNEL), Second = (byte*)kmalloc(8, GFP_KERNEL) };

    static void CalleeFreePair(Pair pair)
    {
        kfree(pair.First);
        kfree(pair.Second);
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
}
