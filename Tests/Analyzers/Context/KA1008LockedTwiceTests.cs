using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Context;

public sealed class KA1008LockedTwiceTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_ShowsTheFirst() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { {|#1:spin_lock(ref Lock)|}; {|#0:spin_lock_bh(ref Lock)|}; spin_unlock_bh(ref Lock); spin_unlock(ref Lock); }"),
        Verify.Diagnostic("KA1008").WithLocation(0).WithLocation(1).WithArguments("spin_lock_bh(ref Lock)", "spin_lock(ref Lock)"),
        "'spin_lock' takes it here first");

    [Theory]
    [InlineData("static void M() { mutex_lock(ref Mutex); {|KA1008:mutex_lock(ref Mutex)|}; mutex_unlock(ref Mutex); }")]
    [InlineData("static void M(int n) { while (n-- > 0) {|KA1008:spin_lock(ref Lock)|}; spin_unlock(ref Lock); }")]
    [InlineData("static KernelReadWriteLock RW; static void M() { read_lock(ref RW); {|KA1008:write_lock(ref RW)|}; write_unlock(ref RW); read_unlock(ref RW); }")]
    [InlineData("static void M(bool x) { if (x) spin_lock(ref Lock); {|KA1008:spin_lock(ref Lock)|}; spin_unlock(ref Lock); if (x) spin_unlock(ref Lock); }")]
    [InlineData("struct Q { public KernelSpinLock Lock; } static void M(Q* q) { Q* p = q; spin_lock(ref q->Lock); {|KA1008:spin_lock(ref p->Lock)|}; spin_unlock(ref p->Lock); spin_unlock(ref q->Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Action a = () => { {|KA1008:spin_lock(ref Lock)|}; spin_unlock(ref Lock); }; a(); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { if (!spin_trylock(ref Lock)) return; {|KA1008:spin_lock(ref Lock)|}; spin_unlock(ref Lock); spin_unlock(ref Lock); }")]
    public Task Lock_HeldAlready_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { spin_lock(ref Lock); spin_lock(ref Other); spin_unlock(ref Other); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { rcu_read_lock(); rcu_read_lock(); rcu_read_unlock(); rcu_read_unlock(); }")]
    [InlineData("static void M() { local_irq_save(out nuint f); local_irq_save(out nuint g); local_irq_restore(g); local_irq_restore(f); }")]
    [InlineData("static KernelReadWriteLock RW; static void M() { read_lock(ref RW); read_lock(ref RW); read_unlock(ref RW); read_unlock(ref RW); }")]
    [InlineData("static void M() { spin_lock(ref Lock); if (spin_trylock(ref Lock)) spin_unlock(ref Lock); spin_unlock(ref Lock); }")]
    [InlineData("static void M(bool x) { if (x) spin_lock(ref Lock); if (!x) spin_lock(ref Lock); spin_unlock(ref Lock); }")]
    [InlineData("static void M(int n) { for (int i = 0; i < n; i++) { spin_lock(ref Lock); if (i == 3) { spin_unlock(ref Lock); continue; } spin_unlock(ref Lock); } }")]
    [InlineData("static void M(KernelSpinLock* all, int n) { for (int i = 0; i < n; i++) spin_lock(ref all[i]); for (int i = 0; i < n; i++) spin_unlock(ref all[i]); }")]
    [InlineData("struct Q { public KernelSpinLock Lock; } static void M(Q* a, Q* b) { spin_lock(ref a->Lock); if (a != b) spin_lock(ref b->Lock); if (a != b) spin_unlock(ref b->Lock); spin_unlock(ref a->Lock); }")]
    [InlineData("struct Q { public KernelSpinLock Lock; public Q* Next; } static void M(Q* q) { for (; q != null; q = q->Next) { spin_lock(ref q->Lock); spin_unlock(ref q->Lock); } }")]
    [InlineData("static void M() { spin_lock(ref Lock); Wait(); spin_lock(ref Lock); spin_unlock(ref Lock); } static void Wait() { spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); {|CS0103:Missing|}(); spin_lock(ref Lock); }")]
    public Task Lock_NotHeld_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        static void M()
        {
            mutex_lock(ref Mutex);
        #pragma warning disable KA1008
            mutex_lock(ref Mutex);
        #pragma warning restore KA1008
            mutex_unlock(ref Mutex);
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("static void M() { mutex_lock(ref Mutex); mutex_lock(ref Mutex); }"), [("dotnet_diagnostic.KA1008.severity", "none")]);
}
