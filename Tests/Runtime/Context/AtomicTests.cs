using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>The rule in .NET words.</summary>
public class AtomicTests
{
    private const string Invalid = "BUG: sleeping function called from invalid context at ";

    [Fact]
    public void Section_ForbidsWhatMayBlock_UntilItIsLeft() => Cpu.Run(() =>
    {
        Assert.False(Atomic.IsActive);
        using (Atomic.Enter())
        {
            using (Atomic.Enter()) Assert.Equal(2, preempt_count());
            Assert.True(Atomic.IsActive);
            Bug(Invalid, () => Atomic.MightBlock());
            Bug(Invalid, () => KernelMemory.Default.Shrink());
        }

        Assert.False(Atomic.IsActive);
        Assert.Empty(Reports(() => Atomic.MightBlock()));
    });

    [Fact]
    public void Dispose_Twice_LeavesOnce() => Cpu.Run(() =>
    {
        using AtomicSection outer = Atomic.Enter();
        AtomicSection inner = Atomic.Enter();
        inner.Dispose();
        inner.Dispose();
        Assert.Equal(1, preempt_count());
    });
}
