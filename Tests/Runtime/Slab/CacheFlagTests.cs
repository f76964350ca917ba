using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>What each <c>SLAB_*</c> flag does, beside a cache without it. Poison, red zones and user tracking together: <see cref="SlabDebugTests"/>.</summary>
[Collection("alone")]
public unsafe class CacheFlagTests
{
    [Theory]
    [InlineData(10, 0, 16)]
    [InlineData(16, 0, 16)]
    [InlineData(20, 0, 32)]
    [InlineData(33, 0, 64)]
    [InlineData(100, 0, 64)]
    [InlineData(20, 128, 128)]
    public void HwCacheAlign_AlignsToALine_OrToTheHalvesThatFit(int size, int align, int expected)
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* aligned = memory.CreateCache("aligned", (nuint)size, (nuint)align, SlabFlags.HwCacheAlign);
        KmemCache* plain = memory.CreateCache("plain", (nuint)size, (nuint)align);
        for (int i = 0; i < 200; i++)
        {
            var obj = (nint)memory.CacheAlloc(aligned);
            Assert.Equal(0, obj % expected);
            if (size <= 64) Assert.Equal(obj / 64, (obj + size - 1) / 64);
        }

        Assert.Equal((uint)Math.Max(align, 8), plain->Align);
    }

    [Fact]
    public void ConsistencyChecks_SeesADoubleFreeThatOtherFreesHide()
    {
        kmem_cache* cache = kmem_cache_create("flag-checked", 72, 0, SLAB_CONSISTENCY_CHECKS);
        var objects = new nint[300];
        for (int i = 0; i < objects.Length; i++) objects[i] = (nint)kmem_cache_alloc(cache, GFP_KERNEL);
        foreach (nint obj in objects) kmem_cache_free(cache, (void*)obj);
        Bug("Object already free", () => kmem_cache_free(cache, (void*)objects[0]));
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void RedZone_Alone_SeesAByteTooMany_WhereOthersDoNot()
    {
        foreach (slab_flags_t flags in (slab_flags_t[])[SLAB_CONSISTENCY_CHECKS, SLAB_RED_ZONE])
        {
            kmem_cache* cache = kmem_cache_create("flag-red", 64, 0, flags);
            void* first = kmem_cache_alloc(cache, GFP_KERNEL);
            void* second = kmem_cache_alloc(cache, GFP_KERNEL);
            ((byte*)first)[64] = 1;
            if (flags == SLAB_RED_ZONE) Bug("Right Redzone overwritten", () => kmem_cache_free(cache, first));
            kmem_cache_free(cache, first);
            kmem_cache_free(cache, second);
            kmem_cache_destroy(cache);
        }
    }

    [Fact]
    public void Poison_Alone_FillsWhatIsFree_AndSeesAWriteThere()
    {
        kmem_cache* cache = kmem_cache_create("flag-poison", 64, 0, SLAB_POISON);
        var obj = (byte*)kmem_cache_alloc(cache, GFP_KERNEL);
        new Span<byte>(obj, 64).Fill(1);
        kmem_cache_free(cache, obj);
        Assert.True(new Span<byte>(obj, 63).IndexOfAnyExcept((byte)0x6b) < 0);
        Assert.Equal(0xa5, obj[63]);
        obj[63] = 0;
        Bug("End Poison overwritten", () => kmem_cache_alloc(cache, GFP_KERNEL));
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void StoreUser_Alone_NamesWhoAllocatedAnObjectThatIsLeft()
    {
        kmem_cache* cache = kmem_cache_create("flag-user", 64, 0, SLAB_STORE_USER);
        void* obj = kmem_cache_alloc(cache, GFP_KERNEL);
        KernelBugException bug = Assert.Throws<KernelBugException>(() => kmem_cache_destroy(cache));
        Assert.Matches($@"Object 0x{(nuint)obj:x} @offset=\d+\nAllocated in .*{nameof(StoreUser_Alone_NamesWhoAllocatedAnObjectThatIsLeft)}\+0x\w+ age=\d+ cpu=\d+ pid=\d+", bug.Message);
        kmem_cache_free(cache, obj);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void Trace_TellsOfEveryCall()
    {
        kmem_cache* cache = kmem_cache_create("flag-trace", 64, 0, SLAB_TRACE);
        void* obj = null;
        KernelReport alloc = Assert.Single(Reports(() => obj = kmem_cache_alloc(cache, GFP_KERNEL)));
        Assert.Equal(ReportLevel.Info, alloc.Level);
        Assert.Matches($@"^TRACE flag-trace alloc 0x{(nuint)obj:x} inuse=1 fp=0x0\nCall Trace:\n(.*\n)*.*{nameof(Trace_TellsOfEveryCall)}", alloc.Text);
        new Span<byte>(obj, 64).Fill(0x41);
        KernelReport free = Assert.Single(Reports(() => kmem_cache_free(cache, obj)));
        Assert.StartsWith($"TRACE flag-trace free 0x{(nuint)obj:x} inuse=1 fp=0x0\nObject   {(nuint)obj:x16}: 41 41 41", free.Text);

        void** objects = stackalloc void*[3];
        Assert.Equal(3, Reports(() => kmem_cache_alloc_bulk(cache, GFP_KERNEL, 3, objects)).Count);
        Assert.Equal(3, Reports(() => kmem_cache_free_bulk(cache, 3, objects)).Count);
        kmem_cache_destroy(cache);
    }

    [Fact]
    public void Panic_MakesAFailedCreationABug()
    {
        Assert.Single(Reports(() => Assert.True(kmem_cache_create("flag-panic", 0, 0, 0) == null)));
        Bug("failed to create slab 'flag-panic'", () => kmem_cache_create("flag-panic", 0, 0, SLAB_PANIC));
    }

    [Theory]
    [InlineData(SlabFlags.None, ZoneType.Normal)]
    [InlineData(SlabFlags.CacheDma, ZoneType.Dma)]
    [InlineData(SlabFlags.CacheDma32, ZoneType.Dma32)]
    public void Dma_Dma32_TakeSlabsFromTheirZone(SlabFlags flags, ZoneType zone)
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 6UL << 30, Layout = MemoryLayout.X86_64 });
        KmemCache* cache = memory.CreateCache("zoned", 300, 0, flags);
        for (int i = 0; i < 100; i++) Assert.Equal(zone, memory.PageZone(memory.VirtToPage(memory.CacheAlloc(cache))));
    }

    [Theory]
    [InlineData(SlabFlags.None, "Unmovable")]
    [InlineData(SlabFlags.ReclaimAccount, "Reclaimable")]
    public void ReclaimAccount_KeepsSlabsAmongReclaimablePages(SlabFlags flags, string mobility)
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("mobile", 300, 0, flags);
        Page* page = memory.VirtToPage(memory.CacheAlloc(cache));
        Assert.Equal(mobility, $"{(MigrateType)memory.Memory.HeadOf(page)->MigrateType}");
    }

    [Fact]
    public void Account_ChargesTheOwnerInWhoseScopeTheCacheWasCreated()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        using var tenant = new MemoryOwner("tenant");
        KmemCache* charged, plain, outside = memory.CreateCache("outside", 200, 0, SlabFlags.Account);
        using (tenant.Enter())
        {
            charged = memory.CreateCache("charged", 200, 0, SlabFlags.Account);
            plain = memory.CreateCache("plain", 200);
            memory.CacheAlloc(plain);
            memory.CacheAlloc(outside);
            Assert.Equal(0, tenant.Bytes);
        }

        void* obj = memory.CacheAlloc(charged);
        Assert.Equal((long)PAGE_SIZE << charged->Order, tenant.Bytes);
        memory.CacheFree(charged, obj);
        memory.DestroyCache(charged);
        Assert.Equal(0, tenant.Bytes);
    }

    [Fact]
    public void UnknownFlags_AreRefused()
    {
        KernelReport report = Assert.Single(Reports(() => Assert.True(kmem_cache_create("flag-unknown", 8, 0, (slab_flags_t)0x80000001) == null)));
        Assert.Contains("0x80000001 are no flags of a cache", report.Text);
    }
}
