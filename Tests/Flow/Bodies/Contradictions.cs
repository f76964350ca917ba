// Ways that nobody can take: what was decided on them, one thing after the other, contradicts itself only when all of it is seen together.

unsafe class Bodies
{
    static void FreedAtIndex(int n, int k)
    {
        if (k < 0 || k >= n) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            if (i == k) NativeMemory.Free(p);
        }
    }

    // The index may be n.
    static void FreedAtIndexIfAny(int n, int k)
    {
        if (k < 0 || k > n) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            if (i == k) NativeMemory.Free(p);
        }
    } // expect: KA4001

    static void UsedUntilIndex(int n, int k)
    {
        if (k < 0 || k >= n) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            if (i < k) p[0] = 1;
            if (i == k) NativeMemory.Free(p);
        }
    }

    static void UsedFromIndex(int n, int k)
    {
        if (k < 0 || k >= n) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            if (i == k) NativeMemory.Free(p);
            if (i >= k) p[0] = 1; // expect: KA4006
        }
    }

    static void FreedAtUpperBound(int low, int high)
    {
        if (low > high) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = low; i <= high; i++)
            if (i == high) NativeMemory.Free(p);
    }

    static void Ordered(int n, int m)
    {
        byte* p = n < m ? (byte*)NativeMemory.Alloc(8) : null;
        if (n >= m) return;
        if (n == m) return;
        NativeMemory.Free(p);
    }

    static void AtMostAndDifferent(int n, int m)
    {
        if (n > m) return;
        byte* p = n != m ? (byte*)NativeMemory.Alloc(8) : null;
        if (n < m) NativeMemory.Free(p);
    }

    static void AtMost(int n, int m)
    {
        if (n > m) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        if (n < m) NativeMemory.Free(p);
    } // expect: KA4001

    static void InOrder(int a, int b, int c)
    {
        if (a >= b || b >= c) return;
        byte* p = a < c - 1 ? (byte*)NativeMemory.Alloc(8) : null;
        NativeMemory.Free(p);
        if (a >= c) NativeMemory.Free(p);
    }

    static void OneOfTwo(byte kind)
    {
        byte* p = kind switch { 0 or 1 => (byte*)NativeMemory.Alloc(8), _ => null };
        if (kind < 2) NativeMemory.Free(p);
    }

    static void OneOfThree(byte kind)
    {
        byte* p = kind switch { 0 or 1 or 2 => (byte*)NativeMemory.Alloc(8), _ => null };
        if (kind < 2) NativeMemory.Free(p);
    } // expect: KA4001

    static void FoundAndLeft(int n, int k)
    {
        if (k < 0 || k >= n) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            if (i != k) continue;
            NativeMemory.Free(p);
            break;
        }
    }

    static void FoundAndLeftIfAny(int n, int k)
    {
        if (k < 0 || k > n) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            if (i != k) continue;
            NativeMemory.Free(p);
            break;
        }
    } // expect: KA4001

    // Every second index is looked at.
    static void FoundOnEvenIndex(int n, int k)
    {
        if (k < 0 || k >= n) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i += 2)
        {
            if (i != k) continue;
            NativeMemory.Free(p);
            break;
        }
    } // expect: KA4001

    static void NotFoundAtEnd(int[] all)
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        int i;
        for (i = 0; i < all.Length; i++)
        {
            if (all[i] != 3) continue;
            NativeMemory.Free(p);
            break;
        }

        if (i == all.Length) NativeMemory.Free(p);
    }
}
