// Virtual and interface calls: the class of the object decides, where it is known; else the bodies that can run, if they agree.

unsafe class Bodies
{
    private spinlock_t _lock;

    void OnlyVirtual(Sink sink)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        sink.Take(p);
        kfree(p); // expect: KA4005
    }

    void OnlyVirtualOnce(Sink sink)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        sink.Take(p);
    }

    void OnlyOverride(Abstract some)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        some.Take(p);
        kfree(p); // expect: KA4005
    }

    void MadeHere()
    {
        Many many = new Frees();
        void* p = kmalloc(4, GFP_KERNEL);
        many.Take(p);
        kfree(p); // expect: KA4005
    }

    void OtherMadeHere()
    {
        Many many = new Ignores();
        void* p = kmalloc(4, GFP_KERNEL);
        many.Take(p);
        kfree(p);
    }

    void EitherMadeHere(bool which)
    {
        Many many = which ? new Frees() : new Ignores();
        void* p = kmalloc(4, GFP_KERNEL);
        many.Take(p);
        if (!which) kfree(p);
    }

    void Unknown(Many many)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        many.Take(p);
        kfree(p);
    }

    static void CalleePass(Many many, void* p) => many.Take(p);

    void KnownToTheCaller()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        CalleePass(new Frees(), p);
        kfree(p); // expect: KA4005
    }

    void OtherKnownToTheCaller()
    {
        void* p = kmalloc(4, GFP_KERNEL);
        CalleePass(new Ignores(), p);
        kfree(p);
    }

    void UnknownToTheCaller(Many many)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        CalleePass(many, p);
        kfree(p);
    }

    void TemplateMethod()
    {
        var many = new Frees();
        void* p = kmalloc(4, GFP_KERNEL);
        many.Run(p);
        kfree(p); // expect: KA4005
    }

    void OtherTemplateMethod()
    {
        var many = new Ignores();
        void* p = kmalloc(4, GFP_KERNEL);
        many.Run(p);
        kfree(p);
    }

    sealed class Holder(Many many)
    {
        private readonly Many _many = many;

        internal void Run(void* p) => _many.Take(p);
    }

    void HeldByAnObject()
    {
        var holder = new Holder(new Frees());
        void* p = kmalloc(4, GFP_KERNEL);
        holder.Run(p);
        kfree(p); // expect: KA4005
    }

    void HeldByAnObjectThatIgnores()
    {
        var holder = new Holder(new Ignores());
        void* p = kmalloc(4, GFP_KERNEL);
        holder.Run(p);
        kfree(p);
    }

    void AllAgree(IAgreed agreed)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        agreed.Take(p);
        kfree(p); // expect: KA4005
    }

    void AllSleep(IAgreed agreed)
    {
        spin_lock(ref _lock);
        agreed.Fill(); // expect: KA1004
        spin_unlock(ref _lock);
    }

    void OneSleeps(ISometimes sometimes)
    {
        spin_lock(ref _lock);
        sometimes.Fill();
        spin_unlock(ref _lock);
    }

    void OneFreesWhenAsked(ISometimes sometimes)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        sometimes.Take(p, true);
        kfree(p);
    }

    void InterfaceMadeHere()
    {
        ISometimes sometimes = new Sleeps();
        spin_lock(ref _lock);
        sometimes.Fill(); // expect: KA1004
        spin_unlock(ref _lock);
    }

    void BaseCall(CallsBase some)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        some.Take(p);
        kfree(p); // expect: KA4005
    }

    void DefaultBody(IDefault some)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        some.Take(p);
        kfree(p); // expect: KA4005
    }

    void OpenClass(Open open)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        open.Take(p);
        kfree(p);
    }

    void OpenClassMadeHere()
    {
        var open = new Open();
        void* p = kmalloc(4, GFP_KERNEL);
        open.Take(p);
        kfree(p); // expect: KA4005
    }

    void ClosedByItsConstructor(NobodyElse some)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        some.Take(p);
        kfree(p); // expect: KA4005
    }

    void VirtualProperty(Property some)
    {
        byte* p = (byte*)some.Memory;
        *p = 1;
    } // expect: KA4001

    void VirtualPropertyFreed(Property some)
    {
        void* p = some.Memory;
        kfree(p);
    }

    void VirtualPropertyAgrees(OpenProperty some)
    {
        void* p = some.Owns ? kmalloc(4, GFP_KERNEL) : null;
        if (some.Owns) kfree(p);
    }

    void InterfacePropertyAgrees(IOwns some)
    {
        void* p = some.Owns ? kmalloc(4, GFP_KERNEL) : null;
        if (some.Owns) kfree(p);
    }

    void ManyBodies(Wide wide)
    {
        void* p = kmalloc(4, GFP_KERNEL);
        wide.Take(p);
        kfree(p);
    }

    void DelegateOfVirtual(Many many)
    {
        Taker take = many.Take;
        void* p = kmalloc(4, GFP_KERNEL);
        take(p);
        kfree(p);
    }

    void CastByAs()
    {
        object some = new Frees();
        var many = some as Many;
        if (many == null) return;
        void* p = kmalloc(4, GFP_KERNEL);
        many.Take(p);
    }

    void CastByAsToAnother()
    {
        object some = new Frees();
        void* p = kmalloc(4, GFP_KERNEL);
        if (some is Many) kfree(p);
        var other = some as Sink;
        if (other != null) kfree(p);
    }

    void UnlocksInAnyBody(IUnlocks some)
    {
        spin_lock(ref Locks.Shared);
        some.Done();
    }

    void IteratorUnlocks()
    {
        spin_lock(ref Locks.Shared);
        foreach (int n in Locks.Each()) Console.WriteLine(n);
    }
}

