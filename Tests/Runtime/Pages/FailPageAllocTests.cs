using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>Requests for pages that fail on purpose: the kernel's <c>fail_page_alloc</c> with its defaults, and each of them changed.</summary>
public unsafe class FailPageAllocTests
{
    private static KernelMemory Boot(string? attributes = null) => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never, MemorySize = 64 << 20, GiveBackAfter = Timeout.InfiniteTimeSpan, FailPageAlloc = attributes,
        Layout = new MemoryLayout("high", new ZoneBoundary(ZoneType.Normal, 32 << 20, "test"), new ZoneBoundary(ZoneType.HighMem, ulong.MaxValue, "test")),
    });

    private static bool Fails(KernelMemory memory, GfpFlags flags, int order)
    {
        Page* page = memory.TryAllocPages(flags, order);
        memory.FreePages(page, order);
        return page == null;
    }

    [Fact]
    public void Defaults_SpareSinglePages_RequestsThatMayWait_HighMemory_AndThoseThatMayNotFail()
    {
        using KernelMemory memory = Boot("1,100,0,-1");
        Assert.True(Fails(memory, GfpFlags.Atomic, 1));
        Assert.True(Fails(memory, GfpFlags.NoWait, 10));
        Assert.False(Fails(memory, GfpFlags.Atomic, 0));
        Assert.False(Fails(memory, GfpFlags.Kernel, 3));
        Assert.False(Fails(memory, GfpFlags.Atomic | GfpFlags.HighMem, 1));
        Assert.Equal(2, memory.FailPageAlloc.Failures);

        memory.FailPageAlloc.MinOrder = 0;
        memory.FailPageAlloc.IgnoreGfpWait = memory.FailPageAlloc.IgnoreGfpHighMem = false;
        Assert.True(Fails(memory, GfpFlags.Atomic, 0));
        Assert.True(Fails(memory, GfpFlags.Kernel, 0));
        Assert.True(Fails(memory, GfpFlags.HighUser, 3));
        Assert.False(Fails(memory, GfpFlags.Kernel | GfpFlags.NoFail, 0));
        Assert.Equal(5, memory.FailPageAlloc.Failures);
    }

    [Fact]
    public void Failure_IsNullAndOneReport_ThatIsNoFailureForWantOfMemory()
    {
        using KernelMemory memory = Boot("1,100,0,2");
        string text = Assert.Single(Reports(() => Assert.True(Fails(memory, GfpFlags.Atomic, 2)))).Text;
        Assert.StartsWith("FAULT_INJECTION: forcing a failure.\nname fail_page_alloc, interval 1, probability 100, space 0, times 1", text);
        Assert.Empty(Reports(() => Assert.True(Fails(memory, GfpFlags.Atomic | GfpFlags.NoWarn, 2))));
        Assert.False(Fails(memory, GfpFlags.Atomic, 2));
        Assert.Equal(0, memory.Pages.OutOfMemoryCount);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
    }

    [Fact]
    public void Space_CountsPages()
    {
        using KernelMemory memory = Boot("1,100,20,-1");
        Assert.False(Fails(memory, GfpFlags.Atomic, 3));
        Assert.False(Fails(memory, GfpFlags.Atomic, 3));
        Assert.True(Fails(memory, GfpFlags.Atomic, 3));
    }

    [Fact]
    public void WrongOrder_IsTheWarningThatItAlwaysIs()
    {
        using KernelMemory memory = Boot("1,100,0,-1");
        Assert.StartsWith("WARNING: page order 11", Assert.Single(Reports(() => Assert.True(Fails(memory, GfpFlags.Atomic, 11)))).Text);
    }

    /// <summary>Those above take what is left to them: smaller blocks, or null to their own callers.</summary>
    [Fact]
    public void LayersAbove_LiveWithIt()
    {
        using KernelMemory memory = Boot("1,100,0,-1");
        void* area = memory.Vmalloc(64 * 4096);
        Assert.True(area != null && memory.TryKmalloc(20_000, GfpFlags.Atomic) == null);
        memory.Vfree(area);
        void* small = memory.Kmalloc(3000, GfpFlags.Atomic);
        Assert.True(small != null);
        memory.Kfree(small);
        memory.Shrink();
        Sound(memory);
        Assert.Equal(memory.TotalBytes, memory.FreeBytes);
    }
}
