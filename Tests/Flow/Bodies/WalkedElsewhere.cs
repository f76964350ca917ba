// Loops over what is in an array that stand in a callee, a local function, a finally block, or do not free each element in the same way.

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

    static void FreedByACalleesLoop()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        CalleeFreeAll(all, 3);
    }

    static void CalleeFreeAll(Thing** all, int n)
    {
        for (int i = 0; i < n; i++) kfree(all[i]);
    }

    static void FreedByACalleesLoopIfThere()
    {
        Thing** all = stackalloc Thing*[5] { null, null, New(), New(), New() };
        CalleeFreeIfThere(all, 5);
    }

    static void CalleeFreeIfThere(Thing** all, int n)
    {
        for (int i = 0; i < n; i++)
            if (all[i] != null) kfree(all[i]);
    }

    static void FreedOneByOneByACallee()
    {
        Thing** all = stackalloc Thing*[3] { New(), New(), New() };
        for (int i = 0; i < 3; i++) CalleeFreeAt(all, i);
    }

    static void CalleeFreeAt(Thing** all, int i) => kfree(all[i]);

    static void FreedOneByOneOfAnArrayByACallee()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        for (int i = 0; i < 3; i++) CalleeFreeInArrayAt(all, i);
    }

    static void CalleeFreeInArrayAt(nint[] all, int i) => kfree((void*)all[i]);

    static void FreedOneByOneByALocalFunction()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        for (int i = 0; i < 3; i++) FreeAt(i);

        void FreeAt(int i) => kfree((void*)all[i]);
    }

    static void FreedInALoopOfALocalFunction()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        FreeAll();

        void FreeAll()
        {
            for (int i = 0; i < all.Length; i++) kfree((void*)all[i]);
        }
    }

    static void FreedThroughFixed()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        fixed (nint* first = all)
        {
            for (int i = 0; i < 3; i++) kfree((void*)first[i]);
        }
    }

    static void FreedThroughFixedByACallee()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        fixed (nint* first = all) CalleeFreeNumbers(first, all.Length);
    }

    static void CalleeFreeNumbers(nint* all, int n)
    {
        for (int i = 0; i < n; i++) kfree((void*)all[i]);
    }

    static void FreedThroughASpanByACallee()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        CalleeFreeSpan(all);
    }

    static void CalleeFreeSpan(ReadOnlySpan<nint> all)
    {
        for (int i = 0; i < all.Length; i++) kfree((void*)all[i]);
    }

    static void FreedInFields()
    {
        Thing** all = stackalloc Thing*[4] { New(), New(), New(), New() };
        for (int i = 0; i < 4; i++)
        {
            Thing* t = all[i];
            if (t == null) continue;
            if (t->next != null) kfree(t->next);
            kfree(t);
        }
    }

    static void FreedBackwardsAfterFailure()
    {
        Thing** all = stackalloc Thing*[4];
        int i = 0;
        for (; i < 4; i++)
            if ((all[i] = kmalloc<Thing>(GFP_KERNEL)) == null) break;
        while (--i >= 0) kfree(all[i]);
    }

    static void FieldByIndex()
    {
        Table table;
        table.first = New();
        table.second = New();
        table.third = null;
        Thing** all = &table.first;
        kfree(all[0]);
        kfree(all[1]);
    }

    static void FreedByACalleesFixedLoop()
    {
        Thing** all = stackalloc Thing*[4] { New(), New(), New(), New() };
        CalleeFreeFour(all);
    }

    static void CalleeFreeFour(Thing** all)
    {
        for (int i = 0; i < 4; i++) kfree(all[i]);
    }

    static void FreedByACalleesLoopOverAnArray()
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        CalleeFreeArray(all);
    }

    static void CalleeFreeArray(nint[] all)
    {
        for (int i = 0; i < all.Length; i++) kfree((void*)all[i]);
    }

    static void FreedOnFailure(int n)
    {
        nint[] all = [NewNumber(), NewNumber(), NewNumber()];
        try
        {
            if (n > 3) throw new InvalidOperationException();
        }
        finally
        {
            for (int i = 0; i < all.Length; i++) kfree((void*)all[i]);
        }
    }

    // Each object has its own.

    sealed class Pool
    {
        private readonly Thing*[] _all = new Thing*[3];

        public Pool()
        {
            _all[0] = New();
            _all[1] = New();
            _all[2] = New();
        }

        public void Free()
        {
            for (int i = 0; i < _all.Length; i++) kfree(_all[i]);
        }

        public Thing* First => _all[0];
    }

    static void FreedByAnObject()
    {
        var pool = new Pool();
        pool.Free();
    }

    struct Slots { public fixed long all[4]; public int count; }

    static void FreedInAStruct()
    {
        Slots slots = default;
        slots.all[0] = NewNumber();
        slots.all[1] = NewNumber();
        slots.all[2] = NewNumber();
        slots.count = 3;
        CalleeFreeSlots(&slots);
    }

    static void CalleeFreeSlots(Slots* slots)
    {
        for (int i = 0; i < slots->count; i++) kfree((void*)slots->all[i]);
    }

    static void FreedSomewhereInATable()
    {
        Thing*[] all = new Thing*[8];
        all[5] = New();
        CalleeFreeTable(all);
    }

    static void CalleeFreeTable(Thing*[] all)
    {
        for (int i = 0; i < all.Length; i++)
            if (all[i] != null) kfree(all[i]);
    }
}
