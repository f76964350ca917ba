// Loops over Enumerable.Range: how often they go round is what decides.

using System.Linq;

unsafe class Bodies
{
    static void RangeFilledAndEmptied(int n)
    {
        void** all = stackalloc void*[n];
        foreach (int i in Enumerable.Range(0, n)) all[i] = kmalloc(8, GFP_KERNEL);
        foreach (int i in Enumerable.Range(0, n)) kfree(all[i]);
    }

    static void RangeInsideOut(int n)
    {
        foreach (int i in Enumerable.Range(0, n))
        {
            void* p = kmalloc((nuint)i, GFP_KERNEL);
            kfree(p);
        }
    }

    static void TheOnlyOne(int n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        if (n == 4)
        {
            kfree(p);
            return;
        }

        if (n > 3 && n < 5) return;
        kfree(p);
    }

    static void OneOfTwo(int n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        if (n == 4)
        {
            kfree(p);
            return;
        }

        if (n > 3 && n < 6) return; // expect: KA4001
        kfree(p);
    }

    static void RangeOfFour()
    {
        void** all = stackalloc void*[4];
        foreach (int i in Enumerable.Range(0, 4)) all[i] = kmalloc(8, GFP_KERNEL);
        foreach (int i in Enumerable.Range(0, 4)) kfree(all[i]);
    }

    static void RangeInAList(int n)
    {
        var all = new List<nint>();
        foreach (int i in Enumerable.Range(0, n)) all.Add((nint)kmalloc(8, GFP_KERNEL));
        foreach (nint p in all) kfree((void*)p);
    }

    static void RangeInAnArray(int n)
    {
        var all = new nint[n];
        foreach (int i in Enumerable.Range(0, n)) all[i] = (nint)kmalloc(8, GFP_KERNEL);
        foreach (int i in Enumerable.Range(0, n)) kfree((void*)all[i]);
    }

    static void RangeInAnArrayOfBlocks(int n)
    {
        var all = new nint[n];
        foreach (int i in Enumerable.Range(0, n)) all[i] = Marshal.AllocHGlobal(8);
        foreach (nint p in all) Marshal.FreeHGlobal(p);
    }

    static void RangeOnce()
    {
        void* p = null;
        foreach (int i in Enumerable.Range(0, 1)) p = kmalloc(8, GFP_KERNEL);
        foreach (int i in Enumerable.Range(0, 1)) kfree(p);
    }

    static void RangeMany(int n)
    {
        if (n < 1) return;
        void* p = kmalloc(8, GFP_KERNEL);
        foreach (int i in Enumerable.Range(0, n)) if (i == 0) kfree(p);
    }

    static void RangeFromOne(int n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        foreach (int i in Enumerable.Range(1, n)) if (i == 1) kfree(p);
        if (n == 0) kfree(p);
    }

    static void RangeInAVariable(int n)
    {
        IEnumerable<int> all = Enumerable.Range(0, n);
        if (n <= 0) return;
        void* p = kmalloc(8, GFP_KERNEL);
        foreach (int i in all) if (i == 0) kfree(p);
    }

    static void RangeOfNone(int n)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        foreach (int i in Enumerable.Range(0, n)) if (i == 0) kfree(p);
    } // expect: KA4001

    static void RangeFreesInEachTurn()
    {
        void* p = kmalloc(8, GFP_KERNEL);
        foreach (int i in Enumerable.Range(0, 2)) kfree(p); // expect: KA4005
    }

    static void RangeLeaksInEachTurn(int n)
    {
        foreach (int i in Enumerable.Range(0, n))
        {
            void* p = kmalloc((nuint)n, GFP_KERNEL);
            if (p == null) return;
            if (i == 7) return; // expect: KA4001
            kfree(p);
        }
    }

    static void OtherNumbers(IEnumerable<int> numbers)
    {
        void* p = kmalloc(8, GFP_KERNEL);
        foreach (int i in numbers) if (i == 3) { kfree(p); return; }
        kfree(p);
    }

    static void RangeSelected(int n)
    {
        nint[] all = Enumerable.Range(0, n).Select(i => (nint)kmalloc(8, GFP_KERNEL)).ToArray();
        foreach (nint p in all) kfree((void*)p);
    }
}
