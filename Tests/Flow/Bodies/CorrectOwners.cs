// Correct types that own memory, as they are written in the wild, and their use.

using System.Threading;

unsafe sealed class A2 : IDisposable
{
    nint _p;
    public A2() => _p = (nint)NativeMemory.Alloc(16);
    public void Dispose() { nint p = Interlocked.Exchange(ref _p, 0); if (p != 0) NativeMemory.Free((void*)p); }
    public byte* Data => (byte*)_p;
}
unsafe sealed class A3 : IDisposable
{
    IntPtr _p;
    public A3() => _p = Marshal.AllocHGlobal(16);
    public void Dispose() { IntPtr p = Interlocked.Exchange(ref _p, IntPtr.Zero); if (p != IntPtr.Zero) Marshal.FreeHGlobal(p); GC.SuppressFinalize(this); }
    ~A3() { IntPtr p = Interlocked.Exchange(ref _p, IntPtr.Zero); if (p != IntPtr.Zero) Marshal.FreeHGlobal(p); }
}
unsafe class A4 : IDisposable
{
    byte* _p; bool _disposed;
    public A4(int n) { _p = (byte*)NativeMemory.AllocZeroed((nuint)n); }
    protected virtual void Dispose(bool disposing)
    {
        if (_disposed) return;
        _disposed = true;
        NativeMemory.Free(_p);
        _p = null;
    }
    public void Dispose() { Dispose(true); GC.SuppressFinalize(this); }
    ~A4() => Dispose(false);
}
unsafe sealed class A5 : SafeHandle
{
    public A5(int n) : base(IntPtr.Zero, true) { SetHandle(Marshal.AllocHGlobal(n)); }
    public override bool IsInvalid => handle == IntPtr.Zero;
    protected override bool ReleaseHandle() { Marshal.FreeHGlobal(handle); return true; }
}
unsafe sealed class A6 : SafeHandle
{
    public A6(int n) : base(IntPtr.Zero, true) { handle = (IntPtr)NativeMemory.Alloc((nuint)n); }
    public override bool IsInvalid => handle == IntPtr.Zero;
    protected override bool ReleaseHandle() { NativeMemory.Free((void*)handle); return true; }
}
unsafe sealed class A7 : Microsoft.Win32.SafeHandles.SafeHandleZeroOrMinusOneIsInvalid
{
    A7() : base(true) { }
    public static A7 Create(int n)
    {
        var h = new A7();
        IntPtr p = Marshal.AllocHGlobal(n);
        h.SetHandle(p);
        return h;
    }
    protected override bool ReleaseHandle() { Marshal.FreeHGlobal(handle); return true; }
}
unsafe sealed class PageUser : IDisposable
{
    page* _page;
    public PageUser(page* p) { get_page(p); _page = p; }
    public void Dispose() { if (_page != null) { put_page(_page); _page = null; } }
}
unsafe sealed class PageOwner : IDisposable
{
    page* _page;
    public PageOwner() { _page = alloc_page(GFP_KERNEL); if (_page == null) throw new OutOfMemoryException(); }
    public page* Share() { get_page(_page); return _page; }
    public void Dispose() { var p = _page; _page = null; if (p != null) put_page(p); }
}
unsafe sealed class A8 : IDisposable
{
    readonly List<IntPtr> _blocks = new();
    byte* _current; int _left;
    public byte* Get(int n)
    {
        if (n > _left)
        {
            _current = (byte*)NativeMemory.Alloc(65536);
            _blocks.Add((IntPtr)_current);
            _left = 65536;
        }
        byte* r = _current; _current += n; _left -= n;
        return r;
    }
    public void Dispose() { foreach (IntPtr b in _blocks) NativeMemory.Free((void*)b); _blocks.Clear(); _current = null; }
}
unsafe class Base : IDisposable
{
    protected byte* _mem;
    private byte* _own;
    protected Base(byte* m) { _mem = m; _own = (byte*)NativeMemory.Alloc(3); }
    public virtual void Dispose() { NativeMemory.Free(_mem); NativeMemory.Free(_own); _mem = _own = null; }
}
unsafe class Derived : Base
{
    private byte* _extra;
    public Derived() : base((byte*)NativeMemory.Alloc(10)) { _extra = (byte*)NativeMemory.Alloc(3); }
    public override void Dispose() { NativeMemory.Free(_extra); _extra = null; base.Dispose(); }
}
unsafe sealed class Lazy1 : IDisposable
{
    private byte* _p;
    public byte* P { get { if (_p == null) _p = (byte*)NativeMemory.Alloc(16); return _p; } }
    public void Dispose() { NativeMemory.Free(_p); _p = null; }
}
unsafe sealed class Lazy2 : IDisposable
{
    private nint _p;
    public byte* P
    {
        get
        {
            if (_p == 0)
            {
                nint n = (nint)NativeMemory.Alloc(16);
                if (Interlocked.CompareExchange(ref _p, n, 0) != 0) NativeMemory.Free((void*)n);
            }
            return (byte*)_p;
        }
    }
    public void Dispose() { NativeMemory.Free((void*)Interlocked.Exchange(ref _p, 0)); }
}
unsafe sealed class Grow1 : IDisposable
{
    private byte* _p; private int _cap, _n;
    public void Add(byte b)
    {
        if (_n == _cap)
        {
            int cap = Math.Max(4, _cap * 2);
            _p = (byte*)NativeMemory.Realloc(_p, (nuint)cap);
            _cap = cap;
        }
        _p[_n++] = b;
    }
    public void Dispose() { if (_p != null) { NativeMemory.Free(_p); _p = null; } }
}
unsafe sealed class Grow2 : IDisposable
{
    private byte* _p; private int _cap, _n;
    public bool Add(byte b)
    {
        if (_n == _cap)
        {
            int cap = Math.Max(4, _cap * 2);
            byte* q = (byte*)krealloc(_p, (nuint)cap, GFP_KERNEL);
            if (q == null) return false;
            _p = q;
            _cap = cap;
        }
        _p[_n++] = b;
        return true;
    }
    public void Dispose() { kfree(_p); _p = null; }
}
unsafe sealed class Grow3 : IDisposable
{
    private byte* _p; private int _cap, _n;
    private void Resize(int cap)
    {
        byte* q = (byte*)NativeMemory.Alloc((nuint)cap);
        if (_p != null)
        {
            NativeMemory.Copy(_p, q, (nuint)_n);
            NativeMemory.Free(_p);
        }
        _p = q; _cap = cap;
    }
    public void Add(byte b) { if (_n == _cap) Resize(_cap == 0 ? 4 : _cap * 2); _p[_n++] = b; }
    public void Dispose() { NativeMemory.Free(_p); _p = null; _cap = _n = 0; }
}
sealed class HandleOwner : IDisposable
{
    private GCHandle _h;
    public HandleOwner(object o) { _h = GCHandle.Alloc(o, GCHandleType.Pinned); }
    public IntPtr Address => _h.AddrOfPinnedObject();
    public void Dispose() { if (_h.IsAllocated) _h.Free(); }
}
sealed class HandleOwner2 : IDisposable
{
    private IntPtr _h;
    public HandleOwner2() { _h = GCHandle.ToIntPtr(GCHandle.Alloc(this, GCHandleType.Weak)); }
    public void Dispose() { if (_h != IntPtr.Zero) { GCHandle.FromIntPtr(_h).Free(); _h = IntPtr.Zero; } }
}
unsafe struct ValueOwner : IDisposable
{
    private byte* _p;
    public ValueOwner(int n) { _p = (byte*)NativeMemory.Alloc((nuint)n); }
    public Span<byte> Span => new(_p, 10);
    public void Dispose() { NativeMemory.Free(_p); _p = null; }
}
unsafe ref struct RefOwner
{
    private byte* _p; private readonly int _n;
    public RefOwner(int n) { _n = n; _p = (byte*)NativeMemory.Alloc((nuint)n); }
    public Span<byte> Span => new(_p, _n);
    public void Dispose() { var p = _p; _p = null; NativeMemory.Free(p); }
}
unsafe class MemMgr : MemoryManager<byte>
{
    private byte* _p; private int _n; int _pins;
    public MemMgr(int n) { _n = n; _p = (byte*)NativeMemory.Alloc((nuint)n); }
    public override Span<byte> GetSpan() => new(_p, _n);
    public override MemoryHandle Pin(int i = 0) { Interlocked.Increment(ref _pins); return new MemoryHandle(_p + i, default, this); }
    public override void Unpin() { if (Interlocked.Decrement(ref _pins) == 0 && _p == null) { } }
    protected override void Dispose(bool disposing) { if (_p != null) { NativeMemory.Free(_p); _p = null; } }
}
unsafe partial class Bodies
{
    static void U1() { using var v = new ValueOwner(10); v.Span[0] = 1; }
    static void U2() { using (var v = new ValueOwner(10)) { v.Span[0] = 1; } }
    static int U3(int n) { using var v = new RefOwner(n); if (n > 10) return 3; v.Span[0] = 1; return v.Span[0]; }
    static void U4() { var v = new ValueOwner(10); try { v.Span.Clear(); } finally { v.Dispose(); } }
    static void U5() { ValueOwner v = default; try { v = new ValueOwner(3); v.Span.Clear(); } finally { v.Dispose(); } }
    static ValueOwner U6() { var v = new ValueOwner(3); v.Span.Clear(); return v; }
    static void U7() { using ValueOwner v = U6(); }
    static void U8(bool b) { using ValueOwner v = b ? new ValueOwner(3) : new ValueOwner(4); v.Span.Clear(); }
    static IMemoryOwner<byte> U9() => new MemMgr(10);
    static void U10() { using var m = U9(); m.Memory.Span[0] = 1; }
    static void U11() { IMemoryOwner<byte> m = new MemMgr(10); m.Dispose(); }
    static void U12() { var a = new A4(3); a.Dispose(); }
    static void U13() { var l = new List<A2>(); for (int i = 0; i < 3; i++) l.Add(new A2()); foreach (var a in l) a.Dispose(); }
    static void U14() { var a = new A2[3]; for (int i = 0; i < 3; i++) a[i] = new A2(); foreach (var x in a) x.Dispose(); }
    static void U15() { A2 a = null; try { a = new A2(); a.Data[0] = 1; } finally { a?.Dispose(); } }
    static void U17() { A2 first = new A2(), second; try { second = new A2(); } catch { first.Dispose(); throw; } second.Dispose(); first.Dispose(); }
    static void U18() { using var d = new Derived(); }
    static void U19() { Base b = new Derived(); b.Dispose(); }
    static void U20() { using SafeHandle h = new A5(3); }
    static void U21() { var h = new A6(3); h.Dispose(); }
    static void U22(object o) { var h = new HandleOwner(o); try { _ = h.Address; } finally { h.Dispose(); } }
}

partial class Bodies
{
    static async Task U16() { using var a = new A2(); await Task.Yield(); a.Dispose(); }
}
