// What lies in a block: beside the first element, after the block has grown, and in an array that is pinned.

using System;
using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Item
{
    public byte* data;
    public int size;
    public void Fill() { data = (byte*)NativeMemory.Alloc(3); size = 3; }
    public void Dispose() { NativeMemory.Free(data); this = default; }
}

unsafe class Bodies
{
    static void SecondBesideTheFirst()
    {
        Item* all = (Item*)NativeMemory.AllocZeroed(3, (nuint)sizeof(Item));
        all[1].data = (byte*)NativeMemory.Alloc(3);
        all[0] = default;
        NativeMemory.Free(all[1].data);
        NativeMemory.Free(all);
    }

    static void BothDisposed()
    {
        Item* all = stackalloc Item[3];
        all[0].Fill();
        all[1].Fill();
        all[0].Dispose();
        all[1].Dispose();
    }

    static void OneDisposed()
    {
        Item* all = stackalloc Item[3];
        all[0].Fill();
        all[1].Fill();
        all[0].Dispose();
    } // expect: KA4001

    static void BothWritten()
    {
        Item* all = (Item*)NativeMemory.AllocZeroed(2, (nuint)sizeof(Item));
        all[1] = new Item { data = (byte*)NativeMemory.Alloc(3) };
        all[0] = new Item { data = (byte*)NativeMemory.Alloc(3) };
        NativeMemory.Free(all[0].data);
        NativeMemory.Free(all[1].data);
        NativeMemory.Free(all);
    }

    static void AllCleared()
    {
        Item* all = (Item*)NativeMemory.AllocZeroed(4, (nuint)sizeof(Item));
        for (int i = 0; i < 4; i++) all[i].data = (byte*)NativeMemory.Alloc(3);
        for (int i = 0; i < 4; i++) { NativeMemory.Free(all[i].data); all[i] = default; }
        NativeMemory.Free(all);
    }

    static void FirstOverwritten()
    {
        Item* all = stackalloc Item[3];
        all[0].Fill();
        all[0] = default;
    } // expect: KA4001

    static void FirstGrown()
    {
        Item* all = (Item*)NativeMemory.AllocZeroed(2, (nuint)sizeof(Item));
        all->data = (byte*)NativeMemory.Alloc(3);
        all = (Item*)NativeMemory.Realloc(all, 400);
        NativeMemory.Free(all->data);
        NativeMemory.Free(all);
    }

    static void FirstGrownAndLost()
    {
        Item* all = (Item*)NativeMemory.AllocZeroed(2, (nuint)sizeof(Item));
        all->data = (byte*)NativeMemory.Alloc(3);
        all = (Item*)NativeMemory.Realloc(all, 400);
        NativeMemory.Free(all);
    } // expect: KA4001

    static void PointersGrown()
    {
        byte** all = (byte**)NativeMemory.AllocZeroed(2, (nuint)sizeof(byte*));
        all[1] = (byte*)NativeMemory.Alloc(3);
        all = (byte**)NativeMemory.Realloc(all, 400);
        NativeMemory.Free(all[1]);
        NativeMemory.Free(all);
    }

    static Item* Grow(Item* all) => (Item*)NativeMemory.Realloc(all, 400);

    static void GrownByACallee()
    {
        Item* all = (Item*)NativeMemory.AllocZeroed(2, (nuint)sizeof(Item));
        all[1].data = (byte*)NativeMemory.Alloc(3);
        all = Grow(all);
        NativeMemory.Free(all[1].data);
        NativeMemory.Free(all);
    }

    static void GrownByACalleeAndLost()
    {
        Item* all = (Item*)NativeMemory.AllocZeroed(2, (nuint)sizeof(Item));
        all[1].data = (byte*)NativeMemory.Alloc(3);
        all = Grow(all);
        NativeMemory.Free(all);
    } // expect: KA4001

    static void KernelBlockGrown()
    {
        Item* all = (Item*)kzalloc(32, GFP_KERNEL);
        if (all == null) return;
        all[1].data = (byte*)kmalloc(3, GFP_KERNEL);
        Item* larger = (Item*)krealloc(all, 400, GFP_KERNEL);
        if (larger == null) larger = all;
        kfree(larger[1].data);
        kfree(larger);
    }

    static void GrownAndFreedTwice()
    {
        Item* all = (Item*)NativeMemory.AllocZeroed(2, (nuint)sizeof(Item));
        all[1].data = (byte*)NativeMemory.Alloc(3);
        Item* larger = (Item*)NativeMemory.Realloc(all, 400);
        NativeMemory.Free(larger[1].data);
        NativeMemory.Free(larger[1].data); // expect: KA4005
        NativeMemory.Free(larger);
    }

    static Item Made() => new() { data = (byte*)NativeMemory.Alloc(3) };

    static void PinnedAndFreed()
    {
        var all = new Item[] { Made() };
        fixed (Item* first = all) NativeMemory.Free(first->data);
    }

    static void PinnedAndFreedTwice()
    {
        var all = new Item[] { Made() };
        fixed (Item* first = all)
        {
            NativeMemory.Free(first->data);
            NativeMemory.Free(all[0].data); // expect: KA4005
        }
    }

    static void PinnedAndOneLost()
    {
        var all = new Item[] { Made(), Made() };
        fixed (Item* first = all) NativeMemory.Free(first->data);
    } // expect: KA4001

    static void FilledWherePinned()
    {
        var all = new Item[1];
        fixed (Item* first = all) first->data = (byte*)NativeMemory.Alloc(3);
        NativeMemory.Free(all[0].data);
    }

    static void FilledByPointer(int n)
    {
        var all = new Item[n];
        fixed (Item* first = all)
        {
            for (Item* p = first; p < first + n; p++) *p = Made();
        }

        foreach (Item item in all) NativeMemory.Free(item.data);
    }
}
