// What is computed from numbers: the smaller and the larger of two, quotients, shifts and low bits, pairs, and what .NET says of a number twice.

unsafe class Bodies
{
    static void Larger(int n)
    {
        void* p = n > 0 ? NativeMemory.Alloc(8) : null;
        if (Math.Max(n, 0) > 0) NativeMemory.Free(p);
        int m = Math.Max(n, 0);
        void* q = m != 0 ? NativeMemory.Alloc(8) : null;
        if (n > 0) NativeMemory.Free(q);
    }

    static void LargerThanOther(int n)
    {
        void* p = n > 0 ? NativeMemory.Alloc(8) : null;
        if (Math.Max(n, 0) > 1) NativeMemory.Free(p);
    } // expect: KA4001

    static void Clamped(int n)
    {
        int m = Math.Clamp(n, 0, 16);
        void* p = m > 16 ? NativeMemory.Alloc(8) : null;
        byte* small = stackalloc byte[16];
        byte* q = Math.Min(n, 16) <= 16 ? small : (byte*)NativeMemory.Alloc((nuint)n);
    }

    static void ClampedToMore(int n)
    {
        int m = Math.Clamp(n, 0, 17);
        void* p = m > 16 ? NativeMemory.Alloc(8) : null;
    } // expect: KA4001

    static void FarFromZero(int n)
    {
        void* p = Math.Abs(n) > 5 ? NativeMemory.Alloc(8) : null;
        if (n > 5 || n < -5) NativeMemory.Free(p);
    }

    static void FarAboveZero(int n)
    {
        void* p = Math.Abs(n) > 5 ? NativeMemory.Alloc(8) : null;
        if (n > 5) NativeMemory.Free(p);
    } // expect: KA4001

    static int InChunks(int n)
    {
        if (n <= 0) return 0;
        void* p = NativeMemory.Alloc(8);
        int left = n, turns = 0;
        while (left > 0)
        {
            int chunk = Math.Min(left, 16);
            left -= chunk;
            turns++;
        }

        NativeMemory.Free(p);
        return turns;
    }

    static void Quotient(uint n)
    {
        void* p = n / 8 > 0 ? NativeMemory.Alloc(8) : null;
        if (n >= 8) NativeMemory.Free(p);
        void* q = n >= 8 ? NativeMemory.Alloc(8) : null;
        for (uint i = 0; i < n / 8; i++)
            if (i == 0) NativeMemory.Free(q);
    }

    static void OtherQuotient(uint n)
    {
        void* p = n / 8 > 0 ? NativeMemory.Alloc(8) : null;
        if (n >= 9) NativeMemory.Free(p);
    } // expect: KA4001

    static void Shifted(long n, ulong packed)
    {
        void* p = n < 0 ? NativeMemory.Alloc(8) : null;
        if (n >> 63 != 0) NativeMemory.Free(p);
        void* q = packed >> 63 != 0 ? NativeMemory.Alloc(8) : null;
        if (packed >> 63 == 1) NativeMemory.Free(q);
    }

    static void ShiftedBit()
    {
        ulong packed = 0x8000_0000_0000_0000;
        void* p = NativeMemory.Alloc(8);
        if (packed >> 63 == 1) NativeMemory.Free(p);
    }

    static void ShiftedLess(ulong packed)
    {
        void* p = packed >> 62 != 0 ? NativeMemory.Alloc(8) : null;
        if (packed >> 62 == 1) NativeMemory.Free(p);
    } // expect: KA4001

    static void Even(int n, uint m)
    {
        void* p = n % 2 == 0 ? NativeMemory.Alloc(8) : null;
        if ((n & 1) == 0) NativeMemory.Free(p);
        void* q = m % 4 == 3 ? NativeMemory.Alloc(8) : null;
        if ((m & 3) == 3) NativeMemory.Free(q);
    }

    // -1 is odd, and what is left of it is -1.
    static void Odd(int n)
    {
        void* p = (n & 1) == 1 ? NativeMemory.Alloc(8) : null;
        if (n % 2 == 1) NativeMemory.Free(p);
    } // expect: KA4001

    static void Pair(int a, bool b)
    {
        void* p = (a, b) == (4, false) ? NativeMemory.Alloc(8) : null;
        if (a == 4 && !b) NativeMemory.Free(p);
        void* q = (a, b) != (0, true) ? NativeMemory.Alloc(8) : null;
        if (a == 0 && b) return;
        NativeMemory.Free(q);
    }

    static void PairWithin(((int, int) At, string Name) given, (int, int) at)
    {
        void* p = given == (at, "x") ? NativeMemory.Alloc(8) : null;
        if (p != null) NativeMemory.Free(p);
        void* q = given.At == at ? NativeMemory.Alloc(8) : null;
        if (given.At.Item1 == at.Item1 && given.At.Item2 == at.Item2) NativeMemory.Free(q);
    }

    static void OtherPair(int a, bool b)
    {
        void* p = (a, b) == (4, false) ? NativeMemory.Alloc(8) : null;
        if (a == 4 && b) NativeMemory.Free(p);
    } // expect: KA4001

