// Correct code that copies, moves and swaps structs which own memory, also as bytes.

using System.Runtime.CompilerServices;

unsafe struct Buf { public byte* ptr; public int len; }
unsafe struct Pair { public Buf a; public Buf b; }
unsafe struct Inner { public void* mem; public long n; }
unsafe class Holder { public Buf buf; internal Buf* heap; }

unsafe class Bodies
{
    static void CopyThenFree(Buf* p) { var copy = *p; kfree(copy.ptr); }
    static void CallerCopies()
    {
        Buf b; b.ptr = (byte*)kmalloc(10, GFP_KERNEL); b.len = 10;
        CopyThenFree(&b);
    }
    static void ByValue(Buf a) { Buf b = a; kfree(b.ptr); }
    static void CallerByValue()
    {
        Buf b; b.ptr = (byte*)kmalloc(10, GFP_KERNEL); b.len = 10;
        ByValue(b);
    }
    static void ByRef(ref Buf a) { Buf b = a; a.ptr = null; a.len = 0; kfree(b.ptr); }
    static void CallerByRef()
    {
        Buf b; b.ptr = (byte*)kmalloc(10, GFP_KERNEL); b.len = 10;
        ByRef(ref b);
        ByRef(ref b);
    }
    static void ByIn(in Buf a) { Buf b = a; kfree(b.ptr); }
    static void CallerByIn()
    {
        Buf b = default; b.ptr = (byte*)kmalloc(10, GFP_KERNEL); b.len = 10;
        ByIn(in b);
    }
    static byte* UseMove(ref Buf b) { var p = b.ptr; b.ptr = null; return p; }
    static void CallerMove()
    {
        Buf b = default; b.ptr = (byte*)kmalloc(10, GFP_KERNEL);
        if (b.ptr == null) return;
        byte* q = UseMove(ref b);
        q[0] = 1;
        kfree(q);
        kfree(b.ptr);
    }
    static byte* UseMovePtr(Buf* b) { var p = b->ptr; b->ptr = null; b->len = 0; return p; }
    static void CallerMovePtr()
    {
        Buf b = default; b.ptr = (byte*)kmalloc(10, GFP_KERNEL);
        if (b.ptr == null) return;
        byte* q = UseMovePtr(&b);
        q[0] = 1;
        kfree(q);
        kfree(b.ptr);
    }
    static void MoveOut(ref Buf b, out byte* p) { p = b.ptr; b.ptr = null; }
    static void CallerMoveOut()
    {
        Buf b = default; b.ptr = (byte*)kmalloc(10, GFP_KERNEL);
        MoveOut(ref b, out byte* p);
        kfree(b.ptr);
        kfree(p);
    }
    static void MoveStruct(ref Buf from, out Buf to) { to = from; from = default; }
    static void CallerMoveStruct()
    {
        Buf b = default; b.ptr = (byte*)kmalloc(10, GFP_KERNEL);
        MoveStruct(ref b, out Buf c);
        kfree(b.ptr);
        kfree(c.ptr);
    }
    static Buf Take(ref Buf from) { Buf t = from; from = default; return t; }
    static void CallerTake()
    {
        Buf b = default; b.ptr = (byte*)kmalloc(10, GFP_KERNEL);
        Buf c = Take(ref b);
        kfree(b.ptr);
        kfree(c.ptr);
    }
    static void CallerTakeHeap()
    {
        Buf* h = (Buf*)kzalloc((nuint)sizeof(Buf), GFP_KERNEL);
        if (h == null) return;
        h->ptr = (byte*)kmalloc(10, GFP_KERNEL);
        Buf c = Take(ref *h);
        kfree(h);
        kfree(c.ptr);
    }
    static void Swap(ref Buf a, ref Buf b) { Buf t = a; a = b; b = t; }
    static void CallerSwap()
    {
        Buf a = default, b = default;
        a.ptr = (byte*)kmalloc(1, GFP_KERNEL);
        b.ptr = (byte*)kmalloc(2, GFP_KERNEL);
        Swap(ref a, ref b);
        kfree(a.ptr); kfree(b.ptr);
    }
    static void SwapPtr(byte** a, byte** b) { byte* t = *a; *a = *b; *b = t; }
    static void CallerSwapPtr()
    {
        byte* a = (byte*)kmalloc(1, GFP_KERNEL);
        byte* b = (byte*)kmalloc(2, GFP_KERNEL);
        SwapPtr(&a, &b);
        kfree(a); kfree(b);
    }
    static void SwapStructPtr(Buf* a, Buf* b) { Buf t = *a; *a = *b; *b = t; }
    static void CallerSwapStructPtr()
    {
        Buf a = default, b = default;
        a.ptr = (byte*)kmalloc(1, GFP_KERNEL);
        b.ptr = (byte*)kmalloc(2, GFP_KERNEL);
        SwapStructPtr(&a, &b);
        kfree(a.ptr); kfree(b.ptr);
    }
    static void FreePair(Pair p) { ByValue(p.a); ByValue(p.b); }
    static void CallerPair()
    {
        Pair p; p.a.ptr = (byte*)kmalloc(1, GFP_KERNEL); p.a.len = 1; p.b = default; p.b.ptr = (byte*)kmalloc(2, GFP_KERNEL);
        FreePair(p);
    }
    static void PairNested(ref Pair p) { Buf a = p.a; p.a = p.b; p.b = a; }
    static void CallerPairNested()
    {
        Pair p = default; p.a.ptr = (byte*)kmalloc(1, GFP_KERNEL); p.b.ptr = (byte*)kmalloc(2, GFP_KERNEL);
        PairNested(ref p);
        FreePair(p);
    }
    static void ArrayCopy(Buf[] arr, int i) { Buf b = arr[i]; arr[i] = default; kfree(b.ptr); }
    static void CallerArrayCopy()
    {
        var arr = new Buf[3];
        arr[0].ptr = (byte*)kmalloc(1, GFP_KERNEL);
        ArrayCopy(arr, 0);
    }
    static void HolderCopy(Holder h) { Buf b = h.buf; h.buf = default; kfree(b.ptr); }
    static void CallerHolder()
    {
        var h = new Holder();
        h.buf.ptr = (byte*)kmalloc(1, GFP_KERNEL);
        HolderCopy(h);
        HolderCopy(h);
    }
    static Buf Make(int n) { Buf b; b.ptr = (byte*)kmalloc((nuint)n, GFP_KERNEL); b.len = b.ptr == null ? 0 : n; return b; }
    static bool TryMake(int n, out Buf b) { b = Make(n); return b.ptr != null; }
    static void CallerMake()
    {
        if (!TryMake(3, out Buf b)) return;
        Buf c = b;
        if (!TryMake(4, out b)) { kfree(c.ptr); return; }
        kfree(b.ptr); kfree(c.ptr);
    }
    static void Grow(ref Buf b)
    {
        Buf bigger = Make(b.len * 2);
        if (bigger.ptr == null) return;
        Buffer.MemoryCopy(b.ptr, bigger.ptr, bigger.len, b.len);
        Buf old = b;
        b = bigger;
        ByValue(old);
    }
    static void CallerGrow()
    {
        Buf b = Make(4);
        if (b.ptr == null) return;
        Grow(ref b); Grow(ref b);
        ByValue(b);
    }
    static (Buf, int) MakeTuple() { Buf b = Make(3); return (b, b.len); }
    static void CallerTuple() { (Buf b, int n) = MakeTuple(); ByValue(b); }
    static void CallerTuple2() { var t = MakeTuple(); ByValue(t.Item1); }
    static void Heap2()
    {
        var h = new Holder();
        h.heap = (Buf*)kzalloc((nuint)sizeof(Buf), GFP_KERNEL);
        if (h.heap == null) return;
        *h.heap = Make(3);
        Buf t = *h.heap;
        kfree(t.ptr);
        kfree(h.heap);
    }
    static void FreeThrough(Holder h) { Buf* x = h.heap; h.heap = null; Buf c = *x; kfree(x); ByValue(c); }
    static void Heap3()
    {
        var h = new Holder();
        h.heap = (Buf*)kzalloc((nuint)sizeof(Buf), GFP_KERNEL);
        if (h.heap == null) return;
        *h.heap = Make(3);
        FreeThrough(h);
    }
    static void LocalRef()
    {
        Buf b = Make(3);
        ref Buf r = ref b;
        Buf c = r;
        r.ptr = null;
        kfree(b.ptr);
        kfree(c.ptr);
    }
    static void CopyBack(Buf* dst, Buf src) { *dst = src; }
    static void CallerCopyBack() { Buf b; CopyBack(&b, Make(3)); kfree(b.ptr); }
    static void CopyWithUnsafe(Buf* src) { Buf c = Unsafe.Read<Buf>(src); kfree(c.ptr); }
    static void CallerUnsafe() { Buf b = Make(3); CopyWithUnsafe(&b); }
    static void MemCopy()
    {
        Buf b = Make(3); Buf c;
        memcpy(&c, &b, (nuint)sizeof(Buf));
        kfree(c.ptr);
    }
    static void MemCopy2()
    {
        Buf b = Make(3); Buf c;
        Unsafe.CopyBlock(&c, &b, (uint)sizeof(Buf));
        kfree(c.ptr);
    }
    static void MemMove3()
    {
        Buf b = Make(3); Buf c;
        Buffer.MemoryCopy(&b, &c, sizeof(Buf), sizeof(Buf));
        kfree(c.ptr);
    }
    static void Conditional(bool x)
    {
        Buf a = Make(1), b = Make(2);
        Buf f = x ? a : b;
        Buf s = x ? b : a;
        ByValue(f); ByValue(s);
    }
    static void Nullable()
    {
        Buf? m = null;
        if (TryMake(3, out Buf b)) m = b;
        if (m is { } got) kfree(got.ptr);
    }
    static void Nullable2()
    {
        Buf? m = Make(4);
        if (m.HasValue) kfree(m.Value.ptr);
    }
}
