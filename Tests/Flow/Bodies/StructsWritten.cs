// Structs that a callee writes as a whole, over memory that only its caller knows: what was in them is gone, what is written is there, through any number of calls.

using System.Runtime.InteropServices;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Buffer { public byte* data; public int size; }

unsafe struct Device { public Buffer input; public Buffer output; public int state; }

unsafe struct Named { public byte* data; public fixed int marks[4]; }

[StructLayout(LayoutKind.Explicit)]
unsafe struct Either { [FieldOffset(0)] public byte* data; [FieldOffset(0)] public nint bits; [FieldOffset(8)] public int size; }

unsafe static class Bodies
{
    // Written by a callee

    static void Fill(Device* d, byte* p) => d->input = new Buffer { data = p, size = 8 };

    static void FillThrough(Device* d, byte* p) => Fill(d, p);

    static void Empty(Device* d) => d->input = default;

    static void EmptyBoth(Device* d)
    {
        Empty(d);
        d->output = new Buffer();
    }

    static void FreeInput(Device* d)
    {
        kfree(d->input.data);
        Empty(d);
    }

    static void FreeIfLarge(Device* d)
    {
        if (d->input.size > 4) kfree(d->input.data);
    }

    static void FilledAndFreed(Device* d)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        Device own;
        FillThrough(&own, p);
        kfree(own.input.data);
        kfree(p); // expect: KA4005
    }

    static void FilledAndLost()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);
        Device own = default;
        FillThrough(&own, p);
    } // expect: KA4001

    static void FreedAndEmptied()
    {
        Device own = default;
        FillThrough(&own, (byte*)kmalloc(8, GFP_KERNEL));
        FreeInput(&own);
        FreeInput(&own);
    }

    static void FreedAndNotEmptied()
    {
        Device own = default;
        FillThrough(&own, (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL));
        kfree(own.input.data);
        FreeInput(&own); // expect: KA4005
    }

    static void SizeDecides()
    {
        Device own = default;
        FillThrough(&own, (byte*)kmalloc(8, GFP_KERNEL));
        FreeIfLarge(&own);
    }

    static void SizeIsGone()
    {
        Device own = default;
        byte* p = (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);
        FillThrough(&own, p);
        EmptyBoth(&own);
        FreeIfLarge(&own);
    } // expect: KA4001

    static void OtherPartStays(Device* d)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);
        Device own = default;
        own.output.data = p;
        Empty(&own);
        kfree(own.output.data);
    }

    static void OtherPartIsEmptiedToo(Device* d)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);
        Device own = default;
        own.output.data = p;
        EmptyBoth(&own);
        kfree(own.output.data);
    } // expect: KA4001

    static void KeptElsewhere()
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        Device own = default;
        FillThrough(&own, p);
        EmptyBoth(&own);
        kfree(p);
    }

    // What others may reach is theirs

    static void GivenToTheCaller(Device* d) => Fill(d, (byte*)kmalloc(8, GFP_KERNEL));

    static void GivenThroughCalls(Device* d)
    {
        EmptyBoth(d);
        GivenToTheCaller(d);
    }

    static void ByAnotherName(Device* d, Device* same)
    {
        byte* p = (byte*)kmalloc(8, GFP_KERNEL);
        Fill(d, p);
        Empty(same);
        if (d->input.data == null) kfree(p);
    }

    // By ref, in an array, in an object

    static void FillRef(ref Buffer b, byte* p) => b = new Buffer { data = p };

    static void ByRef()
    {
        Buffer b = default;
        FillRef(ref b, (byte*)kmalloc(8, GFP_KERNEL));
        kfree(b.data);
        FillRef(ref b, null);
        kfree(b.data);
    }

    static void ByRefTwice()
    {
        Buffer b = default;
        FillRef(ref b, (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL));
        FillRef(ref b, (byte*)kmalloc(8, GFP_KERNEL));
        kfree(b.data);
    } // expect: KA4001

    static void InAnArray()
    {
        var all = new Buffer[2];
        FillRef(ref all[0], (byte*)kmalloc(8, GFP_KERNEL));
        FillRef(ref all[1], (byte*)kmalloc(8, GFP_KERNEL));
        kfree(all[0].data);
        kfree(all[1].data);
        FillRef(ref all[0], null);
        kfree(all[0].data);
    }

    // Structs with more than parts

    static void FillNamed(Named* n, byte* p)
    {
        *n = new Named { data = p };
        n->marks[1] = 3;
    }

    static void MarksOfNamed(byte* p)
    {
        Named n;
        n.marks[1] = 5;
        FillNamed(&n, (byte*)kmalloc(8, GFP_KERNEL));
        if (n.marks[1] == 3) kfree(n.data);
    }

    static void FillEither(Either* e, byte* p) => *e = new Either { data = p, size = 1 };

    static void EitherIsOne()
    {
        Either e;
        FillEither(&e, (byte*)kmalloc(8, GFP_KERNEL));
        if (e.bits != 0) kfree((void*)e.bits);
    }

    static void EitherOfBits(Either* e, nint bits) => *e = new Either { bits = bits };

    static void EitherByTheOther()
    {
        Either e;
        EitherOfBits(&e, (nint)kmalloc(8, GFP_KERNEL));
        kfree(e.data);
        kfree(e.data); // expect: KA4005
    }

    static T Made<T>(T value) where T : unmanaged => value;

    static void FillGeneric<T>(T* place, T value) where T : unmanaged => *place = Made(value);

    static void Generic()
    {
        Buffer b;
        FillGeneric(&b, new Buffer { data = (byte*)kmalloc(8, GFP_KERNEL) });
        kfree(b.data);
    }
}
