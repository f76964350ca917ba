// Structs that are made where a method of theirs is called, and pointers that are stored where nobody owns them any more.

unsafe readonly struct Keeps(nint p)
{
    private readonly nint _p = p;

    public void Free() => Marshal.FreeHGlobal(_p);

    public int Read() => Marshal.ReadInt32(_p);
}

unsafe readonly struct Given
{
    private readonly nint _p;

    public Given(nint p) => _p = p;

    public void Free() => Marshal.FreeHGlobal(_p);
}

unsafe class Bodies
{
    private byte* _left;

    static Keeps Make(nint p) => new(p);

    bool IsLeft() => _left != null;

    void LeftFreed()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        _left = p; // expect: KA4006
    }

    void Freed()
    {
        nint p = Marshal.AllocHGlobal(8);
        new Keeps(p).Free();
    }

    void FreedTwice()
    {
        nint p = Marshal.AllocHGlobal(8);
        new Keeps(p).Free();
        Marshal.FreeHGlobal(p); // expect: KA4005
    }

    void FreedByItsConstructors()
    {
        nint p = Marshal.AllocHGlobal(8);
        new Given(p).Free();
    }

    void FreedOfCallee()
    {
        nint p = Marshal.AllocHGlobal(8);
        Make(p).Free();
        new Given(p).Free(); // expect: KA4005
    }

    int OnlyRead()
    {
        nint p = Marshal.AllocHGlobal(8);
        return new Keeps(p).Read(); // expect: KA4001
    }

    int ReadFreed()
    {
        nint p = Marshal.AllocHGlobal(8);
        Marshal.FreeHGlobal(p);
        return new Keeps(p).Read(); // expect: KA4006
    }
}
