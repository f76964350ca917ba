// What is taken out of a collection, thrown out of it, or left in it.

unsafe class Bodies
{
    static int s_count;
    readonly Queue<nint> _queue = new();
    readonly List<nint> _list = new();

    static nint Make() => (nint)NativeMemory.Alloc(8);

    static void Free(nint p) => NativeMemory.Free((void*)p);

    static void LeftInAQueue(bool fails)
    {
        var all = new Queue<nint>();
        all.Enqueue(Make());
        if (fails) return; // expect: KA4001
        Free(all.Dequeue());
    }

    static void LeftInAQueueByTurns(int n, bool fails)
    {
        var all = new Queue<nint>();
        for (int i = 0; i < n; i++) all.Enqueue(Make());
        if (fails) return; // expect: KA4001
        while (all.Count > 0) Free(all.Dequeue());
    }

    static void QueueEmptied(int n)
    {
        var all = new Queue<nint>();
        for (int i = 0; i < n; i++) all.Enqueue(Make());
        while (all.TryDequeue(out nint p)) Free(p);
    }

    static void QueueOfThreeEmptied()
    {
        var all = new Queue<nint>();
        for (int i = 0; i < 3; i++) all.Enqueue(Make());
        while (all.TryDequeue(out nint p)) Free(p);
    }

    static void FirstIsFirst()
    {
        nint a = Make(), b = Make();
        var all = new Queue<nint>();
        all.Enqueue(a);
        all.Enqueue(b);
        Free(all.Dequeue());
        Free(a); // expect: KA4005
        Free(b);
    }

    static void FirstOfAStackIsLast()
    {
        nint a = Make(), b = Make();
        var all = new Stack<nint>();
        all.Push(a);
        all.Push(b);
        Free(all.Pop());
        Free(a);
    }

    static void LookedAt()
    {
        var all = new Queue<nint>();
        all.Enqueue(Make());
        Free(all.Peek());
        Free(all.Dequeue()); // expect: KA4005
    }

    static void LookedAtAndFreed()
    {
        var all = new Stack<nint>();
        all.Push(Make());
        if (all.TryPeek(out nint p)) s_count += *(byte*)p;
        Free(all.Pop());
    }

    static void LeftInASet()
    {
        var all = new HashSet<nint>();
        all.Add(Make());
    } // expect: KA4001

    static void SetFreed()
    {
        nint p = Make();
        var all = new HashSet<nint> { p };
        all.Add(p);
        foreach (nint each in all) Free(each);
    }

    static void AddedToASetOnce(nint q)
    {
        nint p = Make();
        var all = new HashSet<nint>();
        if (!all.Add(p)) s_count++;
        if (!all.Remove(p)) return;
        Free(p);
    }

    static void LeftInALinkedList()
    {
        var all = new LinkedList<nint>();
        all.AddLast(Make());
    } // expect: KA4001

    static void LinkedListFreed()
    {
        var all = new LinkedList<nint>();
        all.AddLast(Make());
        all.AddFirst(Make());
        foreach (nint p in all) Free(p);
    }

    static void NodeFreed()
    {
        var all = new LinkedList<nint>();
        LinkedListNode<nint> node = all.AddLast(Make());
        Free(node.Value);
        all.Remove(node);
    }

    static void FirstNodeFreed()
    {
        var all = new LinkedList<nint>();
        all.AddLast(Make());
        while (all.First is { } node)
        {
            Free(node.Value);
            all.RemoveFirst();
        }
    }

    static void ThrownOut()
    {
        var all = new List<nint> { Make() };
        all.RemoveAt(0); // expect: KA4001
    }

    static void TakenFromTheEnd()
    {
        var all = new List<nint> { Make(), Make() };
        while (all.Count > 0)
        {
            nint last = all[all.Count - 1];
            all.RemoveAt(all.Count - 1);
            Free(last);
        }
    }

    static void TakenFromTheFront()
    {
        var all = new List<nint>();
        all.Insert(0, Make());
        all.Insert(0, Make());
        nint first = all[0];
        all.RemoveAt(0);
        Free(first);
        Free(all[0]);
    }

