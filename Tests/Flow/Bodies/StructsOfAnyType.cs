// Structs that hold memory and go through code that is written for any type: there a struct is one value of a type that only the caller knows.

using System.Collections.Generic;
using KAlloc;
using static KAlloc.Linux;

unsafe struct Buffer { public byte* data; public int size; }

unsafe struct Wrapper { public byte* data; }

unsafe struct Owner : System.IDisposable
{
    private byte* _data;
    private int _size;

    public Owner(int size)
    {
        _data = (byte*)kmalloc((nuint)size, GFP_KERNEL);
        _size = size;
    }

    public void Dispose()
    {
        kfree(_data);
        _data = null;
    }
}

sealed unsafe class Holder : System.IDisposable
{
    private byte* _data = (byte*)kmalloc(8, GFP_KERNEL);

    public void Dispose()
    {
        kfree(_data);
        _data = null;
    }
}

unsafe static class Bodies
{
    static Buffer Make() => new Buffer { data = (byte*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL), size = 8 };

    static T Same<T>(T value) => value;

    static T Read<T>(T* place) where T : unmanaged => *place;

    static void Write<T>(T* place, T value) where T : unmanaged => *place = value;

    static void WriteRef<T>(ref T place, T value) => place = value;

    static T ReadRef<T>(ref T place) => place;

    static void Swap<T>(ref T a, ref T b)
    {
        T kept = a;
        a = b;
        b = kept;
    }

    static T Exchange<T>(ref T place, T value)
    {
        T old = place;
        place = value;
        return old;
    }

    static void Out<T>(T value, out T result) => result = value;

    static T Choose<T>(bool first, T a, T b) => first ? a : b;

    // Correct

    static void SameIsFreed()
    {
        Buffer b = Same(Make());
        kfree(b.data);
    }

    static void SameOfALocalIsFreed()
    {
        Buffer b = Make();
        Buffer c = Same(b);
        kfree(c.data);
    }

    static void ReadIsFreed()
    {
        Buffer b = Make();
        Buffer c = Read(&b);
        kfree(c.data);
    }

    static void WrittenIsFreed()
    {
        Buffer b;
        Write(&b, Make());
        kfree(b.data);
    }

    static void WrittenByRefIsFreed()
    {
        Buffer b = default;
        WriteRef(ref b, Make());
        kfree(b.data);
    }

    static void ReadByRefIsFreed()
    {
        Buffer b = Make();
        kfree(ReadRef(ref b).data);
    }

    static void SwappedAreFreed()
    {
        Buffer a = Make(), b = default;
        Swap(ref a, ref b);
        kfree(b.data);
        kfree(a.data);
    }

    static void BothSwappedAreFreed()
    {
        Buffer a = Make(), b = Make();
        Swap(ref a, ref b);
        kfree(a.data);
        kfree(b.data);
    }

    static void ExchangedIsFreed()
    {
        Buffer a = Make();
        Buffer old = Exchange(ref a, default);
        kfree(old.data);
        kfree(a.data);
    }

    static void OutIsFreed()
    {
        Out(Make(), out Buffer b);
        kfree(b.data);
    }

    static void ChosenIsFreed(bool first)
    {
        Buffer b = Choose(first, Make(), default);
        kfree(b.data);
    } // expect: KA4001

    static void Tuples()
    {
        (nint p, int n) pair = Same(((nint)kmalloc(8, GFP_KERNEL), 8));
        kfree((void*)pair.p);
    }

    static void TupleIsWritten()
    {
        (nint p, int n) pair = default;
        WriteRef(ref pair, ((nint)kmalloc(8, GFP_KERNEL), 8));
        kfree((void*)pair.p);
    }

    static T SameThroughAnother<T>(T value) => Same(Exchange(ref value, value));

    static void WriteThroughAnother<T>(T[] all, int at, T value) => WriteRef(ref all[at], value);

    static void Clear<T>(ref T place) => place = default;

    static void WriteAndClear<T>(T value, ref T place, out T result)
    {
        place = default;
        result = value;
    }

    static void Rotate<T>(ref T a, ref T b, ref T c) => (a, b, c) = (b, c, a);

    static void DisposeOf<T>(T value) where T : System.IDisposable => value.Dispose();

    static void DisposeAll<T>(T[] all) where T : System.IDisposable
    {
        foreach (T one in all) one.Dispose();
    }

    static T Ask<T>(System.Func<T> make) => make();

    static void SameThroughAnotherIsFreed()
    {
        Buffer b = SameThroughAnother(Make());
        kfree(b.data);
    }

