using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc.Benchmarks.Pages;

/// <summary>Where blocks of whole pages come from.</summary>
internal unsafe interface IPageSource
{
    static abstract byte* Allocate(int order);
    static abstract void Free(byte* block, int order);
}

/// <summary>An order that the compiler knows.</summary>
internal interface IOrder
{
    static abstract int Value { get; }
}

internal readonly struct Order0 : IOrder
{
    public static int Value => 0;
}

internal readonly struct Order4 : IOrder
{
    public static int Value => 4;
}

internal readonly struct Order9 : IOrder
{
    public static int Value => 9;
}

internal readonly unsafe struct Kalloc : IPageSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Allocate(int order) => (byte*)Linux.__get_free_pages(GfpFlags.Kernel, order);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(byte* block, int order) => Linux.free_pages(block, order);
}

/// <summary>The same with a call, as code outside of a loop has it.</summary>
internal readonly unsafe struct KallocCalled : IPageSource
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static byte* Allocate(int order) => (byte*)Linux.__get_free_pages(GfpFlags.Kernel, order);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Free(byte* block, int order) => Linux.free_pages(block, order);
}

internal readonly unsafe struct Aligned : IPageSource
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Allocate(int order) => (byte*)NativeMemory.AlignedAlloc((nuint)4096 << order, 4096);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(byte* block, int order) => NativeMemory.AlignedFree(block);
}

/// <summary>The operating system itself. Linux only.</summary>
internal readonly unsafe partial struct Mapped : IPageSource
{
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Allocate(int order) => Mmap(null, (nuint)4096 << order, ReadWrite, PrivateAnonymous, -1, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Free(byte* block, int order) => Munmap(block, (nuint)4096 << order);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Mmap(byte* address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(byte* address, nuint length);
}
