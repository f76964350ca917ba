// Functions that are kept with what they capture: in collections, in variables that outlive what is captured, in objects that run them at last.

unsafe class Bodies
{
    static int s_n;
    static void Scoped()
    {
        Action a = null;
        if (s_n > 3) { nint p = Marshal.AllocHGlobal(4); a = () => Marshal.FreeHGlobal(p); }
        if (a != null) a();
    }
    static void ScopedLoop(string[] names)
    {
        var undo = new List<Action>();
        foreach (string n in names)
        {
            nint p = Marshal.StringToHGlobalAnsi(n);
            undo.Add(() => Marshal.FreeHGlobal(p));
        }
        for (int i = undo.Count; i-- > 0;) undo[i]();
    }
    static void Lost()
    {
        for (int i = 0; i < s_n; i++)
        {
            nint p = Marshal.AllocHGlobal(4);
            Action a = () => Console.WriteLine(p);
            a();
        } // expect: KA4001
    }
    static void CalledByName(string k)
    {
        var d = new Dictionary<string, Action>();
        nint p = Marshal.AllocHGlobal(4);
        d["free"] = () => Marshal.FreeHGlobal(p);
        d["show"] = () => Console.WriteLine(p);
        d[k]();
        d["free"]();
    }
    static void CalledTwiceByName()
    {
        var d = new Dictionary<string, Action>();
        nint p = Marshal.AllocHGlobal(4);
        d["free"] = () => Marshal.FreeHGlobal(p); // expect: KA4005
        d["free"]();
        d["free"]();
    }
    static void FoundByName(string k)
    {
        var d = new Dictionary<string, Action>();
        nint p = Marshal.AllocHGlobal(4);
        d["free"] = () => Marshal.FreeHGlobal(p);
        if (d.TryGetValue(k, out var a)) a();
    }
    static readonly Dictionary<int, Func<nint, int>> s_ops = new() { [1] = p => { Marshal.FreeHGlobal(p); return 0; } };
    static void CalledFromATable(int k)
    {
        nint p = Marshal.AllocHGlobal(4);
        s_ops[k](p);
    }
    static void Handlers()
    {
        var all = new List<Action<nint>> { Marshal.FreeHGlobal };
        nint p = Marshal.AllocHGlobal(4);
        foreach (var h in all) h(p);
    }
    static void Handlers2()
    {
        var all = new List<Action<nint>> { p => Console.WriteLine(p), p => Marshal.FreeHGlobal(p) };
        nint p = Marshal.AllocHGlobal(4);
        foreach (var h in all) h(p);
    }
    static void Sorted()
    {
        var all = new List<Action<nint>>();
        all.Add(p => Console.WriteLine(p));
        all.Add(p => Marshal.FreeHGlobal(p));
        all.Reverse();
        nint q = Marshal.AllocHGlobal(4);
        all[0](q);
    }
    static void Passed(Action<List<Action>> keep)
    {
        var undo = new List<Action>();
        nint p = Marshal.AllocHGlobal(4);
        undo.Add(() => Marshal.FreeHGlobal(p));
        keep(undo);
    }
    class Scope : IDisposable
    {
        readonly Stack<Action> _undo = new();
        public void Add(Action a) => _undo.Push(a);
        public void Dispose() { while (_undo.Count > 0) _undo.Pop()(); }
    }
    static void Defer()
    {
        using var s = new Scope();
        nint p = Marshal.AllocHGlobal(4);
        s.Add(() => Marshal.FreeHGlobal(p));
    }
    static List<Action> Returned()
    {
        var undo = new List<Action>();
        nint p = Marshal.AllocHGlobal(4);
        undo.Add(() => Marshal.FreeHGlobal(p));
        return undo;
    }
    static void ForEach()
    {
        var undo = new List<Action>();
        nint p = Marshal.AllocHGlobal(4);
        undo.Add(() => Marshal.FreeHGlobal(p));
        undo.ForEach(a => a());
    }
    static void Cleared()
    {
        var undo = new List<Action>();
        nint p = Marshal.AllocHGlobal(4);
        undo.Add(() => Marshal.FreeHGlobal(p));
        undo.Clear();
        Marshal.FreeHGlobal(p);
    }
    static void Combined()
    {
        Action a = null;
        nint p = Marshal.AllocHGlobal(4), q = Marshal.AllocHGlobal(4);
        a += () => Marshal.FreeHGlobal(p);
        a += () => Marshal.FreeHGlobal(q);
        a();
    }
    event Action Closed;
    void Subscribed()
    {
        nint p = Marshal.AllocHGlobal(4);
        Closed += () => Marshal.FreeHGlobal(p);
    }
    static void Linq()
    {
        var undo = new List<Action>();
        nint p = Marshal.AllocHGlobal(4);
        undo.Add(() => Marshal.FreeHGlobal(p));
        foreach (var a in System.Linq.Enumerable.Reverse(undo)) a();
    }

    static void UndoneOnce()
    {
        var cleanup = new List<Action>();
        nint p = Marshal.AllocHGlobal(4);
        cleanup.Add(() => Marshal.FreeHGlobal(p));
        foreach (var a in cleanup) a();
    }
    static void UndoneByTheCaller(List<Action> cleanup)
    {
        nint p = Marshal.AllocHGlobal(4);
        cleanup.Add(() => Marshal.FreeHGlobal(p));
    }
    static void UndoneFromTheTop()
    {
        var cleanup = new Stack<Action>();
        nint p = Marshal.AllocHGlobal(4);
        cleanup.Push(() => Marshal.FreeHGlobal(p));
        nint q = Marshal.AllocHGlobal(4);
        cleanup.Push(() => Marshal.FreeHGlobal(q));
        while (cleanup.Count > 0) cleanup.Pop()();
    }
    static void UndoneTwice()
    {
        var cleanup = new Stack<Action>();
        nint p = Marshal.AllocHGlobal(4);
        cleanup.Push(() => Marshal.FreeHGlobal(p)); // expect: KA4005
        nint q = Marshal.AllocHGlobal(4);
        cleanup.Push(() => Marshal.FreeHGlobal(p));
        while (cleanup.Count > 0) cleanup.Pop()();
        Marshal.FreeHGlobal(q);
    }
    static void UndoneInFinally(int n)
    {
        var cleanup = new Stack<Action>();
        try
        {
            for (int i = 0; i < n; i++)
            {
                nint p = Marshal.AllocHGlobal(4);
                cleanup.Push(() => Marshal.FreeHGlobal(p));
            }
        }
        finally { while (cleanup.TryPop(out var a)) a(); }
    }
    static void UndoneOnFailure(bool fail)
    {
        var undo = new List<Action>();
        nint p = Marshal.AllocHGlobal(4);
        undo.Add(() => Marshal.FreeHGlobal(p));
        if (fail) { for (int i = undo.Count - 1; i >= 0; i--) undo[i](); return; }
        Marshal.FreeHGlobal(p);
    }
}
