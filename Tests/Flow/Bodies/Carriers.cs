// Ways to carry a pointer that the generated programs take, each once right and once wrong.

using System;
using System.Collections.Generic;
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
}
