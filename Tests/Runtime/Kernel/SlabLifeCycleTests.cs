using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>
/// The life of a slab as the book tells it: an allocation takes from a partial slab; if there is none, from an empty one; if there is none, the cache
/// grows. A slab is full when all its objects are out, partial when some are, empty when none is.
/// </summary>
public unsafe class SlabLifeCycleTests
{
    [Fact]
    public void Slabs_GoFromEmptyToPartialToFullAndBack()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        var objects = new List<nint>();
        KmemCache* cache = memory.CreateCache("inode_cache", 600);
        int perSlab = cache->ObjectsPerSlab;
        Assert.Equal((0, 0, 0), Slabs(cache));

        // No slab at all: the cache grows by one.
        Take(1);
        Assert.Equal((0, 1, 0), Slabs(cache));

        // The partial slab gives, until its last object makes it full.
        Take(perSlab - 2);
        Assert.Equal((0, 1, 0), Slabs(cache));
        Take(1);
        Assert.Equal((1, 0, 0), Slabs(cache));

        // Neither a partial nor an empty slab: it grows again.
        Take(1);
        Assert.Equal((1, 1, 0), Slabs(cache));

        // The only object of the second slab comes back: the slab is empty, and stays with the cache.
        Give(objects.Count - 1);
        Assert.Equal((1, 0, 1), Slabs(cache));

        // One object of the full slab comes back: it is partial, and is preferred to the empty one.
        Give(0);
        Assert.Equal((0, 1, 1), Slabs(cache));
        Take(1);
        Assert.Equal((1, 0, 1), Slabs(cache));

        // Now the empty one is next.
        Take(1);
        Assert.Equal((1, 1, 0), Slabs(cache));

        // All come back: both are empty. Shrinking gives them to the page allocator.
        while (objects.Count > 0) Give(0);
        Assert.Equal((0, 0, 2), Slabs(cache));
        ulong free = memory.FreeBytes;
        Linux.kmem_cache_shrink(cache);
        Assert.Equal((0, 0, 0), Slabs(cache));
        Assert.Equal(free + (2UL << cache->Order << 12), memory.FreeBytes);
        memory.DestroyCache(cache);

        void Take(int count)
        {
            for (int i = 0; i < count; i++) objects.Add((nint)memory.CacheAlloc(cache));
        }

        void Give(int index)
        {
            memory.CacheFree(cache, (void*)objects[index]);
            objects.RemoveAt(index);
        }
    }

    [Fact]
    public void Colours_PutTheFirstObjectsOfSlabsOnDifferentCacheLines()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);

        // 5 objects of 6,400 bytes leave 768 of the slab's 32,768: 13 colours of a cache line.
        KmemCache* cache = memory.CreateCache("coloured", 6400);
        Assert.Equal(12u, cache->Colours);
        var offsets = new HashSet<nint>();
        var objects = new List<nint>();
        nint slab = 32_768;
        for (int i = 0; i < 100; i++)
        {
            var obj = (nint)memory.CacheAlloc(cache);
            objects.Add(obj);
            nint offset = (obj - (nint)memory.Memory.DirectMap) % slab % 6400;
            Assert.Equal(0, offset % 64);
            offsets.Add(offset);
        }

        Assert.InRange(offsets.Count, 5, 13);
        foreach (nint obj in objects) memory.CacheFree(cache, (void*)obj);
        Sound(memory);
        memory.DestroyCache(cache);
    }

    [Fact]
    public void Threads_TenThousandShortOnes_LeakNothing()
    {
        int blocks = CpuBlocks.Count;
        KmemCache* cache = Linux.kmem_cache_create("short-lived", 200, 0, 0);
        for (int i = 0; i < 1250; i++)
        {
            Thread[] threads = [.. Enumerable.Range(0, 8).Select(_ => new Thread(() =>
            {
                for (int k = 0; k < 4; k++) Linux.kmem_cache_free(cache, Linux.kmem_cache_alloc(cache, GfpFlags.Kernel));
                KernelMemory.DetachThread();
            }, 128 * 1024))];
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) thread.Join();
        }

        // Those of other tests that run beside it among them.
        Assert.InRange(CpuBlocks.Count - blocks, 0, 200);
        Linux.kmem_cache_destroy(cache);
    }

    private static (int Full, int Partial, int Empty) Slabs(KmemCache* cache) => (cache->Full.Count, cache->Partial.Count, cache->Empty.Count);
}
