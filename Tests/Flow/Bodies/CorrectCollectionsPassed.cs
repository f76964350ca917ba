// Correct code over collections that several bodies fill and empty: none of it is reported.

sealed unsafe class Node : IDisposable
{
    public byte* Bytes = (byte*)NativeMemory.Alloc(8);

    public void Dispose() => NativeMemory.Free(Bytes);

    public void Touch() => Bytes[0] = 1;
}

unsafe class Bodies
{
    private readonly List<nint> _list = new();
    private readonly List<Node> _nodes = new();
    private readonly Queue<nint> _q = new();
    private readonly Dictionary<string, nint> _map = new();
    private readonly Stack<nint> _free = new();

    static void Free(nint p) => NativeMemory.Free((void*)p);

    static nint Make() => (nint)NativeMemory.Alloc(8);

    void Next() => _list.RemoveAt(0);

    void NextByValue() => _list.Remove(_list[0]);

    void Swap() => (_list[0], _list[1]) = (_list[1], _list[0]);

    void Add(nint p) => _list.Add(p);

    void Push(nint p) => _free.Push(p);

    nint Pop() => _free.Count > 0 ? _free.Pop() : Make();

    void NextAfterRemoval()
    {
        Free(_list[0]);
        Next();
        Free(_list[0]);
    }

    void NextAfterRemovalByValue()
    {
        Free(_list[0]);
        NextByValue();
        Free(_list[0]);
    }

    void OtherAfterSwap()
    {
        Free(_list[0]);
        Swap();
        Free(_list[0]);
    }

    void TakenAndPutBack()
    {
        nint p = Pop();
        Push(p);
        nint q = Pop();
        Push(q);
    }

    void AddedToField()
    {
        nint p = Make();
        Add(p);
    }

    void TakenTwiceFromField()
    {
        nint p = Make();
        Push(p);
        Free(Pop());
        Free(Pop());
    }

    void ClearedBetweenLoops()
    {
        foreach (Node n in _nodes) n.Dispose();
        _nodes.Clear();
        foreach (Node n in _nodes) n.Dispose();
    }

    void DisposedByIndex()
    {
        for (int i = 0; i < _nodes.Count; i++) { _nodes[i].Dispose(); }
        _nodes.Clear();
    }

    void ReplacedInMap()
    {
        if (_map.TryGetValue("a", out nint p)) Free(p);
        _map["a"] = Make();
    }

    void RemovedFromMap()
    {
        if (_map.TryGetValue("a", out nint p)) { Free(p); _map.Remove("a"); }
        if (_map.TryGetValue("a", out p)) Free(p);
    }

    void EmptiedTwice()
    {
        while (_q.Count > 0) Free(_q.Dequeue());
        while (_q.TryDequeue(out nint p)) Free(p);
    }

    void OverwrittenWithNothing(List<nint> l)
    {
        Free(l[0]);
        l[0] = 0;
        Free(l[0]);
        l[0] = Make();
    }

    void OverwrittenBeforeFree(List<nint> l)
    {
        nint p = l[0];
        l[0] = Make();
        Free(p);
    }

    void RemovedFromGiven(List<nint> l)
    {
        Free(l[0]);
        l.RemoveAt(0);
        if (l.Count > 0) Free(l[0]);
    }

    void LastRemoved(List<nint> l)
    {
        Free(l[^1]);
        l.RemoveAt(l.Count - 1);
        Free(l[^1]);
    }

    void FirstRemoved(LinkedList<nint> l)
    {
        Free(l.First.Value);
        l.RemoveFirst();
        Free(l.First.Value);
    }

    void FirstRemovedUntilEmpty(LinkedList<nint> l)
    {
        while (l.First != null) { Free(l.First.Value); l.RemoveFirst(); }
    }

    void ByNodes(LinkedList<nint> l)
    {
        for (var n = l.First; n != null; n = n.Next) Free(n.Value);
        l.Clear();
    }

    void AddedDirectly() => _list.Add(Make());

    void AddedAndAllFreed()
    {
        _list.Add(Make());
        foreach (nint p in _list) Free(p);
        _list.Clear();
    }

    static void Fill(List<nint> l, int n)
    {
        for (int i = 0; i < n; i++) l.Add(Make());
    }

    static void Clear(List<nint> l)
    {
        foreach (nint p in l) Free(p);
        l.Clear();
    }

    static void ClearBackwards(List<nint> l)
    {
        for (int i = l.Count - 1; i >= 0; i--) { Free(l[i]); l.RemoveAt(i); }
    }

    static void ManyFilledAndCleared(int n)
    {
        var l = new List<nint>();
        Fill(l, n);
        Clear(l);
    }

    static void FiveFilledAndCleared()
    {
        var l = new List<nint>();
        Fill(l, 5);
        Clear(l);
    }

    static void ClearedBackwards()
    {
        var l = new List<nint>();
        Fill(l, 2);
        ClearBackwards(l);
    }

