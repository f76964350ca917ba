// Variables that are null when a loop begins and that its first turns fill, and memory that a block gives up to which no turn has come.

unsafe class Bodies
{
    struct Block { public Block* next; public int used; }

    static readonly List<nint> s_all = new();

    static void Send(byte* p, int n) { Console.WriteLine(p[n - 1]); NativeMemory.Free(p); }

    static byte* OldLost(int n)
    {
        byte* all = null;
        nuint room = 0;
        for (int i = 0; i < n; i++)
        {
            if ((nuint)i == room)
            {
                nuint wanted = room == 0 ? 16 : room * 2;
                byte* larger = (byte*)NativeMemory.Alloc(wanted);
                for (nuint k = 0; k < room; k++) larger[k] = all[k];
                all = larger; // expect: KA4001
                room = wanted;
            }
            all[i] = 1;
        }
        return all;
    }

    static byte* OldFreed(int n)
    {
        byte* all = null;
        nuint room = 0;
        for (int i = 0; i < n; i++)
        {
            if ((nuint)i == room)
            {
                nuint wanted = room == 0 ? 16 : room * 2;
                byte* larger = (byte*)NativeMemory.Alloc(wanted);
                for (nuint k = 0; k < room; k++) larger[k] = all[k];
                NativeMemory.Free(all);
                all = larger;
                room = wanted;
            }
            all[i] = 1;
        }
        return all;
    }

    static byte* LostWhereItCannotGrow(int n)
    {
        byte* all = null;
        nuint room = 0;
        for (int i = 0; i < n; i++)
        {
            if ((nuint)i >= room)
            {
                byte* larger = (byte*)krealloc(all, room + 64, GFP_KERNEL);
                if (larger == null) return null; // expect: KA4001
                all = larger;
                room += 64;
            }
            all[i] = 1;
        }
        return all;
    }

    static byte* FreedWhereItCannotGrow(int n)
    {
        byte* all = null;
        nuint room = 0;
        for (int i = 0; i < n; i++)
        {
            if ((nuint)i >= room)
            {
                byte* larger = (byte*)krealloc(all, room + 64, GFP_KERNEL);
                if (larger == null) { kfree(all); return null; }
                all = larger;
                room += 64;
            }
            all[i] = 1;
        }
        return all;
    }

    static int LostWithoutACopy(System.IO.Stream s)
    {
        byte* buf = null; int cap = 0, len = 0;
        int c;
        while ((c = s.ReadByte()) >= 0)
        {
            if (len == cap)
            {
                cap = cap == 0 ? 64 : cap * 2;
                buf = (byte*)NativeMemory.Alloc((nuint)cap); // expect: KA4001
            }
            buf[len++] = (byte)c;
        }
        NativeMemory.Free(buf);
        return len;
    }

