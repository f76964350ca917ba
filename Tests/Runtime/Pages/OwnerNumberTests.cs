using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>The number of a <see cref="MemoryOwner"/> is given to another only when nothing names the first any more.</summary>
[Collection("alone")]
public unsafe class OwnerNumberTests
{
    /// <summary>More than numbers that can be on their way back at a time.</summary>
    private const int Others = 300;

    [Fact]
    public void OwnersByTheHundredThousand_TakeNumbersInTurn()
    {
        int before = MemoryOwner.All.Count;
        var last = new Queue<MemoryOwner>();
        for (int i = 0; i < 200_000; i++)
        {
            last.Enqueue(new MemoryOwner("short"));
            if (last.Count > 100) last.Dequeue().Dispose();
        }

        Assert.Equal(last.Count, last.Select(owner => owner.Number).Distinct().Count());
        foreach (MemoryOwner owner in last) owner.Dispose();
        Assert.Equal(before, MemoryOwner.All.Count);
    }

    [Fact]
    public void ScopeOfADisposedOwner_ChargesNobodyElse()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        var ended = new MemoryOwner("ended");
        using (ended.Enter())
        {
            ended.Dispose();
            List<MemoryOwner> others = Create();
            Page* page = memory.AllocPages(GfpFlags.Kernel | GfpFlags.Account, 0);
            Assert.All(others, other => Assert.Equal(0, other.Bytes));
            memory.FreePages(page, 0);
            Dispose(others);
        }

