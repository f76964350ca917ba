using System.CommandLine;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using KAlloc.Benchmarks.Core;
using static KAlloc.Linux;

namespace KAlloc.Benchmarks.Bulk;

/// <summary>64 objects in one call against 64 calls: nanoseconds for an object allocated and freed.</summary>
internal static unsafe class BulkCommand
{
    private const int Count = 64;

    internal static Command Create() => RunSettings.AddTo(
        new Command("bulk", "kmem_cache_alloc_bulk and _free_bulk of 64 objects against single calls."), (settings, _) => Run(settings));

    private static int Run(RunSettings settings)
    {
        var results = new Results("64 objects", settings, "single");
        int batches = settings.Quick ? 20 : 20_000;
        foreach (int size in (int[])[64, 256, 1024])
        {
            kmem_cache* cache = kmem_cache_create($"bulk-{size}", size, 0, 0);
            results.Add(Rounds.Measure($"{size} bytes",
            [
                new Contender("single", () => Time(batches, cache, &Single)),
                new Contender("bulk", () => Time(batches, cache, &Bulk)),
            ], settings));
            kmem_cache_destroy(cache);
        }

        results.Publish();
        return 0;
    }

    private static double Time(int batches, kmem_cache* cache, delegate*<kmem_cache*, void**, void> batch)
    {
        void** objects = stackalloc void*[Count];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < batches; i++) batch(cache, objects);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / batches / Count;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Single(kmem_cache* cache, void** objects)
    {
        for (int i = 0; i < Count; i++) objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
        for (int i = 0; i < Count; i++) kmem_cache_free(cache, objects[i]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Bulk(kmem_cache* cache, void** objects)
    {
        if (kmem_cache_alloc_bulk(cache, GFP_KERNEL, Count, objects) == Count) kmem_cache_free_bulk(cache, Count, objects);
    }
}
