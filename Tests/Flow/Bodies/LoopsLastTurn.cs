// What one turn of a loop frees, hands on or unlocks, most often the last: a path that is widened does not know which turn that was.

unsafe class Bodies
{
    unsafe struct Device
    {
        public spinlock_t l;
        public byte* data;
        public int count;
    }

    static void FreedInLastTurn(int n)
    {
        if (n <= 0) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            p[0]++;
            if (i == n - 1) NativeMemory.Free(p);
        }
    }

    // Without a turn nothing is freed.
    static void FreedInLastTurnIfAny(int n)
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            p[0]++;
            if (i == n - 1) NativeMemory.Free(p);
        }
    } // expect: KA4001

    static void FreedInLastTurnOfDo(int n)
    {
        if (n < 1) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        int i = 0;
        do
        {
            p[0]++;
            if (i + 1 == n) NativeMemory.Free(p);
        } while (++i < n);
    }

    static void FreedInLastTurnByCallee(int n)
    {
        if (n < 1) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        FreeInLastTurn(p, n);
    }

    static void FreeInLastTurn(byte* p, int n)
    {
        for (int i = 0; i < n; i++)
        {
            p[0]++;
            if (i == n - 1) NativeMemory.Free(p);
        }
    }

    static void FreedInLastTurnOfTwoLoops(int n, int m)
    {
        if (n <= 0 || m <= 0) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < m; j++)
            {
                p[0]++;
                if (i == n - 1 && j == m - 1) NativeMemory.Free(p);
            }
    }

    static void StoredInLastTurn(Device* device, int n)
    {
        if (n <= 0) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            p[0]++;
            if (i == n - 1) device->data = p;
        }
    }

    static void AddedInLastTurn(List<nint> all, int n)
    {
        if (n <= 0) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            p[0]++;
            if (i == n - 1) all.Add((nint)p);
        }
    }

    static void UnlockedInLastTurn(Device* device, int n)
    {
        if (n <= 0) return;
        spin_lock(ref device->l);
        for (int i = 0; i < n; i++)
        {
            device->count++;
            if (i == n - 1) spin_unlock(ref device->l);
        }
    }

    // A turn that frees and then leaves the loop says nothing about those that go on.
    static void FreedOnTheWayOut(int[] all)
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        foreach (int number in all)
        {
            if (number != 3) continue;
            NativeMemory.Free(p);
            return;
        }
    } // expect: KA4001

    static void FreedInEachTurn(int n)
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++) NativeMemory.Free(p); // expect: KA4005
    } // expect: KA4001

    static void UsedAfterLastTurn(int n)
    {
        if (n <= 0) return;
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < n; i++)
        {
            if (i == n - 1) NativeMemory.Free(p);
        }

        p[0] = 1; // expect: KA4006
    }
}
