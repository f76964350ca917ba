// The allocators as the kernels see them: structs with static methods, so that the JIT makes a kernel for each and inlines what can be inlined.

using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KAlloc.Benchmarks.Core;
using static KAlloc.Linux;

namespace KAlloc.Benchmarks.Alloc;

/// <summary>Hands out blocks.</summary>
/// <typeparam name="TBlock">What a block is known by: a pointer or a managed object.</typeparam>
internal interface IAllocator<TBlock>
{
    static abstract TBlock Allocate(int size);
    static abstract void Free(TBlock block);

    /// <summary>The first bytes of a block.</summary>
    static abstract Span<byte> Bytes(TBlock block, int size);

    /// <summary>A thread that allocated is about to end.</summary>
    static virtual void ThreadEnds()
    {
    }
}

/// <summary>kmalloc and kfree, inlined as they are for every caller.</summary>
internal readonly unsafe struct Kmalloc : IAllocator<nint>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Allocate(int size) => (nint)kmalloc(size, GFP_KERNEL);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(nint block) => kfree((void*)block);

    public static Span<byte> Bytes(nint block, int size) => new((void*)block, size);

    public static void ThreadEnds() => KernelMemory.DetachThread();
}

/// <summary>kmalloc and kfree behind a call, as a C program calls malloc.</summary>
internal readonly unsafe struct KmallocCalled : IAllocator<nint>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint Allocate(int size) => (nint)kmalloc(size, GFP_KERNEL);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Free(nint block) => kfree((void*)block);

    public static Span<byte> Bytes(nint block, int size) => new((void*)block, size);

    public static void ThreadEnds() => KernelMemory.DetachThread();
}

internal readonly unsafe struct Native : IAllocator<nint>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Allocate(int size) => (nint)NativeMemory.Alloc((nuint)size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(nint block) => NativeMemory.Free((void*)block);

    public static Span<byte> Bytes(nint block, int size) => new((void*)block, size);
}

internal readonly unsafe struct Library<TLibrary> : IAllocator<nint> where TLibrary : struct, INativeLibrary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Allocate(int size) => (nint)NativeAllocator<TLibrary>.Malloc((nuint)size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(nint block) => NativeAllocator<TLibrary>.Free((void*)block);

    public static Span<byte> Bytes(nint block, int size) => new((void*)block, size);
}

internal readonly struct Pool : IAllocator<byte[]>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte[] Allocate(int size) => ArrayPool<byte>.Shared.Rent(size);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(byte[] block) => ArrayPool<byte>.Shared.Return(block);

    public static Span<byte> Bytes(byte[] block, int size) => block.AsSpan(0, size);
}

/// <summary>Allocates nothing, and knows how many bytes would be live at the most.</summary>
internal readonly struct Counting : IAllocator<Counting.Size>
{
    private static long s_live;
    private static long s_peak;

    /// <summary>Bytes of a block. An object, because an empty slot must be told from one.</summary>
    internal sealed record Size(int Value);

    /// <summary>The most bytes live since the last call.</summary>
    internal static long TakePeak()
    {
        long peak = s_peak;
        s_live = s_peak = 0;
        return peak;
    }

    public static Size Allocate(int size)
    {
        long live = Interlocked.Add(ref s_live, size);
        for (long peak = Volatile.Read(ref s_peak); live > peak; peak = Volatile.Read(ref s_peak)) Interlocked.CompareExchange(ref s_peak, live, peak);
        return new(size);
    }

    public static void Free(Size block) => Interlocked.Add(ref s_live, -block.Value);

    public static Span<byte> Bytes(Size block, int size) => default;
}

/// <summary>Writes every byte of every block, as programs do: for peaks of resident memory.</summary>
internal readonly struct Filling<TAllocator, TBlock> : IAllocator<TBlock> where TAllocator : struct, IAllocator<TBlock>
{
    public static TBlock Allocate(int size)
    {
        TBlock block = TAllocator.Allocate(size);
        TAllocator.Bytes(block, size).Fill(0x55);
        return block;
    }

    public static void Free(TBlock block) => TAllocator.Free(block);

    public static Span<byte> Bytes(TBlock block, int size) => TAllocator.Bytes(block, size);

    public static void ThreadEnds() => TAllocator.ThreadEnds();
}
