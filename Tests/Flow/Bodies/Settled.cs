// Fields that nobody writes to after their declaration are as good as constants; those that somebody may write to only agree with themselves.

unsafe class Bodies
{
    private static readonly bool s_always = true;
    private static readonly bool s_inConstructor;
    private static readonly bool s_eitherWay;
    private static readonly int s_five = 5;
    private static bool s_neverWritten = true;
    private static readonly string s_mode = "on";
    private static string s_otherMode = "on";
    private static bool s_byReference = true;
    private static bool s_toggled = true;
    private static int s_counted = 5;
    internal static bool Shared = true;
    internal static bool SharedAndWritten = true;
    public static bool Open = true;
    private readonly bool _owns = true;
    private readonly bool _given = true;
    private bool _unwritten = true;
    private bool _inObject = true;

    static Bodies()
    {
        s_inConstructor = true;
        if (Environment.ProcessorCount > 1) s_eitherWay = true;
    }

    Bodies(bool given) => _given = given;

    static void Constant(byte* p)
    {
        if (s_always) NativeMemory.Free(p);
    }

    void Always()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_always) NativeMemory.Free(p);
    }

    void AlwaysInCallee()
    {
        byte* p = (byte*)NativeMemory.Alloc(4);
        Constant(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void InMode()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_mode == "on") NativeMemory.Free(p);
    }

    void NotInMode()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_mode != "on") NativeMemory.Free(p);
    } // expect: KA4001

    void InModeThatChanges(string mode)
    {
        s_otherMode = mode;
        void* p = NativeMemory.Alloc(4);
        if (s_otherMode == "on") NativeMemory.Free(p);
    } // expect: KA4001

    void Never()
    {
        void* p = NativeMemory.Alloc(4);
        if (!s_always) NativeMemory.Free(p);
    } // expect: KA4001

    void SetInStaticConstructor()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_inConstructor) NativeMemory.Free(p);
    }

    void SetOnOneWay()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_eitherWay) NativeMemory.Free(p);
    } // expect: KA4001

    void Number()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_five == 5) NativeMemory.Free(p);
        if (s_five != 5) NativeMemory.Free(p);
    }

    void Switched()
    {
        void* p = NativeMemory.Alloc(4);
        switch (s_five)
        {
            case 5: NativeMemory.Free(p); break;
            default: Console.WriteLine(); break;
        }
    }

    void NeverWritten()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_neverWritten) NativeMemory.Free(p);
    }

    static void Write(ref bool flag) => flag = false;

    static void Toggle()
    {
        Write(ref s_byReference);
        s_toggled = !s_toggled;
        s_counted++;
        SharedAndWritten = false;
    }

    void WrittenByReference()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_byReference) NativeMemory.Free(p);
    } // expect: KA4001

    void WrittenElsewhere()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_toggled) NativeMemory.Free(p);
    } // expect: KA4001

    void WrittenElsewhereButAgrees()
    {
        void* p = s_toggled ? NativeMemory.Alloc(4) : null;
        if (s_toggled) NativeMemory.Free(p);
    }

    void CountedUp()
    {
        void* p = NativeMemory.Alloc(4);
        if (s_counted == 5) NativeMemory.Free(p);
    } // expect: KA4001

    void InternalAndUnwritten()
    {
        void* p = NativeMemory.Alloc(4);
        if (Shared) NativeMemory.Free(p);
    }

    void InternalAndWritten()
    {
        void* p = NativeMemory.Alloc(4);
        if (SharedAndWritten) NativeMemory.Free(p);
    } // expect: KA4001

    void OthersMayWriteThis()
    {
        void* p = NativeMemory.Alloc(4);
        if (Holder.Open) NativeMemory.Free(p);
    } // expect: KA4001

    void OfTheObject()
    {
        void* p = NativeMemory.Alloc(4);
        if (_owns && _unwritten) NativeMemory.Free(p);
    }

    void GivenToTheObject()
    {
        void* p = NativeMemory.Alloc(4);
        if (_given) NativeMemory.Free(p);
    } // expect: KA4001

    static Bodies Other() => new Bodies(true) { _inObject = false };

    void GivenByAnInitializer()
    {
        void* p = NativeMemory.Alloc(4);
        if (_inObject) NativeMemory.Free(p);
    } // expect: KA4001
}

public class Holder
{
    public static bool Open = true;
}