    static void AskedTwice(int n, nuint size, char c, DayOfWeek day)
    {
        void* p = int.IsPow2(n) ? NativeMemory.Alloc(8) : null;
        if (int.IsPow2(n)) NativeMemory.Free(p);
        void* q = System.Numerics.BitOperations.Log2(size) > 4 ? NativeMemory.Alloc(8) : null;
        if (System.Numerics.BitOperations.Log2(size) >= 5) NativeMemory.Free(q);
        void* r = char.IsDigit(c) ? NativeMemory.Alloc(8) : null;
        if (char.IsDigit(c)) NativeMemory.Free(r);
        void* s = Enum.IsDefined(day) ? NativeMemory.Alloc(8) : null;
        if (Enum.IsDefined(day)) NativeMemory.Free(s);
        void* t = n.CompareTo(3) < 0 ? NativeMemory.Alloc(8) : null;
        if (n.CompareTo(3) < 0) NativeMemory.Free(t);
    }

    static void AskedOfAnother(int n, int m)
    {
        void* p = int.IsPow2(n) ? NativeMemory.Alloc(8) : null;
        if (int.IsPow2(m)) NativeMemory.Free(p);
        void* q = Math.Pow(n, 2) > m ? NativeMemory.Alloc(8) : null;
        if (Math.Pow(2, n) > m) NativeMemory.Free(q);
    } // expect: KA4001, KA4001

    static void OfType<T>(Type type) where T : unmanaged
    {
        void* p = typeof(T) == typeof(int) ? NativeMemory.Alloc(8) : null;
        if (typeof(T) == typeof(int)) NativeMemory.Free(p);
        void* q = type == typeof(string) ? NativeMemory.Alloc(8) : null;
        if (type == typeof(string)) NativeMemory.Free(q);
        void* r = Marshal.SizeOf<T>() > 8 ? NativeMemory.Alloc(8) : null;
        if (Marshal.SizeOf<T>() > 8) NativeMemory.Free(r);
    }

    static void OfOtherType<T>() where T : unmanaged
    {
        void* p = typeof(T) == typeof(int) ? NativeMemory.Alloc(8) : null;
        if (typeof(T) == typeof(uint)) NativeMemory.Free(p);
    } // expect: KA4001

    static void InDictionary(Dictionary<int, int> known, int key)
    {
        void* p = known.ContainsKey(key) ? NativeMemory.Alloc(8) : null;
        if (known.ContainsKey(key)) NativeMemory.Free(p);
    }

    static void InDictionaryNow(Dictionary<int, int> known, int key)
    {
        void* p = known.ContainsKey(key) ? NativeMemory.Alloc(8) : null;
        known.Clear();
        if (known.ContainsKey(key)) NativeMemory.Free(p);
    } // expect: KA4001

    static void InDictionaryByIndex(Dictionary<int, int> known, int key)
    {
        void* p = known.ContainsKey(key) ? null : NativeMemory.Alloc(8);
        known[key] = 3;
        if (!known.ContainsKey(key)) NativeMemory.Free(p);
    } // expect: KA4001

    static void InSet(HashSet<string> seen, string name, string other)
    {
        void* p = seen.Contains(name) ? null : NativeMemory.Alloc(8);
        if (!seen.Contains(name)) NativeMemory.Free(p);
        void* q = seen.Contains(name) ? null : NativeMemory.Alloc(8);
        if (!seen.Contains(other)) NativeMemory.Free(q);
    } // expect: KA4001

    static void Below(int x, int[] all, int at)
    {
        void* p = (uint)(x - 'a') <= 'z' - 'a' ? NativeMemory.Alloc(8) : null;
        if (x is >= 'a' and <= 'z') NativeMemory.Free(p);
        if ((uint)at >= (uint)all.Length) return;
        void* q = NativeMemory.Alloc(8);
        for (int i = 0; i < all.Length; i++)
        {
            if (i != at) continue;
            NativeMemory.Free(q);
            break;
        }
    }

    static void BelowOther(int x)
    {
        void* p = (uint)(x - 'a') <= 'z' - 'a' ? NativeMemory.Alloc(8) : null;
        if (x is >= 'a' and < 'z') NativeMemory.Free(p);
    } // expect: KA4001

    static void Difference(int a, int b)
    {
        void* p = a - b > 0 ? NativeMemory.Alloc(8) : null;
        if (a > b) NativeMemory.Free(p);
    }

    static void DifferenceOfMore(int a, int b)
    {
        void* p = a - b > 0 ? NativeMemory.Alloc(8) : null;
        if (a > b + 1) NativeMemory.Free(p);
    } // expect: KA4001

    static void Tagged(int x)
    {
        x = (x & ~3) | 2;
        void* p = (x & 3) == 2 ? null : NativeMemory.Alloc(8);
    }

    static void TakenFromRest(int n)
    {
        if (n <= 0) return;
        void* p = NativeMemory.Alloc(8);
        int left = n;
        do
        {
            left -= Math.Min(left, 16);
            if (left == 0) NativeMemory.Free(p);
        }
        while (left > 0);
    }

