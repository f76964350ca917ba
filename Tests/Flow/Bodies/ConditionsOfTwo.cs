// What a helper does if two things are so: its callers know both. The ways that do nothing do so for one of two reasons, and neither is all that is known of them.

unsafe class Bodies
{
    static spinlock_t s_lock;

    static void DropIfOwn(nint p, bool owns, int count)
    {
        if (owns && count > 3) Marshal.FreeHGlobal(p);
        count++;
        if (count > 7) Console.WriteLine();
        Console.WriteLine();
    }

    static void Owns()
    {
        nint p = Marshal.AllocHGlobal(3), q = Marshal.AllocHGlobal(3), r = Marshal.AllocHGlobal(3);
        DropIfOwn(p, true, 4);
        DropIfOwn(q, true, 8);
        DropIfOwn(r, true, 1);
        Marshal.FreeHGlobal(r);
    }

    static void OwnsTwice()
    {
        nint p = Marshal.AllocHGlobal(3), q = Marshal.AllocHGlobal(3);
        DropIfOwn(p, true, 4);
        Marshal.FreeHGlobal(p); // expect: KA4005
        DropIfOwn(q, false, 4);
    } // expect: KA4001

    static void DropAndForget(ref nint p, bool owns)
    {
        if (owns && p != 0) Marshal.FreeHGlobal(p);
        p = 0;
    }

    static void Forgotten()
    {
        nint p = Marshal.AllocHGlobal(3);
        DropAndForget(ref p, true);
        nint q = Marshal.AllocHGlobal(3);
        DropAndForget(ref q, false); // expect: KA4001
    }

    private sealed class Buffer : IDisposable
    {
        private byte* _start;
        private readonly bool _owns;

        public Buffer(nuint size)
        {
            _start = (byte*)NativeMemory.Alloc(size);
            _owns = true;
        }

        public Buffer(byte* given) => _start = given;

        public void Dispose()
        {
            if (_owns && _start != null) NativeMemory.Free(_start);
            _start = null;
        }
    }

    static void Disposed()
    {
        using var buffer = new Buffer(3);
        byte* given = (byte*)NativeMemory.Alloc(3);
        using (var view = new Buffer(given)) Console.WriteLine();
        NativeMemory.Free(given);
    }

    static void NotDisposed()
    {
        byte* given = (byte*)NativeMemory.Alloc(3);
        using var view = new Buffer(given);
        Console.WriteLine();
    } // expect: KA4001

    static void LockIf(bool wanted, bool inTask)
    {
        if (wanted && inTask) spin_lock(ref s_lock);
        Console.WriteLine();
    }

    static void NotLocked(bool inTask)
    {
        LockIf(false, inTask);
        kfree(kmalloc(3, GFP_KERNEL));
    }

    static void Locked()
    {
        LockIf(true, true);
        kfree(kmalloc(3, GFP_KERNEL)); // expect: KA1001
        spin_unlock(ref s_lock);
    }

    private static bool NeedsMemory(int n, int room, bool always) => n > room || always;

    static void AskedTwice(int n, int room, bool always)
    {
        nint p = NeedsMemory(n, room, always) ? Marshal.AllocHGlobal(n) : 0;
        if (NeedsMemory(n, room, always)) Marshal.FreeHGlobal(p);
    }

    static void AskedOfOneReason(int n, int room, bool always)
    {
        nint p = NeedsMemory(n, room, always) ? Marshal.AllocHGlobal(n) : 0;
        if (NeedsMemory(n, room, false)) Marshal.FreeHGlobal(p);
    } // expect: KA4001
}
