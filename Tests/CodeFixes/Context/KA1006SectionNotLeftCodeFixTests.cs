using KAlloc.CodeFixes.Rules.Context;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer, KAlloc.CodeFixes.Rules.Context.KA1006SectionNotLeftCodeFix>;

namespace KAlloc.CodeFixes.Tests.Context;

public sealed class KA1006SectionNotLeftCodeFixTests
{
    private static string Class(string members) =>
        $$"""
        using KAlloc;
        using static KAlloc.Linux;

        unsafe class C
        {
            static KernelSpinLock Lock, Other;
            static KernelMutex Mutex;
            static int Count;
        {{members}}
        }
        """;

    [Fact]
    public Task Scope_IsClosedWithWhatItsSaveReturned() => Verify.VerifyCodeFixAsync(
        Class(
            """
                static int M(int n)
                {
                    uint scope = memalloc_nofs_save();
                    if (n < 0) {|KA1006:return -EINVAL;|}
                    memalloc_nofs_restore(scope);
                    return 0;
                }
            """),
        Class(
            """
                static int M(int n)
                {
                    uint scope = memalloc_nofs_save();
                    if (n < 0)
                    {
                        memalloc_nofs_restore(scope);
                        return -EINVAL;
                    }
                    memalloc_nofs_restore(scope);
                    return 0;
                }
            """));

    [Fact]
    public Task EarlyReturn_GetsTheRelease() => Verify.VerifyCodeFixAsync(
        Class(
            """
                static int M(int n)
                {
                    spin_lock_irqsave(ref Lock, out nuint flags);
                    if (n < 0) {|KA1006:return -EINVAL;|}
                    if (n > 9)
                    {
                        Count = n;
                        {|KA1006:throw new System.ArgumentException("n");|}
                    }

                    spin_unlock_irqrestore(ref Lock, flags);
                    return 0;
                }
            """),
        Class(
            """
                static int M(int n)
                {
                    spin_lock_irqsave(ref Lock, out nuint flags);
                    if (n < 0)
                    {
                        spin_unlock_irqrestore(ref Lock, flags);
                        return -EINVAL;
                    }
                    if (n > 9)
                    {
                        Count = n;
                        spin_unlock_irqrestore(ref Lock, flags);
                        throw new System.ArgumentException("n");
                    }

                    spin_unlock_irqrestore(ref Lock, flags);
                    return 0;
                }
            """),
        KA1006SectionNotLeftCodeFix.LeaveKey);

    [Fact]
    public Task TwoLocks_AreReleasedInReverse() => Verify.VerifyCodeFixAsync(
        Class(
            """
                static int M(int n)
                {
                    mutex_lock(ref Mutex);
                    spin_lock(ref Lock);
                    if (n < 0)
                    {
                        {|KA1006:{|KA1006:return n;|}|}
                    }

                    spin_unlock(ref Lock);
                    mutex_unlock(ref Mutex);
                    return 0;
                }
            """),
        Class(
            """
                static int M(int n)
                {
                    mutex_lock(ref Mutex);
                    spin_lock(ref Lock);
                    if (n < 0)
                    {
                        spin_unlock(ref Lock);
                        mutex_unlock(ref Mutex);
                        return n;
                    }

                    spin_unlock(ref Lock);
                    mutex_unlock(ref Mutex);
                    return 0;
                }
            """),
        KA1006SectionNotLeftCodeFix.LeaveKey);

    [Fact]
    public Task Handler_ThatNeverReleases_GetsItAtTheEnd() => Verify.VerifyCodeFixAsync(
        Class(
            """
                [InterruptHandler] static void M()
                {
                    spin_lock(ref Lock);
                    Count++;
                {|KA1006:}|}
            """),
        Class(
            """
                [InterruptHandler] static void M()
                {
                    spin_lock(ref Lock);
                    Count++;
                    spin_unlock(ref Lock);
                }
            """),
        KA1006SectionNotLeftCodeFix.LeaveKey);

    [Theory]
    [InlineData("static int M(int n) { spin_lock(ref Lock); if (n < 0) {|KA1006:return Count;|} spin_unlock(ref Lock); return 0; }")]
    [InlineData("static void M(bool x) { spin_lock(ref Lock); if (!x) spin_unlock(ref Lock); {|KA1006:}|}")]
    public Task Release_ThatIsNotCertain_IsNotOffered(string members) => Verify.VerifyNoFixAsync(Class(members));
}
