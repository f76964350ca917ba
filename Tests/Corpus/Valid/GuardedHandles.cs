// Memory in a struct that a base class keeps, returned inside of an object.

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

namespace Corpus.GuardedHandles;

struct UHandle
{
    private static int s_total;
    private IntPtr handle; private int length;
    private UHandle(IntPtr h, int n) { this.handle = h; this.length = n; if (n > 0) GC.AddMemoryPressure(n); Interlocked.Increment(ref s_total); }
    public static UHandle Allocate(int n) { IntPtr h = AllocateHandle(n); return new UHandle(h, n); }
    private static IntPtr AllocateHandle(int n)
    {
        int counter = 0; IntPtr h = IntPtr.Zero;
        while (h == IntPtr.Zero)
        {
            try { h = Marshal.AllocHGlobal(n); }
            catch (OutOfMemoryException) when (counter < 10) { counter++; Thread.Sleep(1); }
        }
        return h;
    }
    public readonly bool IsValid => this.handle != IntPtr.Zero;
    public void Free()
    {
        IntPtr h = Interlocked.Exchange(ref this.handle, IntPtr.Zero);
        if (h == IntPtr.Zero) return;
        Marshal.FreeHGlobal(h);
        Interlocked.Decrement(ref s_total);
        if (this.length > 0) GC.RemoveMemoryPressure(this.length);
        this.length = 0;
    }
}
abstract class Counted : IDisposable
{
    private int refs = 1; private int disposed; private int released;
    public void AddRef() => Interlocked.Increment(ref this.refs);
    public void ReleaseRef() { Interlocked.Decrement(ref this.refs); if (this.refs == 0 && Interlocked.Exchange(ref this.released, 1) == 0) this.Release(); }
    public void Dispose() { if (Interlocked.Exchange(ref this.disposed, 1) == 0) { this.ReleaseRef(); GC.SuppressFinalize(this); } }
    protected abstract void Release();
}
abstract class Guard : Counted
{
    private UHandle handle;
    protected Guard(UHandle h) => this.handle = h;
    public ref UHandle Handle => ref this.handle;
    public sealed class FreeHandle : Guard
    {
        public FreeHandle(UHandle h) : base(h) { }
        protected override void Release() => this.Handle.Free();
    }
}
sealed class Buf<T> : IDisposable where T : struct
{
    private readonly int len; private readonly Guard guard; private int disposed;
    public Buf(int n, Guard g) { this.len = n; this.guard = g; }
    public static Buf<T> Allocate(int n) => new(n, new Guard.FreeHandle(UHandle.Allocate(n * Unsafe.SizeOf<T>())));
    public void Dispose() { if (Interlocked.Exchange(ref this.disposed, 1) == 1) return; this.guard.Dispose(); }
}
static class UseBuf
{
    static void A() { using var b = Buf<int>.Allocate(3); }
    static void B() { var b = Buf<int>.Allocate(3); try { Console.WriteLine(b); } finally { b.Dispose(); } }
    static Buf<byte> C(int n) { if (n > 10) return null; var b = Buf<byte>.Allocate(n); if (n < 3) { b.Dispose(); return null; } return b; }
    static UHandle[] D(int n) { var a = new UHandle[n]; for (int i = 0; i < n; i++) a[i] = UHandle.Allocate(3); return a; }
    sealed class PoolX
    {
        readonly UHandle[] _b = new UHandle[4]; int _i; readonly object _l = new();
        public UHandle Rent() { UHandle h = default; lock (_l) { if (_i < 4) { h = _b[_i]; _b[_i++] = default; } } if (!h.IsValid) h = UHandle.Allocate(10); return h; }
        public void Return(UHandle h) { lock (_l) { if (_i > 0) { _b[--_i] = h; return; } } h.Free(); }
        public bool Return(Span<UHandle> hs) { lock (_l) { if (_i < hs.Length) return false; for (int i = hs.Length - 1; i >= 0; i--) _b[--_i] = hs[i]; } return true; }
    }
    static void E() { var p = new PoolX(); var h = p.Rent(); if (h.IsValid) { p.Return(h); return; } p.Return(h); }
    static Guard F(PoolX p) { var h = p.Rent(); return h.IsValid ? new Guard.FreeHandle(h) : null; }
}
