using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Who pays, how much at most, and who holds what by name.</summary>
public unsafe class MemoryOwnerTests
{
    private static KernelMemory Boot(int megabytes = 64) => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never, MemorySize = (ulong)megabytes << 20, Layout = MemoryLayout.Flat, GiveBackAfter = Timeout.InfiniteTimeSpan,
    });

    [Fact]
    public void IsChargedAndHeldToItsLimit()
    {
        using KernelMemory memory = Boot(64);
        using var company = new MemoryOwner("company", 1 << 20);
        using var tenant = new MemoryOwner("tenant", 64 << 12, company);
        var pages = new List<nint>();
        using (tenant.Enter())
        {
            for (Page* page; (page = memory.TryAllocPages(GfpFlags.KernelAccount | GfpFlags.NoWarn, 0)) != null;) pages.Add((nint)page);
            Assert.Equal(64, pages.Count);
            Assert.Contains("Memory owner out of memory: tenant: 262144 of 262144 bytes",
                Assert.Single(Reports(() => Assert.True(memory.TryAllocPages(GfpFlags.KernelAccount, 0) == null))).Text);

            // Only accounted requests are charged.
            Page* free = memory.TryAllocPages(GfpFlags.Kernel, 0);
            Assert.True(free != null);
            memory.FreePages(free, 0);
        }

        Assert.Equal((64L << 12, 64L << 12, 64L << 12), (tenant.Bytes, company.Bytes, tenant.PeakBytes));
        Assert.Equal(2, tenant.Failures);

        // Whoever frees: another thread, outside of the scope.
        var thread = new Thread(() =>
        {
            foreach (nint page in pages) memory.FreePages((Page*)page, 0);
        });
        thread.Start();
        thread.Join();
        Assert.Equal((0L, 0L), (tenant.Bytes, company.Bytes));
    }

    [Fact]
    public void SplitBlocksAndExactPages_AreUnchargedPieceByPiece()
    {
        using KernelMemory memory = Boot(64);
        using var owner = new MemoryOwner("exact");
        void* range;
        using (owner.Enter()) range = memory.AllocPagesExact(5 << 12, GfpFlags.KernelAccount);
        Assert.Equal(5 << 12, owner.Bytes);
        memory.FreePagesExact(range, 5 << 12);
        Assert.Equal(0, owner.Bytes);
        using (owner.Enter()) range = memory.Kmalloc(20_000, GfpFlags.KernelAccount);
        Assert.InRange(owner.Bytes, 20_000, 1 << 16);
        memory.Kfree(range);
        Assert.Equal(0, owner.Bytes);
    }

    [Fact]
    public void OfACache_PaysForItsSlabs_AndNotForOthers()
    {
        using KernelMemory memory = Boot(64);
        using var owner = new MemoryOwner("sessions", 64 << 10);
        KmemCache* cache = memory.CreateCache("session", 1000);
        memory.SetCacheOwner(cache, owner);
        var objects = new List<nint>();
        nint address = (nint)cache;
        while (Record.Exception(() => objects.Add((nint)memory.CacheAlloc((KmemCache*)address, GfpFlags.Kernel | GfpFlags.NoWarn))) is null)
        {
        }

        Assert.InRange(objects.Count, 40, 65);
        Assert.InRange(owner.Bytes, 32 << 10, 64 << 10);
        Bug("has slabs already", () => memory.SetCacheOwner((KmemCache*)address, owner));
        foreach (nint obj in objects) memory.CacheFree(cache, (void*)obj);
        memory.DestroyCache(cache);
        Assert.Equal(0, owner.Bytes);

        // A small kmalloc block lies in a slab of everybody's.
        using (owner.Enter()) memory.Kfree(memory.Kmalloc(100, GfpFlags.KernelAccount));
        Assert.Equal(0, owner.Bytes);
    }

    [Fact]
    public void OverLimit_MayMakeRoom()
    {
        using KernelMemory memory = Boot(64);
        Page* held = null;
        using var owner = new MemoryOwner("cache", 1 << 12);
        owner.OverLimit = _ =>
        {
            memory.FreePages(held, 0);
            return true;
        };
        using (owner.Enter())
        {
            held = memory.AllocPages(GfpFlags.KernelAccount, 0);
            Assert.True(memory.TryAllocPages(GfpFlags.Atomic | GfpFlags.Account | GfpFlags.NoWarn, 0) == null);
            held = memory.AllocPages(GfpFlags.KernelAccount, 0);
        }

        Assert.Equal(1 << 12, owner.Bytes);
        memory.FreePages(held, 0);
    }

    [Fact]
    public void ThatEndsWithMemory_IsReported()
    {
        using KernelMemory memory = Boot(64);
        var owner = new MemoryOwner("leaky");
        Page* page;
        using (owner.Enter()) page = memory.AllocPages(GfpFlags.KernelAccount, 0);
        Assert.Contains("leaky ends with 4096 bytes", Assert.Single(Reports(owner.Dispose)).Text);
        memory.FreePages(page, 0);
        Assert.DoesNotContain(owner, MemoryOwner.All);
    }

    [Fact]
    public void View_SaysWhoHoldsWhat_ByName()
    {
        using KernelMemory memory = Boot();
        using var company = new MemoryOwner("the-company", 1 << 20);
        using var tenant = new MemoryOwner("the-tenant", parent: company);
        KmemCache* cache = memory.CreateCache("session", 1000);
        memory.SetCacheOwner(cache, tenant);
        void* obj = memory.CacheAlloc(cache);
        long slab = tenant.Bytes;
        Page* page;
        using (tenant.Enter())
        {
            page = memory.AllocPages(GfpFlags.KernelAccount, 1);
            Assert.True(memory.TryAllocPages(GfpFlags.KernelAccount | GfpFlags.NoWarn, 9) == null);
        }

        string view = memory.Proc.MemoryOwners();
        Assert.StartsWith("# name                  bytes        limit         peak failures parent\n", view);
        Assert.Contains($"the-company {slab + 8192,16} {1048576,12} {slab + 8192,12}        1 -\n", view);
        Assert.Contains($"the-tenant {slab + 8192,17}          max {slab + 8192 + (512 << 12),12}        0 the-company\n  cache session   {slab,10}\n", view);
        memory.FreePages(page, 1);
        memory.CacheFree(cache, obj);
        memory.DestroyCache(cache);
        Assert.DoesNotContain("session", memory.Proc.MemoryOwners());
    }
}
