using KAlloc.CodeFixes.Rules.Context;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer, KAlloc.CodeFixes.Rules.Context.KA1001SleepingAllocationCodeFix>;

namespace KAlloc.CodeFixes.Tests.Context;

public sealed class KA1001SleepingAllocationCodeFixTests
{
    private static string Body(string code, string usings = "using static KAlloc.Linux;") =>
        $$"""
        using KAlloc;
        {{usings}}

        unsafe class C
        {
            const GfpFlags Mine = GfpFlags.Kernel | GfpFlags.Zero;
            static KernelSpinLock Lock;
            static int Count;

            static void M(int n, GfpFlags flags)
            {
        {{code}}
            }
        }
        """;

    private static string Locked(string flags) => Body($"        spin_lock(ref Lock); void* p = kmalloc(64, {flags}); spin_unlock(ref Lock); kfree(p);");

    private static Task FlagsAsync(string before, string after, string key) =>
        Verify.VerifyCodeFixAsync(Locked(before).Replace($"kmalloc(64, {before})", $"{{|KA1001:kmalloc(64, {before})|}}"), Locked(after), key);

    [Theory]
    [InlineData("GFP_KERNEL", "GFP_ATOMIC")]
    [InlineData("GFP_NOFS", "GFP_ATOMIC")]
    [InlineData("GFP_NOIO", "GFP_ATOMIC")]
    [InlineData("GFP_USER", "GFP_ATOMIC")]
    [InlineData("GFP_KERNEL | __GFP_ZERO", "GFP_ATOMIC | __GFP_ZERO")]
    [InlineData("__GFP_ZERO | (GFP_KERNEL | __GFP_NOWARN)", "__GFP_ZERO | GFP_ATOMIC | __GFP_NOWARN")]
    [InlineData("GFP_KERNEL_ACCOUNT", "GFP_ATOMIC | __GFP_ACCOUNT")]
    [InlineData("GFP_KERNEL | GFP_ATOMIC", "GFP_ATOMIC")]
    [InlineData("__GFP_DIRECT_RECLAIM | __GFP_HIGH", "GFP_ATOMIC | __GFP_HIGH")]
    [InlineData("GfpFlags.Kernel", "GfpFlags.Atomic")]
    [InlineData("GfpFlags.Kernel | GfpFlags.Zero", "GfpFlags.Atomic | GfpFlags.Zero")]
    [InlineData("Linux.GFP_KERNEL", "Linux.GFP_ATOMIC")]
    [InlineData("Mine", "GFP_ATOMIC | __GFP_ZERO")]
    public Task Flags_ThatSleep_BecomeAtomic(string before, string after) => FlagsAsync(before, after, KA1001SleepingAllocationCodeFix.AtomicKey);

    [Theory]
    [InlineData("GFP_KERNEL", "GFP_NOWAIT")]
    [InlineData("GFP_KERNEL | __GFP_ZERO", "GFP_NOWAIT | __GFP_ZERO")]
    [InlineData("GfpFlags.Kernel", "GfpFlags.NoWait")]
    public Task Flags_ThatSleep_BecomeNoWait(string before, string after) => FlagsAsync(before, after, KA1001SleepingAllocationCodeFix.NoWaitKey);

    [Fact]
    public Task Flags_OfTwoAllocations_AreReplacedAtOnce() =>
        Verify.VerifyCodeFixAsync(
            Body("        spin_lock(ref Lock); void* p = {|KA1001:kmalloc(64, GFP_KERNEL)|}; void* q = {|KA1001:kmalloc(n, GFP_NOFS)|}; spin_unlock(ref Lock); kfree(p); kfree(q);"),
            Body("        spin_lock(ref Lock); void* p = kmalloc(64, GFP_ATOMIC); void* q = kmalloc(n, GFP_ATOMIC); spin_unlock(ref Lock); kfree(p); kfree(q);"));

    [Fact]
    public Task Names_OfTheKernel_AreNotWrittenWhereTheyDoNotBind() =>
        Verify.VerifyCodeFixAsync(
            Body("        Linux.spin_lock(ref Lock); void* p = {|KA1001:Linux.kmalloc(64, Mine)|}; Linux.spin_unlock(ref Lock); Linux.kfree(p);", ""),
            Body("        Linux.spin_lock(ref Lock); void* p = Linux.kmalloc(64, GfpFlags.Atomic | GfpFlags.Zero); Linux.spin_unlock(ref Lock); Linux.kfree(p);", ""));

    [Fact]
    public Task Allocation_ThatDependsOnNothing_MovesBeforeTheLock() =>
        Verify.VerifyCodeFixAsync(
            Body("""
                        int size = n * 2;

                        // The list must not change.
                        spin_lock_irqsave(ref Lock, out nuint state);
                        Count++;

                        // One for each.
                        void* p = {|KA1001:kmalloc(size, GFP_KERNEL)|};
                        Count += size;
                        spin_unlock_irqrestore(ref Lock, state);
                        kfree(p);
                """),
            Body("""
                        int size = n * 2;

                        // One for each.
                        void* p = kmalloc(size, GFP_KERNEL);
                        // The list must not change.
                        spin_lock_irqsave(ref Lock, out nuint state);
                        Count++;

                        Count += size;
                        spin_unlock_irqrestore(ref Lock, state);
                        kfree(p);
                """),
            KA1001SleepingAllocationCodeFix.MoveKey);

    [Theory]
    [InlineData("spin_lock(ref Lock);\nvoid* p = {|KA1001:kmalloc(Count, GFP_KERNEL | __GFP_NOFAIL)|};\nspin_unlock(ref Lock);\nkfree(p);")]
    [InlineData("spin_lock(ref Lock);\nif (n == 0)\n{\nspin_unlock(ref Lock);\nreturn;\n}\nvoid* p = {|KA1001:kmalloc(8, GFP_KERNEL | __GFP_NOFAIL)|};\nspin_unlock(ref Lock);\nkfree(p);")]
    [InlineData("spin_lock(ref Lock);\nint size = Count;\nvoid* p = {|KA1001:kmalloc(size, GFP_KERNEL | __GFP_NOFAIL)|};\nspin_unlock(ref Lock);\nkfree(p);")]
    [InlineData("n = 3;\nspin_lock(ref Lock);\nvoid* p = {|KA1001:kmalloc(n, GFP_KERNEL | __GFP_NOFAIL)|};\nspin_unlock(ref Lock);\nkfree(p);")]
    [InlineData("spin_lock(ref Lock);\nif (n > 0)\n{\nvoid* p = {|KA1001:kmalloc(8, GFP_KERNEL | __GFP_NOFAIL)|};\nkfree(p);\n}\nspin_unlock(ref Lock);")]
    [InlineData("spin_lock(ref Lock); void* p = {|KA1001:kmalloc(8, GFP_KERNEL | __GFP_NOFAIL)|}; spin_unlock(ref Lock); kfree(p);")]
    public Task Allocation_ThatMayNotFailAndDependsOnTheLock_GetsNoFix(string code) => Verify.VerifyNoFixAsync(Body(code));

    [Fact]
    public Task Allocation_InAnInterruptHandler_DoesNotMove() => Verify.VerifyNoFixAsync(
        """
        using KAlloc;
        using static KAlloc.Linux;

        unsafe class C
        {
            static KernelSpinLock Lock;

            [InterruptHandler]
            static void Handle()
            {
                spin_lock(ref Lock);
                void* p = {|KA1001:kmalloc(8, GFP_KERNEL | __GFP_NOFAIL)|};
                spin_unlock(ref Lock);
                kfree(p);
            }
        }
        """);
}
