// Bodies of more ways than are kept: what they can turn out to be that was not seen must not be taken for impossible.

unsafe class Bodies
{
    // One exit for all codes, after steps that have nothing to do with them.
    static int Parse(byte* s, int n, int* flags, int* mode)
    {
        int r;
        if (s[0] == 'a') *flags |= 1; else *flags |= 2;
        if (s[1] == 'b') *mode += 1; else *mode += 2;
        if (s[2] == 'c') *flags |= 4; else *flags |= 8;
        if (s[3] == 'd') *mode += 4; else *mode += 8;
        if (s[4] == 'e') *flags |= 16; else *flags |= 32;
        if (s[5] == 'f') *mode += 16; else *mode += 32;
        switch (s[6])
        {
            case 1: r = 1; break;
            case 2: r = 2; break;
            case 3: r = 3; break;
            case 4: r = 4; break;
            case 5: r = 5; break;
            case 6: r = 6; break;
            case 7: r = 7; break;
            case 8: r = 8; break;
            case 9: r = 9; break;
            default: r = -1; break;
        }
        if (n > 7 && s[7] == 'g') *flags |= 64;
        if (n > 8 && s[8] == 'h') *mode |= 64;
        if (n > 9 && s[9] == 'i') *flags |= 128;
        return r;
    }

    static void FreedByARareCode(byte* s, int n)
    {
        int flags = 0, mode = 0;
        void* p = kmalloc(64, GFP_KERNEL);
        if (p == null) return;
        switch (Parse(s, n, &flags, &mode))
        {
            case 9: case 8: case 7: case 6: case 5: case 4: case 3: case 2: case 1: break;
            default: flags = 0; break;
        }
        kfree(p);
    }

    // Takes the memory in one of many ways.
    static void* s_kept;
    static int Put(void* p, byte* s, int n, int* flags, int* mode)
    {
        int r = Parse(s, n, flags, mode);
        if (s[10] == 'a') *flags |= 1; else *flags |= 2;
        if (s[11] == 'b') *mode += 1; else *mode += 2;
        if (s[12] == 'c') *flags |= 4; else *flags |= 8;
        if (s[13] == 'd') *mode += 4; else *mode += 8;
        if (r == 9)
        {
            s_kept = p;
            return 1;
        }
        if (r == 8)
        {
            kfree(p);
            return 1;
        }
        return 0;
    }

    static void FreedUnlessTaken(byte* s, int n)
    {
        int flags = 0, mode = 0;
        void* p = kmalloc(64, GFP_KERNEL);
        if (p == null) return;
        if (Put(p, s, n, &flags, &mode) == 0) kfree(p);
    }

    // Allocates for one of many codes, and frees for that.
    static void OnlyForOneCode(byte* s, int n)
    {
        int flags = 0, mode = 0;
        int r = Parse(s, n, &flags, &mode);
        void* p = r == 9 ? kmalloc(64, GFP_KERNEL) : null;
        if (flags > 3) mode++;
        if (mode > 3) flags++;
        if (r == 9) kfree(p);
    }

    static void LostForOneCode(byte* s, int n)
    {
        int flags = 0, mode = 0;
        int r = Parse(s, n, &flags, &mode);
        void* p = null;
        if (r == 9) p = kmalloc(64, GFP_KERNEL);
        if (flags > 3) mode++;
        if (p != null && mode > 3) return; // expect: KA4001
        kfree(p);
    }

    // Which of many paths comes to the allocation is decided before.
    static void SizeByMode(byte* s, int n)
    {
        nuint size = 0;
        int kind = 0;
        if (s[0] == 1) size += 8; else if (s[0] == 2) size += 16; else if (s[0] == 3) size += 24;
        if (s[1] == 1) kind = 1; else if (s[1] == 2) kind = 2; else if (s[1] == 3) kind = 3;
        if (s[2] == 1) size += 32; else if (s[2] == 2) size += 64; else if (s[2] == 3) size += 96;
        if (s[3] == 1) size += 128; else if (s[3] == 2) size += 256; else if (s[3] == 3) size += 512;
        void* p = null;
        if (kind == 3) p = kmalloc(size + 1, GFP_KERNEL);
        if (s[4] == 1) size = 1;
        if (s[5] == 1) size = 2;
        if (kind == 3) kfree(p);
    }

    // The first paths of many all go the other way.
    static void LostForTheLastOfManyKinds(byte* s, int n)
    {
        int kind = 0, size = 0, shift = 0;
        if (s[0] == 1) size += 8; else if (s[0] == 2) size += 16; else if (s[0] == 3) size += 24;
        if (s[1] == 1) kind = 1; else if (s[1] == 2) kind = 2; else if (s[1] == 3) kind = 3; else if (s[1] == 4) kind = 4; else if (s[1] == 5) kind = 5; else kind = 6;
        if (s[2] == 1) size += 32; else if (s[2] == 2) size += 64; else if (s[2] == 3) size += 96;
        if (s[3] == 1) size += 128; else if (s[3] == 2) size += 256; else if (s[3] == 3) size += 512;
        if (s[4] == 1) shift += 1; else if (s[4] == 2) shift += 2; else if (s[4] == 3) shift += 3;
        if (s[5] == 1) shift += 4; else if (s[5] == 2) shift += 8; else if (s[5] == 3) shift += 12;
        s[6] = (byte)(size >> shift);
        if (kind == 6)
        {
            void* p = kmalloc((nuint)size, GFP_KERNEL);
            if (n > 3) return; // expect: KA4001
            kfree(p);
        }
    }

    private spinlock_t _lock;
    int ManyThenLocked(byte* s, int n)
    {
        int flags = 0, mode = 0;
        int r = Parse(s, n, &flags, &mode);
        if (r > 4) spin_lock(ref _lock);
        if (flags > 3) mode++;
        if (mode > 3) flags++;
        if (r > 4) spin_unlock(ref _lock);
        return flags;
    }
}
