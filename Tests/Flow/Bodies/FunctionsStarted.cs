// Functions that .NET runs on another thread: waited for at once, waited for later, or not at all.

using System.Threading;
unsafe class Bodies
{
    static int s_n; static spinlock_t s_lock; static bool Ask() => s_n > 3;
    static int FreedByTask()
    {
        nint p = Marshal.AllocHGlobal(8);
        var t = Task.Run(() => Marshal.FreeHGlobal(p));
        s_n++;
        t.Wait();
        Marshal.FreeHGlobal(p); // expect: KA4005
        return 0;
    }
    static int FreedByTaskOnce()
    {
        nint p = Marshal.AllocHGlobal(8);
        var t = Task.Run(() => Marshal.FreeHGlobal(p));
        s_n++;
        t.Wait();
        return 0;
    }
    static void Handshake()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        var ev = new ManualResetEvent(false);
        var t = Task.Run(() => { p[0] = 1; ev.Set(); });
        ev.WaitOne();
        NativeMemory.Free(p);
        t.Wait();
    }
    static void Result()
    {
        nint p = Marshal.AllocHGlobal(8);
        var t = Task.Run(() => { if (s_n > 3) { Marshal.FreeHGlobal(p); return true; } return false; });
        t.Wait();
        if (!t.Result) Marshal.FreeHGlobal(p);
    }
    static void ResultInPlace()
    {
        nint p = Marshal.AllocHGlobal(8);
        if (!Task.Run(() => { if (s_n > 3) { Marshal.FreeHGlobal(p); return true; } return false; }).Result) Marshal.FreeHGlobal(p);
    }
    static void ResultInPlaceWrong()
    {
        nint p = Marshal.AllocHGlobal(8);
        if (Task.Run(() => { if (s_n > 3) { Marshal.FreeHGlobal(p); return true; } return false; }).Result) Marshal.FreeHGlobal(p); // expect: KA4005
    } // expect: KA4001
    static nint MadeThere()
    {
        nint p = Task.Run(() => Marshal.AllocHGlobal(8)).Result;
        if (s_n > 3) return 0; // expect: KA4001
        return p;
    }
    static void Assigned()
    {
        byte* p = null;
        var t = new Thread(() => p = (byte*)NativeMemory.Alloc(8));
        t.Start();
        t.Join();
        NativeMemory.Free(p);
    }
    static void AssignedByTask()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        p = null;
        Task.Run(() => { p = (byte*)NativeMemory.Alloc(8); p[0] = 1; }).Wait();
        NativeMemory.Free(p);
    }
    static void Reassigned()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        Task.Run(() => { p = (byte*)NativeMemory.Alloc(8); p[0] = 1; NativeMemory.Free(p); });
    }
    static void Caught()
    {
        nint p = Marshal.AllocHGlobal(8);
        try { Task.Run(() => { Console.WriteLine(s_n); Marshal.FreeHGlobal(p); }).Wait(); }
        catch (AggregateException) { Marshal.FreeHGlobal(p); }
    }
    static void CaughtLater()
    {
        nint p = Marshal.AllocHGlobal(8);
        var t = Task.Run(() => { Console.WriteLine(s_n); Marshal.FreeHGlobal(p); });
        try { t.Wait(); }
        catch (AggregateException) { Marshal.FreeHGlobal(p); }
    }
    static void Finally()
    {
        nint p = Marshal.AllocHGlobal(8);
        try { Task.Run(() => Console.WriteLine(p)).Wait(); }
        finally { Marshal.FreeHGlobal(p); }
    }
    static void WithALock()
    {
        nint p = Marshal.AllocHGlobal(8);
        Task.Run(() => { spin_lock(ref s_lock); Marshal.FreeHGlobal(p); spin_unlock(ref s_lock); }).Wait();
    }
    static void LoopOfTasks()
    {
        for (int i = 0; i < 4; i++)
        {
            nint p = Marshal.AllocHGlobal(8);
            Task.Run(() => Marshal.FreeHGlobal(p));
        }
    }
    static void ManyTasks()
    {
        nint p = Marshal.AllocHGlobal(8);
        var a = Task.Run(() => *(byte*)p = 1);
        var b = Task.Run(() => *(byte*)p = 2);
        Task.WaitAll(a, b);
        Marshal.FreeHGlobal(p);
    }
    static void ThreadLoop()
    {
        nint p = Marshal.AllocHGlobal(8);
        bool stop = false;
        var t = new Thread(() => { while (!stop) *(byte*)p = 1; Marshal.FreeHGlobal(p); });
        t.Start();
        stop = true;
        t.Join();
    }
    static void Timeout()
    {
        nint p = Marshal.AllocHGlobal(8);
        var t = Task.Run(() => *(byte*)p = 2);
        if (t.Wait(1000)) Marshal.FreeHGlobal(p);
    }
    static void NotAsked()
    {
        nint p = Marshal.AllocHGlobal(8);
        if (Ask()) { Task.Run(() => Marshal.FreeHGlobal(p)).Wait(); return; }
        Marshal.FreeHGlobal(p);
    }
    static void Started()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        Action work = () => p[0] = 1; // expect: KA4006
        Task.Run(work).Wait();
        NativeMemory.Free(p);
        Task.Factory.StartNew(work);
    }

    static void TaskRunUse()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        Task.Run(() => p[0] = 1).Wait();
        NativeMemory.Free(p);
        Task.Run(() => p[0] = 2).Wait(); // expect: KA4006
    }
    static void TaskRunDoubleFree()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        Task.Run(() => NativeMemory.Free(p)).Wait();
        NativeMemory.Free(p); // expect: KA4005
    }
    static void TaskRunRight()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        Task.Run(() => NativeMemory.Free(p)).Wait();
    }
    static void TaskRunLeak()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        Task.Run(() => p[0] = 3).Wait();
    } // expect: KA4001
    static void ThreadDouble()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        var t = new System.Threading.Thread(() => NativeMemory.Free(p));
        t.Start(); t.Join();
        NativeMemory.Free(p); // expect: KA4005
    }
    static void PoolFreed()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        System.Threading.ThreadPool.QueueUserWorkItem(_ => p[0] = 1); // expect: KA4006
    }
}
