// What stands between C# and a C library: structs of pointers, call-backs, unions, buffers that grow.

using System;
using System.Buffers;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.Win32.SafeHandles;
using KAlloc;
using static KAlloc.Linux;

namespace Corpus.NativeInterop;

unsafe partial class Native
{
    [StructLayout(LayoutKind.Sequential)] internal struct Iov { public void* b; public nuint n; }
    [StructLayout(LayoutKind.Explicit)] internal struct Variant { [FieldOffset(0)] public ushort vt; [FieldOffset(8)] public IntPtr ptr; [FieldOffset(8)] public long i8; [FieldOffset(8)] public double r8; }
    [StructLayout(LayoutKind.Sequential)] internal struct Cfg { public IntPtr name; public IntPtr args; public int argc; public IntPtr user; public delegate* unmanaged<IntPtr, void> done; }
    [DllImport("x")] internal static extern int start(Cfg* c);
    [DllImport("x")] internal static extern int writev(int fd, Iov* v, int n);
    [DllImport("x")] internal static extern IntPtr open_it(byte* name);
    [DllImport("x")] internal static extern void close_it(IntPtr h);
    [DllImport("x")] internal static extern int get_str(IntPtr h, byte* buf, ref int len);
    [DllImport("x")] internal static extern int get_arr(IntPtr h, out IntPtr arr, out int n);
    [DllImport("x")] internal static extern void take_over(IntPtr p);
}
unsafe static class Interop
{
    static int Start(string name, string[] args, object user)
    {
        Native.Cfg c = default;
        GCHandle h = GCHandle.Alloc(user);
        try
        {
            c.name = Marshal.StringToCoTaskMemUTF8(name);
            c.argc = args.Length;
            c.args = Marshal.AllocHGlobal(IntPtr.Size * (args.Length + 1));
            for (int i = 0; i < args.Length; i++) ((IntPtr*)c.args)[i] = Marshal.StringToCoTaskMemUTF8(args[i]);
            ((IntPtr*)c.args)[args.Length] = IntPtr.Zero;
            c.user = GCHandle.ToIntPtr(h);
            return Native.start(&c);
        }
        finally
        {
            Marshal.FreeCoTaskMem(c.name);
            if (c.args != IntPtr.Zero)
            {
                for (int i = 0; i < args.Length; i++) Marshal.FreeCoTaskMem(((IntPtr*)c.args)[i]);
                Marshal.FreeHGlobal(c.args);
            }
            h.Free();
        }
    }
    [UnmanagedCallersOnly] static void OnDone(IntPtr user) { GCHandle h = GCHandle.FromIntPtr(user); var tcs = (TaskCompletionSource<int>)h.Target; h.Free(); tcs.SetResult(1); }
    static Task<int> StartAsync(string name)
    {
        var tcs = new TaskCompletionSource<int>();
        GCHandle h = GCHandle.Alloc(tcs);
        Native.Cfg c = default;
        c.user = GCHandle.ToIntPtr(h);
        c.done = &OnDone;
        if (Native.start(&c) != 0) { h.Free(); throw new InvalidOperationException(); }
        return tcs.Task;
    }
    static string GetString(IntPtr h)
    {
        int len = 256;
        byte* stack = stackalloc byte[256];
        byte* buf = stack;
        int r = Native.get_str(h, buf, ref len);
        if (r == -28)
        {
            buf = (byte*)NativeMemory.Alloc((nuint)len);
            r = Native.get_str(h, buf, ref len);
        }
        try { if (r < 0) throw new InvalidOperationException(); return Encoding.UTF8.GetString(buf, len); }
        finally { if (buf != stack) NativeMemory.Free(buf); }
    }
    static string GetString2(IntPtr h)
    {
        int len = 16; byte* buf = null; int r;
        try
        {
            do
            {
                buf = (byte*)NativeMemory.Realloc(buf, (nuint)len);
                r = Native.get_str(h, buf, ref len);
            } while (r == -28);
            return r < 0 ? null : Marshal.PtrToStringUTF8((IntPtr)buf, len);
        }
        finally { NativeMemory.Free(buf); }
    }
    static int[] GetArr(IntPtr h)
    {
        if (Native.get_arr(h, out IntPtr a, out int n) != 0) return [];
        try { var r = new int[n]; Marshal.Copy(a, r, 0, n); return r; }
        finally { Marshal.FreeCoTaskMem(a); }
    }
    static int Writev(int fd, ReadOnlyMemory<byte>[] parts)
    {
        Native.Iov* v = (Native.Iov*)NativeMemory.AllocZeroed((nuint)parts.Length, (nuint)sizeof(Native.Iov));
        var pins = new MemoryHandle[parts.Length];
        try
        {
            for (int i = 0; i < parts.Length; i++) { pins[i] = parts[i].Pin(); v[i].b = pins[i].Pointer; v[i].n = (nuint)parts[i].Length; }
            return Native.writev(fd, v, parts.Length);
        }
        finally { foreach (ref MemoryHandle p in pins.AsSpan()) p.Dispose(); NativeMemory.Free(v); }
    }
    static void Give(int n) { IntPtr p = Marshal.AllocHGlobal(n); Native.take_over(p); }
    static void VariantBstr(string s)
    {
        Native.Variant v = default;
        v.vt = 8;
        v.ptr = Marshal.StringToBSTR(s);
        try { if (v.i8 == 0) return; Console.WriteLine(v.vt); }
        finally { if (v.vt == 8) Marshal.FreeBSTR(v.ptr); }
    }
    static void VariantClear(ref Native.Variant v) { switch (v.vt) { case 8: Marshal.FreeBSTR(v.ptr); break; case 9: Marshal.Release(v.ptr); break; } v = default; }
    static void UseVariantClear(string s) { Native.Variant v = default; v.vt = 8; v.ptr = Marshal.StringToBSTR(s); VariantClear(ref v); VariantClear(ref v); }
    static void UnionAlias(string s) { Native.Variant v = default; v.ptr = Marshal.StringToBSTR(s); IntPtr q = (IntPtr)v.i8; Marshal.FreeBSTR(q); }
    static void Reinterpret() { Native.Iov v; v.n = 1; v.b = NativeMemory.Alloc(1); void* q = *(void**)&v; NativeMemory.Free(q); }
    static void Reinterpret2() { byte* p = (byte*)NativeMemory.Alloc(16); *(void**)p = NativeMemory.Alloc(4); var v = (Native.Iov*)p; NativeMemory.Free(v->b); NativeMemory.Free(p); }
    static void Reinterpret3() { var p = (Native.Iov*)NativeMemory.Alloc(16); p->b = NativeMemory.Alloc(4); void** q = (void**)p; NativeMemory.Free(*q); NativeMemory.Free(p); }
    static void Reinterpret4() { long x = (long)NativeMemory.Alloc(3); byte* b = (byte*)&x; NativeMemory.Free(*(void**)b); }
    static void SpanOf() { void* p = NativeMemory.Alloc(3); Span<nint> s = stackalloc nint[1]; s[0] = (nint)p; NativeMemory.Free((void*)MemoryMarshal.Read<nint>(MemoryMarshal.AsBytes(s))); }
    static IntPtr MakeArgv(string[] a)
    {
        IntPtr p = Marshal.AllocHGlobal(IntPtr.Size * a.Length); int i = 0;
        try { for (; i < a.Length; i++) Marshal.WriteIntPtr(p, i * IntPtr.Size, Marshal.StringToHGlobalAnsi(a[i])); return p; }
        catch { while (--i >= 0) Marshal.FreeHGlobal(Marshal.ReadIntPtr(p, i * IntPtr.Size)); Marshal.FreeHGlobal(p); throw; }
    }
    static void UseArgv(string[] a) { IntPtr p = MakeArgv(a); try { Native.take_over(IntPtr.Zero); } finally { for (int i = 0; i < a.Length; i++) Marshal.FreeHGlobal(Marshal.ReadIntPtr(p, i * IntPtr.Size)); Marshal.FreeHGlobal(p); } }
    static void Open(string name) { byte* n = (byte*)Marshal.StringToCoTaskMemUTF8(name); IntPtr h; try { h = Native.open_it(n); } finally { Marshal.FreeCoTaskMem((IntPtr)n); } if (h == IntPtr.Zero) throw new InvalidOperationException(); Native.close_it(h); }
    static void Native2(ReadOnlySpan<char> s)
    {
        int max = Encoding.UTF8.GetMaxByteCount(s.Length) + 1; byte[] rented = null; byte* heap = null;
        Span<byte> b = max <= 256 ? stackalloc byte[256] : max < 4096 ? (rented = ArrayPool<byte>.Shared.Rent(max)) : new Span<byte>(heap = (byte*)NativeMemory.Alloc((nuint)max), max);
        try { int n = Encoding.UTF8.GetBytes(s, b); b[n] = 0; fixed (byte* p = b) Native.close_it(Native.open_it(p)); }
        finally { if (rented != null) ArrayPool<byte>.Shared.Return(rented); if (heap != null) NativeMemory.Free(heap); }
    }
    internal sealed class NativeOwner : MemoryManager<byte>
    {
        byte* _p; readonly int _n;
        public NativeOwner(int n) { _n = n; _p = (byte*)NativeMemory.Alloc((nuint)n); }
        public override Span<byte> GetSpan() => new(_p, _n);
        public override MemoryHandle Pin(int elementIndex = 0) => new(_p + elementIndex);
        public override void Unpin() { }
        protected override void Dispose(bool disposing) { NativeMemory.Free(_p); _p = null; }
    }
}
sealed unsafe class ComLike : IDisposable
{
    struct Vtbl { public delegate*<ComLike2*, uint> AddRef; public delegate*<ComLike2*, uint> Release; }
    struct ComLike2 { public Vtbl* v; public int refs; public GCHandle target; }
    static readonly Vtbl* s_vtbl = MakeVtbl();
    static Vtbl* MakeVtbl() { Vtbl* v = (Vtbl*)RuntimeHelpers.AllocateTypeAssociatedMemory(typeof(ComLike), sizeof(Vtbl)); v->AddRef = &AddRef; v->Release = &Release; return v; }
    static uint AddRef(ComLike2* c) => (uint)Interlocked.Increment(ref c->refs);
    static uint Release(ComLike2* c) { int r = Interlocked.Decrement(ref c->refs); if (r == 0) { c->target.Free(); NativeMemory.Free(c); } return (uint)r; }
    ComLike2* _c;
    public ComLike(object o) { _c = (ComLike2*)NativeMemory.Alloc((nuint)sizeof(ComLike2)); _c->v = s_vtbl; _c->refs = 1; _c->target = GCHandle.Alloc(o); }
    public void Dispose() { if (_c == null) return; _c->v->Release(_c); _c = null; }
    public static void Use(object o) { using var c = new ComLike(o); AddRef(c._c); Release(c._c); }
}

static class Reader
{
    static async Task<int> ReadAsync(System.IO.Stream s, int n)
    {
        using var owner = new Interop.NativeOwner(n);
        int got = 0;
        while (got < n) { int r = await s.ReadAsync(owner.Memory.Slice(got)); if (r == 0) break; got += r; }
        return got;
    }
}
