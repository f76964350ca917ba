// What stands in arrays, lists and dictionaries: walked by loops, filled in one and emptied in another.

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
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

    // Set by index.

    static void SetByKeyFreedTwice()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        var all = new Dictionary<int, nint> { [3] = (nint)p };
        kfree((void*)all[3]);
        kfree(p); // expect: KA4005
    }

    static void SetByKeyUsedAfter()
    {
        nint p = Marshal.AllocHGlobal(64);
        var all = new Dictionary<int, nint>();
        all[3] = p;
        Marshal.FreeHGlobal(p);
        *(byte*)all[3] = 1; // expect: KA4006
    }

    static void SetByKeyFreedWrong()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        var all = new Dictionary<int, nint> { [3] = (nint)p };
        vfree((void*)all[3]); // expect: KA4007
    }

    static void SetByKeyFreed(Dictionary<int, nint> others)
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        others[3] = (nint)p;
        var all = new Dictionary<int, nint> { [3] = (nint)p };
        kfree((void*)all[3]);
    }

    static void SetBySomeKey(int key)
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL), q = kmalloc<Thing>(GFP_KERNEL);
        var all = new Dictionary<int, nint> { [3] = (nint)p };
        kfree(p);
        all[key] = (nint)q;
        kfree((void*)all[3]);
    }

    static void SetInAList()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        var all = new List<nint> { 0, 0 };
        all[1] = (nint)p;
        foreach (nint raw in all) kfree((void*)raw);
    }

    static void SetInAListFreedTwice()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        var all = new List<nint> { 0, 0 };
        all[1] = (nint)p;
        kfree(p);
        foreach (nint raw in all) kfree((void*)raw); // expect: KA4005
    }

    // Functions that .NET calls for each element.

    static void ForEachFrees()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL), q = kmalloc<Thing>(GFP_KERNEL);
        Array.ForEach(new nint[] { (nint)p, (nint)q }, raw => kfree((void*)raw));
    }

    static void ForEachFreesAgain()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        Array.ForEach(new nint[] { (nint)p }, raw => kfree((void*)raw));
        kfree(p); // expect: KA4005
    }

    static void ForEachFreesWrong()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        Array.ForEach(new nint[] { (nint)p }, raw => vfree((void*)raw)); // expect: KA4007
    }

    static void Drop(nint raw) => kfree((void*)raw);

    static void ForEachOfAListFreesBeforeUse()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        var all = new List<nint> { (nint)p };
        all.ForEach(Drop);
        p->value = 1; // expect: KA4006
    }

    static void ForEachOnlyCounts()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        Array.ForEach(new nint[] { (nint)p }, raw => s_count += ((Thing*)raw)->value);
        kfree(p);
    }

    static void ForEachOfMany(nint[] all) => Array.ForEach(all, raw => kfree((void*)raw));

    // A callee's loop over what it is given.

    static void DropAll(params nint[] items)
    {
        foreach (nint raw in items) kfree((void*)raw);
    }

    static void DropAllWrong(params nint[] items)
    {
        foreach (nint raw in items) vfree((void*)raw);
    }

    static void LookAtAll(params nint[] items)
    {
        foreach (nint raw in items) s_count += (int)raw;
    }

    static void DroppedByACallee()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL), q = kmalloc<Thing>(GFP_KERNEL);
        DropAll((nint)p, (nint)q);
    }

    static void DroppedManyByACallee()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL), q = kmalloc<Thing>(GFP_KERNEL), r = kmalloc<Thing>(GFP_KERNEL);
        DropAll((nint)p, (nint)q, (nint)r);
    }

    static void DroppedByACalleeAndAgain()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        DropAll((nint)p);
        kfree(p); // expect: KA4005
    }

    static void DroppedByACalleeBeforeUse()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        DropAll((nint)p);
        p->value = 1; // expect: KA4006
    }

    static void DroppedWrongByACallee()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        DropAllWrong((nint)p); // expect: KA4007
    }

    static void LookedAtByACallee()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        LookAtAll((nint)p);
        kfree(p);
    }

    static void DroppedUntilOneIsNull(nint[] all)
    {
        foreach (nint raw in all)
        {
            if (raw == 0) break;
            kfree((void*)raw);
        }
    }

    // Filled by one loop, emptied by another.

    static int FilledAndEmptied()
    {
        Thing*[] items = new Thing*[3];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = kzalloc<Thing>(GFP_KERNEL);
            if (items[i] == null)
            {
                while (--i >= 0) kfree(items[i]);
                return -EIO;
            }
        }

        foreach (Thing* item in items) kfree(item);
        return 0;
    }

    static int FilledAndEmptiedWrong()
    {
        Thing*[] items = new Thing*[3];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = kzalloc<Thing>(GFP_KERNEL);
            if (items[i] == null)
            {
                while (--i >= 0) kfree(items[i]);
                return -EIO;
            }
        }

        foreach (Thing* item in items) vfree(item); // expect: KA4007
        return 0;
    }

    static void FilledOnTheStackAndEmptiedWrong()
    {
        Thing** items = stackalloc Thing*[3];
        for (int i = 0; i < 3; i++) items[i] = kzalloc<Thing>(GFP_KERNEL);
        for (int i = 0; i < 3; i++) vfree(items[i]); // expect: KA4007
    }

    static void FilledByTwoAllocators(int n)
    {
        nint[] items = new nint[n];
        for (int i = 0; i < n; i++) items[i] = i == 0 ? (nint)vmalloc(64) : (nint)kzalloc<Thing>(GFP_KERNEL);
        for (int i = 0; i < n; i++)
        {
            if (i == 0) vfree((void*)items[i]);
            else kfree((void*)items[i]);
        }
    }

    static void FilledRoundAndRound(int n)
    {
        nint[] items = new nint[4];
        for (int i = 0; i < n; i++)
        {
            kfree((void*)items[i & 3]);
            items[i & 3] = (nint)kzalloc<Thing>(GFP_KERNEL);
        }

        foreach (nint item in items) kfree((void*)item);
    }

    static void FilledTwice(int n)
    {
        nint[] items = new nint[n];
        for (int turn = 0; turn < 2; turn++)
        {
            for (int i = 0; i < n; i++) items[i] = (nint)kzalloc<Thing>(GFP_KERNEL);
            for (int i = 0; i < n; i++) kfree((void*)items[i]);
        }
    }

    static void FilledAndSwapped(int n)
    {
        nint[] items = new nint[n];
        for (int i = 0; i < n; i++) items[i] = (nint)kzalloc<Thing>(GFP_KERNEL);
        for (int i = 0; i + 1 < n; i++) (items[i], items[i + 1]) = (items[i + 1], items[i]);
        for (int i = 0; i < n; i++) kfree((void*)items[i]);
    }
}
