using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Failures on purpose: the kernel's <c>failslab</c>.</summary>
[Collection("alone")]
public unsafe class FailSlabTests
{
    [Fact]
    public void Probability_100_FailsAsOftenAsTimesSays()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("fails", 64);
        Assert.Equal("++++", Pattern(memory, cache, 4));
        memory.FailSlab.Probability = 100;
        Assert.Equal("-+++", Pattern(memory, cache, 4));
        memory.FailSlab.Times = 3;
        Assert.Equal("---+", Pattern(memory, cache, 4));
        Assert.Equal(0, memory.FailSlab.Times);
        memory.FailSlab.Times = -1;
        Assert.Equal("--------", Pattern(memory, cache, 8));
        Assert.Equal(12, memory.FailSlab.Failures);
        memory.FailSlab.Probability = 0;
        Assert.Equal("++", Pattern(memory, cache, 2));
    }

    [Fact]
    public void Interval_And_Space_Pick()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("picks", 100);
        memory.FailSlab.Parse("3,100,0,-1");
        Assert.Equal("++-++-++-", Pattern(memory, cache, 9));
        memory.FailSlab.Parse("1,100,450,-1");
        Assert.Equal("++++--", Pattern(memory, cache, 6));
    }

    [Fact]
    public void Probability_IsWhatFailsOfMany_AndRepeatsWithItsSeed()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("chance", 64);
        memory.FailSlab.Parse("1,30,0,-1");
        memory.FailSlab.Seed(9);
        string first = Pattern(memory, cache, 2000);
        memory.FailSlab.Seed(9);
        Assert.Equal(first, Pattern(memory, cache, 2000));
        Assert.InRange(first.Count(c => c == '-'), 500, 700);
    }

    [Fact]
    public void RequestsThatMayWait_AreSparedUntilAskedFor_ThoseThatMayNotFailAlways()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* cache = memory.CreateCache("waits", 64);
        memory.FailSlab.Parse("1,100,0,-1");
        Assert.Equal("+", Pattern(memory, cache, 1, GfpFlags.Kernel));
        memory.FailSlab.IgnoreGfpWait = false;
        Assert.Equal("-", Pattern(memory, cache, 1, GfpFlags.Kernel));
        Assert.Equal("+", Pattern(memory, cache, 1, GfpFlags.Kernel | GfpFlags.NoFail));
    }

    [Fact]
    public void CacheFilter_And_TaskFilter_Spare()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* marked = memory.CreateCache("marked", 64, 0, SlabFlags.FailSlab);
        KmemCache* plain = memory.CreateCache("unmarked", 64);
        memory.FailSlab.Parse("1,100,0,-1");
        memory.FailSlab.CacheFilter = true;
        Assert.Equal("-", Pattern(memory, marked, 1));
        Assert.Equal("+", Pattern(memory, plain, 1));
        memory.FailSlab.TaskFilter = true;
        Assert.Equal("+", Pattern(memory, marked, 1));
        FaultInjection.MakeItFail = true;
        Assert.Equal("-", Pattern(memory, marked, 1));
        FaultInjection.MakeItFail = false;
    }

    [Fact]
    public void FailSlab_OnTheDefaultSystem_ReachesEveryCallOfItsCaches_AndNoOthers()
    {
        kmem_cache* marked = kmem_cache_create("fail-marked", 64, 0, SLAB_FAILSLAB);
        kmem_cache* plain = kmem_cache_create("fail-plain", 64, 0, 0);
        FaultInjection fail = KernelMemory.Default.FailSlab;
        try
        {
            fail.Parse("2,100,0,-1");
            Assert.Equal("+-+-+-+-", Pattern(KernelMemory.Default, marked, 8));
            Assert.Equal("++++++++", Pattern(KernelMemory.Default, plain, 8));
            nint* objects = stackalloc nint[5];
            int filled = 0;
            for (int i = 0; i < 10; i++)
            {
                int count = kmem_cache_alloc_bulk(marked, GFP_NOWAIT, 5, (void**)objects);
                Assert.True(count is 0 or 5);
                filled += count;
                kmem_cache_free_bulk(marked, count, (void**)objects);
            }

            Assert.Equal(25, filled);
        }
        finally
        {
            fail.Probability = 0;
        }

        kmem_cache_destroy(marked);
        kmem_cache_destroy(plain);
    }

    [Fact]
    public void Failure_IsReported_AndKreallocKeepsTheOldMemory()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        var old = (byte*)memory.Kmalloc(40);
        new Span<byte>(old, 40).Fill(3);
        memory.FailSlab.Parse("1,100,0,1");
        KernelReport report = Assert.Single(Reports(() => Assert.True(memory.KmallocSystem.Reallocate(old, 400, GFP_ATOMIC) == null)));
        Assert.StartsWith("FAULT_INJECTION: forcing a failure.\nname failslab, interval 1, probability 100, space 0, times 0", report.Text);
        Assert.True(new Span<byte>(old, 40).IndexOfAnyExcept((byte)3) < 0);
        memory.Kfree(old);
    }

    [Theory]
    [InlineData("1,100,0")]
    [InlineData("1,101,0,1")]
    [InlineData("a,b,c,d")]
    public void Parse_RefusesOtherText(string text) => Assert.Throws<FormatException>(() => KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 16 << 20, FailSlab = text }));

    [Fact]
    public void Option_SetsItAtBoot()
    {
        using KernelMemory memory = KernelMemory.Boot(new KernelMemoryOptions { MemorySize = 16 << 20, FailSlab = "1,100,0,2" });
        Assert.True(memory.TryKmalloc(100, GFP_NOWAIT) == null);
        Assert.True(memory.TryKmalloc(100, GFP_NOWAIT) == null);
        Assert.True(memory.TryKmalloc(100, GFP_NOWAIT) != null);
    }

    /// <summary>+ for each object that was there, - for each that was not. The objects go back.</summary>
    private static string Pattern(KernelMemory memory, KmemCache* cache, int count, GfpFlags flags = GfpFlags.NoWait)
    {
        var text = new char[count];
        var objects = new List<nint>();
        for (int i = 0; i < count; i++)
        {
            var obj = (nint)kmem_cache_alloc(cache, flags | GfpFlags.NoWarn);
            if (obj != 0) objects.Add(obj);
            text[i] = obj != 0 ? '+' : '-';
        }

        foreach (nint obj in objects) memory.CacheFree(cache, (void*)obj);
        return new string(text);
    }
}
