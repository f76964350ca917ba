// What stands in arrays, lists and dictionaries: walked by loops, filled in one and emptied in another.

using System;
using System.Collections.Generic;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Thing { public int value; public Thing* next; }

unsafe static class Bodies
{
    static int s_count;

    // Elements of what the caller filled.

    static void EachOfAList(List<nint> all)
    {
        foreach (nint raw in all) kfree((void*)raw);
    }

    static void EachOfAListTwice(List<nint> all)
    {
        foreach (nint raw in all)
        {
            kfree((void*)raw);
            kfree((void*)raw); // expect: KA4005
        }
    }

    static void EachOfAnArray(nint[] all)
    {
        foreach (nint raw in all) kfree((void*)raw);
    }

    static void EachOfAnArrayTwice(nint[] all)
    {
        foreach (nint raw in all)
        {
            kfree((void*)raw);
            kfree((void*)raw); // expect: KA4005
        }
    }

    static void EachOfAnArrayOfPointers(Thing*[] all)
    {
        foreach (Thing* thing in all) kfree(thing);
    }

    static void EachOfAnArrayOfPointersTwice(Thing*[] all)
    {
        foreach (Thing* thing in all)
        {
            kfree(thing);
            kfree(thing); // expect: KA4005
        }
    }

    static void EachOfAnArrayUsedAfter(Thing*[] all)
    {
        foreach (Thing* thing in all)
        {
            kfree(thing);
            s_count += thing->value; // expect: KA4006
        }
    }

    static void EachByIndexTwice(Thing*[] all)
    {
        for (int i = 0; i < all.Length; i++)
        {
            kfree(all[i]);
            kfree(all[i]); // expect: KA4005
        }
    }

    static void EachValueTwice(Dictionary<int, nint> all)
    {
        foreach (nint raw in all.Values)
        {
            kfree((void*)raw);
            kfree((void*)raw); // expect: KA4005
        }
    }

    static void EachPairTwice(Dictionary<int, nint> all)
    {
        foreach ((int key, nint raw) in all)
        {
            kfree((void*)raw);
            kfree((void*)raw); // expect: KA4005
        }
    }

    static void EachOfASequenceTwice(IEnumerable<nint> all)
    {
        foreach (nint raw in all)
        {
            kfree((void*)raw);
            kfree((void*)raw); // expect: KA4005
        }
    }

    static void FreedInEachTurnOnce(List<nint> all, int times)
    {
        for (int i = 0; i < times; i++)
            foreach (nint raw in all) kfree((void*)raw);
    }
}
