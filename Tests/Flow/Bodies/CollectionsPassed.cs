// Collections that one body fills and another one empties, reads or frees from: what is in them is known where they were made.

using System.Linq;

unsafe class Bodies
{
    static nint Make() => (nint)NativeMemory.Alloc(8);

    static void Free(nint p) => NativeMemory.Free((void*)p);

    static void FreeSecond(List<nint> all) => Free(all[1]);

    static void FreeEach(List<nint> all)
    {
        foreach (nint p in all) Free(p);
    }

    static void FreeByIndex(List<nint> all)
    {
        for (int i = 0; i < all.Count; i++) Free(all[i]);
    }

    static void FreeSorted(List<nint> all)
    {
        all.Sort();
        Free(all[0]);
    }

    static void Empty(Queue<nint> all)
    {
        while (all.Count > 0) Free(all.Dequeue());
    }

    static void TryEmpty(Queue<nint> all)
    {
        while (all.TryDequeue(out nint p)) Free(p);
    }

    static void FreeOne(Queue<nint> all) => Free(all.Dequeue());

    static void FreeOneOrNone(Stack<nint> all)
    {
        if (all.TryPop(out nint p)) Free(p);
    }

    static void FreeFirst(LinkedList<nint> all) => Free(all.First.Value);

    static void FreeLast(LinkedList<nint> all) => Free(all.Last.Value);

    static void FreeNamed(Dictionary<string, nint> all) => Free(all["two"]);

    static byte Read(Queue<nint> all) => *(byte*)all.Dequeue();

    static int Count(List<nint> all) => all.Count;

    static void Fill(List<nint> all) => all.Add(Make());

    static void FillThrough(List<nint> all) => Fill(all);

    static void Put(Dictionary<int, nint> all) => all[2] = Make();


    static void FreedInTheListAndPassed()
    {
        nint p = Make();
        Free(p);
        var all = new List<nint>();
        all.Add(0);
        all.Add(p);
        FreeSecond(all); // expect: KA4005
    }

    static void EachOnce()
    {
        var all = new List<nint>();
        all.Add(Make());
        all.Add(Make());
        FreeEach(all);
    }

    static void EachTwice()
    {
        var all = new List<nint>();
        all.Add(Make());
        all.Add(Make());
        FreeEach(all);
        FreeEach(all); // expect: KA4005
    }

    static void ByIndexOnce()
    {
        var all = new List<nint>();
        all.Add(Make());
        FreeByIndex(all);
    }

    static void SortedFirst()
    {
        var all = new List<nint>();
        all.Add(Make());
        all.Add(Make());
        FreeSorted(all);
    }

    static void Emptied()
    {
        var all = new Queue<nint>();
        all.Enqueue(Make());
        all.Enqueue(Make());
        Empty(all);
    }

    static void EmptiedByThree()
    {
        var all = new Queue<nint>();
        for (int i = 0; i < 3; i++) all.Enqueue(Make());
        Empty(all);
    }

    static void EmptiedAndFreed()
    {
        nint p = Make();
        var all = new Queue<nint>();
        all.Enqueue(p);
        Empty(all);
        Free(p); // expect: KA4005
    }

    static void TryEmptied()
    {
        var all = new Queue<nint>();
        all.Enqueue(Make());
        all.Enqueue(Make());
        TryEmpty(all);
    }

    static void TryEmptiedAndFreed()
    {
        nint p = Make();
        var all = new Queue<nint>();
        all.Enqueue(p);
        TryEmpty(all);
        Free(p); // expect: KA4005
    }

    static void OneOfOne()
    {
        var all = new Queue<nint>();
        all.Enqueue(Make());
        FreeOne(all);
    }

    static void OneOfTwo()
    {
        var all = new Queue<nint>();
        all.Enqueue(Make());
        all.Enqueue(Make());
        FreeOne(all);
    } // expect: KA4001

    static void OneOrNone()
    {
        var all = new Stack<nint>();
        all.Push(Make());
        FreeOneOrNone(all);
        FreeOneOrNone(all);
    }

    static void FirstAndLast()
    {
        var all = new LinkedList<nint>();
        all.AddLast(Make());
        all.AddLast(Make());
        FreeFirst(all);
        FreeLast(all);
    }

    static void FirstTwice()
    {
        var all = new LinkedList<nint>();
        all.AddLast(Make());
        FreeFirst(all);
        FreeLast(all); // expect: KA4005
    }

