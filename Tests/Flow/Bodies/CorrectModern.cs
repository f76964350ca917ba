// Correct code in C#'s newer forms: what looks like a mistake to somebody who does not know what the compiler makes of it.

using System;
using System.Buffers;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using KAlloc;
using static KAlloc.Linux;

// A primary constructor's parameter is the field.
unsafe ref struct Scratch(int size)
{
    private byte* _data = (byte*)NativeMemory.Alloc((nuint)size);

    public readonly Span<byte> Span => new(_data, size);

    public void Dispose()
    {
        NativeMemory.Free(_data);
        _data = null;
    }
}

unsafe sealed class Chunk(nuint size) : IDisposable
{
    public byte* Data { get; private set; } = (byte*)NativeMemory.Alloc(size);

    public nuint Size => size;

    public void Dispose()
    {
        NativeMemory.Free(Data);
        Data = null;
        GC.SuppressFinalize(this);
    }

    ~Chunk() => NativeMemory.Free(Data);
}

unsafe readonly record struct Handle(nint Value)
{
    public bool IsNull => Value == 0;

    public void Free() => NativeMemory.Free((void*)Value);

    public static Handle Make(int n) => new((nint)NativeMemory.Alloc((nuint)n));
}

interface IAllocator<TSelf> where TSelf : IAllocator<TSelf>
{
    static abstract nint Take(int n);

    static abstract void Give(nint p);
}

unsafe struct Native : IAllocator<Native>
{
    public static nint Take(int n) => (nint)NativeMemory.Alloc((nuint)n);

    public static void Give(nint p) => NativeMemory.Free((void*)p);
}

[InlineArray(4)]
struct Four
{
    private nint _first;
}

unsafe static class Bodies
{
    static int s_limit;

    static void ScratchIsUsed(int n)
    {
        using var scratch = new Scratch(n);
        scratch.Span.Clear();
    }

    static void ChunkIsUsed(nuint n)
    {
        using Chunk chunk = new(n);
        if (chunk.Data != null) chunk.Data[0] = 1;
    }

    static void HandleIsFreed(int n)
    {
        Handle h = Handle.Make(n);
        if (h.IsNull) return;
        h.Free();
    }

    static void HandleWith(int n)
    {
        Handle h = Handle.Make(n);
        Handle other = h with { Value = 0 };
        other.Free();
        h.Free();
    }

    static void StaticAbstract<T>(int n) where T : IAllocator<T>
    {
        nint p = T.Take(n);
        T.Give(p);
    }

    static void StaticAbstractOfOne(int n)
    {
        nint p = Native.Take(n);
        StaticAbstract<Native>(n);
        Native.Give(p);
    }

    static void StackOrHeap(int n)
    {
        byte* heap = null;
        byte* p = n <= 256 ? stackalloc byte[256].AsPointer() : heap = (byte*)NativeMemory.Alloc((nuint)n);
        p[0] = 1;
        NativeMemory.Free(heap);
    }

