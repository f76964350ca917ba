// What is a copy of a struct and what is the struct: boxes, defensive copies, parameters by in, this as a whole, captured variables.

using System;
using System.Collections.Generic;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Owner : IDisposable
{
    private byte* _data;
    private int _size;

    public Owner(int size)
    {
        _data = (byte*)kmalloc((nuint)size, GFP_KERNEL | __GFP_NOFAIL);
        _size = size;
    }

    public readonly byte* Data => _data;

    public readonly int Size => _size;

    public void Dispose()
    {
        kfree(_data);
        _data = null;
    }

    public void Take(ref Owner from)
    {
        Dispose();
        this = from;
        from = default;
    }

    public void Renew(int size)
    {
        Dispose();
        this = new Owner(size);
    }

    public readonly void Free() => kfree(_data);

    public readonly Owner Copy() => this;
}

sealed class Holder
{
    private readonly Owner _fixed;
    private Owner _own;

    public Holder(int size)
    {
        _fixed = default;
        _own = new Owner(size);
    }

    public Holder(Owner given)
    {
        _fixed = given;
        _own = default;
    }

    public ref Owner Own => ref _own;

    public void Close() => _own.Dispose();

    // Disposes a copy: the field still holds what that freed.
    public void CloseFixed() => _fixed.Dispose();
}

struct Pair
{
    public Owner First;
    public readonly Owner Second;

    public Pair(int size)
    {
        First = default;
        Second = default;
        First.Renew(size);
        Second.Renew(size);
    }

    public void CloseFirst() => First.Dispose();

    // Both dispose copies.
    public readonly void CloseFirstOfCopy() => First.Dispose();

    public void CloseSecond() => Second.Dispose();

    public readonly Owner FirstByValue => First;
}

static class Extensions
{
    public static void CloseByIn(this in Owner owner) => owner.Dispose();

    public static void CloseByRef(this ref Owner owner) => owner.Dispose();

    public static ref readonly Owner Same(in Owner owner) => ref owner;
}

ref struct View
{
    private ref Owner _owner;

    public View(ref Owner owner) => _owner = ref owner;

    public void Close() => _owner.Dispose();

    public readonly unsafe byte* Data => _owner.Data;
}

unsafe static class Bodies
{
    static void ByIn(in Owner owner) => owner.Free();

    static void ByInDisposed(in Owner owner) => owner.Dispose();

    static void ByValue(Owner owner) => owner.Dispose();

    static void ByRef(ref Owner owner) => owner.Dispose();

    static void Disposed()
    {
        var owner = new Owner(8);
        owner.Dispose();
        owner.Dispose();
    }

    static void DisposedByRef()
    {
        var owner = new Owner(8);
        ByRef(ref owner);
        owner.Dispose();
    }

    static void DisposedByValue()
    {
        var owner = new Owner(8);
        ByValue(owner);
    }

    static void DisposedByValueAndAgain()
    {
        var owner = new Owner(8);
        ByValue(owner);
        owner.Dispose(); // expect: KA4005
    }

    static void DisposedByInAndAgain()
    {
        var owner = new Owner(8);
        ByInDisposed(in owner);
        owner.Dispose(); // expect: KA4005
    }

    static void FreedByIn()
    {
        var owner = new Owner(8);
        ByIn(owner);
    }

    static void ByInterface()
    {
        IDisposable owner = new Owner(8);
        owner.Dispose();
        owner.Dispose();
    }

    static void Unboxed()
    {
        object box = new Owner(8);
        var owner = (Owner)box;
        owner.Dispose();
    }

    static void Used()
    {
        using var owner = new Owner(8);
        if (owner.Data != null) owner.Data[0] = 1;
    }

    static void UsedTwice()
    {
        using var owner = new Owner(8); // expect: KA4005
        Owner copy = owner;
        copy.Dispose();
    }

    static void Taken()
    {
        Owner a = new Owner(8), b = new Owner(9);
        a.Take(ref b);
        b.Dispose();
        a.Dispose();
    }

    static void Renewed()
    {
        var a = new Owner(8);
        a.Renew(9);
        a.Dispose();
    }

    static void RenewedAndLost()
    {
        var a = new Owner(8);
        a.Renew(9);
    } // expect: KA4001

    static void Copied()
    {
        var a = new Owner(8);
        Owner b = a.Copy();
        b.Dispose();
    }

    static void CopiedAndBoth()
    {
        var a = new Owner(8);
        Owner b = a.Copy();
        b.Dispose();
        a.Dispose(); // expect: KA4005
    }

    static void InObject()
    {
        var holder = new Holder(8);
        holder.Close();
        holder.Close();
    }

