// Rings, queues and stacks without locks, and pools over slabs of their own.

using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using KAlloc;
using static KAlloc.Linux;

namespace Corpus.LockFreeRings;

unsafe sealed class Ring : IDisposable
{
    readonly byte* _buf; readonly uint _mask; uint _head, _tail; bool _disposed;
    public Ring(int bits) { _mask = (1u << bits) - 1; _buf = (byte*)NativeMemory.AlignedAlloc(1u << bits, 64); }
    public bool Write(ReadOnlySpan<byte> s)
    {
        uint h = _head, t = Volatile.Read(ref _tail);
        if (_mask + 1 - (h - t) < (uint)s.Length) return false;
        for (int i = 0; i < s.Length; i++) _buf[(h + (uint)i) & _mask] = s[i];
        Volatile.Write(ref _head, h + (uint)s.Length);
        return true;
    }
    public int Read(Span<byte> s)
    {
        uint t = _tail, h = Volatile.Read(ref _head); int n = 0;
        while (n < s.Length && t != h) s[n++] = _buf[t++ & _mask];
        Volatile.Write(ref _tail, t);
        return n;
    }
    public void Dispose() { if (_disposed) return; _disposed = true; NativeMemory.AlignedFree(_buf); }
}
unsafe sealed class PtrQueue
{
    struct Cell { public long seq; public void* item; }
    readonly Cell* _c; readonly int _mask; long _enq, _deq;
    public PtrQueue(int n) { _mask = n - 1; _c = (Cell*)NativeMemory.AlignedAlloc((nuint)(n * sizeof(Cell)), 64); for (int i = 0; i < n; i++) { _c[i].seq = i; _c[i].item = null; } }
    public bool Enqueue(void* p)
    {
        for (; ; )
        {
            long pos = Volatile.Read(ref _enq); Cell* c = &_c[pos & _mask];
            long d = Volatile.Read(ref c->seq) - pos;
            if (d == 0) { if (Interlocked.CompareExchange(ref _enq, pos + 1, pos) == pos) { c->item = p; Volatile.Write(ref c->seq, pos + 1); return true; } }
            else if (d < 0) return false;
        }
    }
    public void* Dequeue()
    {
        for (; ; )
        {
            long pos = Volatile.Read(ref _deq); Cell* c = &_c[pos & _mask];
            long d = Volatile.Read(ref c->seq) - (pos + 1);
            if (d == 0) { if (Interlocked.CompareExchange(ref _deq, pos + 1, pos) == pos) { void* p = c->item; c->item = null; Volatile.Write(ref c->seq, pos + _mask + 1); return p; } }
            else if (d < 0) return null;
        }
    }
    public void Destroy() { void* p; while ((p = Dequeue()) != null) kfree(p); NativeMemory.AlignedFree(_c); }
}
unsafe static class Treiber
{
    struct N { public N* next; public int v; }
    static nint s_top;
    static void Push(int v)
    {
        N* n = (N*)NativeMemory.Alloc((nuint)sizeof(N)); n->v = v;
        nint old;
        do { old = s_top; n->next = (N*)old; } while (Interlocked.CompareExchange(ref s_top, (nint)n, old) != old);
    }
    static bool Pop(out int v)
    {
        nint old;
        do { old = s_top; if (old == 0) { v = 0; return false; } } while (Interlocked.CompareExchange(ref s_top, (nint)((N*)old)->next, old) != old);
        N* n = (N*)old; v = n->v; NativeMemory.Free(n); return true;
    }
    static void Clear() { N* n = (N*)Interlocked.Exchange(ref s_top, 0); while (n != null) { N* next = n->next; NativeMemory.Free(n); n = next; } }
}
unsafe sealed class Audio : IDisposable
{
    float* _mix, _tmp; readonly int _frames; GCHandle _self; readonly Thread _thread; volatile bool _stop; readonly AutoResetEvent _go = new(false);
    public Audio(int frames)
    {
        _frames = frames;
        _mix = (float*)NativeMemory.AlignedAlloc((nuint)(frames * sizeof(float)), 32);
        try
        {
            _tmp = (float*)NativeMemory.AlignedAlloc((nuint)(frames * sizeof(float)), 32);
        }
        catch { NativeMemory.AlignedFree(_mix); throw; }
        _self = GCHandle.Alloc(this);
        _thread = new Thread(Loop); _thread.Start();
    }
    void Loop() { while (!_stop) { _go.WaitOne(); for (int i = 0; i < _frames; i++) _mix[i] += _tmp[i]; } }
    public void Dispose()
    {
        _stop = true; _go.Set(); _thread.Join();
        if (_self.IsAllocated) _self.Free();
        NativeMemory.AlignedFree(_tmp); NativeMemory.AlignedFree(_mix); _tmp = _mix = null;
    }
}
unsafe sealed class Pool<T> : IDisposable where T : unmanaged
{
    struct Free { public Free* next; }
    readonly List<nint> _slabs = new(); Free* _free; readonly int _size; int _live; SpinLock _lock = new(false);
    public Pool() { _size = Math.Max(sizeof(T), sizeof(Free)); }
    public T* Rent()
    {
        bool taken = false;
        try
        {
            _lock.Enter(ref taken);
            if (_free == null)
            {
                byte* slab = (byte*)NativeMemory.Alloc((nuint)(_size * 64));
                _slabs.Add((nint)slab);
                for (int i = 0; i < 64; i++) { Free* f = (Free*)(slab + i * _size); f->next = _free; _free = f; }
            }
            Free* r = _free; _free = r->next; _live++;
            return (T*)r;
        }
        finally { if (taken) _lock.Exit(); }
    }
    public void Return(T* t)
    {
        bool taken = false;
        _lock.Enter(ref taken);
        ((Free*)t)->next = _free; _free = (Free*)t; _live--;
        if (taken) _lock.Exit();
    }
    public void Dispose() { foreach (nint s in _slabs) NativeMemory.Free((void*)s); _slabs.Clear(); _free = null; }
}
unsafe static class UsePool
{
    struct P { public double x, y; public P* next; }
    static void M(int n)
    {
        using var pool = new Pool<P>();
        P* head = null;
        for (int i = 0; i < n; i++) { P* p = pool.Rent(); p->next = head; head = p; }
        while (head != null) { P* d = head; head = d->next; pool.Return(d); }
    }
    static void M2() { using var r = new Ring(10); Span<byte> b = stackalloc byte[3]; if (!r.Write(b)) return; r.Read(b); }
}
