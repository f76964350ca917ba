// Collections that are emptied under another type or by somebody else: what is in them is not lost.

using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

unsafe class Bodies
{
    static nint NewNumber() => (nint)kmalloc(4, GFP_KERNEL);

    static void Free(nint p) => kfree((void*)p);

    static void EmptiedByCast()
    {
        var all = new List<nint> { NewNumber(), NewNumber() };
        foreach (nint p in all.Cast<nint>()) kfree((void*)p);
    }

    static void EmptiedByOfType()
    {
        var all = new List<nint> { NewNumber() };
        foreach (nint p in all.OfType<nint>()) kfree((void*)p);
    }

    static void EmptiedBySelect()
    {
        var all = new List<nint> { NewNumber() };
        foreach (nint p in all.Select(each => each)) kfree((void*)p);
    }

    static void EmptiedByWhere()
    {
        var all = new List<nint> { NewNumber() };
        foreach (nint p in all.Where(each => each != 0)) kfree((void*)p);
    }

    static void EmptiedByReverse()
    {
        var all = new List<nint> { NewNumber(), NewNumber() };
        foreach (nint p in Enumerable.Reverse(all)) kfree((void*)p);
    }

    static void EmptiedByToArray()
    {
        var all = new List<nint> { NewNumber(), NewNumber() };
        foreach (nint p in all.ToArray()) kfree((void*)p);
    }

    static void EmptiedByFirst()
    {
        var all = new List<nint> { NewNumber() };
        kfree((void*)all.First());
    }

    static void EmptiedByElementAt()
    {
        var all = new List<nint> { NewNumber() };
        kfree((void*)all.ElementAt(0));
    }

    static void EmptiedAsIList()
    {
        IList<nint> all = new List<nint> { NewNumber(), NewNumber() };
        for (int i = 0; i < all.Count; i++) kfree((void*)all[i]);
    }

    static void EmptiedAsIListOfList()
    {
        var list = new List<nint> { NewNumber() };
        IList<nint> all = list;
        kfree((void*)all[0]);
    }

    static void EmptiedAsOldIList()
    {
        IList all = new List<nint> { NewNumber() };
        kfree((void*)(nint)all[0]!);
    }

    static void EmptiedAsIEnumerable()
    {
        IEnumerable<nint> all = new List<nint> { NewNumber(), NewNumber() };
        foreach (nint p in all) kfree((void*)p);
    }

    static void EmptiedAsOldIEnumerable()
    {
        IEnumerable all = new List<nint> { NewNumber(), NewNumber() };
        foreach (nint p in all) kfree((void*)p);
    }

    static void EmptiedAsIReadOnlyList()
    {
        IReadOnlyList<nint> all = new List<nint> { NewNumber() };
        for (int i = 0; i < all.Count; i++) kfree((void*)all[i]);
    }

    static void EmptiedAsObject()
    {
        object box = new List<nint> { NewNumber() };
        foreach (nint p in (List<nint>)box) kfree((void*)p);
    }

    static void EmptiedByPattern()
    {
        object box = new List<nint> { NewNumber() };
        if (box is List<nint> all) kfree((void*)all[0]);
    }

    static void ArrayEmptiedAsIList()
    {
        IList<nint> all = new nint[] { NewNumber(), NewNumber() };
        for (int i = 0; i < all.Count; i++) kfree((void*)all[i]);
    }

    static void ArrayEmptiedAsArray()
    {
        Array all = new nint[] { NewNumber(), NewNumber() };
        for (int i = 0; i < all.Length; i++) kfree((void*)(nint)all.GetValue(i)!);
    }

    static void ArrayEmptiedAsMemory()
    {
        Memory<nint> all = new nint[] { NewNumber(), NewNumber() };
        foreach (nint p in all.Span) kfree((void*)p);
    }

    static void ArrayEmptiedByCast()
    {
        nint[] all = [NewNumber(), NewNumber()];
        foreach (nint p in all.Cast<nint>()) kfree((void*)p);
    }

    static void EmptiedByForEach()
    {
        var all = new List<nint> { NewNumber(), NewNumber() };
        all.ForEach(Free);
    }

    static void EmptiedByForEachOfMany()
    {
        var all = new List<nint> { NewNumber(), NewNumber(), NewNumber(), NewNumber(), NewNumber(), NewNumber() };
        all.ForEach(Free);
    }

