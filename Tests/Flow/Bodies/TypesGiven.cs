// Generic code that goes by what its type parameter stands for: for one type argument it goes one way.

using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

unsafe struct Text
{
    public byte* start;
    public void Clear() { NativeMemory.Free(start); start = null; }
}

unsafe class Pool<T> where T : unmanaged
{
    public void* Get() => sizeof(T) > 8 ? NativeMemory.AlignedAlloc(64, 16) : NativeMemory.Alloc(64);

    public void Put(void* p)
    {
        if (sizeof(T) > 8) NativeMemory.AlignedFree(p);
        else NativeMemory.Free(p);
    }

    public void GetAndPut()
    {
        void* p = Get();
        Put(p);
    }
}

unsafe static class Bodies
{
    static nint MakeFor<T>() => typeof(T) == typeof(int) ? Marshal.AllocHGlobal(3) : Marshal.AllocCoTaskMem(4);

    static void FreeFor<T>(nint p)
    {
        if (typeof(T) == typeof(int)) Marshal.FreeHGlobal(p);
        else Marshal.FreeCoTaskMem(p);
    }

    static void* Make<T>(int n) where T : unmanaged
    {
        if (sizeof(T) > 8) return NativeMemory.AlignedAlloc((nuint)(n * sizeof(T)), 16);
        return NativeMemory.Alloc((nuint)(n * sizeof(T)));
    }

    static void Free<T>(void* p) where T : unmanaged
    {
        if (sizeof(T) > 8) NativeMemory.AlignedFree(p);
        else NativeMemory.Free(p);
    }

    static void Delete<T>(T* p) where T : unmanaged
    {
        if (typeof(T) == typeof(Text)) ((Text*)p)->Clear();
        NativeMemory.Free(p);
    }

    static void Clear<T>(ref T value)
    {
        if (typeof(T) == typeof(Text)) Unsafe.As<T, Text>(ref value).Clear();
    }

    static void OfTypes()
    {
        nint p = MakeFor<int>();
        FreeFor<int>(p);
        p = MakeFor<byte>();
        FreeFor<byte>(p);
    }

    static void OfTwoTypes()
    {
        nint p = MakeFor<int>();
        FreeFor<byte>(p); // expect: KA4007
    }

    static void OfOpenType<T>()
    {
        nint p = MakeFor<T>();
        FreeFor<T>(p);
    }

    static void OfSizes()
    {
        void* p = Make<decimal>(3);
        Free<decimal>(p);
        p = Make<int>(3);
        Free<int>(p);
    }

    static void OfOpenSize<T>() where T : unmanaged
    {
        void* p = Make<T>(3);
        Free<T>(p);
    }

    static void OfAPool(Pool<Guid> large, Pool<int> small)
    {
        void* p = large.Get();
        large.Put(p);
        p = small.Get();
        small.Put(p);
    }

    static void OfTwoPools(Pool<Guid> large, Pool<int> small)
    {
        void* p = small.Get();
        large.Put(p); // expect: KA4007
    }

    static void WithItsPart()
    {
        var p = (Text*)NativeMemory.Alloc(8);
        p->start = (byte*)NativeMemory.Alloc(4);
        Delete(p);
    }

    static void Cleared()
    {
        var text = new Text { start = (byte*)NativeMemory.Alloc(4) };
        Clear(ref text);
    }
}
