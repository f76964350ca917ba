// Calls through fields that hold one function or object, and through interfaces: who can be called decides what is known.

unsafe class Bodies
{
    public delegate void Visitor(void* item);

    private static readonly Visitor s_drop = Drop;
    private static readonly Visitor s_lambda = static item => NativeMemory.Free(item);
    private static readonly delegate*<void*, void> s_pointer = &Drop;
    private static readonly Action<nint> s_contract = Marshal.FreeHGlobal;
    private static readonly Visitor s_inConstructor;
    private static readonly Visitor s_either = Drop;
    private static readonly Visitor s_byReference = Drop;
    private static Visitor s_neverAgain = Drop;
    private static Visitor s_again = Drop;
    public static Visitor s_public = Drop;
    private readonly Visitor _drop = Drop;
    private readonly Visitor _given = Drop;
    private static readonly IOne s_one = new One();
    private static readonly IMany s_many = new FreesIt();
    private static IMany s_manyAgain = new FreesIt();
    public IMany Many = new FreesIt();

    static Bodies()
    {
        s_inConstructor = Drop;
        if (Environment.ProcessorCount > 4) s_either = Ignore;
        Exchange(ref s_byReference);
    }

    public Bodies(bool quiet)
    {
        if (quiet) _given = Ignore;
    }

    static void Drop(void* item) => NativeMemory.Free(item);

    static void Ignore(void* item) { }

    static void Exchange(ref Visitor visitor) => visitor = Ignore;

    static void SetAgain() => s_again = Ignore;

    static void SetManyAgain() => s_manyAgain = new IgnoresIt();

    void MethodInField()
    {
        void* p = NativeMemory.Alloc(4);
        s_drop(p);
        s_drop(p); // expect: KA4005
    }

    void MethodInFieldOnce()
    {
        void* p = NativeMemory.Alloc(4);
        s_drop(p);
    }

    void LambdaInField()
    {
        byte* p = (byte*)NativeMemory.Alloc(4);
        s_lambda(p);
        *p = 1; // expect: KA4006
    }

    void LambdaInFieldOnce()
    {
        byte* p = (byte*)NativeMemory.Alloc(4);
        *p = 1;
        s_lambda(p);
    }

    void InvokedIfNotNull()
    {
        void* p = NativeMemory.Alloc(4);
        s_lambda?.Invoke(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void PointerInField()
    {
        void* p = NativeMemory.Alloc(4);
        s_pointer(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void ContractInField()
    {
        nint p = Marshal.AllocHGlobal(4);
        s_contract(p);
        Marshal.FreeHGlobal(p); // expect: KA4005
    }

    void ContractInFieldOfAnotherFamily()
    {
        nint p = Marshal.AllocCoTaskMem(4);
        s_contract(p); // expect: KA4007
    }

    void SetInStaticConstructor()
    {
        void* p = NativeMemory.Alloc(4);
        s_inConstructor(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void SetTwiceInStaticConstructor()
    {
        void* p = NativeMemory.Alloc(4);
        s_either(p);
        NativeMemory.Free(p);
    }

    void PassedByReferenceInStaticConstructor()
    {
        void* p = NativeMemory.Alloc(4);
        s_byReference(p);
        NativeMemory.Free(p);
    }

    void PrivateAndNeverSetAgain()
    {
        void* p = NativeMemory.Alloc(4);
        s_neverAgain(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void SetAgainElsewhere()
    {
        void* p = NativeMemory.Alloc(4);
        s_again(p);
        NativeMemory.Free(p);
    }

    void PublicFieldOfInternalClass()
    {
        void* p = NativeMemory.Alloc(4);
        s_public(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void PublicFieldOfPublicClass()
    {
        void* p = NativeMemory.Alloc(4);
        OpenToAll.Visitor((nint)p);
        NativeMemory.Free(p);
    }

    void ReadOnlyInObject()
    {
        void* p = NativeMemory.Alloc(4);
        _drop(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void SetByConstructor()
    {
        void* p = NativeMemory.Alloc(4);
        _given(p);
        NativeMemory.Free(p);
    }

    void PassedToHelper()
    {
        void* p = NativeMemory.Alloc(4);
        Visit(p, s_drop);
        NativeMemory.Free(p); // expect: KA4005
    }

    static void Visit(void* item, Visitor visitor) => visitor(item);

    void OneImplementation(IOne one)
    {
        void* p = NativeMemory.Alloc(4);
        one.Take(p);
        one.Take(p); // expect: KA4005
    }

    void OneImplementationOnce(IOne one)
    {
        void* p = NativeMemory.Alloc(4);
        one.Take(p);
    }

    void OneImplementationInField()
    {
        void* p = NativeMemory.Alloc(4);
        s_one.Take(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void ObjectInField()
    {
        void* p = NativeMemory.Alloc(4);
        s_many.Take(p);
        NativeMemory.Free(p); // expect: KA4005
    }

    void ObjectInFieldSetAgain()
    {
        void* p = NativeMemory.Alloc(4);
        s_manyAgain.Take(p);
        NativeMemory.Free(p);
    }

    void ObjectInPublicField()
    {
        void* p = NativeMemory.Alloc(4);
        Many.Take(p);
        NativeMemory.Free(p);
    }

    void ImplementationsDiffer(IMany many)
    {
        void* p = NativeMemory.Alloc(4);
        many.Take(p);
        NativeMemory.Free(p);
    }

    void ImplementedByOthersToo(IPublic open)
    {
        void* p = NativeMemory.Alloc(4);
        open.Take(p);
        NativeMemory.Free(p);
    }

    void OverriddenByDerived(IVirtual some)
    {
        void* p = NativeMemory.Alloc(4);
        some.Take(p);
        NativeMemory.Free(p);
    }
}

unsafe interface IOne { void Take(void* item); }

sealed unsafe class One : IOne
{
    public void Take(void* item) => NativeMemory.Free(item);
}

unsafe interface IMany { void Take(void* item); }

sealed unsafe class FreesIt : IMany
{
    public void Take(void* item) => NativeMemory.Free(item);
}

sealed unsafe class IgnoresIt : IMany
{
    public void Take(void* item) { }
}

public unsafe interface IPublic { void Take(void* item); }

sealed unsafe class Public : IPublic
{
    public void Take(void* item) => NativeMemory.Free(item);
}

unsafe interface IVirtual { void Take(void* item); }

unsafe class Virtual : IVirtual
{
    public virtual void Take(void* item) => NativeMemory.Free(item);
}

sealed unsafe class Derived : Virtual
{
    public override void Take(void* item) { }
}

public class OpenToAll
{
    public static unsafe Action<nint> Visitor = p => NativeMemory.Free((void*)p);
}
