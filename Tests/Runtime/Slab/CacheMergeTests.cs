using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Caches that are alike become one (<c>slab_merge</c>).</summary>
public unsafe class CacheMergeTests
{
    private static KernelMemory Boot() => KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 64 << 20, Layout = MemoryLayout.Flat, MergeCaches = true });

    [Fact]
    public void Twin_IsAnotherNameOfTheFirst()
    {
        using KernelMemory memory = Boot();
        KmemCache* first = memory.CreateCache("first", 60);
        KmemCache* second = memory.CreateCache("second", 64);
        Assert.True(first == second);
        Assert.Equal(64u, Linux.kmem_cache_size(first));
        Assert.Contains("\nfirst ", memory.Proc.SlabInfo());
        Assert.DoesNotContain("second", memory.Proc.SlabInfo());

        // An object of the one may be freed as one of the other.
        memory.CacheFree(second, memory.CacheAlloc(first));
    }

    [Fact]
    public void Destroy_TakesOneNameAtATime()
    {
        using KernelMemory memory = Boot();
        KmemCache* first = memory.CreateCache("first", 200);
        KmemCache* second = memory.CreateCache("second", 200);
        void* obj = memory.CacheAlloc(first);
        memory.DestroyCache(first);
        void* other = memory.CacheAlloc(second);
        memory.CacheFree(second, obj);
        Bug("Slab cache still has 1 object", () => memory.DestroyCache(second));
        memory.CacheFree(second, other);
        memory.DestroyCache(second);
        Bug("the cache was destroyed", () => memory.DestroyCache(second));
        Assert.DoesNotContain("first", memory.Proc.SlabInfo());
    }

    [Theory]
    [InlineData(SlabFlags.NoMerge)]
    [InlineData(SlabFlags.RedZone)]
    [InlineData(SlabFlags.Poison)]
    [InlineData(SlabFlags.StoreUser)]
    [InlineData(SlabFlags.TypesafeByRcu)]
    [InlineData(SlabFlags.FailSlab)]
    public void FlagsThatMakeACacheSpecial_KeepItApart(SlabFlags flags)
    {
        using KernelMemory memory = Boot();
        KmemCache* special = memory.CreateCache("special", 128, 0, flags);
        KmemCache* plain = memory.CreateCache("plain", 128);
        Assert.True(special != plain);
        Assert.True(memory.CreateCache("special too", 128, 0, flags) != special);
    }

    [Theory]
    [InlineData(SlabFlags.ReclaimAccount)]
    [InlineData(SlabFlags.CacheDma)]
    [InlineData(SlabFlags.CacheDma32)]
    [InlineData(SlabFlags.Account)]
    public void FlagsThatSayWhereMemoryComesFrom_MustBeEqual(SlabFlags flags)
    {
        using KernelMemory memory = Boot();
        KmemCache* plain = memory.CreateCache("plain", 136);
        KmemCache* flagged = memory.CreateCache("flagged", 136, 0, flags);
        Assert.True(flagged != plain);
        Assert.True(memory.CreateCache("flagged too", 136, 0, flags) == flagged);
    }

    [Fact]
    public void Constructor_Owner_Size_And_Alignment_KeepApart()
    {
        using KernelMemory memory = Boot();
        using var owner = new MemoryOwner("tenant");
        KmemCache* plain = memory.CreateCache("plain", 136);
        Assert.True(memory.CreateCache("constructed", 136, 0, SlabFlags.None, _ => { }) != plain);
        Assert.True(memory.CreateCache("smaller", 128) != plain);
        Assert.True(memory.CreateCache("larger", 144) != plain);
        Assert.True(memory.CreateCache("aligned", 136, 16) != plain);
        Assert.True(memory.CreateCache("fits", 130) == plain);
        KmemCache* nobodys = memory.CreateCache("nobody's", 136, 0, SlabFlags.Account);
        using (owner.Enter()) Assert.True(memory.CreateCache("tenant's", 136, 0, SlabFlags.Account) != nobodys);
    }

    [Fact]
    public void Kmalloc_SharesItsReclaimableCaches_NeverItsNormalOnes()
    {
        using KernelMemory memory = Boot();
        KmemCache* cache = memory.CreateCache("dentry-like", 192, 0, SlabFlags.ReclaimAccount);
        Assert.Equal("kmalloc-rcl-192", memory.StatisticsOf(cache).Name);
        memory.DestroyCache(cache);
        memory.Kfree(memory.Kmalloc(192, GfpFlags.Kernel | GfpFlags.Reclaimable));
        Assert.Equal("plain", memory.StatisticsOf(memory.CreateCache("plain", 192)).Name);
    }

    [Fact]
    public void TypedCache_DisposedTwice_GivesUpOneName()
    {
        using KernelMemory memory = Boot();
        KmemCache<decimal> first = memory.CreateCache<decimal>("first");
        KmemCache<Guid> second = memory.CreateCache<Guid>("second");
        Assert.True(first.Descriptor == second.Descriptor);
        first.Dispose();
        first.Dispose();
        second.Free(second.Alloc());
        second.Dispose();
    }

    [Fact]
    public void AnyMix_GivesEachItsAlignment()
    {
        const int Seed = 12;
        var random = new Random(Seed);
        using KernelMemory memory = Boot();
        int merged = 0;
        var seen = new HashSet<nint>();
        for (int i = 0; i < 600; i++)
        {
            int size = 1 + random.Next(random.Next(4) == 0 ? 9000 : 300);
            int align = random.Next(3) == 0 ? 1 << random.Next(10) : 0;
            SlabFlags flags = random.Next(3) == 0 ? SlabFlags.HwCacheAlign : SlabFlags.None;
            KmemCache* cache = memory.CreateCache($"mix-{i}", (nuint)size, (nuint)align, flags);
            if (!seen.Add((nint)cache)) merged++;
            Assert.True(Linux.kmem_cache_size(cache) >= size);
            for (int k = 0; k < 20; k++)
            {
                var obj = (nint)memory.CacheAlloc(cache);
                Assert.True(obj % Math.Max(8, align) == 0, $"seed {Seed}, cache {i}: 0x{obj:x} is not aligned to {align}");
                if ((flags & SlabFlags.HwCacheAlign) != 0 && size > 32) Assert.Equal(0, obj % 64);
            }
        }

        Assert.InRange(merged, 50, 550);
        Sound(memory);
    }

    [Fact]
    public void WithoutTheOption_NothingMerges()
    {
        using KernelMemory memory = TestSupport.Boot("Flat", BackingKind.Automatic);
        Assert.True(memory.CreateCache("first", 64) != memory.CreateCache("second", 64));
    }
}
