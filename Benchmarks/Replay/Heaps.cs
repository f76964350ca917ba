// The allocators as a replay sees them: structs with static methods, so that the JIT makes a player for each and inlines what can be inlined.

using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KAlloc.Benchmarks.Core;
using static KAlloc.Linux;

namespace KAlloc.Benchmarks.Replay;

/// <summary>What a program may ask of its allocator. The event says how much, and what the block is.</summary>
/// <typeparam name="TBlock">What a block is known by: a pointer or a managed object.</typeparam>
internal interface IHeap<TBlock>
{
    /// <summary>Whether alignment is honoured.</summary>
    static virtual bool Aligns => true;

    static abstract TBlock Allocate(in TraceEvent e);
    static abstract TBlock AllocateCleared(in TraceEvent e);
    static abstract TBlock AllocateAligned(in TraceEvent e);
    static abstract TBlock Resize(TBlock block, in TraceEvent e);
    static abstract void Free(TBlock block, in TraceEvent e);

    /// <summary>The first byte; a null reference if there was no memory.</summary>
    static abstract ref byte Start(TBlock block);
}

/// <summary>
/// kmalloc and its family, inlined up to the hit path as for every caller; kvmalloc and its family for the blocks that outgrow it. As the kernel
/// promises alignment to the largest power of two that divides the size, an aligned size is an aligned block.
/// </summary>
internal readonly unsafe struct KernelHeap : IHeap<nint>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Allocate(in TraceEvent e) => e.IsHuge ? (nint)kvmalloc(e.Size, GFP_KERNEL) : (nint)kmalloc(e.Size, GFP_KERNEL);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint AllocateCleared(in TraceEvent e) => e.IsHuge ? (nint)kvzalloc(e.Size, GFP_KERNEL) : (nint)kzalloc(e.Size, GFP_KERNEL);

    public static nint AllocateAligned(in TraceEvent e)
    {
        uint alignment = 1u << e.AlignmentLog2;
        if (e.IsHuge && alignment > PAGE_SIZE) throw new NotSupportedException($"kvmalloc aligns to a page, not to {alignment} bytes.");
        uint size = (uint)(((ulong)Math.Max(e.Size, 1) + alignment - 1) & ~((ulong)alignment - 1));
        return e.IsHuge ? (nint)kvmalloc(size, GFP_KERNEL) : (nint)kmalloc(size, GFP_KERNEL);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Resize(nint block, in TraceEvent e) =>
        e.IsHuge ? (nint)kvrealloc((void*)block, e.Size, GFP_KERNEL) : (nint)krealloc((void*)block, e.Size, GFP_KERNEL);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(nint block, in TraceEvent e)
    {
        if (e.IsHuge) kvfree((void*)block);
        else kfree((void*)block);
    }

    public static ref byte Start(nint block) => ref *(byte*)block;
}

/// <summary>The same behind a call, as a C program calls malloc.</summary>
internal readonly struct KernelHeapCalled : IHeap<nint>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint Allocate(in TraceEvent e) => KernelHeap.Allocate(e);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint AllocateCleared(in TraceEvent e) => KernelHeap.AllocateCleared(e);

    public static nint AllocateAligned(in TraceEvent e) => KernelHeap.AllocateAligned(e);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint Resize(nint block, in TraceEvent e) => KernelHeap.Resize(block, e);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Free(nint block, in TraceEvent e) => KernelHeap.Free(block, e);

    public static ref byte Start(nint block) => ref KernelHeap.Start(block);
}

internal readonly unsafe struct NativeHeap : IHeap<nint>
{
    public static nint Allocate(in TraceEvent e) => (nint)NativeMemory.Alloc(e.Size);

    public static nint AllocateCleared(in TraceEvent e) => (nint)NativeMemory.AllocZeroed(e.Size);

    public static nint AllocateAligned(in TraceEvent e) => (nint)NativeMemory.AlignedAlloc(e.Size, (nuint)1 << e.AlignmentLog2);

    public static nint Resize(nint block, in TraceEvent e) => e.AlignmentLog2 != 0
        ? (nint)NativeMemory.AlignedRealloc((void*)block, e.Size, (nuint)1 << e.AlignmentLog2) : (nint)NativeMemory.Realloc((void*)block, e.Size);

    public static void Free(nint block, in TraceEvent e)
    {
        if (e.AlignmentLog2 != 0) NativeMemory.AlignedFree((void*)block);
        else NativeMemory.Free((void*)block);
    }

    public static ref byte Start(nint block) => ref *(byte*)block;
}

internal readonly unsafe struct LibraryHeap<TLibrary> : IHeap<nint> where TLibrary : struct, INativeLibrary
{
    public static nint Allocate(in TraceEvent e) => (nint)NativeAllocator<TLibrary>.Malloc(e.Size);

    public static nint AllocateCleared(in TraceEvent e) => (nint)NativeAllocator<TLibrary>.Calloc(1, e.Size);

    public static nint AllocateAligned(in TraceEvent e) => (nint)NativeAllocator<TLibrary>.Memalign((nuint)1 << e.AlignmentLog2, e.Size);

    public static nint Resize(nint block, in TraceEvent e) => (nint)NativeAllocator<TLibrary>.Realloc((void*)block, e.Size);

    public static void Free(nint block, in TraceEvent e) => NativeAllocator<TLibrary>.Free((void*)block);

    public static ref byte Start(nint block) => ref *(byte*)block;
}

/// <summary>Arrays from the shared pool; one that grows out of its array is copied to another.</summary>
internal readonly struct PoolHeap : IHeap<byte[]>
{
    public static bool Aligns => false;

    public static byte[] Allocate(in TraceEvent e) => ArrayPool<byte>.Shared.Rent((int)e.Size);

    public static byte[] AllocateCleared(in TraceEvent e)
    {
        byte[] array = ArrayPool<byte>.Shared.Rent((int)e.Size);
        array.AsSpan(0, (int)e.Size).Clear();
        return array;
    }

    public static byte[] AllocateAligned(in TraceEvent e) => Allocate(e);

    public static byte[] Resize(byte[] block, in TraceEvent e)
    {
        if (e.Size <= (uint)block.Length) return block;
        byte[] larger = ArrayPool<byte>.Shared.Rent((int)e.Size);
        block.AsSpan(0, (int)e.OldSize).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(block);
        return larger;
    }

    public static void Free(byte[] block, in TraceEvent e) => ArrayPool<byte>.Shared.Return(block);

    public static ref byte Start(byte[] block) => ref MemoryMarshal.GetArrayDataReference(block);
}

/// <summary>Every block is the same memory: what a replay costs by itself.</summary>
internal readonly unsafe struct NoHeap : IHeap<nint>
{
    private static nint s_memory;
    private static uint s_bytes;

    public static bool Aligns => false;

    internal static void Prepare(uint largest)
    {
        if (largest <= s_bytes && s_memory != 0) return;
        s_memory = (nint)NativeMemory.Realloc((void*)s_memory, BitOperations.RoundUpToPowerOf2(Math.Max(largest, 4096)));
        s_bytes = largest;
    }

    public static nint Allocate(in TraceEvent e) => s_memory;

    public static nint AllocateCleared(in TraceEvent e) => s_memory;

    public static nint AllocateAligned(in TraceEvent e) => s_memory;

    public static nint Resize(nint block, in TraceEvent e) => block;

    public static void Free(nint block, in TraceEvent e)
    {
    }

    public static ref byte Start(nint block) => ref *(byte*)block;
}
