// Correct code over collections of objects that own memory, and over loops of a few turns that say so: all of it stays silent.

using System.Linq;
using System.Threading;
unsafe class Bodies
{
    static int s_n; static bool Ask() => s_n > 3;
    sealed class Blob : IDisposable
    {
        nint _p; public int Id; public Blob Next;
        public nint P => _p;
        public Blob(int n) { _p = Marshal.AllocHGlobal(n); Id = n; }
        public void Dispose() { if (_p != 0) { Marshal.FreeHGlobal(_p); _p = 0; } }
    }
    sealed class Handle : IDisposable
    {
        readonly nint _p; bool _done;
        public Handle(nint p) { _p = p; }
        public void Dispose() { if (_done) return; _done = true; Marshal.FreeHGlobal(_p); }
    }
    abstract class Shape { public nint buf; }
    sealed class Circle : Shape { }
    static void DisposedTwiceWithAFlag()
    {
        var list = new List<Handle>();
        nint p = Marshal.AllocHGlobal(3);
        list.Add(new Handle(p));
        foreach (Handle h in list) h.Dispose();
        foreach (Handle h in list) h.Dispose();
    }
    static void ByItsClass()
    {
        var list = new List<Shape>();
        var c = new Circle(); c.buf = Marshal.AllocHGlobal(3);
        list.Add(c);
        foreach (Shape s in list) if (s is Circle k) Marshal.FreeHGlobal(k.buf);
    }
    static void SomeEmpty()
    {
        var list = new List<Shape>();
        list.Add(new Circle { buf = Marshal.AllocHGlobal(3) });
        list.Add(new Circle());
        for (int i = 0; i < list.Count; i++) { Shape s = list[i]; if (s.buf != 0) Marshal.FreeHGlobal(s.buf); }
    }
    static void DisposedWhereItThrows()
    {
        var list = new List<Blob>();
        try
        {
            list.Add(new Blob(3));
            if (Ask()) throw new Exception();
            list.Add(new Blob(4));
        }
        catch { foreach (var b in list) b.Dispose(); throw; }
        foreach (var b in list) b.Dispose();
    }
    static void NewKeys(int[] ids)
    {
        var map = new Dictionary<int, Blob>();
        foreach (int id in ids)
        {
            if (map.ContainsKey(id)) continue;
            map[id] = new Blob(id);
        }
        foreach (var (k, v) in map) v.Dispose();
    }
    static void RemovedKeyByKey(int[] ids)
    {
        var map = new Dictionary<string, Blob>();
        map["a"] = new Blob(1);
        map["b"] = new Blob(2);
        foreach (string k in map.Keys.ToList()) { map[k].Dispose(); map.Remove(k); }
    }
    static void QueueOfAnArray()
    {
        var q = new Queue<Blob>(new[] { new Blob(3) });
        while (q.Count > 0) q.Dequeue().Dispose();
    }
    static void FilledByAFunction()
    {
        var list = new List<Blob>();
        Fill(list);
        foreach (var b in list) b.Dispose();
    }
    static void Fill(List<Blob> l) { l.Add(new Blob(3)); l.Add(new Blob(4)); }
    static Dictionary<string, Blob> MadeWithOne() => new() { ["x"] = new Blob(4) };
    static void MadeAndDisposed()
    {
        foreach (var kv in MadeWithOne()) kv.Value.Dispose();
    }
    static void SortedFirst(bool sort)
    {
        var list = new List<Blob> { new Blob(4), new Blob(3) };
        if (sort) list.Sort((a, b) => a.Id.CompareTo(b.Id));
        list[0].Dispose();
        list[1].Dispose();
    }
    static void FirstAndLast()
    {
        var list = new List<Blob> { new Blob(4), new Blob(3) };
        Blob first = list.First(), last = list.Last();
        first.Dispose(); last.Dispose();
    }
    static void FoundAndTheOther()
    {
        var list = new List<Blob> { new Blob(4), new Blob(3) };
        Blob x = list.Find(b => b.Id == 4);
        x.Dispose();
        list.Remove(x);
        list.Single().Dispose();
    }
    static void UsingEach()
    {
        var list = new List<Blob> { new Blob(4), new Blob(3) };
        using (list[0]) using (list[1]) s_n++;
    }
    static void LinkedOnAStack()
    {
        var st = new Stack<Blob>();
        Blob root = new Blob(3); root.Next = new Blob(4);
        st.Push(root);
        while (st.Count > 0)
        {
            Blob b = st.Pop();
            if (b.Next != null) st.Push(b.Next);
            b.Dispose();
        }
    }
    static void OneOfFour()
    {
        var all = new List<Blob>();
        Blob cur = null;
        for (int i = 0; i < s_n; i++)
        {
            if (i % 4 == 0) { cur = new Blob(i); all.Add(cur); }
            cur.Id++;
        }
        foreach (var b in all) b.Dispose();
    }
    static void UnderTwoNames()
    {
        var a = new List<Blob> { new Blob(1) };
        var b = a;
        b.Add(new Blob(2));
        foreach (var x in a) x.Dispose();
    }
    static void AddedToAnother()
    {
        var a = new List<Blob> { new Blob(1) }; var c = new List<Blob>();
        c.AddRange(a);
        foreach (var x in c) x.Dispose();
    }
    static void AsAnObject()
    {
        var a = new List<Blob> { new Blob(1) };
        object o = a;
        foreach (Blob x in (System.Collections.IEnumerable)o) x.Dispose();
    }
    static void RemovedOnTheWay()
    {
        var a = new List<Blob> { new Blob(1), new Blob(2) };
        for (int i = 0; i < a.Count; i++) { if (a[i].Id == 1) { a[i].Dispose(); a.RemoveAt(i--); } }
        foreach (var x in a) x.Dispose();
    }
    static void ByItsEnumerator()
    {
        var a = new List<Blob> { new Blob(1), new Blob(2) };
        a.Reverse();
        var e = a.GetEnumerator();
        while (e.MoveNext()) e.Current.Dispose();
    }
    static void InParallel()
    {
        var a = new List<Blob> { new Blob(1) };
        Parallel.ForEach(a, b => b.Dispose());
    }
    static void InATask()
    {
        var a = new List<Blob> { new Blob(1) };
        Task.Run(() => { foreach (var b in a) b.Dispose(); }).Wait();
    }
    static void InAThread()
    {
        var a = new List<Blob> { new Blob(1) };
        var t = new Thread(() => { foreach (var b in a) b.Dispose(); });
        t.Start();
    }
    static void SomeOfASet()
    {
        var live = new HashSet<Blob>();
        for (int i = 0; i < s_n; i++) live.Add(new Blob(i));
        foreach (var b in live.ToArray()) { if (b.Id > 3) { b.Dispose(); live.Remove(b); } }
        foreach (var b in live) b.Dispose();
    }
    static void OneIsNull()
    {
        var a = new List<Blob> { new Blob(1), null };
        foreach (var b in a) b?.Dispose();
    }
    static void NoMoreThanFour()
    {
        var a = new List<Blob>(4);
        while (Ask() && a.Count < 4) a.Add(new Blob(a.Count));
        while (a.Count > 0) { a[a.Count - 1].Dispose(); a.RemoveAt(a.Count - 1); }
    }
    static void FromTheEnd()
    {
        var a = new List<Blob>(4);
        while (Ask()) a.Add(new Blob(a.Count));
        for (int i = a.Count; --i >= 0;) a[i].Dispose();
    }
    static void OneIsKept()
    {
        var a = new List<Blob>(); Blob keep = null;
        for (int i = 0; i < 3; i++) { var b = new Blob(i); if (Ask()) keep = b; a.Add(b); }
        foreach (var b in a) if (b != keep) b.Dispose();
        keep?.Dispose();
    }
    static void SixKeys()
    {
        var a = new Dictionary<int, Blob>();
        for (int i = 0; i < 6; i++) a.Add(i, new Blob(i));
        for (int i = 0; i < 6; i++) a[i].Dispose();
    }
    static void SixOfAnArray()
    {
        var a = new Blob[6];
        for (int i = 0; i < 6; i++) a[i] = new Blob(i);
        for (int i = 5; i >= 0; i--) a[i].Dispose();
    }
    static void SevenOrNone()
    {
        nint[] a = new nint[7];
        for (int i = 0; i < 7; i++) { a[i] = (nint)kmalloc(3, GFP_KERNEL); if (a[i] == 0) { while (--i >= 0) kfree((void*)a[i]); return; } }
        foreach (nint p in a) kfree((void*)p);
    }
    static void AskedInEachTurn()
    {
        nint p = 0;
        for (int i = 0; i < 6; i++)
        {
            if (p == 0) p = (nint)kmalloc(3, GFP_KERNEL);
            if (p != 0 && Ask()) { kfree((void*)p); p = 0; }
        }
        kfree((void*)p);
    }
    static void FiveTries()
    {
        byte* p = null; int tries = 0;
        while (p == null && tries++ < 5) p = (byte*)kmalloc(3, GFP_KERNEL);
        if (p == null) return;
        kfree(p);
    }
    static int EightSizes()
    {
        for (int i = 0; i < 8; i++)
        {
            void* p = kmalloc((nuint)(8 << i), GFP_KERNEL);
            if (p == null) return i;
            kfree(p);
        }
        return 8;
    }
    static void NoMoreThanEight()
    {
        void*[] a = new void*[8]; int n = 0;
        for (int i = 0; i < 8; i++) { void* p = kmalloc(4, GFP_KERNEL); if (p == null) break; a[n++] = p; }
        for (int i = 0; i < n; i++) kfree(a[i]);
    }
    static void OnTheStack()
    {
        void** a = stackalloc void*[8]; int n = 0;
        for (int i = 0; i < 8; i++) { void* p = kmalloc(4, GFP_KERNEL); if (p != null) a[n++] = p; }
        while (n > 0) kfree(a[--n]);
    }
}
