// try, catch, finally, using, lock, throw.

using System.IO;

unsafe class Bodies
{
    private readonly object _gate = new();

    static void Work() => Console.WriteLine();

    /// <summary>The lambda's graph has no finally of its own: what it throws leaves it.</summary>
    void LambdaInsideTry()
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            Func<int> length = () => Console.ReadLine()!.Length;
            if (length() > 3) Work();
        }
        finally
        {
            NativeMemory.Free(p);
        }
    }

    void LocalFunctionInsideUsing(Stream stream)
    {
        using (stream)
        {
            void* p = NativeMemory.Alloc(4);
            Check();
            NativeMemory.Free(p);

            static void Check()
            {
                if (Console.ReadLine() is null) throw new InvalidOperationException();
                Work();
            }
        }
    }

    void LeakBesideLambdaInsideTry()
    {
        try
        {
            Action work = () => Work();
            work();
            void* p = NativeMemory.Alloc(4);
            Console.WriteLine((nint)p);
        }
        finally
        {
            Work();
        }
    } // expect: KA4001

    void Finally()
    {
        void* p = NativeMemory.Alloc(4);
        try { Work(); }
        finally { NativeMemory.Free(p); }
    }

    int ReturnThroughFinally(bool early)
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            if (early) return 1;
            Work();
            return 2;
        }
        finally
        {
            NativeMemory.Free(p);
        }
    }

    void NestedFinally(bool early)
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            void* q = NativeMemory.Alloc(4);
            try
            {
                if (early) return;
            }
            finally
            {
                NativeMemory.Free(q);
            }
        }
        finally
        {
            NativeMemory.Free(p);
        }
    }

    void AllocatedInside()
    {
        void* p = null;
        try
        {
            p = NativeMemory.Alloc(4);
            Work();
        }
        finally
        {
            NativeMemory.Free(p);
        }
    }

    bool CatchForgets()
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            Work();
        }
        catch (IOException)
        {
            return false; // expect: KA4001
        }

        NativeMemory.Free(p);
        return true;
    }

    bool CatchFrees()
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            Work();
        }
        catch (IOException)
        {
            NativeMemory.Free(p);
            return false;
        }

        NativeMemory.Free(p);
        return true;
    }

    void CatchRethrows()
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            Work();
        }
        catch
        {
            NativeMemory.Free(p);
            throw;
        }

        NativeMemory.Free(p);
    }

    void Throws(bool bad)
    {
        void* p = NativeMemory.Alloc(4);
        if (bad) throw new InvalidOperationException(); // expect: KA4001
        NativeMemory.Free(p);
    }

    void ThrowsInsideFinally(bool bad)
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            if (bad) throw new InvalidOperationException();
        }
        finally
        {
            NativeMemory.Free(p);
        }
    }

    void ThrownAndCaughtHere(bool bad)
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            if (bad) throw new InvalidOperationException();
        }
        catch (InvalidOperationException)
        {
        }

        NativeMemory.Free(p);
    }

    void ThrowHelper(bool bad)
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            if (bad) Fail();
        }
        finally
        {
            NativeMemory.Free(p);
        }

        static void Fail() => throw new InvalidOperationException();
    }

    void Using(string path)
    {
        void* p = NativeMemory.Alloc(4);
        using (var stream = File.OpenRead(path)) stream.ReadByte();
        NativeMemory.Free(p);
    }

    void UsingDeclaration(string path, bool early)
    {
        void* p = NativeMemory.Alloc(4);
        using var stream = File.OpenRead(path);
        if (early) return; // expect: KA4001
        NativeMemory.Free(p);
    }

    void Lock()
    {
        void* p = NativeMemory.Alloc(4);
        lock (_gate) Work();
        NativeMemory.Free(p);
    }

    void LockReturns(bool early)
    {
        void* p = NativeMemory.Alloc(4);
        lock (_gate)
        {
            if (early) return; // expect: KA4001
        }

        NativeMemory.Free(p);
    }

    void Filter(bool retry)
    {
        void* p = NativeMemory.Alloc(4);
        try
        {
            Work();
        }
        catch (IOException) when (retry)
        {
        }
        finally
        {
            NativeMemory.Free(p);
        }
    }

    void WrongFamilyInFinally()
    {
        void* p = NativeMemory.Alloc(4);
        try { Work(); }
        finally { Marshal.FreeHGlobal((nint)p); } // expect: KA4007
    }

    unsafe struct Node
    {
        public Node* next;
    }

    sealed unsafe class Owner(void* item) : IDisposable
    {
        public void Dispose() => kvfree(item);
    }

    void LostBehindManyWaysOut(int input)
    {
        void* p = kvmalloc(256, GFP_KERNEL);
        if (p == null) return;
        using var owner = new Owner(p);
        Node* head = null;
        for (int i = 0; i < 3; i++)
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

        if ((input & 1) != 0)
        {
            if ((input & 2) != 0) return;
            nint q = Marshal.AllocCoTaskMem(64);
            if ((input & 4) == 0)
            {
                Marshal.FreeCoTaskMem(q);
                return;
            }

            Marshal.FreeCoTaskMem(q);
        }

        nint r = 0;
        if ((input & 8) != 0) r = Marshal.AllocHGlobal(64);
        void* s = vmalloc(4096);
        if (s == null) return; // expect: KA4001
        vfree(s);
        if (r != 0) Marshal.FreeHGlobal(r);
    }
}
