using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>What caches with red zones, poison and user tracking see.</summary>
[Collection("alone")]
public unsafe class SlabDebugTests
{
    private const SlabFlags All = SlabFlags.RedZone | SlabFlags.Poison | SlabFlags.StoreUser;

    public static TheoryData<int> Sizes => [1, 7, 8, 24, 64, 100, 700, 4096, 20_000];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void RedZone_SeesAByteBehindTheObject(int size)
    {
        kmem_cache* cache = kmem_cache_create($"red-right-{size}", size, 0, All);
        var obj = (byte*)kmem_cache_alloc(cache, GFP_KERNEL);
        obj[size] = 0;
        Bug($"BUG red-right-{size}: Right Redzone overwritten", () => kmem_cache_free(cache, obj));

        // The zone was put right, and the object was not freed.
        kmem_cache_free(cache, obj);
        kmem_cache_destroy(cache);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void RedZone_SeesAByteBeforeTheObject(int size)
    {
        kmem_cache* cache = kmem_cache_create($"red-left-{size}", size, 0, All);
        var obj = (byte*)kmem_cache_alloc(cache, GFP_KERNEL);
        obj[-1] = 0x11;
        KernelBugException bug = Assert.Throws<KernelBugException>(() => kmem_cache_free(cache, obj));
        Assert.Contains("Left Redzone overwritten", bug.Message);
        Assert.Contains("First byte 0x11 instead of 0xcc", bug.Message);
        Assert.Contains(nameof(RedZone_SeesAByteBeforeTheObject), bug.Message);
        kmem_cache_free(cache, obj);
        kmem_cache_destroy(cache);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Poison_SeesAWriteAfterFree(int size)
    {
        kmem_cache* cache = kmem_cache_create($"poison-{size}", size, 0, All);
        var obj = (byte*)kmem_cache_alloc(cache, GFP_KERNEL);
        kmem_cache_free(cache, obj);
        Assert.Equal(0xa5, obj[size - 1]);
        obj[size / 2] = 0x42;
        KernelBugException bug = Assert.Throws<KernelBugException>(() => kmem_cache_alloc(cache, GFP_KERNEL));
        Assert.Contains("Poison overwritten", bug.Message);
        Assert.Contains("\nFreed in KAlloc.Runtime.Tests.SlabDebugTests.", bug.Message);

        // The content was put right, so that the next one gets a sound object.
        void* next = kmem_cache_alloc(cache, GFP_KERNEL);
        Assert.True(next != null);
        kmem_cache_free(cache, next);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void DoubleFree_IsSeenWhateverWasFreedInBetween()
    {
        kmem_cache* cache = kmem_cache_create("debug-twice", 40, 0, All);
        var objects = new nint[50];
        for (int i = 0; i < objects.Length; i++) objects[i] = (nint)kmem_cache_alloc(cache, GFP_KERNEL);
        foreach (nint obj in objects) kmem_cache_free(cache, (void*)obj);
        foreach (nint obj in objects) Bug("Object already free", () => kmem_cache_free(cache, (void*)obj));
        foreach (nint obj in objects) Bug("Invalid object pointer", () => kmem_cache_free(cache, (void*)(obj + 8)));
        kmem_cache_destroy(cache);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(700)]
    [InlineData(3000)]
    public void Padding_SeesAByteBehindTheLastObjectOfASlab(int size)
    {
        kmem_cache* cache = CacheWithTail($"pad-tail-{size}", size);
        var obj = (byte*)kmem_cache_alloc(cache, GFP_KERNEL);
        byte* last = SlabOf(obj, out nint bytes) + bytes - 1;
        Assert.Equal(0x5a, *last);
        *last = 0x11;
        KernelBugException bug = Assert.Throws<KernelBugException>(() => kmem_cache_alloc(cache, GFP_KERNEL));
        Assert.StartsWith($"BUG pad-tail-{size}: Padding overwritten\n0x{(nint)last:x}-0x{(nint)last:x} @offset={bytes - 1}. First byte 0x11 instead of 0x5a\nSlab 0x", bug.Message);
        Assert.Contains("\nPadding  ", bug.Message);
        Assert.Matches($"\nFIX pad-tail-{size}: Restoring slab padding 0x\\w+-0x{(nint)last:x}=0x5a", bug.Message);
        Assert.Equal(0x5a, *last);

        // A free looks too, and what it did not free may be freed again.
        *last = 0x22;
        Assert.Contains(KernelMemory.Default.Validate(), error => error.Contains("Padding overwritten", StringComparison.Ordinal));
        Bug("Padding overwritten", () => kmem_cache_free(cache, obj));
        kmem_cache_free(cache, obj);
        Assert.Empty(Reports(() => kmem_cache_destroy(cache)));
    }

    [Fact]
    public void Padding_SeesAByteBeforeTheFirstObjectOfAColouredSlab()
    {
        kmem_cache* cache = kmem_cache_create("pad-head", 700, 0, All);
        var objects = new List<nint>();
        byte* start;
        do
        {
            objects.Add((nint)kmem_cache_alloc(cache, GFP_KERNEL));
            start = SlabOf((byte*)objects[^1], out _);
        }
        while (*start != 0x5a);
        *start = 0;
        Bug("Padding overwritten", () => kmem_cache_alloc(cache, GFP_KERNEL));
        foreach (nint obj in objects) kmem_cache_free(cache, (void*)obj);
        kmem_cache_destroy(cache);
    }

    /// <summary>Nobody takes the object again: that it was written to is seen when its slab goes.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SlabThatGoesBack_IsLookedAtOnceMore(bool padding)
    {
        kmem_cache* cache = CacheWithTail("last-look", 700);
        var obj = (byte*)kmem_cache_alloc(cache, GFP_KERNEL);
        kmem_cache_free(cache, obj);
        if (padding) SlabOf(obj, out nint bytes)[bytes - 1] = 1;
        else obj[5] = 1;
        KernelReport report = Assert.Single(Reports(() => kmem_cache_destroy(cache)));
        Assert.Equal(ReportLevel.Bug, report.Level);
        Assert.StartsWith($"BUG last-look: {(padding ? "Padding" : "Poison")} overwritten\n", report.Text);
        Assert.Equal(padding, !report.Text.Contains("\nFreed in ", StringComparison.Ordinal));
    }

    [Fact]
    public void Constructor_KeepsItsStateUnderPoison()
    {
        int constructed = 0;
        kmem_cache* cache = kmem_cache_create_delegate("debug-ctor", 64, 0, All, obj =>
        {
            constructed++;
            *(long*)obj = 77;
        });
        for (int i = 0; i < 100; i++)
        {
            void* obj = kmem_cache_alloc(cache, GFP_KERNEL);
            Assert.Equal(77, *(long*)obj);
            kmem_cache_free(cache, obj);
        }

        Assert.InRange(constructed, 1, 200);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void Level_Full_WatchesEveryCacheAndKeepsItSound()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic, DebugLevel.Full);
        ulong before = memory.FreeBytes;
        var random = new Random(5);
        var live = new List<(nint Memory, int Size)>();
        for (int step = 0; step < 4000; step++)
        {
            if (live.Count == 0 || random.Next(2) == 0)
            {
                int size = 1 + random.Next(random.Next(10) == 0 ? 9000 : 300);
                var block = (byte*)memory.Kmalloc((nuint)size, random.Next(2) == 0 ? GfpFlags.Kernel : GfpFlags.Kernel | GfpFlags.Zero);
                new Span<byte>(block, (int)memory.Ksize(block)).Fill(0x33);
                live.Add(((nint)block, size));
            }
            else
            {
                int i = random.Next(live.Count);
                memory.Kfree((void*)live[i].Memory);
                live.RemoveAt(i);
            }
        }

        var victim = (byte*)memory.Kmalloc(64);
        Assert.Equal((nuint)0, (nuint)victim % 64);
        victim[64] = 1;
        Bug("BUG kmalloc-64: Right Redzone overwritten", () => memory.Kfree(victim));
        memory.Kfree(victim);
        Sound(memory);
        foreach ((nint block, _) in live) memory.Kfree((void*)block);
        memory.Shrink();
        Sound(memory);
        Assert.Equal(before, memory.FreeBytes);
    }

    /// <summary>Start and length of the slab that an object of the default system is in.</summary>
    /// <summary>
    /// Of objects of that size or a little more, so that no colour uses up all that is left of a slab: which colour a slab gets depends on its frame, and so on
    /// what ran before.
    /// </summary>
    private static kmem_cache* CacheWithTail(string name, int size)
    {
        while (true)
        {
            kmem_cache* cache = kmem_cache_create(name, size, 0, All);
            if ((uint)(PAGE_SIZE << cache->Order) % cache->Size % cache->ColourUnit != 0) return cache;
            kmem_cache_destroy(cache);
            size += 8;
        }
    }

    private static byte* SlabOf(byte* obj, out nint bytes)
    {
        PhysicalMemory memory = KernelMemory.Default.Memory;
        Page* head = memory.HeadOf(memory.PageOf(memory.FrameOfAddress((nuint)obj)));
        bytes = (nint)PAGE_SIZE << head->Order;
        return (byte*)memory.Address(memory.FrameOf(head));
    }
}
