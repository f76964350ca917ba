// Generic methods behind interfaces: the body is looked for by the method that the interface declares, whatever it is called with.

unsafe class Bodies
{
    static void OnlyOne(ITaking some)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        some.Take<int>(p, 0);
        kfree(p); // expect: KA4005
    }

    static void OnlyOneOnce(ITaking some)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        some.Take("", p);
    }

    static void OfATypeParameter<TTaking>(ref TTaking some) where TTaking : struct, ITaking
    {
        void* p = kmalloc(4, GFP_KERNEL);
        some.Take<nint>(p, 0);
        kfree(p); // expect: KA4005
    }

    static void MadeHere()
    {
        IKeeping some = new Keeping();
        void* p = kmalloc(4, GFP_KERNEL);
        some.Keep<Bodies>(p);
        kfree(p);
    }

    static void Overridden(IKeeping some)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        some.Keep<Bodies>(p);
        kfree(p);
    }

    static void OfGenericInterface(IBoth<int> some)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        some.Take<long>(p, 0, 0);
        kfree(p); // expect: KA4005
    }

    static void Inherited(Inheriting some)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        ((IKeeping)some).Keep<int>(p);
        kfree(p);
    }
}

unsafe interface ITaking
{
    void Take<T>(void* item, in T other) where T : unmanaged;

    void Take<T>(T other, void* item);
}

unsafe struct Taking : ITaking
{
    public readonly void Take<T>(void* item, in T other) where T : unmanaged => kfree(item);

    public void Take<T>(T other, void* item) => kfree(item);
}

unsafe interface IKeeping { void Keep<T>(void* item); }

unsafe class Keeping : IKeeping
{
    public virtual void Keep<T>(void* item) { }
}

unsafe class Inheriting : Keeping
{
    public override void Keep<T>(void* item) { }
}

unsafe interface IBoth<TOuter> { void Take<T>(void* item, TOuter outer, T inner); }

unsafe class Both : IBoth<int>
{
    void IBoth<int>.Take<T>(void* item, int outer, T inner) => kfree(item);
}
