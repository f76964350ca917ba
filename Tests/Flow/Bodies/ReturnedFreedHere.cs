// Methods that return a pointer to memory that they freed, and whose callers are all known: what these do with it is told, not that they get it.

unsafe class Bodies
{
    static byte* Freed()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        return p;
    }

    static byte* FreedThrough() => Freed();

    static byte* NobodyCalls()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        return p; // expect: KA4006
    }

    static int Used()
    {
        byte* p = Freed();
        return *p; // expect: KA4006
    }

    static void FreedAgain()
    {
        byte* p = FreedThrough();
        NativeMemory.Free(p); // expect: KA4005
    }

    static bool OnlyCompared()
    {
        byte* p = Freed();
        return p != null;
    }
}
