// Correct patterns of cleaning up: ladders, retries, collections, callbacks, reallocation, handles, async and iterators.

using System.Threading;
using System.Linq;
using System.Collections.Concurrent;

unsafe partial class Bodies
{
    static int Ladder(int n)
    {
        int err = -ENOMEM;
        void* a = kmalloc(1, GFP_KERNEL);
        if (a == null) goto out0;
        void* b = kmalloc(2, GFP_KERNEL);
        if (b == null) goto out1;
        void* c = kmalloc(3, GFP_KERNEL);
        if (c == null) goto out2;
        err = n > 3 ? -EINVAL : 0;
        if (err != 0) goto out3;
        err = 5;
    out3: kfree(c);
    out2: kfree(b);
    out1: kfree(a);
    out0: return err;
    }
    static int Ladder2(int n, void** res)
    {
        int err;
        void* a = null; void* b = null;
        a = kmalloc(1, GFP_KERNEL);
        if (a == null) { err = -ENOMEM; goto fail; }
        b = kmalloc(2, GFP_KERNEL);
        if (b == null) { err = -ENOMEM; goto fail; }
        if (n < 0) { err = -EINVAL; goto fail; }
        *res = a;
        kfree(b);
        return 0;
    fail:
        kfree(b);
        kfree(a);
        return err;
    }
    static void* Retry()
    {
        void* p;
        int tries = 0;
        while ((p = kmalloc(10, GFP_NOWAIT)) == null && tries++ < 10) msleep(1);
        return p;
    }
    static void UseRetry() { void* p = Retry(); kfree(p); }
    static void Retry2()
    {
        for (int i = 0; i < 5; i++)
        {
            byte* p = (byte*)kmalloc(10, GFP_KERNEL);
            if (p == null) continue;
            if (p[0] == 3) { kfree(p); continue; }
            kfree(p);
            return;
        }
    }
    static byte* Retry3(Func<int, bool> ok)
    {
        for (; ; )
        {
            byte* p = (byte*)NativeMemory.Alloc(10);
            if (ok(p[0])) return p;
            NativeMemory.Free(p);
        }
    }
    static byte* QueryLoop()
    {
        uint size = 16;
        byte* buf = (byte*)Marshal.AllocHGlobal(16);
        while (Query(buf, &size) == 122)
        {
            Marshal.FreeHGlobal((IntPtr)buf);
            buf = (byte*)Marshal.AllocHGlobal((int)size);
        }
        return buf;
    }
    [DllImport("x")] static extern int Query(byte* b, uint* s);
    static void QueryLoop2()
    {
        IntPtr buf = IntPtr.Zero; uint size = 0;
        try
        {
            int r;
            do
            {
                buf = buf == IntPtr.Zero ? Marshal.AllocHGlobal(16) : Marshal.ReAllocHGlobal(buf, (IntPtr)size);
                r = Query((byte*)buf, &size);
            } while (r == 122);
        }
        finally { Marshal.FreeHGlobal(buf); }
    }
    static void ToList(List<IntPtr> l) { l.Add(Marshal.AllocHGlobal(3)); }
    static void LocalList()
    {
        var l = new List<IntPtr>();
        for (int i = 0; i < 3; i++) l.Add(Marshal.AllocHGlobal(3));
        foreach (var p in l) Marshal.FreeHGlobal(p);
    }
    static void LocalList2()
    {
        var l = new List<IntPtr> { Marshal.AllocHGlobal(3), Marshal.AllocHGlobal(4) };
        l.ForEach(Marshal.FreeHGlobal);
    }
    static void LocalList3()
    {
        List<IntPtr> l = [Marshal.AllocHGlobal(3), Marshal.AllocHGlobal(4)];
        for (int i = l.Count - 1; i >= 0; i--) Marshal.FreeHGlobal(l[i]);
    }
    static void LocalDict()
    {
        var d = new Dictionary<string, IntPtr>();
        d["a"] = Marshal.AllocHGlobal(3);
        d.Add("b", Marshal.AllocHGlobal(4));
        foreach (var kv in d) Marshal.FreeHGlobal(kv.Value);
    }
    static void Dict2(Dictionary<int, IntPtr> d)
    {
        if (!d.TryGetValue(3, out IntPtr p)) d[3] = p = Marshal.AllocHGlobal(3);
        *(int*)p = 1;
    }
    static void Dict3(Dictionary<int, IntPtr> d)
    {
        if (d.Remove(3, out IntPtr p)) Marshal.FreeHGlobal(p);
        if (d.Remove(3, out p)) Marshal.FreeHGlobal(p);
    }
    static void Bag(ConcurrentBag<IntPtr> bag)
    {
        if (!bag.TryTake(out IntPtr p)) p = (IntPtr)NativeMemory.Alloc(10);
        *(int*)p = 3;
        bag.Add(p);
    }
    static void Bag2(ConcurrentBag<IntPtr> bag)
    {
        while (bag.TryTake(out IntPtr p)) NativeMemory.Free((void*)p);
    }
    static void Queue1(ConcurrentQueue<nint> q) { q.Enqueue((nint)kmalloc(3, GFP_KERNEL)); while (q.TryDequeue(out nint p)) kfree((void*)p); }
    static void Stack1(Stack<nint> q) { q.Push((nint)kmalloc(3, GFP_KERNEL)); while (q.Count > 0) kfree((void*)q.Pop()); }
    static void Stack2() { var q = new Stack<nint>(); q.Push((nint)kmalloc(3, GFP_KERNEL)); while (q.TryPop(out nint p)) kfree((void*)p); }
    static void Arr1()
    {
        var a = new IntPtr[4];
        for (int i = 0; i < a.Length; i++) a[i] = Marshal.AllocHGlobal(i + 1);
        foreach (IntPtr p in a) Marshal.FreeHGlobal(p);
    }
    static void Arr2()
    {
        void** a = stackalloc void*[4];
        int n = 0;
        for (; n < 4; n++) { a[n] = kmalloc(8, GFP_KERNEL); if (a[n] == null) goto undo; }
        a[0] = a[0];
    undo:
        while (--n >= 0) kfree(a[n]);
    }
    static void Arr3()
    {
        byte** a = (byte**)kmalloc_array(4, (nuint)sizeof(byte*), GFP_KERNEL);
        if (a == null) return;
        for (int i = 0; i < 4; i++) a[i] = (byte*)kmalloc(8, GFP_KERNEL);
        for (int i = 0; i < 4; i++) kfree(a[i]);
        kfree(a);
    }
    static void Arr4()
    {
        Span<nint> a = stackalloc nint[2];
        a[0] = (nint)kmalloc(8, GFP_KERNEL);
        a[1] = (nint)kmalloc(8, GFP_KERNEL);
        foreach (nint p in a) kfree((void*)p);
    }
    static void Arr5()
    {
        Span<nint> a = new nint[2];
        for (int i = 0; i < a.Length; i++) a[i] = (nint)kmalloc(8, GFP_KERNEL);
        for (int i = 0; i < a.Length; i++) { kfree((void*)a[i]); a[i] = 0; }
    }
    static void With(Action<IntPtr> use) { IntPtr p = Marshal.AllocHGlobal(3); try { use(p); } finally { Marshal.FreeHGlobal(p); } }
    static void CallBack() { With(p => Marshal.WriteByte(p, 3)); }
    static void Owner(Action<IntPtr> free) { IntPtr p = Marshal.AllocHGlobal(3); free(p); }
    static void CallBackFrees() { Owner(p => Marshal.FreeHGlobal(p)); Owner(Marshal.FreeHGlobal); }
    static void Deferred(List<Action> l) { void* p = kmalloc(3, GFP_KERNEL); l.Add(() => kfree(p)); }
    static void Deferred2() { void* p = kmalloc(3, GFP_KERNEL); Action a = () => kfree(p); a(); }
    static void Deferred3() { void* p = kmalloc(3, GFP_KERNEL); void Free() { kfree(p); p = null; } if (p == null) return; Free(); Free(); }
    static Action Deferred4() { void* p = kmalloc(3, GFP_KERNEL); return () => kfree(p); }
    static void FnPtr() { delegate*<void*, void> f = &kfree; f(kmalloc(3, GFP_KERNEL)); }
    static bool Re(ref byte* p, nuint n) { void* q = krealloc(p, n, GFP_KERNEL); if (q == null) return false; p = (byte*)q; return true; }
    static void UseRe() { byte* p = (byte*)kmalloc(3, GFP_KERNEL); if (p == null) return; if (!Re(ref p, 10)) { kfree(p); return; } kfree(p); }
    static void UseRe2() { byte* p = null; for (nuint i = 1; i < 10; i++) if (!Re(ref p, i)) break; kfree(p); }
    static void Re3() { byte* p = (byte*)NativeMemory.Alloc(3); try { p = (byte*)NativeMemory.Realloc(p, 10); p[0] = 1; } finally { NativeMemory.Free(p); } }
    static void Re4() { byte* p = null; p = (byte*)NativeMemory.Realloc(p, 10); p = (byte*)NativeMemory.Realloc(p, 20); NativeMemory.Free(p); }
    static void Re5() { void* p = NativeMemory.AlignedAlloc(3, 16); p = NativeMemory.AlignedRealloc(p, 10, 16); NativeMemory.AlignedFree(p); }
    static void Al(bool big) { void* p = big ? NativeMemory.AlignedAlloc(100, 64) : NativeMemory.Alloc(10); if (big) NativeMemory.AlignedFree(p); else NativeMemory.Free(p); }
    static void StackOrHeap(int n)
    {
        byte* heap = null;
        byte* p;
        if (n <= 256) { byte* s = stackalloc byte[256]; p = s; }
        else p = heap = (byte*)NativeMemory.Alloc((nuint)n);
        p[0] = 1;
        if (heap != null) NativeMemory.Free(heap);
    }
    static void StackOrHeap2(int n)
    {
        byte* s = stackalloc byte[256];
        byte* p = n <= 256 ? s : (byte*)NativeMemory.Alloc((nuint)n);
        try { p[0] = 1; } finally { if (n > 256) NativeMemory.Free(p); }
    }
    static void StackOrHeap3(int n)
    {
        byte* s = stackalloc byte[256];
        byte* p = s;
        if (n > 256) p = (byte*)NativeMemory.Alloc((nuint)n);
        p[0] = 1;
        if (p != s) NativeMemory.Free(p);
    }
    static void StackOrHeap4(int n)
    {
        IntPtr h = IntPtr.Zero;
        Span<byte> span = n <= 256 ? stackalloc byte[n] : new Span<byte>((void*)(h = Marshal.AllocHGlobal(n)), n);
        span.Clear();
        if (h != IntPtr.Zero) Marshal.FreeHGlobal(h);
    }
    static void StackOrHeap5(int n)
    {
        bool heap = n > 256;
        byte* s = stackalloc byte[heap ? 0 : n];
        if (heap) s = (byte*)NativeMemory.Alloc((nuint)n);
        s[0] = 1;
        if (heap) NativeMemory.Free(s);
    }
    static void Gch(object o) { var h = GCHandle.Alloc(o); try { Use(GCHandle.ToIntPtr(h)); } finally { h.Free(); } }
    static void Gch2(byte[] b) { GCHandle h = default; try { h = GCHandle.Alloc(b, GCHandleType.Pinned); Use(h.AddrOfPinnedObject()); } finally { if (h.IsAllocated) h.Free(); } }
    static void Gch3(object o) { var h = GCHandle.Alloc(o); Use(GCHandle.ToIntPtr(h)); }
    static void Gch4(IntPtr p) { var h = GCHandle.FromIntPtr(p); var t = (string)h.Target; h.Free(); }
    [DllImport("x")] static extern void Use(IntPtr p);
    static void Fixed(byte[] b) { fixed (byte* p = b) { Use((IntPtr)p); byte* q = (byte*)NativeMemory.Alloc(3); NativeMemory.Copy(p, q, 3); NativeMemory.Free(q); } }
    static IEnumerable<int> Iter1()
    {
        IntPtr p = Marshal.AllocHGlobal(10);
        try { for (int i = 0; i < 10; i++) yield return Marshal.ReadByte(p, i); }
        finally { Marshal.FreeHGlobal(p); }
    }
    static IEnumerable<IntPtr> Iter2() { for (int i = 0; i < 3; i++) { IntPtr p = Marshal.AllocHGlobal(3); yield return p; Marshal.FreeHGlobal(p); } }
    static void Str(string s) { IntPtr p = Marshal.StringToHGlobalAnsi(s); try { Use(p); } finally { Marshal.FreeHGlobal(p); } }
    static void Str2(string[] s)
    {
        IntPtr[] a = s.Select(Marshal.StringToCoTaskMemUTF8).ToArray();
        try { fixed (IntPtr* p = a) Use((IntPtr)p); } finally { foreach (var x in a) Marshal.FreeCoTaskMem(x); }
    }
    static void Str3(string[] s)
    {
        IntPtr arr = Marshal.AllocCoTaskMem(IntPtr.Size * s.Length);
        for (int i = 0; i < s.Length; i++) Marshal.WriteIntPtr(arr, i * IntPtr.Size, Marshal.StringToCoTaskMemUTF8(s[i]));
        Use(arr);
        for (int i = 0; i < s.Length; i++) Marshal.FreeCoTaskMem(Marshal.ReadIntPtr(arr, i * IntPtr.Size));
        Marshal.FreeCoTaskMem(arr);
    }
    static void Str4(string s) { IntPtr b = Marshal.StringToBSTR(s); string t = Marshal.PtrToStringBSTR(b); Marshal.FreeBSTR(b); }
    static void Struct1<T>(T t) where T : struct
    {
        IntPtr p = Marshal.AllocHGlobal(Marshal.SizeOf<T>());
        try { Marshal.StructureToPtr(t, p, false); Use(p); Marshal.DestroyStructure<T>(p); } finally { Marshal.FreeHGlobal(p); }
    }
    static T Struct2<T>(byte[] b) where T : struct
    {
        GCHandle h = GCHandle.Alloc(b, GCHandleType.Pinned);
        T t;
        try { t = Marshal.PtrToStructure<T>(h.AddrOfPinnedObject()); } finally { h.Free(); }
        return t;
    }
    static void UseAfterNull() { void* p = kmalloc(3, GFP_KERNEL); kfree(p); p = null; kfree(p); }
    static void PrintAfter() { void* p = kmalloc(3, GFP_KERNEL); kfree(p); Console.WriteLine(((nint)p).ToString()); }
    static void CompareAfter(void* other) { void* p = kmalloc(3, GFP_KERNEL); kfree(p); if (p == other) Console.WriteLine("same"); }
    static HashSet<nint> s_live = new();
    static void Live() { void* p = kmalloc(3, GFP_KERNEL); s_live.Add((nint)p); kfree(p); s_live.Remove((nint)p); }
    static void Switch1(int k)
    {
        void* p = k switch { 0 => kmalloc(1, GFP_KERNEL), 1 => vmalloc(10), _ => null };
        switch (k) { case 0: kfree(p); break; case 1: vfree(p); break; }
    }
    static void Flags(bool a, bool b)
    {
        void* p = null; bool mine = false;
        if (a) { p = kmalloc(3, GFP_KERNEL); mine = true; }
        if (b) Console.WriteLine("x");
        if (mine) kfree(p);
    }
    static void Count(int n)
    {
        byte* p = n > 0 ? (byte*)kmalloc((nuint)n, GFP_KERNEL) : null;
        for (int i = 0; i < n; i++) { if (p != null) p[i] = 0; }
        if (n > 0) kfree(p);
    }
}

partial class Bodies
{
    static async Task Async1()
    {
        IntPtr p = Marshal.AllocHGlobal(10);
        try { await Task.Delay(1); Marshal.WriteByte(p, 3); await Task.Delay(2); }
        finally { Marshal.FreeHGlobal(p); }
    }
    static readonly SemaphoreSlim s_sem = new(1);
    static async Task<int> Async2()
    {
        await s_sem.WaitAsync();
        IntPtr p = IntPtr.Zero;
        try { p = Marshal.AllocHGlobal(10); await Task.Yield(); return Marshal.ReadByte(p); }
        finally { if (p != IntPtr.Zero) Marshal.FreeHGlobal(p); s_sem.Release(); }
    }
    static async IAsyncEnumerable<int> Iter3() { IntPtr p = Marshal.AllocHGlobal(3); try { await Task.Yield(); yield return 3; } finally { Marshal.FreeHGlobal(p); } }
}
