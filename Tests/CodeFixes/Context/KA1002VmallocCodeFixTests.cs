using KAlloc.CodeFixes.Rules.Context;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer, KAlloc.CodeFixes.Rules.Context.KA1002VmallocCodeFix>;

namespace KAlloc.CodeFixes.Tests.Context;

public sealed class KA1002VmallocCodeFixTests
{
    private static string Body(string code) =>
        $$"""
        using KAlloc;
        using static KAlloc.Linux;

        unsafe class C : Kernel
        {
            static KernelSpinLock Lock;
            static void* Kept;

            static void M(int n)
            {
                {{code}}
            }
        }

        // The calls in question with the kernel face's contracts, and an allocator of another maker.
        unsafe class Kernel
        {
            [MightSleep]
            [return: Allocates("vmalloc", FreedBy = nameof(vfree), Size = nameof(size), MayReturnNull = true)]
            protected static void* vmalloc(nuint size) => null;

            [MightSleep]
            [return: Allocates("vmalloc", FreedBy = nameof(vfree), Size = nameof(size), MayReturnNull = true, Zeroed = true)]
            protected static void* vzalloc(nuint size) => null;

            [MightSleep(OnlyInProcessContext = true)]
            protected static void vfree([Frees("vmalloc")] void* addr) { }

            protected static void vfree_atomic([Frees("vmalloc")] void* addr) { }

            [MightSleepIf(nameof(flags))]
            [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true)]
            protected static void* kmalloc(nuint size, GfpFlags flags) => null;

            [MightSleepIf(nameof(flags))]
            [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, Zeroed = true)]
            protected static void* kzalloc(nuint size, GfpFlags flags) => null;

            protected static void kfree([Frees("kmalloc")] void* addr) { }
        }
        """;

    [Fact]
    public Task Vfree_UnderALock_BecomesVfreeAtomic() =>
        Verify.VerifyCodeFixAsync(
            Body("void* p = vmalloc(64); spin_lock(ref Lock); {|KA1002:vfree(p)|}; spin_unlock(ref Lock);"),
            Body("void* p = vmalloc(64); spin_lock(ref Lock); vfree_atomic(p); spin_unlock(ref Lock);"),
            KA1002VmallocCodeFix.FreeAtomicKey);

    [Theory]
    [InlineData("spin_lock(ref Lock); void* p = {|KA1002:vmalloc(64)|}; spin_unlock(ref Lock); vfree(p);", "spin_lock(ref Lock); void* p = kmalloc(64, GFP_ATOMIC); spin_unlock(ref Lock); kfree(p);")]
    [InlineData("spin_lock(ref Lock); byte* p = (byte*){|KA1002:vzalloc(4 * 1024 * 1024)|}; if (p != null) { p[0] = 1; memset(p, 0, 4); } spin_unlock(ref Lock); vfree(p);", "spin_lock(ref Lock); byte* p = (byte*)kzalloc(4 * 1024 * 1024, GFP_ATOMIC); if (p != null) { p[0] = 1; memset(p, 0, 4); } spin_unlock(ref Lock); kfree(p);")]
    [InlineData("void* p = null; spin_lock(ref Lock); if (n > 0) p = {|KA1002:vmalloc(64)|}; spin_unlock(ref Lock); if (n > 1) { vfree(p); return; } vfree_atomic(p);", "void* p = null; spin_lock(ref Lock); if (n > 0) p = kmalloc(64, GFP_ATOMIC); spin_unlock(ref Lock); if (n > 1) { kfree(p); return; } kfree(p);")]
    [InlineData("preempt_disable(); void* p = {|KA1002:vmalloc(64)|}; {|KA1002:vfree(p)|}; preempt_enable();", "preempt_disable(); void* p = kmalloc(64, GFP_ATOMIC); kfree(p); preempt_enable();")]
    public Task Vmalloc_OfConstantSize_BecomesKmallocWithItsFrees(string before, string after)
    {
        var test = Verify.Test(Body(before));
        test.FixedCode = Body(after);
        test.CodeActionEquivalenceKey = KA1002VmallocCodeFix.KmallocKey;
        return test.RunAsync();
    }

    [Theory]
    [InlineData("spin_lock(ref Lock); void* p = {|KA1002:vmalloc((nuint)n)|}; spin_unlock(ref Lock); vfree(p);")]
    [InlineData("spin_lock(ref Lock); void* p = {|KA1002:vmalloc(4 * 1024 * 1024 + 1)|}; spin_unlock(ref Lock); vfree(p);")]
    [InlineData("spin_lock(ref Lock); Kept = {|KA1002:vmalloc(64)|}; spin_unlock(ref Lock);")]
    [InlineData("spin_lock(ref Lock); void* p = {|KA1002:vmalloc(64)|}; Kept = p; spin_unlock(ref Lock);")]
    [InlineData("void* p = vmalloc(32); vfree(p); spin_lock(ref Lock); p = {|KA1002:vmalloc(64)|}; spin_unlock(ref Lock); vfree(p);")]
    public Task Vmalloc_WhoseFreesAreNotKnownOrTooLarge_GetsNoFix(string code) => Verify.VerifyNoFixAsync(Body(code));
}
