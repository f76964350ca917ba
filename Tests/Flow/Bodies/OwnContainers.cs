// Lists and dictionaries that a body makes and fills: lost with what is in them, or emptied in one of many ways.

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Thing { public int value; public Thing* next; }

unsafe static class Bodies
{
    static int s_count;

    static void EachOfAList(List<nint> all)
    {
        foreach (nint raw in all) kfree((void*)raw);
    }

    // Lists of this body that nobody else gets to see.

    static int KeptInAListAndLost(int input)
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return -EIO;
        var all = new List<nint>();
        all.Add((nint)p);
        s_count++;
        return 0; // expect: KA4001
    }

    static int KeptInADictionaryAndLost(int input)
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return -EIO;
        var all = new Dictionary<int, nint> { [3] = (nint)p };
        if (input > 0) return -EIO; // expect: KA4001
        kfree((void*)all[3]);
        return 0;
    }

    static List<nint> ReturnedInAList()
    {
        var all = new List<nint>();
        all.Add((nint)kmalloc<Thing>(GFP_KERNEL));
        return all;
    }

    static void ReturnedByCalleeAndEmptied()
    {
        foreach (nint raw in ReturnedInAList()) kfree((void*)raw);
    }

    static void ReturnedByCalleeAndPassedOn() => EachOfAList(ReturnedInAList());

    static void PassedToAFreer()
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        EachOfAList(all);
    }

    static void FreeFirst(IList<nint> all) => kfree((void*)all[0]);

    static void PassedToAFreerOfTheFirst()
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        FreeFirst(all);
    }

    static void FreeValues(IReadOnlyDictionary<int, nint> all)
    {
        foreach (nint raw in all.Values) kfree((void*)raw);
    }

    static void PassedAsAnInterface()
    {
        var all = new Dictionary<int, nint> { [1] = (nint)kmalloc<Thing>(GFP_KERNEL) };
        FreeValues(all);
    }

    static void EmptiedByIndex()
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL), (nint)kmalloc<Thing>(GFP_KERNEL) };
        for (int i = all.Count - 1; i >= 0; i--) kfree((void*)all[i]);
    }

    static void EmptiedBySomeIndex(int n)
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        kfree((void*)all[n]);
    }

    static void EmptiedAsASpan()
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        foreach (nint raw in CollectionsMarshal.AsSpan(all)) kfree((void*)raw);
    }

    static void EmptiedAsAnArray()
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        foreach (nint raw in System.Linq.Enumerable.ToArray(all)) kfree((void*)raw);
    }

    static void EmptiedByAQuery()
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        foreach (nint raw in System.Linq.Enumerable.Where(all, raw => raw != 0)) kfree((void*)raw);
    }

    static void EmptiedByAPattern()
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        if (all is [var only]) kfree((void*)only);
    }

    static void EmptiedWhereItCounts()
    {
        var all = new Dictionary<int, nint> { [1] = (nint)kmalloc<Thing>(GFP_KERNEL) };
        if (all.Count == 0) return;
        kfree((void*)all[1]);
        var others = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        if (others is { Count: > 0 }) kfree((void*)others[0]);
    }

    static void EmptiedByValues()
    {
        var all = new Dictionary<int, nint>();
        all.Add(1, (nint)kmalloc<Thing>(GFP_KERNEL));
        all[2] = (nint)kmalloc<Thing>(GFP_KERNEL);
        foreach (nint raw in all.Values) kfree((void*)raw);
    }

    static void EmptiedByRemoval()
    {
        var all = new Dictionary<int, nint> { [1] = (nint)kmalloc<Thing>(GFP_KERNEL) };
        if (all.Remove(1, out nint raw)) kfree((void*)raw);
    }

    static void EmptiedThroughAnInterface()
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        IEnumerable<nint> each = all;
        foreach (nint raw in each) kfree((void*)raw);
    }

    static extern void Ask();

    static void FilledByALoop(int n)
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        for (int i = 0; i < n; i++) all.Add((nint)kmalloc<Thing>(GFP_KERNEL));
        Ask();
        foreach (nint raw in all) kfree((void*)raw);
    }

    sealed class Keeper
    {
        private readonly List<nint> _all = [];
        private List<nint>? _others;
        private List<nint> Own { get; } = new();

        internal void Keep() => _all.Add((nint)kmalloc<Thing>(GFP_KERNEL));

        internal void KeepOther()
        {
            _others = new List<nint>();
            _others.Add((nint)kmalloc<Thing>(GFP_KERNEL));
            Ask();
            Own.Add((nint)kmalloc<Thing>(GFP_KERNEL));
            Ask();
        }

        internal static List<nint>? s_last;

        internal static void KeepLast()
        {
            var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
            s_last = all;
            Ask();
            s_last = null;
        }
    }

    static void KeptElsewhere(Keeper keeper)
    {
        keeper.Keep();
        keeper.KeepOther();
        Keeper.KeepLast();
        Ask();
    }

    static void KeptByALambda(List<Action> ends)
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        ends.Add(() => kfree((void*)all[0]));
    }

    static void KeptInAListOfLists(List<List<nint>> lists)
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        lists.Add(all);
    }

    static void KeptInAnArrayOfLists()
    {
        var lists = new List<nint>[2];
        lists[0] = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) };
        foreach (List<nint> each in lists)
            foreach (nint raw in each) kfree((void*)raw);
    }

    static void KeptInATuple()
    {
        (int, List<nint> All) pair = (1, new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL) });
        foreach (nint raw in pair.All) kfree((void*)raw);
    }

    static IEnumerable<nint> Yielded()
    {
        var all = new List<nint> { Marshal.AllocHGlobal(8) };
        foreach (nint raw in all) yield return raw;
    }
}
