// Loops: each turn its own allocation, break and continue, retries, widening.

unsafe class Bodies
{
    void EachTurn(int n)
    {
        for (int i = 0; i < n; i++)
        {
            void* p = NativeMemory.Alloc(4);
            NativeMemory.Free(p);
        }
    }

    void Continue(int n)
    {
        for (int i = 0; i < n; i++)
        {
            void* p = NativeMemory.Alloc(4);
            if (i == 3) continue; // expect: KA4001
            NativeMemory.Free(p);
        }
    }

    void Break(int n)
    {
        for (int i = 0; i < n; i++)
        {
            void* p = NativeMemory.Alloc(4);
            if (i == 3) break; // expect: KA4001
            NativeMemory.Free(p);
        }
    }

    void BreakAfterFree(int n)
    {
        for (int i = 0; i < n; i++)
        {
            void* p = NativeMemory.Alloc(4);
            if (i == 3)
            {
                NativeMemory.Free(p);
                break;
            }

            NativeMemory.Free(p);
        }
    }

    void ReturnInside(int n)
    {
        while (n-- > 0)
        {
            void* p = NativeMemory.Alloc(4);
            if (n == 3) return; // expect: KA4001
            NativeMemory.Free(p);
        }
    }

    void EndOfTurn(int n)
    {
        foreach (int i in new int[n])
        {
            void* p = NativeMemory.Alloc(4);
            Console.WriteLine(i);
        } // expect: KA4001
    }

    void OnceOutside(int n)
    {
        void* p = NativeMemory.Alloc(4);
        for (int i = 0; i < n; i++) ((byte*)p)[0] = 1;
        NativeMemory.Free(p);
    }

    void Retry(int n)
    {
        void* p;
        do p = kmalloc(4, GFP_KERNEL);
        while (p == null && n-- > 0);
        kfree(p);
    }

    void RetrySmaller(nuint size)
    {
        void* p = null;
        for (; size > 0 && p == null; size /= 2) p = kmalloc(size, GFP_KERNEL);
        if (p == null) return;
        kfree(p);
    }

    void GrowBuffer(int n)
    {
        int capacity = 16;
        byte* buffer = (byte*)NativeMemory.Alloc(16);
        for (int i = 0; i < n; i++)
        {
            if (i == capacity)
            {
                capacity *= 2;
                byte* bigger = (byte*)NativeMemory.Alloc((nuint)capacity);
                NativeMemory.Free(buffer);
                buffer = bigger;
            }

            buffer[i] = 1;
        }

        NativeMemory.Free(buffer);
    }

    void GrowAndForget(int n)
    {
        int capacity = 16;
        byte* buffer = (byte*)NativeMemory.Alloc(16);
        for (int i = 0; i < n; i++)
        {
            if (i == capacity)
            {
                capacity *= 2;
                buffer = (byte*)NativeMemory.Alloc((nuint)capacity); // expect: KA4001
            }

            buffer[i] = 1;
        }

        NativeMemory.Free(buffer);
    }

    void Lazily(int n)
    {
        void* p = null;
        for (int i = 0; i < n; i++)
        {
            if (p == null) p = NativeMemory.Alloc(4);
            ((byte*)p)[0] = 1;
        }

        NativeMemory.Free(p);
    }

    void NestedLoops(int n)
    {
        for (int i = 0; i < n; i++)
        {
            void* row = NativeMemory.Alloc(4);
            for (int j = 0; j < n; j++)
            {
                void* cell = NativeMemory.Alloc(4);
                if (i == j)
                {
                    NativeMemory.Free(cell);
                    continue;
                }

                NativeMemory.Free(cell);
            }

            NativeMemory.Free(row);
        }
    }

    void Forever()
    {
        while (true)
        {
            void* p = NativeMemory.Alloc(4);
            NativeMemory.Free(p);
        }
    }

    void InfiniteUntilFound(int* data)
    {
        void* p = NativeMemory.Alloc(4);
        for (; ; )
        {
            if (*data++ != 0) break;
        }

        NativeMemory.Free(p);
    }
}
