// Objects whose base class allocates or frees, with constructors that nobody wrote.

using System;
using System.IO;
using System.Runtime.InteropServices;

class Owner : IDisposable
{
    protected nint memory;
    public Owner() { memory = Marshal.AllocHGlobal(3); }
    public virtual void Dispose() => Marshal.FreeHGlobal(memory);
}

class Plain : Owner { }

class Written : Owner { public int count; public Written(int n) { count = n; Console.WriteLine(n); } }

class Forgetful : Owner { public override void Dispose() => Console.WriteLine(); }

class OwnerOfTwo : Owner
{
    private nint _more;
    public OwnerOfTwo() { _more = Marshal.AllocHGlobal(4); }
    public override void Dispose() { Marshal.FreeHGlobal(_more); base.Dispose(); }
}

class ForgetfulOfTwo : Owner
{
    private nint _more;
    public ForgetfulOfTwo() { _more = Marshal.AllocHGlobal(4); }
    public override void Dispose() => Marshal.FreeHGlobal(_more);
}

class Empty { }

class FromEmpty : Empty
{
    private nint _memory;
    public FromEmpty() { _memory = Marshal.AllocHGlobal(3); }
    public void Free() => Marshal.FreeHGlobal(_memory);
}

class Sized
{
    protected nint memory;
    protected Sized(int n) { memory = Marshal.AllocHGlobal(n); }
    public void Free() => Marshal.FreeHGlobal(memory);
}

class Passed : Sized { public Passed(int n) : base(n) { } }

class Generic<T> : IDisposable
{
    protected nint memory;
    public Generic() { memory = Marshal.AllocHGlobal(3); }
    public void Dispose() => Marshal.FreeHGlobal(memory);
}

class OfNumbers : Generic<int> { }

class StreamOfMemory : MemoryStream
{
    private nint _memory;
    public StreamOfMemory() { _memory = Marshal.AllocHGlobal(3); }
    protected override void Dispose(bool disposing) { Marshal.FreeHGlobal(_memory); base.Dispose(disposing); }
}

class NamedStream : StreamOfMemory { }

static class Bodies
{
    static readonly Owner s_owner = new Plain();

    static void PlainLost() { var owner = new Plain(); } // expect: KA4001
    static void WrittenLost() { var owner = new Written(3); } // expect: KA4001
    static void FromEmptyLost() { var owner = new FromEmpty(); } // expect: KA4001
    static void PassedLost() { var owner = new Passed(3); } // expect: KA4001
    static void OfNumbersLost() { var owner = new OfNumbers(); } // expect: KA4001

    static void DisposeForgets()
    {
        var owner = new Forgetful();
        owner.Dispose();
    } // expect: KA4001

    static void UsingForgets()
    {
        using var owner = new Forgetful();
        Console.WriteLine();
    } // expect: KA4001

    static void UsingForgetsOne()
    {
        using var owner = new ForgetfulOfTwo();
        Console.WriteLine();
    } // expect: KA4001

    static void PlainDisposed() { using var owner = new Plain(); }
    static void WrittenDisposed() { using Owner owner = new Written(3); }
    static void TwoDisposed() { using var owner = new OwnerOfTwo(); }
    static void FromEmptyFreed() { var owner = new FromEmpty(); owner.Free(); }
    static void PassedFreed() { var owner = new Passed(3); owner.Free(); }
    static void OfNumbersDisposed() { using var owner = new OfNumbers(); }
    static void StreamDisposed() { using var stream = new NamedStream(); }
    static void EitherDisposed(bool which) { using Owner owner = which ? new Plain() : new Written(3); }
    static Owner PlainReturned() => new Plain();

    static void DisposedTwice()
    {
        var owner = new Plain();
        owner.Dispose();
        owner.Dispose(); // expect: KA4005
    }
}