    static void InObjectByRef()
    {
        var holder = new Holder(8);
        holder.Own.Dispose();
        holder.Close();
    }

    static void InObjectReplaced()
    {
        var holder = new Holder(8);
        holder.Close();
        holder.Own = new Owner(4);
        holder.Close();
    }

    static void InReadonlyField()
    {
        var holder = new Holder(new Owner(8));
        holder.CloseFixed();
    }

    static void InReadonlyFieldTwice()
    {
        var holder = new Holder(new Owner(8));
        holder.CloseFixed();
        holder.CloseFixed(); // expect: KA4005
    }

    static void ByView()
    {
        var owner = new Owner(8);
        var view = new View(ref owner);
        view.Close();
        owner.Dispose();
    }

    static void ByViewAfterwards()
    {
        var owner = new Owner(8);
        var view = new View(ref owner);
        owner.Dispose();
        view.Close();
    }

    static void Captured()
    {
        var owner = new Owner(8);
        Action close = () => owner.Dispose();
        close();
        owner.Dispose();
    }

    static void ByLocalFunction()
    {
        var owner = new Owner(8);
        Close();
        owner.Dispose();

        void Close() => owner.Dispose();
    }

    static void ForeachIsACopy()
    {
        var all = new[] { new Owner(8) };
        foreach (Owner one in all)
        {
            Owner copy = one;
            copy.Dispose();
        }

        all[0].Dispose(); // expect: KA4005
    }

    static void ForeachByRef()
    {
        var all = new[] { new Owner(8) };
        foreach (ref Owner one in all.AsSpan()) one.Dispose();
        all[0].Dispose();
    }

    static void ListGivesCopies()
    {
        var all = new List<Owner> { new Owner(8) };
        all[0].Free();
    }

    static void ConditionalReceiver(bool first)
    {
        Owner a = new Owner(8), b = new Owner(9);
        (first ? ref a : ref b).Dispose();
        a.Dispose();
        b.Dispose();
    }

    static Owner Build(int n)
    {
        var owner = new Owner(n);
        if (n > 4) return owner;
        owner.Dispose();
        return default;
    }

    static void Built(int n)
    {
        Owner owner = Build(n);
        owner.Dispose();
    }

    static bool TryBuild(int n, out Owner owner)
    {
        owner = new Owner(n);
        if (n > 4) return true;
        owner.Dispose();
        owner = default;
        return false;
    }

    static void TriedToBuild(int n)
    {
        if (TryBuild(n, out Owner owner)) owner.Dispose();
    }

    static void BuiltAndLost(int n)
    {
        if (!TryBuild(n, out Owner owner)) return;
        if (owner.Size > 3) return; // expect: KA4001
        owner.Dispose();
    }

    static void InitialisedByItsConstructor()
    {
        var pair = new Pair(8);
        pair.CloseFirst();
        pair.CloseSecond();
        pair.CloseFirst();
    }

    static void ReadonlyFieldIsCopied()
    {
        var pair = new Pair(8);
        pair.CloseFirst();
        pair.CloseSecond();
        pair.CloseSecond(); // expect: KA4005
    }

    static void ReadonlyMethodCopies()
    {
        var pair = new Pair(8);
        pair.CloseSecond();
        pair.CloseFirstOfCopy();
        pair.CloseFirst(); // expect: KA4005
    }

    static void PropertyIsACopy()
    {
        var pair = new Pair(8);
        pair.CloseSecond();
        pair.FirstByValue.Dispose();
        pair.First.Dispose(); // expect: KA4005
    }

    static void PropertyIsFreed()
    {
        var pair = new Pair(8);
        pair.CloseSecond();
        pair.FirstByValue.Free();
    }

    static void PartOfIn(in Pair pair)
    {
        pair.First.Dispose();
        pair.First.Dispose(); // expect: KA4005
    }

    static void ExtensionByIn()
    {
        var owner = new Owner(8);
        owner.CloseByIn();
        owner.CloseByRef(); // expect: KA4005
    }

    static void ExtensionByRef()
    {
        var owner = new Owner(8);
        owner.CloseByRef();
        owner.CloseByRef();
    }

    static void RefReadonly()
    {
        var owner = new Owner(8);
        Extensions.Same(in owner).Dispose();
        owner.Dispose(); // expect: KA4005
    }

    static void RefReadonlyLocal()
    {
        var owner = new Owner(8);
        ref readonly Owner same = ref owner;
        same.Dispose();
        owner.Dispose(); // expect: KA4005
    }

    static void ReadByInFirst()
    {
        var owner = new Owner(8);
        ref readonly Owner same = ref owner;
        if (same.Size > 3 && same.Data != null) same.Data[0] = 1;
        owner.Dispose();
        same.Dispose();
    }
}