    static void ElementIsFreed()
    {
        var all = new Buffer[2];
        WriteThroughAnother(all, 0, Make());
        WriteThroughAnother(all, 1, Make());
        foreach (Buffer b in all) kfree(b.data);
    }

    static void ClearedIsFreedOnce()
    {
        Buffer b = Make();
        kfree(b.data);
        Clear(ref b);
        kfree(b.data);
    }

    static void PassedBeforeItIsCleared()
    {
        Buffer b = Make();
        WriteAndClear(b, ref b, out Buffer c);
        kfree(c.data);
        kfree(b.data);
    }

    static void RotatedAreFreed()
    {
        Buffer a = Make(), b = Make(), c = default;
        Rotate(ref a, ref b, ref c);
        kfree(a.data);
        kfree(c.data);
        kfree(b.data);
    }

    static void OwnerIsDisposed()
    {
        DisposeOf(new Owner(8));
    }

    static void OwnersAreDisposed()
    {
        var all = new[] { new Owner(8), new Owner(9) };
        DisposeAll(all);
    }

    static void AskedIsFreed()
    {
        Buffer b = Ask(Make);
        kfree(b.data);
    }

    static void AskedOfALambdaIsFreed()
    {
        Buffer b = Ask(() => new Buffer { data = (byte*)kmalloc(8, GFP_KERNEL), size = 8 });
        kfree(b.data);
    }

    static void WrapperIsFreed()
    {
        Wrapper w = Same(new Wrapper { data = (byte*)kmalloc(8, GFP_KERNEL) });
        kfree(w.data);
    }

    static void PointerIsFreed()
    {
        nint p = default;
        WriteRef(ref p, (nint)kmalloc(8, GFP_KERNEL));
        kfree((void*)Same(p));
    }

    static void AddressIsNoStruct()
    {
        Buffer b = Make();
        nint place = default;
        WriteRef(ref place, (nint)(&b));
        kfree(((Buffer*)place)->data);
    }

    static void NullableIsFreed()
    {
        Buffer? b = Same<Buffer?>(Make());
        if (b is { } there) kfree(there.data);
    }

    static void ObjectIsDisposed()
    {
        Holder h = Same(new Holder());
        h.Dispose();
    }

    // Mistakes

    static void SameIsFreedTwice()
    {
        Buffer b = Make();
        Buffer c = Same(b);
        kfree(c.data);
        kfree(b.data); // expect: KA4005
    }

    static void ReadIsFreedTwice()
    {
        Buffer b = Make();
        Buffer c = Read(&b);
        kfree(c.data);
        kfree(b.data); // expect: KA4005
    }

    static void WrittenIsLost()
    {
        Buffer b;
        Write(&b, Make());
    } // expect: KA4001

    static void WrittenIsFreedTwice()
    {
        Buffer b = default, c = Make();
        WriteRef(ref b, c);
        kfree(b.data);
        kfree(c.data); // expect: KA4005
    }

    static void SwappedIsLost()
    {
        Buffer a = Make(), b = default;
        Swap(ref a, ref b);
        kfree(a.data);
    } // expect: KA4001

    static void ExchangedIsFreedTwice()
    {
        Buffer a = Make();
        Buffer old = Exchange(ref a, a);
        kfree(old.data);
        kfree(a.data); // expect: KA4005
    }

    static void TupleIsFreedTwice()
    {
        (nint p, int n) pair = Same(((nint)kmalloc(8, GFP_KERNEL), 8));
        kfree((void*)pair.p);
        kfree((void*)pair.p); // expect: KA4005
    }

    static void ElementIsLost()
    {
        var all = new Buffer[2];
        WriteThroughAnother(all, 0, Make());
        WriteThroughAnother(all, 1, Make());
        kfree(all[0].data);
    } // expect: KA4001

    static void ClearedIsLost()
    {
        Buffer b = Make();
        Clear(ref b);
    } // expect: KA4001

    static void RotatedIsFreedTwice()
    {
        Buffer a = Make(), b = default, c = default;
        Rotate(ref a, ref b, ref c);
        kfree(c.data);
        Rotate(ref a, ref b, ref c);
        kfree(b.data); // expect: KA4005
    }

    static void WrapperIsFreedTwice()
    {
        Wrapper w = new Wrapper { data = (byte*)kmalloc(8, GFP_KERNEL) };
        kfree(Same(w).data);
        kfree(w.data); // expect: KA4005
    }
}