    static byte* AsPointer(this Span<byte> span) => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(span));

    static void SpanOrPool(int n)
    {
        byte[]? rented = null;
        Span<byte> span = n <= 256 ? stackalloc byte[256] : (rented = ArrayPool<byte>.Shared.Rent(n));
        span.Clear();
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
    }

    static void InlineArrayIsFreed(int n)
    {
        Four four = default;
        for (int i = 0; i < 4; i++) four[i] = (nint)NativeMemory.Alloc((nuint)n);
        for (int i = 0; i < 4; i++) NativeMemory.Free((void*)four[i]);
    }

    static void InlineArrayBySpan(int n)
    {
        Four four = default;
        foreach (ref nint p in (Span<nint>)four) p = (nint)NativeMemory.Alloc((nuint)n);
        foreach (nint p in (Span<nint>)four) NativeMemory.Free((void*)p);
    }

    static void CollectionExpression(int n)
    {
        nint[] all = [(nint)NativeMemory.Alloc((nuint)n), (nint)NativeMemory.Alloc((nuint)n)];
        foreach (nint p in all) NativeMemory.Free((void*)p);
    }

    static void CollectionExpressionWithSpread(int n)
    {
        nint first = (nint)NativeMemory.Alloc((nuint)n);
        nint[] some = [first];
        List<nint> all = [.. some, (nint)NativeMemory.Alloc((nuint)n)];
        foreach (nint p in all) NativeMemory.Free((void*)p);
    }

    static void ParamsSpan(int n)
    {
        FreeAll((nint)NativeMemory.Alloc((nuint)n), (nint)NativeMemory.Alloc((nuint)n));
    }

    static void FreeAll(params ReadOnlySpan<nint> all)
    {
        foreach (nint p in all) NativeMemory.Free((void*)p);
    }

    static void SwitchExpression(int kind, int n)
    {
        void* p = kind switch
        {
            0 => NativeMemory.Alloc((nuint)n),
            1 => NativeMemory.AllocZeroed((nuint)n),
            > 10 and < 20 when n > 4 => NativeMemory.Alloc(16),
            _ => null,
        };
        try
        {
            if (p is not null) ((byte*)p)[0] = 1;
        }
        finally
        {
            NativeMemory.Free(p);
        }
    }

    static void PropertyPattern(int n)
    {
        Handle h = Handle.Make(n);
        if (h is { IsNull: false, Value: var value }) NativeMemory.Free((void*)value);
    }

    static void ListPattern(int n)
    {
        nint[] all = [(nint)NativeMemory.Alloc((nuint)n), 0];
        if (all is [var first, ..]) NativeMemory.Free((void*)first);
    }

    static void TupleSwap(int n)
    {
        void* a = NativeMemory.Alloc((nuint)n), b = null;
        (nint x, nint y) = ((nint)a, (nint)b);
        (x, y) = (y, x);
        NativeMemory.Free((void*)x);
        NativeMemory.Free((void*)y);
    }

    static void LocalFunctionFrees(int n)
    {
        void* p = NativeMemory.Alloc((nuint)n);
        if (n > 4)
        {
            Release();
            return;
        }

        Release();

        void Release() => NativeMemory.Free(p);
    }

    static void StaticLambda(int n)
    {
        Action<nint> free = static p => NativeMemory.Free((void*)p);
        free((nint)NativeMemory.Alloc((nuint)n));
    }

    static void FunctionPointer(int n)
    {
        delegate*<void*, void> free = &NativeMemory.Free;
        free(NativeMemory.Alloc((nuint)n));
    }

    static void ManagedFunctionPointer(int n)
    {
        delegate*<int, nint> take = &Native.Take;
        delegate*<nint, void> give = &Native.Give;
        give(take(n));
    }

    static void* Make(int n) => NativeMemory.Alloc((nuint)n);

    static void Release(nint p) => NativeMemory.Free((void*)p);

    static IEnumerable<int> Iterated(int n)
    {
        nint p = MakeNumber(n);
        try
        {
            for (int i = 0; i < n; i++) yield return i;
        }
        finally
        {
            Release(p);
        }
    }

    static nint MakeNumber(int n) => (nint)Make(n);

    static void NullConditional(Chunk? chunk)
    {
        chunk ??= new Chunk(8);
        chunk?.Dispose();
    }

    static void LockObject(Lock gate, int n)
    {
        void* p;
        lock (gate) p = NativeMemory.Alloc((nuint)n);
        using (gate.EnterScope()) NativeMemory.Free(p);
    }

    static void RefLocal(int n)
    {
        nint a = 0, b = 0;
        ref nint place = ref n > 4 ? ref a : ref b;
        place = (nint)NativeMemory.Alloc((nuint)n);
        NativeMemory.Free((void*)a);
        NativeMemory.Free((void*)b);
    }

    static void RefReassigned(int n)
    {
        nint a = (nint)NativeMemory.Alloc((nuint)n), b = (nint)NativeMemory.Alloc((nuint)n);
        ref nint place = ref a;
        NativeMemory.Free((void*)place);
        place = ref b;
        NativeMemory.Free((void*)place);
    }

    static void CheckedSize(int n)
    {
        void* p = NativeMemory.Alloc(checked((nuint)n * 4));
        NativeMemory.Free(p);
    }

    static bool TryMake(int n, out void* p)
    {
        p = n > s_limit ? null : NativeMemory.Alloc((nuint)n);
        return p != null;
    }

    static void TryPattern(int n)
    {
        if (!TryMake(n, out void* p)) return;
        NativeMemory.Free(p);
    }

    static void ExceptionFilter(int n)
    {
        void* p = NativeMemory.Alloc((nuint)n);
        try
        {
            Console.WriteLine(n / s_limit);
        }
        catch (DivideByZeroException) when (n > 3)
        {
            NativeMemory.Free(p);
            return;
        }
        catch
        {
            NativeMemory.Free(p);
            throw;
        }

        NativeMemory.Free(p);
    }

    static void DiscardsAndDefaults(int n)
    {
        (nint p, _) = Two(n);
        NativeMemory.Free((void*)p);
    }

    static PointerAnd Two(int n) => new() { Pointer = (nint)NativeMemory.Alloc((nuint)n), Number = n };

    struct PointerAnd
    {
        public nint Pointer;
        public int Number;

        public readonly void Deconstruct(out nint pointer, out int number)
        {
            pointer = Pointer;
            number = Number;
        }
    }

    static void Owned(int n)
    {
        IMemoryOwner<byte> owner = MemoryPool<byte>.Shared.Rent(n);
        using (owner) owner.Memory.Span.Clear();
    }

    static void RentedTwice(int n)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(n);
        for (int i = 0; i < 3; i++)
        {
            if (buffer.Length < n * i)
            {
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = ArrayPool<byte>.Shared.Rent(n * i);
            }
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }
}

static class AsyncBodies
{
    static unsafe nint Make(int n) => (nint)NativeMemory.Alloc((nuint)n);

    static unsafe void Release(nint p) => NativeMemory.Free((void*)p);

    static async Task Awaited(int n)
    {
        nint p = Make(n);
        try
        {
            await Task.Yield();
        }
        finally
        {
            Release(p);
        }
    }
}
