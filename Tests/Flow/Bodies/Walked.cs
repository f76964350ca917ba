// What is put into an array by hand and freed by a loop that goes round more often than it is walked: none of it is lost. What such a loop comes short
// of is.

using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Thing { public int value; public Thing* next; }

unsafe struct Table { public Thing* first; public Thing* second; public Thing* third; }

unsafe class Bodies
{
    static Thing* New() => kzalloc<Thing>(GFP_KERNEL);

    static nint NewNumber() => (nint)kmalloc(4, GFP_KERNEL);

    static void ArrayOfThree()
    {
        nint[] all = new nint[3];
        all[0] = NewNumber();
        all[1] = NewNumber();
        all[2] = NewNumber();
        for (int i = 0; i < 3; i++) kfree((void*)all[i]);
    }

    static void ArrayOfThreeByLength()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        for (int i = 0; i < all.Length; i++) kfree((void*)all[i]);
    }

    static void ArrayOfThreeInForEach()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        foreach (nint p in all) kfree((void*)p);
    }

    static void ArrayOfFiveBackwards()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber(), NewNumber(), NewNumber()];
        for (int i = all.Length - 1; i >= 0; i--) kfree((void*)all[i]);
    }

    static void ArrayOfFourWhile()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber(), NewNumber()];
        int n = 4;
        while (n-- > 0) kfree((void*)all[n]);
    }

    static void ArrayOfPointers()
    {
        Thing*[] all = new Thing*[3];
        all[0] = New();
        all[1] = New();
        all[2] = New();
        for (int i = 0; i < all.Length; i++) kfree(all[i]);
    }

    static void ArrayOfPointersChecked()
    {
        Thing*[] all = new Thing*[3];
        all[0] = New();
        all[1] = New();
        all[2] = New();
        for (int i = 0; i < all.Length; i++)
            if (all[i] != null) kfree(all[i]);
    }

    static void ArrayOfPointersUsedFirst()
    {
        Thing*[] all = [New(), New(), New()];
        for (int i = 0; i < all.Length; i++) all[i]->value = i;
        for (int i = 0; i < all.Length; i++) kfree(all[i]);
    }

    static void OnTheStack()
    {
        Thing** all = stackalloc Thing*[3];
        all[0] = New();
        all[1] = New();
        all[2] = New();
        for (int i = 0; i < 3; i++) kfree(all[i]);
    }

    static void OnTheStackMoving()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        for (Thing** at = all; at < all + 3; at++) kfree(*at);
    }

    static void AsLongs()
    {
        long* all = stackalloc long[3];
        all[0] = NewNumber();
        all[1] = NewNumber();
        all[2] = NewNumber();
        for (int i = 0; i < 3; i++) kfree((void*)all[i]);
    }

    struct Slots { public fixed long all[4]; public int count; }

    static void InAFixedBuffer()
    {
        Slots slots = default;
        slots.all[0] = NewNumber();
        slots.all[1] = NewNumber();
        slots.all[2] = NewNumber();
        for (int i = 0; i < 3; i++) kfree((void*)slots.all[i]);
    }

    struct Item { public Thing* thing; public int count; }

    static void InStructs()
    {
        Item* all = stackalloc Item[3];
        all[0].thing = New();
        all[1].thing = New();
        all[2].thing = New();
        for (int i = 0; i < 3; i++) kfree(all[i].thing);
    }

    static void InStructsOfAnArray()
    {
        Item[] all = [new() { thing = New() }, new() { thing = New() }, new() { thing = New() }];
        for (int i = 0; i < all.Length; i++) kfree(all[i].thing);
    }

    sealed class Owner { public Thing* thing; public int count; }

    static void InObjectsOfAnArray()
    {
        Owner[] all = [new() { thing = New() }, new() { thing = New() }, new() { thing = New() }];
        for (int i = 0; i < all.Length; i++) kfree(all[i].thing);
    }

    static Thing*[] s_all = new Thing*[4];

    static void HandedOn()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        for (int i = 0; i < 3; i++) s_all[i] = all[i];
    }

    static extern void Take(Thing* thing);

    static void HandedOnByCalls()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        for (int i = 0; i < 3; i++) Take(all[i]);
    }

    static void HandedOnByACallee()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        CalleeHandOn(all, 3);
    }

    static void CalleeHandOn(Thing** all, int n)
    {
        for (int i = 0; i < n; i++) Take(all[i]);
    }

    static void HandedOnByACalleesStores()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        CalleeStore(all, 3);
    }

    static void CalleeStore(Thing** all, int n)
    {
        for (int i = 0; i < n; i++) s_all[i] = all[i];
    }

    static void MovedFirst()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        Thing** copy = stackalloc Thing*[3];
        for (int i = 0; i < 3; i++) copy[i] = all[i];
        for (int i = 0; i < 3; i++) kfree(copy[i]);
    }

    static void FreedFromSomeOn()
    {
        Thing** all = stackalloc Thing*[5] { null, null, New(), New(), New() };
        for (int i = 2; i < 5; i++) kfree(all[i]);
    }

    static void FreedIfThere()
    {
        Thing** all = stackalloc Thing*[5] { null, null, New(), New(), New() };
        for (int i = 0; i < 5; i++)
            if (all[i] != null) kfree(all[i]);
    }

    static void FreedAllAndNull()
    {
        Thing** all = stackalloc Thing*[5] { null, null, New(), New(), New() };
        for (int i = 0; i < 5; i++) kfree(all[i]);
    }

    static void FreedByAnOffset()
    {
        Thing** all = stackalloc Thing*[4] { New(), New(), New(), New() };
        for (int i = 0; i < 4; i++) kfree(all[3 - i]);
    }

    static void FreedByTwos()
    {
        Thing** all = stackalloc Thing*[6] { New(), New(), New(), New(), New(), New() };
        for (int i = 0; i < 6; i += 2)
        {
            kfree(all[i]);
            kfree(all[i + 1]);
        }
    }

    static void FreedInADoLoop()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        int i = 0;
        do kfree(all[i]);
        while (++i < 3);
    }

    static void OnTheStackAsASpan()
    {
        Span<nint> all = stackalloc nint[3];
        all[0] = NewNumber();
        all[1] = NewNumber();
        all[2] = NewNumber();
        for (int i = 0; i < all.Length; i++) kfree((void*)all[i]);
    }

    static void ArrayAsASpan()
    {
        Span<nint> all = new nint[4];
        all[0] = NewNumber();
        all[1] = NewNumber();
        all[2] = NewNumber();
        for (int i = 0; i < all.Length; i++) kfree((void*)all[i]);
    }

    static void OnTheStackAsASpanInForEach()
    {
        Span<nint> all = [NewNumber(), NewNumber(), NewNumber()];
        foreach (nint p in all) kfree((void*)p);
    }

    static void ListByIndex()
    {
        var all = new List<nint> { NewNumber(), NewNumber(), NewNumber() };
        for (int i = 0; i < all.Count; i++) kfree((void*)all[i]);
    }

    static void ListInForEach()
    {
        var all = new List<nint> { NewNumber(), NewNumber(), NewNumber(), NewNumber() };
        foreach (nint p in all) kfree((void*)p);
    }

    static void ListFilledAndEmptied()
    {
        var all = new List<nint>();
        for (int i = 0; i < 3; i++) all.Add(NewNumber());
        for (int i = 0; i < 3; i++) kfree((void*)all[i]);
    }

    static void ListEmptiedFromTheEnd()
    {
        var all = new List<nint> { NewNumber(), NewNumber(), NewNumber() };
        while (all.Count > 0)
        {
            kfree((void*)all[all.Count - 1]);
            all.RemoveAt(all.Count - 1);
        }
    }

    static void ListEmptiedFromTheEndByHat()
    {
        var all = new List<nint> { NewNumber(), NewNumber(), NewNumber() };
        for (int i = 1; i <= 3; i++) kfree((void*)all[^i]);
    }

    static void StackPopped()
    {
        var all = new Stack<nint>();
        all.Push(NewNumber());
        all.Push(NewNumber());
        all.Push(NewNumber());
        while (all.Count > 0) kfree((void*)all.Pop());
    }

    static void StackTriedToPop()
    {
        var all = new Stack<nint>();
        all.Push(NewNumber());
        all.Push(NewNumber());
        all.Push(NewNumber());
        all.Push(NewNumber());
        while (all.TryPop(out nint p)) kfree((void*)p);
    }

    static void StackPoppedByNumber()
    {
        var all = new Stack<nint>();
        for (int i = 0; i < 3; i++) all.Push(NewNumber());
        for (int i = 0; i < 3; i++) kfree((void*)all.Pop());
    }

    static void StackInForEach()
    {
        var all = new Stack<nint>();
        all.Push(NewNumber());
        all.Push(NewNumber());
        all.Push(NewNumber());
        foreach (nint p in all) kfree((void*)p);
    }

    static void QueueTaken()
    {
        var all = new Queue<nint>();
        all.Enqueue(NewNumber());
        all.Enqueue(NewNumber());
        all.Enqueue(NewNumber());
        while (all.Count > 0) kfree((void*)all.Dequeue());
    }

    static void DictionaryByKey()
    {
        var all = new Dictionary<int, nint> { [0] = NewNumber(), [1] = NewNumber(), [2] = NewNumber() };
        for (int i = 0; i < 3; i++) kfree((void*)all[i]);
    }

    static void DictionaryTried()
    {
        var all = new Dictionary<int, nint> { [0] = NewNumber(), [1] = NewNumber(), [2] = NewNumber() };
        for (int i = 0; i < 3; i++)
            if (all.TryGetValue(i, out nint p)) kfree((void*)p);
    }

    static void DictionaryRemoved()
    {
        var all = new Dictionary<int, nint> { [0] = NewNumber(), [1] = NewNumber(), [2] = NewNumber() };
        for (int i = 0; i < 3; i++)
            if (all.Remove(i, out nint p)) kfree((void*)p);
    }

    static void FieldsOfAVariable()
    {
        Table table;
        table.first = New();
        table.second = New();
        table.third = New();
        Thing** all = &table.first;
        for (int i = 0; i < 3; i++) kfree(all[i]);
    }

    // Mistakes

    static int s_sum;

    static void LookedAtAndLost()
    {
        Thing** all = stackalloc Thing*[3];
        all[2] = New();
        if (all[2] == null) return;
        for (int i = 2; i < 3; i++) s_sum += all[i]->value;
    } // expect: KA4001

    static void OtherArrayFreed()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        Thing** others = stackalloc Thing*[3];
        others[2] = New();
        for (int i = 0; i < 3; i++) kfree(all[i]);
    } // expect: KA4001

    static void OneOfTheArrayLost()
    {
        Thing*[] all = new Thing*[2];
        all[0] = New();
        all[1] = New();
        kfree(all[0]);
    } // expect: KA4001
}
