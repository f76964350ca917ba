// Bodies that are too large to be walked for what they do with pointers alone: what they keep is told without. Memory that they only use is still
// its owner's; of memory that they keep no claim is made.

unsafe struct Context { public byte* input; public byte* table; public uint sum; }

unsafe class Bodies
{
    static byte* s_last;

    static uint Digest(byte* from, int count)
    {
        uint a = 1, b = from[0];
        for (byte* at = from; at < from + count; at += 16)
        {
            a = ((a << 3) | (a >> 29)) + (uint)at[0] * 3; b ^= a + (b << 4);
            a = ((a << 5) | (a >> 27)) + (uint)at[1] * 5; b ^= a + (b << 6);
            a = ((a << 7) | (a >> 25)) + (uint)at[2] * 7; b ^= a + (b << 8);
            a = ((a << 11) | (a >> 21)) + (uint)at[3] * 9; b ^= a + (b << 12);
            a = ((a << 13) | (a >> 19)) + (uint)at[4] * 11; b ^= a + (b << 14);
            a = ((a << 17) | (a >> 15)) + (uint)at[5] * 13; b ^= a + (b << 18);
            a = ((a << 19) | (a >> 13)) + (uint)at[6] * 15; b ^= a + (b << 20);
            a = ((a << 23) | (a >> 9)) + (uint)at[7] * 17; b ^= a + (b << 24);
            a = ((a << 3) | (a >> 29)) + (uint)at[8] * 19; b ^= a + (b << 4);
            a = ((a << 5) | (a >> 27)) + (uint)at[9] * 21; b ^= a + (b << 6);
            a = ((a << 7) | (a >> 25)) + (uint)at[10] * 23; b ^= a + (b << 8);
            a = ((a << 11) | (a >> 21)) + (uint)at[11] * 25; b ^= a + (b << 12);
            a = ((a << 13) | (a >> 19)) + (uint)at[12] * 27; b ^= a + (b << 14);
            a = ((a << 17) | (a >> 15)) + (uint)at[13] * 29; b ^= a + (b << 18);
            a = ((a << 19) | (a >> 13)) + (uint)at[14] * 31; b ^= a + (b << 20);
            a = ((a << 23) | (a >> 9)) + (uint)at[15] * 33; b ^= a + (b << 24);
            if ((a & 1) != 0) b += a; else a -= b;
            b += at[0];
        }

        return a ^ b;
    }

    static uint DigestAndKeep(byte* from, int count)
    {
        uint a = 1, b = 2;
        s_last = from;
        for (byte* at = from; at < from + count; at += 16)
        {
            a = ((a << 3) | (a >> 29)) + (uint)at[0] * 3; b ^= a + (b << 4);
            a = ((a << 5) | (a >> 27)) + (uint)at[1] * 5; b ^= a + (b << 6);
            a = ((a << 7) | (a >> 25)) + (uint)at[2] * 7; b ^= a + (b << 8);
            a = ((a << 11) | (a >> 21)) + (uint)at[3] * 9; b ^= a + (b << 12);
            a = ((a << 13) | (a >> 19)) + (uint)at[4] * 11; b ^= a + (b << 14);
            a = ((a << 17) | (a >> 15)) + (uint)at[5] * 13; b ^= a + (b << 18);
            a = ((a << 19) | (a >> 13)) + (uint)at[6] * 15; b ^= a + (b << 20);
            a = ((a << 23) | (a >> 9)) + (uint)at[7] * 17; b ^= a + (b << 24);
            a = ((a << 3) | (a >> 29)) + (uint)at[8] * 19; b ^= a + (b << 4);
            a = ((a << 5) | (a >> 27)) + (uint)at[9] * 21; b ^= a + (b << 6);
            a = ((a << 7) | (a >> 25)) + (uint)at[10] * 23; b ^= a + (b << 8);
            a = ((a << 11) | (a >> 21)) + (uint)at[11] * 25; b ^= a + (b << 12);
            a = ((a << 13) | (a >> 19)) + (uint)at[12] * 27; b ^= a + (b << 14);
            a = ((a << 17) | (a >> 15)) + (uint)at[13] * 29; b ^= a + (b << 18);
            a = ((a << 19) | (a >> 13)) + (uint)at[14] * 31; b ^= a + (b << 20);
            a = ((a << 23) | (a >> 9)) + (uint)at[15] * 33; b ^= a + (b << 24);
            if ((a & 1) != 0) b += a; else a -= b;
            b += at[1];
        }

        return a ^ b;
    }

