// Locks of .NET as correct code takes and releases them: in other bodies, on some paths only, by way of objects, in an order of its own.

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using KAlloc;
using static KAlloc.Linux;

sealed class Node
{
    public readonly object Gate = new();
    public Node Next;
    public int Key;
}

readonly struct Guard : IDisposable
{
    private readonly object _gate;

    public Guard(object gate)
    {
        _gate = gate;
        Monitor.Enter(gate);
    }

    public void Dispose() => Monitor.Exit(_gate);
}

struct SpinGuard : IDisposable
{
    private readonly SpinHolder _holder;
    private bool _taken;

    public SpinGuard(SpinHolder holder)
    {
        _holder = holder;
        _taken = false;
        holder.Lock.Enter(ref _taken);
    }

    public void Dispose()
    {
        if (_taken) _holder.Lock.Exit();
        _taken = false;
    }
}

sealed class SpinHolder
{
    public SpinLock Lock = new(false);
}

sealed class Optional(bool shared)
{
    private readonly object _gate = new();
    private readonly bool _shared = shared;
    private int _count;

    private void Enter()
    {
        if (_shared) Monitor.Enter(_gate);
    }

    private void Leave()
    {
        if (_shared) Monitor.Exit(_gate);
    }

    public void Add()
    {
        Enter();
        try
        {
            _count++;
        }
        finally
        {
            Leave();
        }
    }

    public bool TryAdd(int limit)
    {
        if (_shared) Monitor.Enter(_gate);
        bool fits = _count < limit;
        if (fits) _count++;
        if (_shared) Monitor.Exit(_gate);
        return fits;
    }
}

static class Bodies
{
    static readonly object s_gate = new();
    static readonly Lock s_lock = new();
    static readonly ReaderWriterLockSlim s_rw = new();
    static readonly SemaphoreSlim s_one = new(1);
    static readonly Mutex s_mutex = new();
    static SpinLock s_spin = new(false);
    static int s_value;

    static void Plain()
    {
        Monitor.Enter(s_gate);
        try
        {
            s_value++;
        }
        finally
        {
            Monitor.Exit(s_gate);
        }
    }

    static void Taken()
    {
        bool taken = false;
        try
        {
            Monitor.Enter(s_gate, ref taken);
            s_value++;
        }
        finally
        {
            if (taken) Monitor.Exit(s_gate);
        }
    }

    static bool Tried()
    {
        if (!Monitor.TryEnter(s_gate)) return false;
        s_value++;
        Monitor.Exit(s_gate);
        return true;
    }

    static bool TriedFor(TimeSpan time)
    {
        bool taken = Monitor.TryEnter(s_gate, time);
        if (taken)
        {
            s_value++;
            Monitor.Exit(s_gate);
        }

        return taken;
    }

    static void Spun()
    {
        bool taken = false;
        try
        {
            s_spin.Enter(ref taken);
            s_value++;
        }
        finally
        {
            if (taken) s_spin.Exit(false);
        }
    }

    static bool SpunOnce()
    {
        bool taken = false;
        s_spin.TryEnter(ref taken);
        if (!taken) return false;
        s_value++;
        s_spin.Exit();
        return true;
    }

    static void Guarded()
    {
        using (new Guard(s_gate)) s_value++;
    }

    static int GuardedWithReturns(int n)
    {
        using var guard = new Guard(s_gate);
        if (n > 3) return 1;
        s_value++;
        return n > 2 ? 2 : throw new ArgumentException();
    }

    static void SpinGuarded(SpinHolder holder)
    {
        using var guard = new SpinGuard(holder);
        s_value++;
    }

    static void Scoped()
    {
        using (s_lock.EnterScope())
        {
            if (s_value > 3) return;
            s_value++;
        }

        s_lock.Enter();
        s_value++;
        s_lock.Exit();
        if (s_lock.TryEnter()) s_lock.Exit();
    }

    static void ReadThenWrite()
    {
        s_rw.EnterReadLock();
        int seen = s_value;
        s_rw.ExitReadLock();
        s_rw.EnterWriteLock();
        try
        {
            s_value = seen;
        }
        finally
        {
            s_rw.ExitWriteLock();
        }
    }