    static void OverwriteNotReached()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 8; i++)
            if (i == 5) p = (byte*)NativeMemory.Alloc(16); // expect: KA4001
        NativeMemory.Free(p);
    }

    static void OverwriteNotReachedRight()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 8; i++)
            if (i == 5) { NativeMemory.Free(p); p = (byte*)NativeMemory.Alloc(16); }
        NativeMemory.Free(p);
    }

    static void NulledNotReached()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        for (int i = 0; i < 8; i++)
            if (i == 5) p = null; // expect: KA4001
        NativeMemory.Free(p);
    }

    static void Chunks(int[] xs)
    {
        byte* block = null; int n = 0;
        foreach (int x in xs)
        {
            if (n % 64 == 0) block = (byte*)NativeMemory.Alloc(64);
            block[n % 64] = (byte)x;
            n++;
            if (n % 64 == 0) { Send(block, 64); block = null; }
        }
        NativeMemory.Free(block);
    }

    static void ChunksByCount(int[] xs)
    {
        byte* block = null; int n = 0;
        for (int i = 0; i < xs.Length; i++)
        {
            if (n == 0) block = (byte*)NativeMemory.Alloc(64);
            block[n++] = (byte)xs[i];
            if (n == 64) { Send(block, 64); n = 0; }
        }
        if (n > 0) NativeMemory.Free(block);
    }

    static void ChunksByRoom(int[] xs)
    {
        byte* block = null; int left = 0;
        for (int i = 0; i < xs.Length; i++)
        {
            if (left == 0) { if (block != null) Send(block, 64); block = (byte*)NativeMemory.Alloc(64); left = 64; }
            block[64 - left--] = (byte)xs[i];
        }
        if (block != null) Send(block, 64 - left);
    }

    static void ByAFlag(int[] xs)
    {
        byte* tmp = null; bool has = false;
        foreach (int x in xs)
        {
            if (x > 10 && !has) { tmp = (byte*)NativeMemory.Alloc(8); has = true; }
            if (has) tmp[0] = (byte)x;
            if (x == 99 && has) { NativeMemory.Free(tmp); has = false; }
        }
        if (has) NativeMemory.Free(tmp);
    }

    static void StateMachine(int[] xs)
    {
        byte* cur = null; int state = 0;
        foreach (int x in xs)
        {
            switch (state)
            {
                case 0: cur = (byte*)NativeMemory.Alloc(8); state = 1; break;
                case 1: cur[0] = (byte)x; if (x == 3) state = 2; break;
                case 2: NativeMemory.Free(cur); cur = null; state = 0; break;
            }
        }
        if (state != 0) NativeMemory.Free(cur);
    }

    static byte* Largest(int[] xs)
    {
        byte* best = null; int size = 0;
        foreach (int x in xs)
        {
            if (x <= size) continue;
            NativeMemory.Free(best);
            best = (byte*)NativeMemory.Alloc((nuint)x);
            size = x;
        }
        return best;
    }

    static void Reused(int[] xs)
    {
        byte* buf = null; int cap = 0;
        foreach (int x in xs)
        {
            if (x > cap)
            {
                if (cap > 0) NativeMemory.Free(buf);
                buf = (byte*)NativeMemory.Alloc((nuint)x);
                cap = x;
            }
            buf[0] = 1;
        }
        if (cap > 0) NativeMemory.Free(buf);
    }

    static void ReusedCounted(int[] xs)
    {
        byte* buf = null; nuint cap = 0;
        for (int i = 0; i < xs.Length; i++)
        {
            nuint need = (nuint)xs[i];
            if (need > cap)
            {
                byte* larger = (byte*)NativeMemory.Realloc(buf, need);
                buf = larger; cap = need;
            }
            buf[0] = 1;
        }
        NativeMemory.Free(buf);
    }

    static void EveryThird(int n)
    {
        byte* p = null;
        for (int i = 0; i < n; i++)
        {
            if (i % 3 == 0) p = (byte*)NativeMemory.Alloc(8);
            p[i % 3] = 1;
            if (i % 3 == 2) { NativeMemory.Free(p); p = null; }
        }
        if (p != null) NativeMemory.Free(p);
    }

    static void EveryThirdOrTheLast(int n)
    {
        byte* p = null;
        for (int i = 0; i < n; i++)
        {
            if (i % 3 == 0) p = (byte*)NativeMemory.Alloc(8);
            if (i % 3 == 2 || i == n - 1) NativeMemory.Free(p);
        }
    }

    static void TheLastFrees(int n)
    {
        byte* p = null;
        for (int i = 0; i < n; i++)
        {
            if (i == 0) p = (byte*)NativeMemory.Alloc(8);
            p[0]++;
            if (i == n - 1) NativeMemory.Free(p);
        }
    }

    static void FourTurnsLater(int n, int k)
    {
        byte* p = null;
        for (int i = 0; i < n; i++)
        {
            if (i == k) p = (byte*)NativeMemory.Alloc(8);
            if (i == k + 4) NativeMemory.Free(p);
        }
        if (k < n && k + 4 >= n) NativeMemory.Free(p);
    }

    static byte* Read(System.IO.Stream s, out int len)
    {
        byte* buf = null; int cap = 0; len = 0;
        while (true)
        {
            int c = s.ReadByte();
            if (c < 0) break;
            if (len + 1 > cap)
            {
                int wanted = Math.Max(16, cap * 2);
                byte* larger = (byte*)kmalloc((nuint)wanted, GFP_KERNEL);
                if (larger == null) { kfree(buf); len = 0; return null; }
                if (len > 0) { Buffer.MemoryCopy(buf, larger, wanted, len); kfree(buf); }
                buf = larger; cap = wanted;
            }
            buf[len++] = (byte)c;
        }
        return buf;
    }

    static byte* ReadAndLost(System.IO.Stream s, out int len)
    {
        byte* buf = null; int cap = 0; len = 0;
        while (true)
        {
            int c = s.ReadByte();
            if (c < 0) break;
            if (len + 1 > cap)
            {
                int wanted = Math.Max(16, cap * 2);
                byte* larger = (byte*)kmalloc((nuint)wanted, GFP_KERNEL);
                if (larger == null) { kfree(buf); len = 0; return null; }
                if (len > 0) Buffer.MemoryCopy(buf, larger, wanted, len);
                buf = larger; cap = wanted; // expect: KA4001
            }
            buf[len++] = (byte)c;
        }
        return buf;
    }

    static void Arena(int[] xs)
    {
        byte* cur = null; int used = 0;
        foreach (int x in xs)
        {
            if (cur == null || used + x > 4096)
            {
                cur = (byte*)NativeMemory.Alloc(4096);
                s_all.Add((nint)cur);
                used = 0;
            }
            cur[used] = 1; used += x;
        }
    }

    static void Appended(int[] xs)
    {
        Block* head = null; Block* tail = null;
        foreach (int x in xs)
        {
            Block* b = (Block*)NativeMemory.Alloc(16);
            b->next = null; b->used = x;
            if (tail == null) head = b; else tail->next = b;
            tail = b;
        }
        while (head != null)
        {
            Block* next = head->next;
            NativeMemory.Free(head);
            head = next;
        }
    }

    static void LargerIfOwned(int[] xs)
    {
        byte* p = (byte*)NativeMemory.Alloc(16); int cap = 16, len = 0; bool own = true;
        foreach (int x in xs)
        {
            if (len == cap)
            {
                byte* q = (byte*)NativeMemory.Alloc((nuint)cap * 2);
                for (int i = 0; i < len; i++) q[i] = p[i];
                if (own) NativeMemory.Free(p);
                p = q; cap *= 2; own = true;
            }
            p[len++] = (byte)x;
        }
        if (own) NativeMemory.Free(p);
    }

    static void FreedAtTheEndOfTheTurn(int[] xs)
    {
        byte* p = (byte*)NativeMemory.Alloc(16); int cap = 16, len = 0;
        foreach (int x in xs)
        {
            byte* old = p;
            if (len == cap)
            {
                p = (byte*)NativeMemory.Alloc((nuint)cap * 2);
                for (int i = 0; i < len; i++) p[i] = old[i];
                cap *= 2;
            }
            p[len++] = (byte)x;
            if (old != p) NativeMemory.Free(old);
        }
        NativeMemory.Free(p);
    }

    static void Retired(int[] xs)
    {
        byte* p = (byte*)NativeMemory.Alloc(16); int cap = 16, len = 0;
        var retired = new List<nint>();
        foreach (int x in xs)
        {
            if (len == cap)
            {
                byte* q = (byte*)NativeMemory.Alloc((nuint)cap * 2);
                for (int i = 0; i < len; i++) q[i] = p[i];
                retired.Add((nint)p);
                p = q; cap *= 2;
            }
            p[len++] = (byte)x;
        }
        foreach (nint r in retired) NativeMemory.Free((void*)r);
        NativeMemory.Free(p);
    }

    static void RowsInRows(int n, int m)
    {
        for (int i = 0; i < n; i++)
        {
            byte* row = null; int used = 0;
            for (int j = 0; j < m; j++)
            {
                if (row == null) row = (byte*)NativeMemory.Alloc(16);
                row[used++] = (byte)j;
                if (used == 16) { Send(row, used); row = null; used = 0; }
            }
            if (row != null) Send(row, used);
        }
    }

    static void Labelled(int n)
    {
        byte* p = null; int i = 0, cap = 0;
    next:
        if (i < n)
        {
            if (i == cap)
            {
                byte* q = (byte*)NativeMemory.Alloc((nuint)(cap + 8));
                if (p != null) { Buffer.MemoryCopy(p, q, cap, cap); NativeMemory.Free(p); }
                p = q; cap += 8;
            }
            p[i++] = 1;
            goto next;
        }
        NativeMemory.Free(p);
    }
}
