using System.Diagnostics;
using System.Runtime.InteropServices;
using KAlloc.Benchmarks.Core;
using static KAlloc.Linux;

namespace KAlloc.Benchmarks.Vmalloc;

/// <summary>Allocate, write a byte of every page, free: nanoseconds for all three. Without the writes a heap that maps on first touch would do nothing.</summary>
internal static unsafe class Allocation
{
    /// <summary>Name, bytes, turns in a sample.</summary>
    internal static readonly (string Name, int Bytes, int Count)[] Sizes =
    [
        ("4 KiB", 4 << 10, 2000), ("64 KiB", 64 << 10, 500), ("1 MiB", 1 << 20, 50), ("4 MiB", 4 << 20, 20), ("16 MiB", 16 << 20, 5), ("64 MiB", 64 << 20, 2),
    ];

    /// <summary>Who can allocate the size.</summary>
    internal static List<Contender> Contenders(int bytes, int count)
    {
        var list = new List<Contender>
        {
            new("vmalloc", () => Time(&Vmalloc, bytes, count)),
            new("vmalloc-purged", () => Time(&VmallocPurged, bytes, count)),
            new("NativeMemory", () => Time(&Native, bytes, count)),
        };
        if (bytes <= KMALLOC_MAX_SIZE) list.Insert(0, new("kmalloc", () => Time(&Kmalloc, bytes, count)));
        return list;
    }

    private static double Time(delegate*<nuint, void> turn, int bytes, int count)
    {
        // What the contender before left is not this one's.
        turn((nuint)bytes);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++) turn((nuint)bytes);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
    }

    private static void Kmalloc(nuint bytes)
    {
        void* memory = kmalloc(bytes, GFP_KERNEL);
        Touch(memory, bytes);
        kfree(memory);
    }

    private static void Vmalloc(nuint bytes)
    {
        void* memory = vmalloc(bytes);
        Touch(memory, bytes);
        vfree(memory);
    }

    /// <summary>Nothing is left of the area for the next turn: the full cost of mapping and unmapping.</summary>
    private static void VmallocPurged(nuint bytes)
    {
        Vmalloc(bytes);
        KernelMemory.Default.VmallocSystem.Purge();
    }

    private static void Native(nuint bytes)
    {
        void* memory = NativeMemory.Alloc(bytes);
        Touch(memory, bytes);
        NativeMemory.Free(memory);
    }

    private static void Touch(void* memory, nuint bytes)
    {
        for (nuint i = 0; i < bytes; i += (nuint)PAGE_SIZE) ((byte*)memory)[i] = 1;
    }
}
