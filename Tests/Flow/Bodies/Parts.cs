// Values in parts: nullables, patterns that take them out, records, variables that are read and written as a whole.

unsafe class Bodies
{
    private nint _shared;

    void NullableValue()
    {
        nint? p = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)p.Value);
        kfree((void*)p.Value); // expect: KA4005
    }

    void NullableCoalesced()
    {
        nint? p = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)(p ?? 0));
    }

    void NullableLost()
    {
        nint? p = (nint)kmalloc(4, GFP_KERNEL);
    } // expect: KA4001

    static nint? CalleeTry(bool really) => really ? (nint)kmalloc(4, GFP_KERNEL | __GFP_NOFAIL) : null;

    void NullableOfACallee(bool really)
    {
        nint? p = CalleeTry(really);
        if (p == null) return;
        kfree((void*)p.Value);
    }

    void NullableAsked(bool really)
    {
        nint? p = CalleeTry(really);
        if (p.HasValue) kfree((void*)p.GetValueOrDefault());
    }

    void NullableMatched(bool really)
    {
        if (CalleeTry(really) is { } p) kfree((void*)p);
    }

    void NullableMatchedAndLost(bool really)
    {
        if (CalleeTry(really) is nint p) Console.WriteLine(p);
    } // expect: KA4001

    void NullableIsNotZero(bool really)
    {
        nint? none = null, zero = 0;
        void* p = kmalloc(4, GFP_KERNEL);
        if (none == null && zero != null) kfree(p);
    }

    sealed class Holder { public nint Memory; public int Count { get; set; } }

    void PropertyPattern()
    {
        var holder = new Holder { Memory = (nint)kmalloc(4, GFP_KERNEL), Count = 2 };
        if (holder is { Count: 2, Memory: var p }) kfree((void*)p);
    }

    void PropertyPatternTwice()
    {
        var holder = new Holder { Memory = (nint)kmalloc(4, GFP_KERNEL) };
        if (holder is not { Memory: var p }) return;
        kfree((void*)p);
        kfree((void*)holder.Memory); // expect: KA4005
    }

    void PositionalPattern()
    {
        var pair = ((nint)kmalloc(4, GFP_KERNEL), 1);
        if (pair is (var p, 1)) kfree((void*)p);
    }

    record struct Block(nint Memory, int Size);

    sealed record Named(nint Memory, string Name);

    void RecordTakenApart()
    {
        var block = new Block((nint)kmalloc(4, GFP_KERNEL), 4);
        (nint p, int _) = block;
        kfree((void*)p);
        kfree((void*)block.Memory); // expect: KA4005
    }

    void RecordWithAnotherName()
    {
        var named = new Named((nint)kmalloc(4, GFP_KERNEL), "a");
        Named other = named with { Name = "b" };
        kfree((void*)other.Memory);
    }

    void RecordWithAnotherNameTwice()
    {
        var named = new Named((nint)kmalloc(4, GFP_KERNEL), "a");
        Named other = named with { Name = "b" };
        kfree((void*)other.Memory);
        kfree((void*)named.Memory); // expect: KA4005
    }

    void Exchanged()
    {
        nint p = (nint)kmalloc(4, GFP_KERNEL);
        nint old = System.Threading.Interlocked.Exchange(ref p, 0);
        kfree((void*)old);
        kfree((void*)p);
    }

    void ExchangedAndLost()
    {
        nint p = (nint)kmalloc(4, GFP_KERNEL);
        System.Threading.Interlocked.Exchange(ref p, 0);
    } // expect: KA4001

    void ExchangedInAField()
    {
        nint old = System.Threading.Interlocked.Exchange(ref _shared, (nint)kmalloc(4, GFP_KERNEL));
        kfree((void*)old);
    }

    void WrittenVolatile()
    {
        nint p = 0;
        System.Threading.Volatile.Write(ref p, (nint)kmalloc(4, GFP_KERNEL));
        kfree((void*)System.Threading.Volatile.Read(ref p));
        kfree((void*)p); // expect: KA4005
    }

    private int _stop;

    void StoppedByAnotherThread()
    {
        bool owns = System.Threading.Volatile.Read(ref _stop) == 0;
        void* p = owns ? kmalloc(4, GFP_KERNEL) : null;
        while (System.Threading.Volatile.Read(ref _stop) == 0) { }
        if (System.Threading.Volatile.Read(ref _stop) != 0) kfree(p);
    } // expect: KA4001

    interface IMemory { nint Memory { get; set; } }

    sealed class Automatic : IMemory { public nint Memory { get; set; } }

    void AutomaticBehindAnInterface()
    {
        IMemory some = new Automatic();
        some.Memory = (nint)kmalloc(4, GFP_KERNEL);
        kfree((void*)some.Memory);
        kfree((void*)some.Memory); // expect: KA4005
    }
}