    static uint DigestInto(byte* from, int count, Context* context)
    {
        uint a = 1, b = 2;
        context->table = null;
        for (byte* at = from; at < from + count; at += 16)
        {
            a = ((a << 3) | (a >> 29)) + (uint)at[0] * 3; b ^= a + (b << 4);
            a = ((a << 5) | (a >> 27)) + (uint)at[1] * 5; b ^= a + (b << 6);
            a = ((a << 7) | (a >> 25)) + (uint)at[2] * 7; b ^= a + (b << 8);
            a = ((a << 11) | (a >> 21)) + (uint)at[3] * 9; b ^= a + (b << 12);
            a = ((a << 13) | (a >> 19)) + (uint)at[4] * 11; b ^= a + (b << 14);
            a = ((a << 17) | (a >> 15)) + (uint)at[5] * 13; b ^= a + (b << 18);
            a = ((a << 19) | (a >> 13)) + (uint)at[6] * 15; b ^= a + (b << 20);
            a = ((a << 23) | (a >> 9)) + (uint)at[7] * 17; b ^= a + (b << 24);
            a = ((a << 3) | (a >> 29)) + (uint)at[8] * 19; b ^= a + (b << 4);
            a = ((a << 5) | (a >> 27)) + (uint)at[9] * 21; b ^= a + (b << 6);
            a = ((a << 7) | (a >> 25)) + (uint)at[10] * 23; b ^= a + (b << 8);
            a = ((a << 11) | (a >> 21)) + (uint)at[11] * 25; b ^= a + (b << 12);
            a = ((a << 13) | (a >> 19)) + (uint)at[12] * 27; b ^= a + (b << 14);
            a = ((a << 17) | (a >> 15)) + (uint)at[13] * 29; b ^= a + (b << 18);
            a = ((a << 19) | (a >> 13)) + (uint)at[14] * 31; b ^= a + (b << 20);
            a = ((a << 23) | (a >> 9)) + (uint)at[15] * 33; b ^= a + (b << 24);
            if ((a & 1) != 0) b += a; else a -= b;
            context->sum = b;
        }

        return a ^ b;
    }

    static void LendsAndLoses(int n)
    {
        byte* p = (byte*)kmalloc(64, GFP_KERNEL);
        if (p == null) return;
        if (Digest(p, n) == 0) return; // expect: KA4001
        kfree(p);
    }

    static void LendsAndFrees(int n)
    {
        byte* p = (byte*)kmalloc(64, GFP_KERNEL);
        if (p == null) return;
        Digest(p, n);
        kfree(p);
    }

    static void LendsFreed(int n)
    {
        byte* p = (byte*)kmalloc(64, GFP_KERNEL);
        if (p == null) return;
        kfree(p);
        Digest(p, n); // expect: KA4006
    }

    // Where it is used in a loop only, nobody knows that it is.

    static void LendsNothingOfFreed(Context* context)
    {
        byte* p = (byte*)kmalloc(64, GFP_KERNEL);
        if (p == null) return;
        kfree(p);
        DigestInto(p, 0, context);
    }

    static void LendsAndFreesTwice(int n)
    {
        byte* p = (byte*)kmalloc(64, GFP_KERNEL);
        if (p == null) return;
        kfree(p);
        n++;
        kfree(p); // expect: KA4005
    }

    static void Kept(int n)
    {
        byte* p = (byte*)kmalloc(64, GFP_KERNEL);
        if (p == null) return;
        DigestAndKeep(p, n);
    }

    // What lies behind a pointer that is lent may be overwritten or handed on: nothing is said of it.

    static void LentContents(byte* input, int n)
    {
        var context = (Context*)kmalloc(64, GFP_KERNEL);
        if (context == null) return;
        context->table = (byte*)kmalloc(16, GFP_KERNEL);
        DigestInto(input, n, context);
        kfree(context);
    }

    static void LentContentsOfAVariable(byte* input, int n)
    {
        Context context = default;
        context.table = (byte*)kmalloc(16, GFP_KERNEL);
        DigestInto(input, n, &context);
    }

    static void LentContentsThatStayed(byte* input, int n)
    {
        Context context = default;
        context.table = (byte*)kmalloc(16, GFP_KERNEL);
        kfree(context.table);
        DigestInto(input, n, &context);
        kfree(context.table);
    }

    static void FreeContext(Context* context)
    {
        if (context->sum != 0) return;
        kfree(context);
    }

    // What decides whether it is freed was written where nobody looked.

    static void FreedByWhatIsInIt(byte* input, int n)
    {
        var context = (Context*)kzalloc(64, GFP_KERNEL);
        if (context == null) return;
        DigestInto(input, n, context);
        FreeContext(context);
    }
}
