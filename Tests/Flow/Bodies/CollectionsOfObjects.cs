// Collections of objects that hold memory or own it: what is lost with one of them, and what is freed by more than one name.

using System.Linq;
unsafe class Bodies
{
    static int s_n;
    class Owner { public nint mem; public int size; }
    sealed class Blob : IDisposable
    {
        nint _p;
        public nint P => _p;
        public bool IsBig;
        public Blob(int n) { _p = Marshal.AllocHGlobal(n); IsBig = n > 5; }
        public void Dispose() { Marshal.FreeHGlobal(_p); _p = 0; }
    }
    static void OneNotFreed()
    {
        var all = new List<Owner>();
        for (int i = 0; i < 3; i++) all.Add(new Owner { mem = Marshal.AllocHGlobal(i), size = i });
        foreach (var o in all) if (o.size > 0) Marshal.FreeHGlobal(o.mem);
    } // expect: KA4001
    static void EachFreed()
    {
        var all = new List<Owner>();
        for (int i = 0; i < 3; i++) all.Add(new Owner { mem = Marshal.AllocHGlobal(i), size = i });
        foreach (var o in all) Marshal.FreeHGlobal(o.mem);
    }
    static void ManyFreed(int n)
    {
        var all = new List<Owner>();
        for (int i = 0; i < n; i++) all.Add(new Owner { mem = Marshal.AllocHGlobal(i), size = i });
        foreach (var o in all) Marshal.FreeHGlobal(o.mem);
    }
    static void RemovedByKey()
    {
        var d = new Dictionary<int, Owner>();
        d[1] = new Owner { mem = Marshal.AllocHGlobal(4) };
        d.Remove(1);
    } // expect: KA4001
    static void FreedByTwoNames()
    {
        var o = new Owner { mem = Marshal.AllocHGlobal(4) };
        var list = new List<Owner> { o };
        Marshal.FreeHGlobal(list[0].mem);
        Marshal.FreeHGlobal(o.mem); // expect: KA4005
    }
    static void EachDisposed()
    {
        var all = new List<Blob>();
        all.Add(new Blob(4));
        all.Add(new Blob(9));
        foreach (var b in all) b.Dispose();
    }
    static void DisposedByFilter()
    {
        var all = new List<Blob> { new Blob(4), new Blob(9) };
        foreach (var b in all.Where(b => b.IsBig)) b.Dispose();
        all.RemoveAll(b => b.IsBig);
        all.ForEach(b => b.Dispose());
    }
    static void DisposedInFinally(int n)
    {
        var all = new List<Blob>();
        try { for (int i = 0; i < n; i++) all.Add(new Blob(i)); }
        finally { foreach (var b in all) b.Dispose(); }
    }
    static void NoMoreThanFour(int n)
    {
        var q = new Queue<Blob>();
        for (int i = 0; i < n; i++)
        {
            q.Enqueue(new Blob(i));
            if (q.Count > 4) q.Dequeue().Dispose();
        }
        while (q.TryDequeue(out var b)) b.Dispose();
    }
    static void PoppedAll(int n)
    {
        var st = new Stack<Blob>();
        for (int i = 0; i < n; i++) st.Push(new Blob(i));
        while (st.Count > 0) st.Pop().Dispose();
    }
    static void ByName(string k)
    {
        var d = new Dictionary<string, Blob>();
        d[k] = new Blob(3);
        if (d.TryGetValue("x", out var old)) old.Dispose();
        d["x"] = new Blob(4);
        foreach (var kv in d) kv.Value.Dispose();
    }
    static void ByValues(string k)
    {
        var d = new Dictionary<string, Blob>();
        d["x"] = new Blob(4);
        foreach (var b in d.Values) b.Dispose();
    }
    static Blob FirstReturned()
    {
        var all = new List<Blob> { new Blob(4) };
        return all[0];
    }
    static Blob TheBestOne()
    {
        var all = new List<Blob> { new Blob(4), new Blob(5) };
        Blob best = null;
        foreach (var b in all)
        {
            if (best == null || b.IsBig) { best?.Dispose(); best = b; }
            else b.Dispose();
        }
        return best;
    }
    static List<Blob> Made(int n)
    {
        var all = new List<Blob>();
        for (int i = 0; i < n; i++) all.Add(new Blob(i));
        return all;
    }
    static void MadeAndRemoved(int n)
    {
        var all = Made(n);
        for (int i = all.Count - 1; i >= 0; i--) { all[i].Dispose(); all.RemoveAt(i); }
    }
    static void Copied()
    {
        var all = new List<Blob> { new Blob(4) };
        var copy = all.ToArray();
        foreach (var b in copy) b.Dispose();
    }
    static void CopiedToAList()
    {
        var all = new List<Blob> { new Blob(4) };
        var copy = new List<Blob>(all);
        foreach (var b in copy) b.Dispose();
    }
    static void AsASequence()
    {
        var all = new List<Blob> { new Blob(4) };
        IEnumerable<Blob> e = all;
        foreach (var b in e) b.Dispose();
    }
    static void DisposedByAFunction()
    {
        var all = new List<Blob> { new Blob(4) };
        DisposeAll(all);
    }
    static void DisposeAll<T>(IEnumerable<T> all) where T : IDisposable { foreach (T t in all) t.Dispose(); }
    static void ByNodes()
    {
        var all = new LinkedList<Blob>();
        all.AddLast(new Blob(3));
        for (var n = all.First; n != null; n = n.Next) n.Value.Dispose();
    }
    static void InASet()
    {
        var all = new HashSet<Blob>();
        var b = new Blob(3);
        if (!all.Add(b)) b.Dispose();
        foreach (var x in all) x.Dispose();
    }
    static void ClearedAndLost()
    {
        var all = new List<Blob>();
        all.Add(new Blob(4));
        all.Clear();
    } // expect: KA4001
    static void DisposedAndCleared()
    {
        var all = new List<Blob>();
        var b = new Blob(4);
        all.Add(b);
        b.Dispose();
        all.Clear();
    }
    static void PropertyOfADisposedOne()
    {
        var all = new List<Blob> { new Blob(4) };
        all[0].Dispose();
        Console.WriteLine(*(byte*)all[0].P);
    }
    static void UsedAfterAllWereDisposed()
    {
        var all = new List<Blob> { new Blob(4), new Blob(8) };
        nint p = all[1].P;
        foreach (var b in all) b.Dispose();
        Console.WriteLine(*(byte*)p); // expect: KA4006
    }
    static void ReplacedAndLost()
    {
        var all = new List<Blob> { new Blob(4), new Blob(8) };
        all[0] = new Blob(5);
        foreach (var b in all) b.Dispose();
    } // expect: KA4001
    static void ReplacedWhenDisposed()
    {
        var all = new List<Blob> { new Blob(4), new Blob(8) };
        all[0].Dispose();
        all[0] = new Blob(5);
        foreach (var b in all) b.Dispose();
    }
    static void PoppedOne()
    {
        var all = new Stack<Blob>();
        all.Push(new Blob(3));
        all.Push(new Blob(4));
        all.Pop().Dispose();
    } // expect: KA4001
    static void AllButTheGivenOne(Blob given)
    {
        var all = new List<Blob> { given, new Blob(4) };
        foreach (var b in all) if (b != given) b.Dispose();
    }
    static void OneForEachKey(int n)
    {
        var map = new Dictionary<int, Blob>();
        for (int i = 0; i < n; i++)
            if (!map.TryGetValue(i & 3, out Blob b)) map.Add(i & 3, b = new Blob(i));
        foreach (Blob b in map.Values) b.Dispose();
    }
    static void OwnedBesides()
    {
        var all = new List<Blob>();
        using var a = new Blob(3);
        all.Add(a);
        Console.WriteLine(all.Count);
    }
    static void AddedAtOnce()
    {
        var all = new List<Blob>(); var names = new List<string>();
        all.AddRange(new[] { new Blob(1), new Blob(2) });
        names.Add("x");
        all.ForEach(x => x.Dispose());
    }
    static readonly List<Blob> s_all = new();
    static void KeptByTheClass() { s_all.Add(new Blob(3)); }
    List<Blob> _mine = new();
    void KeptByTheObject() { _mine.Add(new Blob(3)); if (_mine.Count > 3) { _mine[0].Dispose(); _mine.RemoveAt(0); } }
}