    static void InsertedBefore()
    {
        nint a = Make(), b = Make();
        var all = new List<nint> { a };
        all.Insert(0, b);
        Free(all[1]);
        Free(a); // expect: KA4005
        Free(b);
    }

    static void Cleared()
    {
        var all = new List<nint> { Make() };
        all.Clear(); // expect: KA4001
    }

    static void FreedAndCleared(int n)
    {
        var all = new List<nint>();
        for (int i = 0; i < n; i++) all.Add(Make());
        foreach (nint p in all) Free(p);
        all.Clear();
        all.Add(Make());
        Free(all[0]);
    }

    static void ClearedButKnown()
    {
        nint p = Make();
        var all = new List<nint> { p };
        all.Clear();
        Free(p);
    }

    static void RemovedByValue()
    {
        nint a = Make(), b = Make();
        var all = new List<nint> { a, b };
        if (all.Contains(b) && all.Remove(b)) Free(b);
        foreach (nint p in all) Free(p);
    }

    static void ListOfTwo(bool fails)
    {
        List<nint> all = [Make(), Make()];
        if (fails) return; // expect: KA4001, KA4001
        foreach (nint p in all) Free(p);
    }

    static void EntryRemoved()
    {
        var all = new Dictionary<int, nint>();
        all[1] = Make();
        all.Remove(1); // expect: KA4001
    }

    static void EntryTaken()
    {
        var all = new Dictionary<int, nint> { [1] = Make() };
        if (all.Remove(1, out nint p)) Free(p);
        if (all.TryGetValue(1, out p)) Free(p);
    }

    static void EntryReplaced()
    {
        var all = new Dictionary<int, nint>();
        all[1] = Make();
        all[1] = Make(); // expect: KA4001
        Free(all[1]);
    }

    static void EntryFoundAndFreedTwice()
    {
        var all = new Dictionary<int, nint>();
        all[1] = Make();
        if (all.TryGetValue(1, out nint p)) Free(p);
        Free(all[1]); // expect: KA4005
    }

    static void EntryThere(int key)
    {
        var all = new Dictionary<int, nint>();
        nint p = Make();
        if (!all.TryAdd(key, p))
        {
            Free(p);
            return;
        }

        foreach (nint each in all.Values) Free(each);
    }

    static void EntryOfAnyKey(int key)
    {
        var all = new Dictionary<int, nint> { [1] = Make() };
        all[key] = 0;
        if (all.TryGetValue(1, out nint p)) Free(p);
    }

    static void OneOfTwoNames()
    {
        var all = new Dictionary<string, nint>();
        all["a"] = Make();
        all["b"] = Make();
        Free(all["a"]);
    } // expect: KA4001

    static void BothNames(string name)
    {
        var all = new Dictionary<string, nint> { ["a"] = Make(), ["b"] = Make() };
        Free(all["b"]);
        if (all.Remove("a", out nint p)) Free(p);
        all[name] = Make();
        if (all.TryGetValue("c", out p)) Free(p);
    }

    static Dictionary<string, nint> Named() => new() { ["a"] = Make() };

    static void NamedByCallee()
    {
        Dictionary<string, nint> all = Named();
        if (all.TryGetValue("a", out nint p)) Free(p);
    }

    static void OfAnyCase()
    {
        var all = new Dictionary<string, nint>(StringComparer.OrdinalIgnoreCase) { ["a"] = Make() };
        if (all.TryGetValue("A", out nint p)) Free(p);
    }

    void ToTheObject()
    {
        _queue.Enqueue(Make());
        _list.Add(Make());
        _list.Insert(0, Make());
    }

    void OfTheObject()
    {
        while (_queue.TryDequeue(out nint p)) Free(p);
        foreach (nint p in _list) Free(p);
        _list.Clear();
    }

    static void Fill(List<nint> all)
    {
        all.Add(Make());
        all.Insert(0, Make());
    }

    static void FilledByCallee()
    {
        var all = new List<nint>();
        Fill(all);
        foreach (nint p in all) Free(p);
        all.Clear();
    }
}
