// Functions in tables: structs, objects and arrays that are filled where they are declared, fields that the only constructor sets.

unsafe class Bodies
{
    private static readonly Ops s_ops = new() { Release = Drop, Version = 1 };
    private static readonly Ops s_changed = new() { Release = Drop };
    private static readonly OpsClass s_object = new() { Release = Drop };
    private static readonly WrittenClass s_written = new() { Release = Drop };
    private static readonly OpsRecord s_record = new(Drop, 1);
    private static readonly Pointers s_pointers = new() { Release = &Drop };
    private static readonly Releaser[] s_array = [Ignore, Drop];
    private static readonly Releaser[] s_writtenArray = [Drop];
    private static readonly Releaser[] s_sharedArray = [Drop];
    private static Releaser Current { get; } = Drop;
    private static Releaser Changing { get; set; } = Drop;
    private readonly Releaser _release;
    private readonly Releaser _bound;
    private readonly Releaser _either;
    private readonly ITable _table;
    private int _released;

    Bodies()
    {
        _release = Drop;
        _bound = DropAndCount;
        _table = new FreeingTable();
        if (Environment.ProcessorCount > 4) _either = Drop;
    }

    static Bodies() => s_changed.Release = Ignore;

    static void Drop(void* p) => kfree(p);

    static void Ignore(void* p) { }

    void DropAndCount(void* p)
    {
        _released++;
        kfree(p);
    }

    static void Change()
    {
        s_written.Release = Ignore;
        s_writtenArray[0] = Ignore;
        Share(s_sharedArray);
        Changing = Ignore;
    }

    static void Share(Releaser[] all) => all[0] = Ignore;

    void OfAStruct()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_ops.Release(p);
        kfree(p); // expect: KA4005
    }

    void OfAStructOnce()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_ops.Release(p);
    }

    void OfAStructThatChanges()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_changed.Release(p);
        kfree(p);
    }

    void OfAnObject()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_object.Release(p);
        kfree(p); // expect: KA4005
    }

    void OfAnObjectThatIsWritten()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_written.Release(p);
        kfree(p);
    }

    void OfARecord()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_record.Release(p);
        kfree(p); // expect: KA4005
    }

    void FunctionPointer()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_pointers.Release(p);
        kfree(p); // expect: KA4005
    }

    static void CalleeRelease(OpsClass ops, void* p) => ops.Release(p);

    void PassedOn()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        CalleeRelease(s_object, p);
        kfree(p); // expect: KA4005
    }

    void OfAnArray()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_array[0](p);
        s_array[1](p);
        kfree(p); // expect: KA4005
    }

    void OfAnArrayThatIsWritten()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_writtenArray[0](p);
        kfree(p);
    }

    void OfAnArrayThatIsShared()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_sharedArray[0](p);
        kfree(p);
    }

    void OfAnArrayAnywhere(int i)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        s_array[i](p);
        kfree(p);
    }

    void OfAProperty()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        Current(p);
        kfree(p); // expect: KA4005
    }

    void OfAPropertyThatChanges()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        Changing(p);
        kfree(p);
    }

    void SetByTheOnlyConstructor()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        _release(p);
        kfree(p); // expect: KA4005
    }

    void BoundToTheObject()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        _bound(p);
        kfree(p); // expect: KA4005
    }

    void SetOnOneWay()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        _either(p);
        kfree(p);
    }

    void ObjectSetByTheOnlyConstructor()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        _table.Release(p);
        kfree(p); // expect: KA4005
    }

    static Releaser CalleeChoose() => Drop;

    void Returned()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        CalleeChoose()(p);
        kfree(p); // expect: KA4005
    }

    void AddedToNothing()
    {
        Releaser all = null;
        all += Drop;
        void* p = kmalloc(4, GFP_KERNEL);
        all(p);
        kfree(p); // expect: KA4005
    }
}

unsafe delegate void Releaser(void* p);

struct Ops
{
    public Releaser Release;
    public int Version;
}

sealed class OpsClass { public Releaser Release { get; set; } }

sealed class WrittenClass { public Releaser Release; }

sealed record OpsRecord(Releaser Release, int Version);

unsafe struct Pointers
{
    public delegate*<void*, void> Release;
    public int Version;
}

unsafe interface ITable { void Release(void* p); }

sealed unsafe class FreeingTable : ITable
{
    public void Release(void* p) => kfree(p);
}

sealed unsafe class KeepingTable : ITable
{
    public void Release(void* p) { }
}
