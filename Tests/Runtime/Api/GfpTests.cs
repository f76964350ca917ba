using static KAlloc.Linux;

namespace KAlloc.Runtime.Tests;

public class GfpTests
{
    [Theory]
    [InlineData(GFP_ATOMIC, 0x820u)]
    [InlineData(GFP_NOWAIT, 0x2800u)]
    [InlineData(GFP_NOIO, 0xC00u)]
    [InlineData(GFP_NOFS, 0xC40u)]
    [InlineData(GFP_KERNEL, 0xCC0u)]
    [InlineData(GFP_USER, 0x100CC0u)]
    [InlineData(GFP_HIGHUSER, 0x100CC2u)]
    [InlineData(GFP_HIGHUSER_MOVABLE, 0x100CCAu)]
    [InlineData(GFP_KERNEL_ACCOUNT, 0x400CC0u)]
    [InlineData(__GFP_NOFAIL, 0x8000u)]
    [InlineData(__GFP_REPEAT, 0x4000u)]
    public void Values_AreTheKernels(gfp_t flags, uint value) => Assert.Equal(value, (uint)flags);

    [Theory]
    [InlineData(GFP_KERNEL, "GFP_KERNEL")]
    [InlineData(GFP_KERNEL | __GFP_ZERO, "GFP_KERNEL|__GFP_ZERO")]
    [InlineData(GFP_ATOMIC | GFP_DMA, "GFP_ATOMIC|GFP_DMA")]
    [InlineData(GFP_HIGHUSER_MOVABLE | __GFP_COMP, "GFP_HIGHUSER_MOVABLE|__GFP_COMP")]
    [InlineData(__GFP_DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM")]
    [InlineData((gfp_t)0, "none")]
    [InlineData((gfp_t)0x80000000, "0x80000000")]
    public void Format_IsTheKernels(gfp_t flags, string text) => Assert.Equal(text, flags.Format());
}
