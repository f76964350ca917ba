// Virtual calls of a callee that only read what they are passed: whoever knows the object knows that they do.

unsafe abstract class Sink
{
    internal abstract int Take(byte* p, out byte* left);
}

unsafe class Reads : Sink
{
    internal override int Take(byte* p, out byte* left)
    {
        left = p;
        return *p;
    }
}

unsafe class Ignores : Sink
{
    internal override int Take(byte* p, out byte* left)
    {
        left = p;
        return 0;
    }
}

unsafe class Frees : Sink
{
    internal override int Take(byte* p, out byte* left)
    {
        left = null;
        NativeMemory.Free(p);
        return 0;
    }
}

unsafe class Bodies
{
    static int Run(Sink sink, byte* p) => sink.Take(p, out _);

    static void RunAndFree(Sink sink, byte* p)
    {
        sink.Take(p, out byte* left);
        NativeMemory.Free(left);
    }

    void Read()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        Run(new Reads(), p); // expect: KA4006
    }

    void Ignored()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        Run(new Ignores(), p);
        NativeMemory.Free(p);
    }

    void NotRead()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        Run(new Ignores(), p);
    }

    void FreedInTheEnd()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        RunAndFree(new Ignores(), p);
    }

    void FreedInTheEndTwice()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        RunAndFree(new Reads(), p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void FreedAtOnce()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        RunAndFree(new Frees(), p);
    }
}