    static void ArrayEmptiedByForEachOfMany()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber(), NewNumber(), NewNumber(), NewNumber()];
        Array.ForEach(all, Free);
    }

    static void EmptiedByRemoveAll()
    {
        var all = new List<nint> { NewNumber(), NewNumber() };
        all.RemoveAll(p =>
        {
            Free(p);
            return true;
        });
    }

    static void EmptiedByMethodOfIt()
    {
        var all = new List<nint> { NewNumber() };
        Action<Action<nint>> each = all.ForEach;
        each(Free);
    }

    static void EmptiedByEnumeratorOfIt()
    {
        var all = new List<nint> { NewNumber() };
        Func<int, List<nint>> part = n => all.GetRange(0, n);
        kfree((void*)part(1)[0]);
    }

    static void EmptiedByPopOfIt()
    {
        var all = new Stack<nint>();
        all.Push(NewNumber());
        Func<nint> pop = all.Pop;
        kfree((void*)pop());
    }

    static void EmptiedByAsSpan()
    {
        var all = new List<nint> { NewNumber() };
        foreach (nint p in CollectionsMarshal.AsSpan(all)) kfree((void*)p);
    }

    static void EmptiedByEnumerator()
    {
        var all = new List<nint> { NewNumber() };
        using var each = all.GetEnumerator();
        while (each.MoveNext()) kfree((void*)each.Current);
    }

    static void EmptiedByOldEnumerator()
    {
        var all = new List<nint> { NewNumber() };
        IEnumerator each = ((IEnumerable)all).GetEnumerator();
        while (each.MoveNext()) kfree((void*)(nint)each.Current!);
    }

    static nint HandedOnByHandle()
    {
        var all = new List<nint> { NewNumber() };
        return GCHandle.ToIntPtr(GCHandle.Alloc(all));
    }

    static void HandedOnByHandleTo(nint* to)
    {
        var all = new List<nint> { NewNumber() };
        GCHandle handle = GCHandle.Alloc(all);
        *to = (nint)handle;
    }

    static GCHandle HandedOnAsHandle()
    {
        nint[] all = [NewNumber()];
        return GCHandle.Alloc(all, GCHandleType.Pinned);
    }

    sealed class Holder { public nint Memory; }

    static nint HandedOnInAnObject()
    {
        var holder = new Holder { Memory = NewNumber() };
        return GCHandle.ToIntPtr(GCHandle.Alloc(holder));
    }

    static void HandedOnInATuple(List<(string, List<nint>)> to)
    {
        var all = new List<nint> { NewNumber() };
        to.Add(("all", all));
    }

    static void HandedOnInAnAction(List<Action> to)
    {
        var all = new List<nint> { NewNumber() };
        to.Add(() => all.ForEach(Free));
    }

    static void HandedOnAsMethod(List<Action> to)
    {
        var all = new List<nint> { NewNumber() };
        to.Add(all.Clear);
    }

    static event Action? s_ends;

    static void HandedOnInAnEvent()
    {
        var all = new List<nint> { NewNumber() };
        s_ends += () => all.ForEach(Free);
    }

    static void HandedOnToACopy(List<nint> to)
    {
        var all = new List<nint> { NewNumber() };
        to.AddRange(all);
    }

    static List<nint> HandedOnAsACopy()
    {
        var all = new List<nint> { NewNumber() };
        return new List<nint>(all);
    }

    static List<nint> HandedOnAsASpread()
    {
        var all = new List<nint> { NewNumber() };
        return [.. all, 0];
    }

    static void CopiedTo(nint[] to)
    {
        var all = new List<nint> { NewNumber() };
        all.CopyTo(to);
    }

    static void ClearedByACallee()
    {
        var all = new List<nint> { NewNumber() };
        CalleeEmpty(all);
    }

    static void CalleeEmpty(IEnumerable<nint> all)
    {
        foreach (nint p in all) kfree((void*)p);
    }

    static void EmptiedInALocalFunction()
    {
        var all = new List<nint> { NewNumber(), NewNumber(), NewNumber() };
        Empty();

        void Empty()
        {
            foreach (nint p in all) kfree((void*)p);
        }
    }

    static void ListLost()
    {
        var all = new List<nint>();
        all.Add((nint)kmalloc(4, GFP_KERNEL));
    } // expect: KA4001
}
