// Ways to carry a pointer that the generated programs take, each once right and once wrong.

using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Thing { public int value; public Thing* next; }

unsafe struct Box { public int tag; public Thing* item; }

unsafe sealed class Maker
{
    internal readonly Thing* item;

    internal Maker()
    {
        item = kmalloc<Thing>(GFP_KERNEL);
    }
}

unsafe static class Bodies
{
    static kmem_cache* s_cache;
    static spinlock_t s_lock;
    static int s_count;

    // A ref struct has no interface: its Dispose is found by its name.

    readonly ref struct Scope(Thing* item)
    {
        public void Dispose() => kfree(item);
    }

    static void ScopeFrees()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        using (new Scope(p))
        {
            s_count++;
        }
    }

    static void ScopeFreesBeforeUse()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        using (new Scope(p))
        {
            s_count++;
        }

        p->value = 1; // expect: KA4006
    }

    // A boxed number is one.

    static void DropBoxed(object item)
    {
        if (item is nint raw) kfree((Thing*)raw);
    }

    static void BoxedIsFreed()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        DropBoxed((nint)p);
    }

    static void BoxedIsFreedTwice()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        DropBoxed((nint)p);
        kfree(p); // expect: KA4005
    }

    // Error pointers.

    static void* MakeOrError()
    {
        Thing* made = kmalloc<Thing>(GFP_KERNEL);
        if (made == null) return ERR_PTR(-ENOMEM);
        return made;
    }

    static int ErrorIsNoMemory()
    {
        void* p = MakeOrError();
        if (IS_ERR(p)) return -EIO;
        kfree(p);
        return 0;
    }

    static int ErrorForgotten(int input)
    {
        void* p = MakeOrError();
        if (IS_ERR(p)) return (int)PTR_ERR(p);
        if (input > 0) return -EIO; // expect: KA4001
        kfree(p);
        return 0;
    }

    // What a constructor allocates may be taken from the object.

    static void TakesFromMaker()
    {
        Thing* p = new Maker().item;
        kfree(p);
    }

    // Conditions of two tests.

    static int EitherTwice(int input)
    {
        Thing* p = null;
        if ((input & 1) != 0 || (input & 2) != 0)
        {
            p = kmalloc<Thing>(GFP_KERNEL);
            if (p == null) return -EIO;
        }

        s_count++;
        if ((input & 1) != 0 || (input & 2) != 0)
        {
            kfree(p);
        }

        return 0;
    }

    // A guard on the stack leaves what it took itself: it does not leave what others took.

    readonly ref struct Guard : IDisposable
    {
        public Guard(bool really)
        {
            if (really) local_bh_disable();
        }

        public void Dispose() => local_bh_enable();
    }

    static void GuardIsLeft()
    {
        using (new Guard(true)) s_count++;
    }

    static void GuardIsForgotten()
    {
        var guard = new Guard(true);
        s_count++;
    } // expect: KA1006

    // Finally.

    static int FinallyKeepsSection(int input)
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return -EIO;
        if ((input & 1) > 0)
        {
            kfree(p);
            return -EIO;
        }

        try
        {
            local_bh_disable();
            s_count++;
        }
        finally
        {
            kfree(p);
        }

        return 0; // expect: KA1006
    }

    // A struct that may be missing.

    static Box? MakeBox()
    {
        Box made = default;
        made.item = kmalloc<Thing>(GFP_KERNEL);
        if (made.item == null) return null;
        return made;
    }

    static int BoxIsFreed()
    {
        Box? box = MakeBox();
        if (!box.HasValue) return -EIO;
        kfree(box.Value.item);
        return 0;
    }

    static int BoxIsForgotten()
    {
        Box? box = MakeBox();
        if (!box.HasValue) return -EIO;
        Thing* p = box.Value.item;
        p->value = 1;
        return 0; // expect: KA4001
    }

    static int BoxByPattern(int input)
    {
        if (MakeBox() is not { } box) return -EIO;
        if (input > 0) return 1; // expect: KA4001
        kfree(box.item);
        return 0;
    }

    // Collections.

    static void ListedAndFreedTwice()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        var all = new List<nint>();
        all.Add((nint)p);
        kfree((void*)all[0]);
        kfree(p); // expect: KA4005
    }

    static void DictionaryFreedWrongly()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        var all = new Dictionary<int, nint>();
        all.Add(3, (nint)p);
        vfree((void*)all[3]); // expect: KA4007
    }

    static void LoopedAndUsed()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        foreach (nint raw in new List<nint> { (nint)p }) kfree((void*)raw);
        p->value = 1; // expect: KA4006
    }

    static void ArrayLoopedAndUsed()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        foreach (nint raw in new nint[] { (nint)p }) kfree((void*)raw);
        p->value = 1; // expect: KA4006
    }

    static void StackPopped()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        var all = new Stack<nint>();
        all.Push((nint)p);
        while (all.TryPop(out nint raw)) kfree((void*)raw);
        kfree(p); // expect: KA4005
    }

    static void ListReused(int n)
    {
        var all = new List<nint>();
        for (int i = 0; i < n; i++)
        {
            all.Add((nint)kmalloc<Thing>(GFP_KERNEL));
            all.Add((nint)kmalloc<Thing>(GFP_KERNEL));
            foreach (nint raw in all) kfree((void*)raw);
            all.Clear();
        }
    }

    static void ListShifted()
    {
        var all = new List<nint> { (nint)kmalloc<Thing>(GFP_KERNEL), (nint)kmalloc<Thing>(GFP_KERNEL) };
        while (all.Count > 0)
        {
            kfree((void*)all[0]);
            all.RemoveAt(0);
        }
    }

    static void DictionaryReplaced()
    {
        var all = new Dictionary<int, nint>();
        all[1] = (nint)kmalloc<Thing>(GFP_KERNEL);
        kfree((void*)all[1]);
        all[1] = (nint)kmalloc<Thing>(GFP_KERNEL);
        kfree((void*)all[1]);
        foreach ((int key, nint raw) in all) s_count += key;
    }

    static void Passed(List<nint> all)
    {
        kfree((void*)all[0]);
        all.RemoveAt(0);
        kfree((void*)all[0]);
        foreach (nint raw in all) s_count += (int)raw;
    }

    static void DropAll(params nint[] items)
    {
        foreach (nint raw in items) kfree((void*)raw);
    }

    static void DroppedAmongOthers()
    {
        Thing* p = kmalloc<Thing>(GFP_KERNEL);
        if (p == null) return;
        DropAll((nint)p);
    }

    // How many there are is not known any more once other code had the list.
    static void PoppedElsewhere(Action<Stack<nint>> fill)
    {
        var all = new Stack<nint>();
        fill(all);
        if (!all.TryPop(out nint raw)) return;
        kfree((void*)raw);
        kfree((void*)raw); // expect: KA4005
    }

    static void FilledAgain()
    {
        var all = new List<nint>();
        all.Add((nint)kmalloc<Thing>(GFP_KERNEL));
        foreach (nint raw in all) kfree((void*)raw);
        all.Clear();
        all.Add((nint)kmalloc<Thing>(GFP_KERNEL));
        foreach (nint raw in all) kfree((void*)raw);
    }

    static (bool Ok, nint Memory) TryTake(int n) => n > 0 ? (true, Marshal.AllocHGlobal(n)) : (false, 0);

    static void TakenByProperty(int n)
    {
        if (TryTake(n) is { Ok: true } taken) Marshal.FreeHGlobal(taken.Memory);
        if (TryTake(n) is { Ok: true, Memory: var memory }) Marshal.FreeHGlobal(memory);
    }

    static void TakenByOtherProperty(int n)
    {
        var taken = TryTake(n);
        if (taken is { Ok: false }) Marshal.FreeHGlobal(taken.Memory);
    } // expect: KA4001

    // What a conditional expression captured of a local is that local's place.
    static int CapturedAndFreedTwice(int input)
    {
        Thing* p = (input & 1) != 0 ? (Thing*)kmem_cache_alloc(s_cache, GFP_ATOMIC) : (Thing*)kmem_cache_zalloc(s_cache, GFP_ATOMIC);
        if (p == null) return -5;
        nint? kept = null;
        kept = (nint)p;
        p = null;
        ((Thing*)(kept ?? 0))->value = 1;
        if ((input & 2) != 0 || (input & 4) != 0) kmem_cache_free(s_cache, (Thing*)(kept ?? 0));
        kmem_cache_free(s_cache, (Thing*)(kept ?? 0)); // expect: KA4005
        return 0;
    }

    static int CapturedAndFreedOnce(int input)
    {
        Thing* p = (input & 1) != 0 ? (Thing*)kmem_cache_alloc(s_cache, GFP_ATOMIC) : (Thing*)kmem_cache_zalloc(s_cache, GFP_ATOMIC);
        if (p == null) return -5;
        nint? kept = null;
        kept = (nint)p;
        p = null;
        ((Thing*)(kept ?? 0))->value = 1;
        if ((input & 2) != 0 || (input & 4) != 0)
        {
            kmem_cache_free(s_cache, (Thing*)(kept ?? 0));
            return 1;
        }

        kmem_cache_free(s_cache, (Thing*)(kept ?? 0));
        return 0;
    }

    // A box has one field.

    static void DropBox(StrongBox<nint> box) => kfree((Thing*)box.Value);

    static void BoxOnce()
    {
        var box = new StrongBox<nint>((nint)kmalloc<Thing>(GFP_KERNEL));
        DropBox(box);
    }

    static void BoxTwice()
    {
        var box = new StrongBox<nint>((nint)kmalloc<Thing>(GFP_KERNEL));
        DropBox(box);
        DropBox(box); // expect: KA4005
    }

    static void BoxLost()
    {
        var box = new StrongBox<nint>((nint)kmalloc<Thing>(GFP_KERNEL));
        if (box.Value != 0) s_count++;
    } // expect: KA4001

    static StrongBox<nint> BoxReturned() => new((nint)kmalloc<Thing>(GFP_KERNEL));

    static void BoxFilledLater()
    {
        var box = new StrongBox<nint>();
        box.Value = (nint)kmalloc<Thing>(GFP_KERNEL);
        DropBox(box);
    }

    static void BoxInALambda()
    {
        var box = new StrongBox<nint>((nint)kmalloc<Thing>(GFP_KERNEL));
        Action drop = () => kfree((Thing*)box.Value);
        drop();
    }
}
