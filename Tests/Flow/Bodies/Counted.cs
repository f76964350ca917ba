// Lists of numbers that the body fills itself: a loop over one goes round as often as it has elements.

using System.Collections.Generic;
using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

unsafe static class Bodies
{
    static spinlock_t s_lock;

    static void OnceLocked(int n)
    {
        foreach (int i in new List<int> { n })
        {
            kfree(kmalloc(8, GFP_KERNEL));
            spin_lock(ref s_lock);
        }

        spin_unlock(ref s_lock);
    }

    static void TwiceLocked(int n)
    {
        foreach (int i in new List<int> { n, 2 })
        {
            kfree(kmalloc(8, GFP_KERNEL)); // expect: KA1001
            spin_lock(ref s_lock); // expect: KA1008
        }

        spin_unlock(ref s_lock);
    }

    static void FreedInTheOnlyTurn()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        foreach (byte i in new List<byte> { 1 }) kfree(p);
    }

    static void FreedInBothTurns()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        foreach (long i in new List<long> { 1, 2 }) kfree(p); // expect: KA4005
    }

    static void ItsElementsAreItsOwn(bool frees)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        var all = new List<int> { 1 };
        foreach (int i in all)
            if (i == 1) kfree(p);
    }

    static void NotAsManyAsWerePutIn()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        var all = new List<int> { 1 };
        CollectionsMarshal.SetCount(all, 0);
        foreach (int i in all)
        {
            kfree(p);
            p = null;
        }
    } // expect: KA4001

    static void ClearedBefore()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        var all = new List<int> { 1 };
        all.Clear();
        foreach (int i in all)
        {
            kfree(p);
            p = null;
        }
    } // expect: KA4001

    static void FilledByAnother()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        var all = new List<int> { 1 };
        Fill(all);
        foreach (int i in all)
        {
            kfree(p);
            p = null;
        }

        kfree(p);
    }

    static void FilledThroughItsInterface()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        var all = new List<int> { 1 };
        IList<int> same = all;
        same.Clear();
        foreach (int i in all)
        {
            kfree(p);
            p = null;
        }
    } // expect: KA4001

    private static void Fill(List<int> all) => all.Add(2);
}
