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

    unsafe struct Node
    {
        public Node* next;
        public int value;
    }

    sealed class Device
    {
        public byte* data;

        public void Open() => data = (byte*)NativeMemory.Alloc(8); // expect: KA4011
    }

    static int s_count;
    static spinlock_t s_lock;
    static rwlock_t s_readers;

    void ListInTurns(int n)
    {
        for (int i = 0; i < n; i++)
        {
            Node* head = null;
            for (int k = 0; k < 3; k++)
            {
                Node* node = kzalloc<Node>(GFP_KERNEL);
                if (node == null) break;
                node->next = head;
                head = node;
            }

            while (head != null)
            {
                Node* next = head->next;
                kfree(head);
                head = next;
            }
        }
    }

    void AfterTwoLists(bool first, bool second)
    {
        void* p = NativeMemory.Alloc(4);
        for (int list = 0; list < 2; list++)
        {
            Node* head = null;
            for (int k = 0; k < 3; k++)
            {
                Node* node = kzalloc<Node>(GFP_KERNEL);
                if (node == null) break;
                node->next = head;
                head = node;
            }

            while (head != null)
            {
                Node* next = head->next;
                kfree(head);
                head = next;
            }
        }

        if (first)
        {
            spin_lock(ref s_lock);
            s_count++;
            spin_unlock(ref s_lock);
        }

        if (second) NativeMemory.Free(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void CountedInThreeLoops(bool first, int n)
    {
        void* p = first ? NativeMemory.Alloc(4) : null;
        for (int i = 0; i < n; i++)
        {
            s_count++;
            for (int k = 0; k < n; k++)
            {
                s_count++;
                for (int m = 0; m < n; m++) s_count += 2;
            }
        }

        if (first) NativeMemory.Free(p);
        spin_lock(ref s_lock);
        msleep(1); // expect: KA1003
        spin_unlock(ref s_lock);
    }

    void ObjectOfEachTurn()
    {
        for (int i = 0; i < 20; i++)
        {
            var device = new Device();
            device.Open();
            s_count++;
        }
    } // expect: KA4001

    void SectionOfEachTurn()
    {
        for (int i = 0; i < 4; i++)
        {
            local_bh_disable();
            s_count++;
        }
    } // expect: KA1006

    void ReadLockOfEachTurn(bool early)
    {
        for (int i = 0; i < 4; i++)
        {
            read_lock(ref s_readers);
            if (early)
            {
                read_unlock(ref s_readers);
                return;
            }

            s_count++;
        }
    } // expect: KA1006

    void SectionOfSomeTurns(bool[] wanted)
    {
        bool held = false;
        foreach (bool want in wanted)
        {
            if (want == held) continue;
            if (want) rcu_read_lock();
            else rcu_read_unlock();
            held = want;
        }

        if (held) rcu_read_unlock();
    }

    void SectionsLeftByAnotherLoop(int n)
    {
        for (int i = 0; i < n; i++) preempt_disable();
        s_count++;
        for (int i = 0; i < n; i++) preempt_enable();
    }

    void LockOfEachElement(spinlock_t[] locks)
    {
        for (int i = 0; i < locks.Length; i++) spin_lock(ref locks[i]);
        s_count++;
        for (int i = 0; i < locks.Length; i++) spin_unlock(ref locks[i]);
    }

    void FinallyInEachTurn(int n, bool wide)
    {
        void* p = NativeMemory.Alloc(4);
        foreach (int i in new int[] { 1, 2, 3 })
        {
            void* q = NativeMemory.Alloc(4);
            try
            {
                if (n == i) return; // expect: KA4001
                Console.WriteLine(i);
            }
            finally
            {
                if (wide) NativeMemory.Free(q);
                else NativeMemory.Free(q);
            }
        }

        NativeMemory.Free(p);
    }

    void LostAfterArrayByLoop(bool first, bool other)
    {
        void* p = first ? kmalloc(8, GFP_KERNEL) : kzalloc(8, GFP_KERNEL);
        if (p == null) return;
        try
        {
            Node*[] items = new Node*[3];
            for (int i = 0; i < items.Length; i++)
            {
                items[i] = kzalloc<Node>(GFP_KERNEL);
                if (items[i] == null)
                {
                    while (--i >= 0) kfree(items[i]);
                    return;
                }
            }

            foreach (Node* item in items) kfree(item);
            if (other)
            {
                spin_lock(ref s_lock);
                void* q = NativeMemory.Alloc(4);
                s_count++;
                spin_unlock(ref s_lock);
            }
        }
        finally
        {
            kfree(p);
        }
    } // expect: KA4001

    void LostAfterManyWays(int n, bool first)
    {
        Node*[] items = new Node*[3];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = kzalloc<Node>(GFP_KERNEL);
            if (items[i] != null) continue;
            while (--i >= 0) kfree(items[i]);
            goto end;
        }

        foreach (Node* item in items) kfree(item);
        for (int i = 0; i < n; i++)
        {
            rcu_read_lock();
            if (i == 7) s_count++;
            rcu_read_unlock();
        }

        void* p = NativeMemory.Alloc(4);
        if (first) goto end;
        NativeMemory.Free(p);
    end:
        s_count++;
    } // expect: KA4001

    // Each turn of a loop in a loop builds and empties a list: what comes after is told all the same.
    void ListsInLoopsOfLoops(int n)
    {
        for (int i = 0; i < 2; i++)
        {
            for (int k = 0; k < (n & 1) + 3; k++)
            {
                nuint p = __get_free_pages(GFP_ATOMIC, 0);
                if (p == 0) return;
                Node* head = null;
                for (int j = 0; j < 3; j++)
                {
                    Node* node = kzalloc<Node>(GFP_KERNEL);
                    if (node == null) break;
                    node->next = head;
                    head = node;
                }

                while (head != null)
                {
                    Node* next = head->next;
                    kfree(head);
                    head = next;
                }

                if ((n & 2) != 0)
                {
                    free_pages(p, 2); // expect: KA3001
                    continue;
                }

                free_pages(p, 0);
            }
        }
    }
}
