// Pointers to freed memory that are stored where others find them: told is what is done with them there, else that they were left.

unsafe class Bodies
{
    private static byte* s_data;
    private static byte* s_other;
    private byte* _data;

    static void FreeStatic() => NativeMemory.Free(s_data);

    static int ReadStatic() => *s_data;

    static bool HasStatic() => s_data != null;

    static void ClearStatic() => s_data = null;

    void Left()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        s_data = p; // expect: KA4006
    }

    void LeftInAnObject()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        _data = p; // expect: KA4006
        HasStatic();
    }

    void FreedAgainThere()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        s_data = p;
        FreeStatic(); // expect: KA4005
    }

    void ReadThere()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        s_data = p;
        ReadStatic(); // expect: KA4006
    }

    void Overwritten()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        s_data = p;
        s_data = null;
    }

    void OverwrittenThere()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        s_data = p;
        ClearStatic();
    }

    void OverwrittenOnOneWay(bool clear)
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        s_data = p; // expect: KA4006
        if (clear) s_data = null;
    }

    void OtherOverwritten()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(p);
        s_data = p; // expect: KA4006
        s_other = null;
    }

    void StoredBefore()
    {
        s_data = (byte*)NativeMemory.Alloc(8);
        NativeMemory.Free(s_data);
    }
}