    static void LastHere()
    {
        var all = new LinkedList<nint>();
        all.AddLast(Make());
        all.AddFirst(Make());
        Free(all.Last.Value);
        Free(all.Last.Value); // expect: KA4005
        Free(all.First.Value);
    }

    static void Named()
    {
        var all = new Dictionary<string, nint>();
        nint one = Make(), two = Make();
        all["one"] = one;
        all["two"] = two;
        FreeNamed(all);
        Free(one);
        Free(two); // expect: KA4005
    }

    static void ReadAfterFree()
    {
        nint p = Make();
        var all = new Queue<nint>();
        all.Enqueue(p);
        Free(p);
        Read(all); // expect: KA4006
    }

    static void OnlyCounted()
    {
        var all = new List<nint>();
        all.Add(Make());
        Count(all);
    } // expect: KA4001

    static void FilledElsewhere()
    {
        var all = new List<nint>();
        Fill(all);
    } // expect: KA4001

    static void FilledFurtherAway()
    {
        var all = new List<nint>();
        FillThrough(all);
        FillThrough(all);
        Free(all[0]);
        Free(all[1]);
        Free(all[1]); // expect: KA4005
    }

    static void FilledAndFreed()
    {
        var all = new List<nint>();
        Fill(all);
        Fill(all);
        FreeEach(all);
    }

    static void FilledOf(List<nint> all)
    {
        Fill(all);
        FreeEach(all);
    }

    static void PutElsewhere()
    {
        var all = new Dictionary<int, nint>();
        Put(all);
        Free(all[2]);
        Free(all[2]); // expect: KA4005
    }

    static void PutTwice(Dictionary<int, nint> given)
    {
        Put(given);
        Put(given);
    }

    static void TakenByWhoMayKnow(Queue<nint> given)
    {
        FreeOne(given);
        FreeOne(given);
        TryEmpty(given);
    }

    static void SameItemOfCaller(List<nint> given)
    {
        Free(given[0]);
        Free(given[0]); // expect: KA4005
    }

    static void NextItemOfCaller(List<nint> given)
    {
        Free(given[0]);
        given.RemoveAt(0);
        Free(given[0]);
    }

    static void OtherOfCaller(List<nint> given)
    {
        Free(given[0]);
        given[0] = Make();
        Free(given[0]);
    }

    static void FreeBoxed(List<object> all) => Free((nint)all[0]);

    static void FreeFirstOf(HashSet<nint> all) => Free(all.First());

    static int Length(List<object> all) => all.Count;

    static void Boxed()
    {
        nint p = Make();
        var all = new List<object>();
        all.Add(p);
        FreeBoxed(all);
        Free(p); // expect: KA4005
    }

    static void BoxedOnce()
    {
        var all = new List<object>();
        all.Add(Make());
        all.Add("text");
        FreeBoxed(all);
    }

    static void BoxedAndLost()
    {
        var all = new List<object>();
        all.Add(Make());
        Length(all);
    } // expect: KA4001

    static void BoxedAndHandedOn(Action<List<object>> other)
    {
        var all = new List<object>();
        all.Add(Make());
        other(all);
    }

    static void First()
    {
        nint p = Make();
        var all = new HashSet<nint>();
        all.Add(p);
        Free(all.First());
        Free(p); // expect: KA4005
    }

    static void FirstElsewhere()
    {
        nint p = Make();
        var all = new HashSet<nint>();
        all.Add(p);
        FreeFirstOf(all);
        Free(p); // expect: KA4005
    }

    static void FirstOfTwo()
    {
        nint p = Make(), q = Make();
        var all = new List<nint>();
        all.Add(p);
        all.Add(q);
        Free(all.First());
        Free(q);
    }

    static void FreeAny(IList<nint> all) => Free(all[0]);

    static void FreeReadOnly(IReadOnlyList<nint> all) => Free(all[1]);

    static void ByInterface()
    {
        nint p = Make(), q = Make();
        var all = new List<nint>();
        all.Add(p);
        all.Add(q);
        FreeAny(all);
        FreeReadOnly(all);
        Free(q); // expect: KA4005
    }

    static void ArrayByInterface()
    {
        nint p = Make(), q = Make();
        nint[] all = [p, q];
        FreeAny(all);
        FreeReadOnly(all);
        Free(p); // expect: KA4005
    }

    static void ByInterfaceOnce()
    {
        var all = new List<nint>();
        all.Add(Make());
        FreeAny(all);
    }
}
