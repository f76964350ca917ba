// Memory that is compared with a pointer from elsewhere: a buffer of the caller's unless it is too small, and realloc that leaves a block where it was.

unsafe class Bodies
{
    unsafe struct Packet
    {
        public fixed byte inline_[16];
        public byte* buffer;
        public int length;
    }

    static byte* s_scratch;

    static void InsteadOfGiven(byte* given, int length)
    {
        byte* p = given;
        if (length > 16)
        {
            p = (byte*)kmalloc((nuint)length, GFP_KERNEL);
            if (p == null) return;
        }

        p[0] = 1;
        if (p != given) kfree(p);
    }

    static void InsteadOfGivenInTurns(byte* given, int n)
    {
        byte* p = given;
        for (int i = 0; i < n; i++)
        {
            if (given[i] != 0xFF) continue;
            byte* q = (byte*)NativeMemory.Alloc((nuint)n);
            if (p != given) NativeMemory.Free(p);
            p = q;
        }

        if (p != given) NativeMemory.Free(p);
    }

    static void InsteadOfField(Packet* packet, int length)
    {
        byte* p = packet->buffer;
        if (length > 16) p = (byte*)NativeMemory.Alloc((nuint)length);
        p[0] = 1;
        if (p != packet->buffer) NativeMemory.Free(p);
    }

    static void InsteadOfInline(Packet* packet, int length)
    {
        byte* p = packet->inline_;
        if (length > 16) p = (byte*)NativeMemory.Alloc((nuint)length);
        p[0] = 1;
        if (p != packet->inline_) NativeMemory.Free(p);
    }

    static void InsteadOfStatic(int length)
    {
        byte* p = s_scratch;
        if (length > 16) p = (byte*)NativeMemory.Alloc((nuint)length);
        p[0] = 1;
        if (p != s_scratch) NativeMemory.Free(p);
    }

    static void InsteadOfPinned(byte[] data)
    {
        fixed (byte* p = data)
        {
            byte* use = p;
            if (data.Length > 8) use = (byte*)NativeMemory.Alloc((nuint)data.Length);
            use[0] = 1;
            if (use != p) NativeMemory.Free(use);
        }
    }

    static void InsteadOfGivenWithContents(Packet* given, int length)
    {
        Packet* p = given;
        if (length > 16)
        {
            p = (Packet*)NativeMemory.Alloc((nuint)sizeof(Packet));
            p->buffer = (byte*)NativeMemory.Alloc((nuint)length);
        }

        if (p != given)
        {
            NativeMemory.Free(p->buffer);
            NativeMemory.Free(p);
        }
    }

    static void MovedField(Packet* packet, nuint size)
    {
        byte* old = packet->buffer;
        byte* p = (byte*)NativeMemory.Realloc(old, size);
        if (p != old) packet->buffer = p;
    }

    static void MovedArgument(byte** place, byte* old, nuint size)
    {
        byte* p = (byte*)NativeMemory.Realloc(old, size);
        if (p != old) *place = p;
    }

    static void OnlyIfGiven(byte* given, int length)
    {
        byte* p = given;
        if (length > 16) p = (byte*)NativeMemory.Alloc((nuint)length);
        p[0] = 1;
        if (p == given) NativeMemory.Free(p);
    } // expect: KA4001

    static void TwiceUnlessGiven(byte* given, int length)
    {
        byte* p = given;
        if (length > 16) p = (byte*)NativeMemory.Alloc((nuint)length);
        if (p != given) NativeMemory.Free(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    static void UsedUnlessGiven(byte* given, int length)
    {
        byte* p = given;
        if (length > 16) p = (byte*)NativeMemory.Alloc((nuint)length);
        if (p != given) NativeMemory.Free(p);
        p[0] = 1; // expect: KA4006
    }

    static void LostOnTheWay(byte* given, int length)
    {
        byte* p = given;
        if (length > 16) p = (byte*)NativeMemory.Alloc((nuint)length);
        if (given[0] == 0) return; // expect: KA4001
        if (p != given) NativeMemory.Free(p);
    }
}
