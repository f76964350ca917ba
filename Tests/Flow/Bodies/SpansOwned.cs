// Spans that are all that leads to native memory: who gets such a span, or a struct that holds it, can free what it covers. How that is done may hang on
// what the runtime says of a type, on a switch that is read once, and on a marker that stands for "native".

using System.Runtime.CompilerServices;

static class Features
{
    internal static bool UsesNative { get; } = AppContext.TryGetSwitch("Native", out bool isOn) && isOn;
    internal static bool CanChange { get; set; }
    internal static int OnStack { get; } = Environment.ProcessorCount * 64;
}

static class Alignment
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsNatural<T>() where T : allows ref struct => Of<T>() <= nuint.Size;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Of<T>() where T : allows ref struct => Unsafe.SizeOf<Behind<T>>() - Unsafe.SizeOf<T>();

    private ref struct Behind<T> where T : allows ref struct
    {
        internal byte First;
        internal T Second;
    }
}

static class Marker
{
    internal static readonly object Native = GC.AllocateUninitializedArray<byte>(0, pinned: true);
}

ref struct Owner<T>
{
    private readonly object _owner;
    private readonly Span<T> _memory;

    public Owner(Span<T> memory) => _memory = memory;

    public Owner(int length)
    {
        if (UsesNative)
        {
            _memory = Allocate(length);
            _owner = Marker.Native;
        }
        else
        {
            T[] rented = ArrayPool<T>.Shared.Rent(length);
            _memory = new Span<T>(rented, 0, length);
            _owner = rented;
        }

        static unsafe Span<T> Allocate(int length)
        {
            void* p = Alignment.IsNatural<T>() ? NativeMemory.Alloc((uint)length, (uint)Unsafe.SizeOf<T>()) : NativeMemory.AlignedAlloc((uint)length, (uint)Alignment.Of<T>());
            return new(p, length);
        }
    }

    public static implicit operator Owner<T>(Span<T> memory) => new(memory);

    private static bool UsesNative => Features.UsesNative && !RuntimeHelpers.IsReferenceOrContainsReferences<T>();

    public readonly Span<T> Span => _memory;

    private readonly unsafe void Clear()
    {
        if (_owner is T[] array)
        {
            ArrayPool<T>.Shared.Return(array, RuntimeHelpers.IsReferenceOrContainsReferences<T>());
        }
        else if (UsesNative && ReferenceEquals(_owner, Marker.Native))
        {
            void* p = Unsafe.AsPointer(ref MemoryMarshal.GetReference(_memory));
            if (Alignment.IsNatural<T>()) NativeMemory.Free(p);
            else NativeMemory.AlignedFree(p);
        }
        else
        {
            Unsafe.As<IDisposable>(_owner)?.Dispose();
        }
    }

    public void Dispose()
    {
        Clear();
        this = default;
    }
}

unsafe class Bodies
{
    private ref struct Kept
    {
        internal Span<byte> Bytes;

        internal Kept(int length) => Bytes = new Span<byte>(NativeMemory.Alloc((nuint)length), length);
    }

    static Span<byte> Made(int length) => new(NativeMemory.Alloc((nuint)length), length);

    static Span<T> MadeOf<T>(int length)
    {
        void* p = NativeMemory.Alloc((nuint)length, (nuint)Unsafe.SizeOf<T>());
        return new(p, length);
    }

    static void MadeForTheCaller(int length, out Span<byte> made)
    {
        void* p = NativeMemory.Alloc((nuint)length);
        made = new Span<byte>(p, length);
    }

    static Kept MadeInAStruct(int length) => new() { Bytes = new Span<byte>(NativeMemory.Alloc((nuint)length), length) };

    static int Dropped(int length)
    {
        Span<byte> made = Made(length);
        return made[0]; // expect: KA4001
    }

    static int Freed(int length)
    {
        Span<byte> made = Made(length);
        int first = made[0];
        fixed (byte* p = made) NativeMemory.Free(p);
        return first;
    }

    static int FreedAsAnother(int length)
    {
        Span<byte> made = Made(length);
        NativeMemory.AlignedFree(Unsafe.AsPointer(ref MemoryMarshal.GetReference(made))); // expect: KA4007
        return length;
    }

    static int OfAnOwner(int length)
    {
        using var owner = new Owner<byte>(length);
        return owner.Span.Length;
    }

    static int OnTheStackOrNot(int length)
    {
        using Owner<byte> owner = length <= Features.OnStack ? stackalloc byte[length] : new Owner<byte>(length);
        return owner.Span.Length;
    }

    static int OfAnyOwner<T>(int length) where T : unmanaged
    {
        var owner = new Owner<T>(length);
        try
        {
            return owner.Span.Length;
        }
        finally
        {
            owner.Dispose();
        }
    }

    static void ASwitchReadOnce()
    {
        byte* p = null;
        if (Features.UsesNative) p = (byte*)NativeMemory.Alloc(8);
        Console.WriteLine();
        if (Features.UsesNative) NativeMemory.Free(p);
    }

    static void ASwitchThatMayChange()
    {
        byte* p = null;
        if (Features.CanChange) p = (byte*)NativeMemory.Alloc(8);
        Console.WriteLine();
        if (Features.CanChange) NativeMemory.Free(p);
    }

    static void WhatATypeIs<T>()
    {
        byte* p = null;
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>()) p = (byte*)NativeMemory.Alloc(8);
        Console.WriteLine();
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>()) NativeMemory.Free(p);
    }

    static void WhatAnotherTypeIs<T, TOther>()
    {
        byte* p = null;
        if (RuntimeHelpers.IsReferenceOrContainsReferences<T>()) p = (byte*)NativeMemory.Alloc(8);
        if (RuntimeHelpers.IsReferenceOrContainsReferences<TOther>()) NativeMemory.Free(p);
    } // expect: KA4001

    static void OfAKnownType()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        if (!RuntimeHelpers.IsReferenceOrContainsReferences<int>()) NativeMemory.Free(p);
    }

    static void WideOrNarrow()
    {
        byte* p = nint.Size == 8 ? (byte*)NativeMemory.Alloc(8) : (byte*)NativeMemory.AlignedAlloc(8, 64);
        Console.WriteLine();
        if (nint.Size == 8) NativeMemory.Free(p);
        else NativeMemory.AlignedFree(p);
    }

    private struct Partly
    {
        internal byte* Bytes;
        internal bool IsOwn;

        internal Partly(byte* lent) => Bytes = lent;

        internal void Drop()
        {
            if (IsOwn) NativeMemory.Free(Bytes);
        }
    }

    static void WhatAConstructorLeavesIsZero()
    {
        byte* p = (byte*)NativeMemory.Alloc(8);
        var partly = new Partly(p);
        partly.Drop();
        NativeMemory.Free(p);
    }
}
