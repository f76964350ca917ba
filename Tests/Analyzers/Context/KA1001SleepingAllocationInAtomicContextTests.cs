using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Context;

public sealed class KA1001SleepingAllocationInAtomicContextTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_UnderALock_NamesFlagsAndLock() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static void M()
            {
                {|#1:spin_lock(ref Lock)|};
                void* p = {|#0:kmalloc(64, GFP_KERNEL)|};
                spin_unlock(ref Lock);
                kfree(p);
            }
            """),
        Verify.Diagnostic("KA1001").WithLocation(0).WithLocation(1).WithArguments("kmalloc", " with 'GFP_KERNEL'", "while 'spin_lock' is in force"),
        "'spin_lock' is called here: from here on the code must not sleep");

    [Fact]
    public Task Message_UnderTwoLocks_ShowsBoth() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { {|#1:spin_lock(ref Lock)|}; {|#2:spin_lock_bh(ref Other)|}; Kept = {|#0:alloc_page(GFP_NOFS)|}; spin_unlock_bh(ref Other); spin_unlock(ref Lock); }"),
        Verify.Diagnostic("KA1001").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("alloc_page", " with 'GFP_NOFS'", "while 'spin_lock_bh' is in force"),
        "'spin_lock' is called here: from here on the code must not sleep",
        "'spin_lock_bh' is called here: from here on the code must not sleep");

    [Fact]
    public Task Message_InAnInterruptHandler_NamesIt() => Verify.VerifyPathAsync(
        Sources.Class("[InterruptHandler] static void Handle() { Kept = {|#0:kmem_cache_alloc(Cache, GFP_KERNEL)|}; }"),
        Verify.Diagnostic("KA1001").WithLocation(0).WithArguments("kmem_cache_alloc", " with 'GFP_KERNEL'", "in the interrupt handler 'Handle'"));

    [Theory]
    [InlineData("[SoftIrq] static void Handle() { Kept = {|#0:kzalloc(8, GFP_USER)|}; }", "kzalloc", "GFP_USER", "in the softirq 'Handle'")]
    [InlineData("[Tasklet] static void Handle() { Kept = {|#0:kzalloc(8, GFP_NOIO)|}; }", "kzalloc", "GFP_NOIO", "in the tasklet 'Handle'")]
    [InlineData("[TimerCallback] static void Handle() { Kept = {|#0:kzalloc(8, GFP_KERNEL)|}; }", "kzalloc", "GFP_KERNEL", "in the timer callback 'Handle'")]
    [InlineData("[AtomicContext] static void Mix() { Kept = {|#0:kzalloc(8, GFP_KERNEL)|}; }", "kzalloc", "GFP_KERNEL", "in 'Mix', which must not sleep")]
    public Task Message_InAtomicBodies_SaysWhatTheyAre(string members, string call, string flags, string where) => Verify.VerifyAnalyzerAsync(
        Sources.Class(members), Verify.Diagnostic("KA1001").WithLocation(0).WithArguments(call, $" with '{flags}'", where));

    [Theory]
    [InlineData("static void M() { local_irq_disable(); Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; local_irq_enable(); }")]
    [InlineData("static void M() { local_irq_save(out nuint f); Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; local_irq_restore(f); }")]
    [InlineData("static void M() { preempt_disable(); Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; preempt_enable(); }")]
    [InlineData("static void M() { local_bh_disable(); Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; local_bh_enable(); }")]
    [InlineData("static void M() { rcu_read_lock(); Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; rcu_read_unlock(); }")]
    [InlineData("static void M() { spin_lock_irqsave(ref Lock, out nuint f); Kept = {|KA1001:kvmalloc_node(8)|}; spin_unlock_irqrestore(ref Lock, f); } [MightSleepIf(nameof(flags))] [return: Allocates(\"x\")] static void* kvmalloc_node(int n, GfpFlags flags = GfpFlags.Kernel) => null;")]
    [InlineData("static void M() { GfpFlags flags = GFP_KERNEL; spin_lock(ref Lock); Kept = {|KA1001:kmalloc(8, flags)|}; spin_unlock(ref Lock); }")]
    [InlineData("static void M(bool x) { spin_lock(ref Lock); Kept = {|KA1001:kmalloc(8, x ? GFP_KERNEL : GFP_ATOMIC)|}; spin_unlock(ref Lock); }")]
    [InlineData("static void M() { if (spin_trylock(ref Lock)) { Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; spin_unlock(ref Lock); } }")]
    [InlineData("static void M() { spin_lock(ref Lock); spin_unlock(ref Other); Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; spin_unlock(ref Lock); }")]
    [InlineData("static void M(int n) { spin_lock(ref Lock); for (int i = 0; i < n; i++) Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); try { Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; } finally { spin_unlock(ref Lock); } }")]
    [InlineData("static void M() { try { spin_lock(ref Lock); } finally { Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; spin_unlock(ref Lock); } }")]
    [InlineData("static void M() { Action a = () => { Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; }; spin_lock(ref Lock); a(); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Fill(); spin_unlock(ref Lock); static void Fill() { Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; } }")]
    [InlineData("static void M() { KernelTasklet t = default; tasklet_init(ref t, Work, 0); } static void Work(nuint data) { Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; }")]
    [InlineData("static IEnumerable<int> M() { spin_lock(ref Lock); Fill(); spin_unlock(ref Lock); yield return 1; static unsafe void Fill() => Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; }")]
    public Task SleepingAllocation_WhereTheCodeMustNotSleep_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { spin_lock(ref Lock); Kept = kmalloc(8, GFP_ATOMIC); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Kept = kmalloc(8, GFP_NOWAIT | __GFP_ZERO); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); spin_unlock(ref Lock); Kept = kmalloc(8, GFP_KERNEL); }")]
    [InlineData("static void M() { Kept = kmalloc(8, GFP_KERNEL); spin_lock(ref Lock); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { mutex_lock(ref Mutex); Kept = kmalloc(8, GFP_KERNEL); mutex_unlock(ref Mutex); }")]
    [InlineData("static void M() { if (!spin_trylock(ref Lock)) { Kept = kmalloc(8, GFP_KERNEL); return; } spin_unlock(ref Lock); }")]
    [InlineData("static void M(GfpFlags flags) { spin_lock(ref Lock); Kept = kmalloc(8, flags); spin_unlock(ref Lock); }")]
    [InlineData("static void M(GfpFlags flags) { spin_lock(ref Lock); Kept = kmalloc(8, flags & ~__GFP_DIRECT_RECLAIM); spin_unlock(ref Lock); }")]
    [InlineData("static void M(bool x) { if (x) spin_lock(ref Lock); Kept = kmalloc(8, x ? GFP_ATOMIC : GFP_KERNEL); if (x) spin_unlock(ref Lock); }")]
    [InlineData("static void M(bool x) { if (x) spin_lock(ref Lock); if (!x) Kept = kmalloc(8, GFP_KERNEL); if (x) spin_unlock(ref Lock); }")]
    [InlineData("static void M(int n) { for (int i = 0; i < n; i++) { spin_lock(ref Lock); spin_unlock(ref Lock); Kept = kmalloc(8, GFP_KERNEL); } }")]
    [InlineData("static void M() { spin_lock(ref Lock); try { get_order(1); } finally { spin_unlock(ref Lock); } Kept = kmalloc(8, GFP_KERNEL); }")]
    [InlineData("static void M() { Action a = () => { Kept = kmalloc(8, GFP_KERNEL); }; spin_lock(ref Lock); spin_unlock(ref Lock); a(); }")]
    [InlineData("static void M() { KernelWork w = default; INIT_WORK(ref w, Work); } static void Work(KernelWork* w) { Kept = kmalloc(8, GFP_KERNEL); }")]
    [InlineData("[ProcessContext] static void M() { Kept = kmalloc(8, GFP_KERNEL); }")]
    [InlineData("[InterruptHandler] static void M() { Kept = kmalloc(8, GFP_ATOMIC); }")]
    [InlineData("static void Release() => spin_unlock(ref Lock); static void M() { spin_lock(ref Lock); Release(); Kept = kmalloc(8, GFP_KERNEL); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Kept = kmalloc(8, GFP_KERNEL); {|CS0103:Missing|}(); }")]
    [InlineData("static async Task M() { await Task.Yield(); Fill(); static unsafe void Fill() => Kept = kmalloc(8, GFP_KERNEL); }")]
    public Task Allocation_ThatMaySleepOrDoesNot_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        static void M()
        {
            spin_lock(ref Lock);
        #pragma warning disable KA1001
            Kept = kmalloc(8, GFP_KERNEL);
        #pragma warning restore KA1001
            spin_unlock(ref Lock);
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("[InterruptHandler] static void M() { Kept = kmalloc(8, GFP_KERNEL); }"), [("dotnet_diagnostic.KA1001.severity", "none")]);
}