    static void OfEither(size_t size)
    {
        void* p = kmalloc(size, GFP_KERNEL | __GFP_NOWARN);
        if (p == null) p = vmalloc(size);
        Drop(p);
    }

    static void Drop(void* p)
    {
        if (is_vmalloc_addr(p)) vfree(p);
        else kfree(p);
    }

    static void OfOne(size_t size)
    {
        void* p = kmalloc(size, GFP_KERNEL);
        if (is_vmalloc_addr(p)) kfree(p);
    } // expect: KA4001

    [Flags]
    private enum Parts
    {
        None = 0,
        Own = 1,
        Big = 2,
        Pinned = 4,
    }

    static void Flags(Parts parts)
    {
        void* p = (parts & (Parts.Own | Parts.Big)) == (Parts.Own | Parts.Big) ? NativeMemory.Alloc(8) : null;
        if (parts.HasFlag(Parts.Own) && parts.HasFlag(Parts.Big)) NativeMemory.Free(p);
        void* q = (parts & (Parts.Own | Parts.Big)) != 0 ? NativeMemory.Alloc(8) : null;
        if (parts.HasFlag(Parts.Own) || (parts & Parts.Big) != 0) NativeMemory.Free(q);
        void* r = (parts & Parts.Own) != 0 ? NativeMemory.Alloc(8) : null;
        parts ^= Parts.Big;
        if (parts.HasFlag(Parts.Own)) NativeMemory.Free(r);
    }

    static void OtherFlags(Parts parts)
    {
        void* p = (parts & (Parts.Own | Parts.Big)) != 0 ? NativeMemory.Alloc(8) : null;
        if (parts.HasFlag(Parts.Own) || parts.HasFlag(Parts.Pinned)) NativeMemory.Free(p);
        void* q = (parts & Parts.Own) != 0 ? NativeMemory.Alloc(8) : null;
        parts ^= Parts.Own;
        if (parts.HasFlag(Parts.Own)) NativeMemory.Free(q);
    } // expect: KA4001, KA4001

    static void Sums(int a, ushort b, ushort c, uint d, uint e)
    {
        void* p = 10 - a > 0 ? NativeMemory.Alloc(8) : null;
        if (a < 10) NativeMemory.Free(p);
        void* q = b + c > 0 ? NativeMemory.Alloc(8) : null;
        if (b != 0 || c != 0) NativeMemory.Free(q);
        void* r = d > e ? NativeMemory.Alloc(8) : null;
        if (d > e && d - e > 0) NativeMemory.Free(r);
    }

    static void OtherSums(int a)
    {
        void* p = 10 - a > 0 ? NativeMemory.Alloc(8) : null;
        if (a < 9) NativeMemory.Free(p);
    } // expect: KA4001

    static void AsOftenAsCounted(int[] all, List<int> more, string text, Exception[] errors)
    {
        void* p = null, q = null, r = null, s = null;
        foreach (int one in all)
            if (p == null) p = NativeMemory.Alloc(8);
        if (all.Length != 0) NativeMemory.Free(p);
        foreach (int one in more)
            if (q == null) q = NativeMemory.Alloc(8);
        if (more.Count > 0) NativeMemory.Free(q);
        foreach (char one in text)
            if (r == null) r = NativeMemory.Alloc(8);
        if (text != "") NativeMemory.Free(r);
        foreach (Exception one in errors)
            if (s == null) s = NativeMemory.Alloc(8);
        if (errors is not []) NativeMemory.Free(s);
    }

    static void OftenerThanCounted(List<int> more)
    {
        void* p = null;
        foreach (int one in more)
            if (p == null) p = NativeMemory.Alloc(8);
        if (more.Count > 1) NativeMemory.Free(p);
    } // expect: KA4001

    static void OfAnotherList(List<int> more, List<int> other)
    {
        void* p = null;
        foreach (int one in more)
            if (p == null) p = NativeMemory.Alloc(8);
        if (other.Count > 0) NativeMemory.Free(p);
    } // expect: KA4001

    // What has no sign is zero or not, however that is asked.

    static void NotZeroOrOneAtLeast(nuint n)
    {
        void* p = n != 0 ? NativeMemory.Alloc(n) : null;
        if (n >= 1) NativeMemory.Free(p);
    }

    static void PositiveOrBelowOne(ulong n)
    {
        void* p = n > 0 ? NativeMemory.Alloc((nuint)n) : null;
        if (1 > n) return;
        NativeMemory.Free(p);
    }

    static void OneAtLeastOrNotPositive(nuint n)
    {
        void* p = n >= 1 ? NativeMemory.Alloc(n) : null;
        if (n <= 0) return;
        NativeMemory.Free(p);
    }

    static void OneAtLeastOrTwo(nuint n)
    {
        void* p = n >= 1 ? NativeMemory.Alloc(n) : null;
        if (n >= 2) NativeMemory.Free(p);
    } // expect: KA4001
}