unsafe delegate void Taker(void* p);

static class Locks
{
    internal static spinlock_t Shared;

    internal static IEnumerable<int> Each()
    {
        Unlock();
        yield return 1;
    }

    internal static void Unlock() => spin_unlock(ref Shared);
}

interface IUnlocks { void Done(); }

sealed class UnlocksNow : IUnlocks
{
    public void Done() => Locks.Unlock();
}

sealed class UnlocksLater(bool later) : IUnlocks
{
    public void Done()
    {
        if (!later) Locks.Unlock();
    }
}

unsafe class Sink
{
    public virtual void Take(void* p) => kfree(p);
}

unsafe abstract class Abstract
{
    public abstract void Take(void* p);

    public void TakeTwice(void* p)
    {
        Take(p);
        Take(p);
    }
}

unsafe class Concrete : Abstract
{
    private int _count;

    public override void Take(void* p)
    {
        _count++;
        kfree(p);
    }
}

unsafe abstract class Many
{
    public abstract void Take(void* p);

    public void Run(void* p) => Take(p);
}

unsafe class Frees : Many
{
    public override void Take(void* p) => kfree(p);
}

unsafe class Ignores : Many
{
    public override void Take(void* p) { }
}

unsafe interface IAgreed
{
    void Take(void* p);

    void Fill();
}

sealed unsafe class AgreesOne : IAgreed
{
    private int _taken;

    public void Take(void* p)
    {
        kfree(p);
        _taken++;
    }

    public void Fill() => kfree(kmalloc(4, GFP_KERNEL));
}

sealed unsafe class AgreesTwo : IAgreed
{
    public void Take(void* item) => kfree(item);

    public void Fill() => kfree(kmalloc(8, GFP_KERNEL));
}

unsafe interface ISometimes
{
    void Take(void* p, bool really);

    void Fill();
}

sealed unsafe class Sleeps : ISometimes
{
    public void Take(void* p, bool really)
    {
        if (really) kfree(p);
    }

    public void Fill() => kfree(kmalloc(4, GFP_KERNEL));
}

sealed unsafe class DoesNot : ISometimes
{
    public void Take(void* p, bool really)
    {
        if (!really) kfree(p);
    }

    public void Fill() => kfree(kmalloc(4, GFP_ATOMIC));
}

sealed unsafe class CallsBase : Sink2
{
    public override void Take(void* p) => base.Take(p);
}

unsafe class Sink2
{
    public virtual void Take(void* p) => kfree(p);
}

unsafe interface IDefault
{
    void Take(void* p) => kfree(p);
}

sealed class UsesDefault : IDefault;

public unsafe class Open
{
    public virtual void Take(void* p) => kfree(p);
}

public unsafe class NobodyElse
{
    internal NobodyElse() { }

    public virtual void Take(void* p) => kfree(p);
}

unsafe abstract class Property
{
    public abstract void* Memory { get; }
}

unsafe class MakesMemory : Property
{
    public override void* Memory => kmalloc(4, GFP_KERNEL | __GFP_NOFAIL);
}

unsafe abstract class Wide { public abstract void Take(void* p); }
sealed unsafe class Wide1 : Wide { public override void Take(void* p) => kfree(p); }
sealed unsafe class Wide2 : Wide { public override void Take(void* p) => kfree(p); }
sealed unsafe class Wide3 : Wide { public override void Take(void* p) => kfree(p); }
sealed unsafe class Wide4 : Wide { public override void Take(void* p) => kfree(p); }
sealed unsafe class Wide5 : Wide { public override void Take(void* p) => kfree(p); }

public class OpenProperty
{
    public virtual bool Owns => Environment.ProcessorCount > 1;
}

interface IOwns { bool Owns { get; } }

sealed class OwnsAlways : IOwns { public bool Owns => true; }

sealed class OwnsByChance : IOwns { public bool Owns => Environment.ProcessorCount > 1; }