    static void FilledAgain(int n)
    {
        var l = new List<nint>();
        Fill(l, n);
        ClearBackwards(l);
        Fill(l, n);
        Clear(l);
    }

    static nint Take(List<nint> l)
    {
        nint p = l[l.Count - 1];
        l.RemoveAt(l.Count - 1);
        return p;
    }

    static void TakenFromTheEnd()
    {
        var l = new List<nint>();
        Fill(l, 2);
        Free(Take(l));
        Free(Take(l));
    }

    static void Each(List<nint> l, Action<nint> a)
    {
        foreach (nint p in l) a(p);
    }

    static void EachByFunction()
    {
        var l = new List<nint>();
        Fill(l, 2);
        Each(l, Free);
    }

    static bool Find(List<nint> l, int id, out nint found)
    {
        foreach (nint p in l) if (*(int*)p == id) { found = p; return true; }
        found = 0;
        return false;
    }

    static void FoundAndRemoved()
    {
        var l = new List<nint>();
        Fill(l, 2);
        if (Find(l, 3, out nint p)) { l.Remove(p); Free(p); }
        Clear(l);
    }

    static void AnyFreed(IEnumerable<nint> l)
    {
        foreach (nint p in l) Free(p);
    }

    static void AnyFreedOfList()
    {
        var l = new List<nint>();
        l.Add(Make());
        AnyFreed(l);
    }

    static void CopiedToArray()
    {
        var l = new List<nint>();
        l.Add(Make());
        nint[] a = l.ToArray();
        foreach (nint p in a) Free(p);
    }

    static void AddedAsRange()
    {
        var l = new List<nint>();
        l.Add(Make());
        l.AddRange(new[] { Make() });
        Clear(l);
    }

    static void TouchedAndDisposed()
    {
        var l = new List<Node>();
        l.Add(new Node());
        l.Add(new Node());
        foreach (Node n in l) n.Touch();
        foreach (Node n in l) n.Dispose();
    }

    static void DisposeAll(List<Node> l)
    {
        foreach (Node n in l) n.Dispose();
        l.Clear();
    }

    static void DisposedAndCleared()
    {
        var l = new List<Node>();
        l.Add(new Node());
        DisposeAll(l);
        DisposeAll(l);
    }

    static void FreeValues(Dictionary<int, nint> d)
    {
        foreach (nint p in d.Values) Free(p);
        d.Clear();
    }

    static void ValuesFreed()
    {
        var d = new Dictionary<int, nint>();
        d[1] = Make();
        FreeValues(d);
    }

    static void FreeEntries(Dictionary<int, nint> d)
    {
        foreach (var e in d) Free(e.Value);
    }

    static void EntriesFreed()
    {
        var d = new Dictionary<int, nint>();
        d.Add(1, Make());
        FreeEntries(d);
    }

    static void Move(List<nint> a, List<nint> b)
    {
        foreach (nint p in a) b.Add(p);
        a.Clear();
    }

    static void MovedToAnother()
    {
        var a = new List<nint>();
        var b = new List<nint>();
        a.Add(Make());
        a.Add(Make());
        Move(a, b);
        Clear(b);
    }

    static void ThreeMovedToAnother()
    {
        var a = new List<nint>();
        var b = new List<nint>();
        Fill(a, 3);
        Move(a, b);
        Clear(b);
    }

    static void Lock(Queue<nint> q)
    {
        lock (q) { if (q.Count > 0) Free(q.Dequeue()); }
    }

    static void TakenUnderLock()
    {
        var q = new Queue<nint>();
        q.Enqueue(Make());
        Lock(q);
        Lock(q);
    }

    static void OpenEach(List<object> l)
    {
        foreach (object o in l) if (o is nint p) Free(p);
    }

    static void OpenedBoxes()
    {
        var l = new List<object>();
        l.Add(Make());
        l.Add("x");
        OpenEach(l);
    }

    static void DisposeEach(List<object> l)
    {
        foreach (object o in l) (o as IDisposable)?.Dispose();
    }

    static void DisposedIfDisposable()
    {
        var l = new List<object>();
        l.Add(new Node());
        DisposeEach(l);
    }

    static void CastAndDisposed()
    {
        var l = new List<object> { new Node() }
        ;
        ((Node)l[0]).Dispose();
    }

    static void PoppedUntilEmptyTwice(Stack<nint> s)
    {
        nint p;
        while (s.TryPop(out p)) Free(p);
        while (s.TryPop(out p)) Free(p);
    }

    static void MakeFilled(out List<nint> l)
    {
        l = new List<nint>();
        l.Add(Make());
    }

    static void MadeElsewhere()
    {
        MakeFilled(out var l);
        Clear(l);
    }

    static List<nint> New()
    {
        var l = new List<nint>();
        l.Add(Make());
        return l;
    }

    static void ReturnedAndCleared()
    {
        var l = New();
        Clear(l);
    }

    static void ReturnedAndFreedByLoop()
    {
        foreach (nint p in New()) Free(p);
    }

    static void ReturnedAndFreedByIndex()
    {
        var l = New();
        Free(l[0]);
    }
}