        Assert.Throws<ObjectDisposedException>(() => ended.Enter());
    }

    [Fact]
    public void ScopeAroundAnother_WhoseOwnerEndsMeanwhile_ChargesNobodyElse()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        var ended = new MemoryOwner("ended");
        using var inner = new MemoryOwner("inner");
        MemoryOwner.Scope outerScope = ended.Enter(), innerScope = inner.Enter();
        ended.Dispose();
        List<MemoryOwner> others = Create();
        innerScope.Dispose();
        Page* page = memory.AllocPages(GfpFlags.Kernel | GfpFlags.Account, 0);
        Assert.All(others, other => Assert.Equal(0, other.Bytes));
        memory.FreePages(page, 0);
        outerScope.Dispose();
        Dispose(others);
    }

    [Fact]
    public void CacheOfADisposedOwner_GoesOnChargingIt()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        var ended = new MemoryOwner("ended");
        KmemCache* cache;
        using (ended.Enter()) cache = memory.CreateCache("of-the-ended", 200, 0, SlabFlags.Account);
        ended.Dispose();
        List<MemoryOwner> others = Create();
        void* obj = memory.CacheAlloc(cache);
        Assert.True(ended.Bytes > 0);
        Assert.All(others, other => Assert.Equal(0, other.Bytes));
        memory.CacheFree(cache, obj);
        Assert.Contains(ended, MemoryOwner.All);
        memory.DestroyCache(cache);
        Assert.Equal(0, ended.Bytes);
        Assert.DoesNotContain(ended, MemoryOwner.All);
        Dispose(others);
    }

    [Fact]
    public void CacheGivenToAnOwner_HoldsTheNumberUntilItIsAnothersOrDestroyed()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        MemoryOwner first = new("first"), second = new("second");
        KmemCache* cache = memory.CreateCache("handed-on", 200);
        memory.SetCacheOwner(cache, first);
        first.Dispose();
        Assert.Contains(first, MemoryOwner.All);
        memory.SetCacheOwner(cache, second);
        Assert.DoesNotContain(first, MemoryOwner.All);
        nint address = (nint)cache;
        Assert.Throws<ObjectDisposedException>(() => memory.SetCacheOwner((KmemCache*)address, first));
        second.Dispose();
        List<MemoryOwner> others = Create();
        void* obj = memory.CacheAlloc(cache);
        Assert.True(second.Bytes > 0);
        Assert.All(others, other => Assert.Equal(0, other.Bytes));
        memory.CacheFree(cache, obj);
        memory.DestroyCache(cache);
        Assert.DoesNotContain(second, MemoryOwner.All);
        Dispose(others);
    }

    [Fact]
    public void SystemThatIsDisposed_LetsGoOfTheOwnersOfItsCaches()
    {
        var ended = new MemoryOwner("ended");
        using (KernelMemory memory = Boot("Flat", BackingKind.Automatic))
        {
            KmemCache* cache;
            using (ended.Enter()) cache = memory.CreateCache("left", 200, 0, SlabFlags.Account);
            memory.CacheAlloc(cache);
            Assert.Single(Reports(ended.Dispose));
            Assert.Contains(ended, MemoryOwner.All);
        }

        Assert.Equal(0, ended.Bytes);
        Assert.DoesNotContain(ended, MemoryOwner.All);
    }

    [Fact]
    public void SystemThatIsDisposed_LetsGoOfTheOwnersOfItsPages()
    {
        using KernelMemory other = Boot("Flat", BackingKind.Automatic);
        using var parent = new MemoryOwner("parent");
        var ended = new MemoryOwner("ended", parent: parent);
        Page* kept;
        using (ended.Enter()) kept = other.TryAllocPages(GfpFlags.KernelAccount, 1);
        using (KernelMemory memory = Boot("Flat", BackingKind.Automatic))
        {
            using (ended.Enter())
            {
                memory.TryAllocPages(GfpFlags.KernelAccount, 0);
                memory.TryAllocPages(GfpFlags.KernelAccount | GfpFlags.Compound, 3);
                memory.TryAllocPages(GfpFlags.KernelAccount, 2);
                memory.AllocPagesExact(5 << 12, GfpFlags.KernelAccount);
                memory.Kmalloc(20_000, GfpFlags.KernelAccount);
                memory.Kmalloc(100, GfpFlags.KernelAccount);
                memory.FreePages(memory.TryAllocPages(GfpFlags.KernelAccount, 4), 4);
            }

            Assert.True(ended.Bytes >= (2 + 1 + 8 + 4 + 5 + 5) << 12);
            Assert.Single(Reports(ended.Dispose));
        }

        // What another system has stays charged.
        Assert.Equal((2L << 12, 2L << 12), (ended.Bytes, parent.Bytes));
        other.FreePages(kept, 1);
        Assert.Equal((0L, 0L), (ended.Bytes, parent.Bytes));
        Assert.DoesNotContain(ended, MemoryOwner.All);
    }

    [Fact]
    public void BootInAScope_LeavesTheSharedCachesToEverybody()
    {
        using var tenant = new MemoryOwner("tenant");
        using (tenant.Enter())
        {
            using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
            memory.Kfree(memory.Kmalloc(100, GfpFlags.Kernel | GfpFlags.Account));
            Assert.Equal(0, tenant.Bytes);
        }
    }

    /// <summary>Charges and ends race: whatever happens, an owner that came later has paid for nothing.</summary>
    [Fact]
    public void ChargesThatMeetTheEndOfTheirOwner_AreNotLaidOnTheNext()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        for (int round = 0; round < 300; round++)
        {
            var owner = new MemoryOwner("raced");
            using var start = new Barrier(2);
            nint page = 0;
            var worker = new Thread(() =>
            {
                using MemoryOwner.Scope scope = owner.Enter();
                start.SignalAndWait();
                page = (nint)memory.AllocPages(GfpFlags.Kernel | GfpFlags.Account, 0);
            });
            worker.Start();
            start.SignalAndWait();
            Reports(owner.Dispose);
            worker.Join();
            List<MemoryOwner> others = Create(8);
            memory.FreePages((Page*)page, 0);
            Assert.Equal(0, owner.Bytes);
            Assert.All(others, other => Assert.Equal(0, other.Bytes));
            Dispose(others);
            Assert.DoesNotContain(owner, MemoryOwner.All);
        }
    }

    private static List<MemoryOwner> Create(int count = Others) => [.. Enumerable.Range(0, count).Select(i => new MemoryOwner($"other-{i}"))];

    private static void Dispose(List<MemoryOwner> owners) => owners.ForEach(owner => owner.Dispose());
}