    static void Upgraded(bool writes)
    {
        s_rw.EnterUpgradeableReadLock();
        try
        {
            if (!writes) return;
            s_rw.EnterWriteLock();
            try
            {
                s_value++;
            }
            finally
            {
                s_rw.ExitWriteLock();
            }
        }
        finally
        {
            s_rw.ExitUpgradeableReadLock();
        }
    }

    static async Task Awaited()
    {
        await s_one.WaitAsync();
        try
        {
            await Task.Yield();
        }
        finally
        {
            s_one.Release();
        }
    }

    static bool MutexTried()
    {
        if (!s_mutex.WaitOne(100)) return false;
        try
        {
            s_value++;
        }
        finally
        {
            s_mutex.ReleaseMutex();
        }

        return true;
    }

    static void MutexAbandoned()
    {
        try
        {
            s_mutex.WaitOne();
        }
        catch (AbandonedMutexException)
        {
            s_value = 0;
        }

        s_value++;
        s_mutex.ReleaseMutex();
    }

    static void Waits()
    {
        lock (s_gate)
        {
            while (s_value == 0) Monitor.Wait(s_gate);
            s_value--;
            Monitor.PulseAll(s_gate);
        }
    }

    static void LeavesForACall(Action action)
    {
        Monitor.Enter(s_gate);
        int n = s_value;
        Monitor.Exit(s_gate);
        action();
        Monitor.Enter(s_gate);
        s_value = n;
        Monitor.Exit(s_gate);
    }

    static void LeavesWithin(Action action)
    {
        lock (s_gate)
        {
            Monitor.Exit(s_gate);
            try
            {
                action();
            }
            finally
            {
                Monitor.Enter(s_gate);
            }
        }
    }

    static bool HandOverHand(Node first, int key)
    {
        Node at = first;
        Monitor.Enter(at.Gate);
        while (at.Next != null && at.Key != key)
        {
            Node next = at.Next;
            Monitor.Enter(next.Gate);
            Monitor.Exit(at.Gate);
            at = next;
        }

        bool found = at.Key == key;
        Monitor.Exit(at.Gate);
        return found;
    }

    static void InOrder(Node a, Node b)
    {
        object first = a.Key < b.Key ? a.Gate : b.Gate, second = a.Key < b.Key ? b.Gate : a.Gate;
        lock (first)
        lock (second)
            (a.Key, b.Key) = (b.Key, a.Key);
    }

    static void All(Node[] all)
    {
        foreach (Node node in all) Monitor.Enter(node.Gate);
        s_value++;
        for (int i = all.Length - 1; i >= 0; i--) Monitor.Exit(all[i].Gate);
    }

    static void Again()
    {
        lock (s_gate)
        {
            lock (s_gate) s_value++;
        }
    }

    static void Retried()
    {
        for (int i = 0; i < 3; i++)
        {
            Monitor.Enter(s_gate);
            if (s_value == 0)
            {
                Monitor.Exit(s_gate);
                continue;
            }

            s_value--;
            Monitor.Exit(s_gate);
            break;
        }
    }

    static void ByFlag(bool isLocked)
    {
        bool taken = false;
        if (!isLocked)
        {
            Monitor.Enter(s_gate);
            taken = true;
        }

        s_value++;
        if (taken) Monitor.Exit(s_gate);
    }

    static void OptionalGate(object gate)
    {
        if (gate != null) Monitor.Enter(gate);
        s_value++;
        if (gate != null) Monitor.Exit(gate);
    }

    static void ByName(Dictionary<string, object> gates, string name)
    {
        object gate;
        lock (gates)
        {
            if (!gates.TryGetValue(name, out gate)) gates[name] = gate = new object();
        }

        lock (gate) s_value++;
    }

    static void LeftByACallee()
    {
        Monitor.Enter(s_gate);
        LeaveIt();
    }

    static void LeaveIt() => Monitor.Exit(s_gate);

    static IDisposable Open()
    {
        Monitor.Enter(s_gate);
        return new Closer();
    }

    sealed class Closer : IDisposable
    {
        public void Dispose() => Monitor.Exit(s_gate);
    }

    static void Opened()
    {
        using (Open()) s_value++;
    }

    static unsafe void WithMemory(int n)
    {
        void* p;
        lock (s_gate)
        {
            p = NativeMemory.Alloc((nuint)n);
            if (p == null) return;
            s_value++;
        }

        NativeMemory.Free(p);
    }
}
