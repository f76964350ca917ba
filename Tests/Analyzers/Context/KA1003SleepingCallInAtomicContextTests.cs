using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Context;

public sealed class KA1003SleepingCallInAtomicContextTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_NamesTheSection() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { {|#1:spin_lock(ref Lock)|}; {|#0:msleep(10)|}; spin_unlock(ref Lock); }"),
        Verify.Diagnostic("KA1003").WithLocation(0).WithLocation(1).WithArguments("msleep", "while 'spin_lock' is in force"),
        "'spin_lock' is called here: from here on the code must not sleep");

    [Theory]
    [InlineData("static void M() { spin_lock(ref Lock); {|KA1003:mutex_lock(ref Mutex)|}; mutex_unlock(ref Mutex); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock_irqsave(ref Lock, out nuint f); {|KA1003:cond_resched()|}; spin_unlock_irqrestore(ref Lock, f); }")]
    [InlineData("static void M() { rcu_read_lock(); {|KA1003:schedule()|}; rcu_read_unlock(); }")]
    [InlineData("static void M() { preempt_disable(); {|KA1003:might_sleep()|}; preempt_enable(); }")]
    [InlineData("static void M() { local_irq_disable(); {|KA1003:might_alloc(GFP_KERNEL)|}; local_irq_enable(); }")]
    [InlineData("static void M(void* to, void* from) { spin_lock(ref Lock); if ({|KA1003:copy_from_user(to, from, 8)|} != 0) { spin_unlock(ref Lock); return; } spin_unlock(ref Lock); }")]
    [InlineData("static void M(Page* p) { spin_lock(ref Lock); {|KA1003:kmap(p)|}; kunmap(p); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Cache = {|KA1003:kmem_cache_create(\"c\", 64, 0, 0)|}; spin_unlock(ref Lock); }")]
    [InlineData("[InterruptHandler] static void M() { {|KA1003:msleep(1)|}; }")]
    [InlineData("static void M(bool x) { if (x) spin_lock(ref Lock); {|KA1003:msleep(1)|}; if (x) spin_unlock(ref Lock); }")]
    [InlineData("static void M(int n) { for (int i = 0; i < n; i++) { spin_lock(ref Lock); {|KA1003:msleep(1)|}; spin_unlock(ref Lock); } }")]
    [InlineData("static void M() { spin_lock(ref Lock); try { {|KA1003:msleep(1)|}; } finally { spin_unlock(ref Lock); } }")]
    [InlineData("static void M() { spin_lock(ref Lock); Action wait = () => {|KA1003:msleep(1)|}; wait(); spin_unlock(ref Lock); }")]
    public Task SleepingCall_InAtomicContext_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { mutex_lock(ref Mutex); msleep(1); mutex_unlock(ref Mutex); }")]
    [InlineData("static void M() { spin_lock(ref Lock); spin_unlock(ref Lock); msleep(1); }")]
    [InlineData("static void M() { spin_lock(ref Lock); might_alloc(GFP_ATOMIC); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); while (Kept == null) { spin_unlock(ref Lock); msleep(1); spin_lock(ref Lock); } spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_unlock(ref Lock); msleep(1); spin_lock(ref Lock); }")]
    [InlineData("static void M(bool atomic) { if (atomic) spin_lock(ref Lock); if (!atomic) msleep(1); if (atomic) spin_unlock(ref Lock); }")]
    [InlineData("static void M() { if (spin_trylock(ref Lock)) { spin_unlock(ref Lock); } else msleep(1); }")]
    [InlineData("static void M() { spin_lock(ref Lock); if (mutex_trylock(ref Mutex)) mutex_unlock(ref Mutex); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Action later = () => msleep(1); spin_unlock(ref Lock); later(); }")]
    [InlineData("static void M() { spin_lock(ref Lock); {|CS0103:Missing|}(); msleep(1); spin_unlock(ref Lock); }")]
    public Task SleepingCall_WhereItMay_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        [Tasklet] static void M()
        {
        #pragma warning disable KA1003
            msleep(1);
        #pragma warning restore KA1003
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("[Tasklet] static void M() { msleep(1); }"), [("dotnet_diagnostic.KA1003.severity", "none")]);
}
