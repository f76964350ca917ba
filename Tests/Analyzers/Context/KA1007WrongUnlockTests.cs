using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Context;

public sealed class KA1007WrongUnlockTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_OfAWrongKind_NamesTheRightOne() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { {|#1:spin_lock_irq(ref Lock)|}; {|#0:spin_unlock(ref Lock)|}; }"),
        Verify.Diagnostic("KA1007").WithLocation(0).WithLocation(1).WithArguments("spin_unlock(ref Lock)", "does not undo 'spin_lock_irq(ref Lock)'", "use 'spin_unlock_irq'"),
        "'spin_lock_irq' is called here");

    [Fact]
    public Task Message_OfASecondRelease_ShowsTheFirst() => Verify.VerifyPathAsync(
        Sources.Class("static void M(bool x) { spin_lock(ref Lock); if ({|#2:x|}) {|#1:spin_unlock(ref Lock)|}; {|#0:spin_unlock(ref Lock)|}; }"),
        Verify.Diagnostic("KA1007").WithLocation(0).WithLocation(1).WithArguments("spin_unlock(ref Lock)", "releases a lock that the path has released before", "remove one of the two"),
        "'spin_unlock(ref Lock)' releases it here first");

    [Fact]
    public Task Message_OfForeignFlags_ShowsBothSaves() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static void M()
            {
                {|#1:spin_lock_irqsave(ref Lock, out nuint f)|};
                {|#2:spin_lock_irqsave(ref Other, out f)|};
                spin_unlock_irqrestore(ref Other, f);
                {|#0:spin_unlock_irqrestore(ref Lock, f)|};
            }
            """),
        Verify.Diagnostic("KA1007").WithLocation(0).WithLocation(1).WithLocation(2)
            .WithArguments("spin_unlock_irqrestore(ref Lock, f)", "does not restore what 'spin_lock_irqsave(ref Lock, out nuint f)' saved", "keep a variable of its own for each saved state"),
        "the lock is taken here",
        "the state that is restored was saved here");

    [Theory]
    [InlineData("static void M() { spin_lock(ref Lock); {|KA1007:spin_unlock_irq(ref Lock)|}; }")]
    [InlineData("static void M() { spin_lock_bh(ref Lock); {|KA1007:spin_unlock(ref Lock)|}; }")]
    [InlineData("static void M() { spin_lock(ref Lock); {|KA1007:spin_unlock_bh(ref Lock)|}; }")]
    [InlineData("static void M() { spin_lock_irqsave(ref Lock, out nuint f); {|KA1007:spin_unlock(ref Lock)|}; }")]
    [InlineData("static KernelReadWriteLock RW; static void M() { read_lock(ref RW); {|KA1007:write_unlock(ref RW)|}; }")]
    [InlineData("static KernelReadWriteLock RW; static void M() { write_lock(ref RW); {|KA1007:read_unlock(ref RW)|}; }")]
    [InlineData("static void M() { mutex_lock(ref Mutex); mutex_unlock(ref Mutex); {|KA1007:mutex_unlock(ref Mutex)|}; }")]
    [InlineData("static int M(int n) { spin_lock(ref Lock); if (n < 0) { spin_unlock(ref Lock); goto fail; } spin_unlock(ref Lock); return 0; fail: {|KA1007:spin_unlock(ref Lock)|}; return n; }")]
    [InlineData("static void M(int n) { spin_lock(ref Lock); try { spin_unlock(ref Lock); } finally { {|KA1007:spin_unlock(ref Lock)|}; } }")]
    [InlineData("static void M(int n) { spin_lock(ref Lock); for (int i = 0; i < n; i++) {|KA1007:spin_unlock(ref Lock)|}; if (n <= 0) spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock_irqsave(ref Lock, out nuint f); spin_lock_irqsave(ref Other, out nuint g); {|KA1007:spin_unlock_irqrestore(ref Other, f)|}; {|KA1007:spin_unlock_irqrestore(ref Lock, g)|}; }")]
    [InlineData("static void M() { spin_lock_irqsave(ref Lock, out nuint f); {|KA1007:spin_unlock_irqrestore(ref Lock, 0)|}; }")]
    [InlineData("static void M() { uint f = memalloc_nofs_save(); {|KA1007:memalloc_nofs_restore(0)|}; }")]
    [InlineData("static void M() { uint f = memalloc_nofs_save(), g = memalloc_noio_save(); memalloc_noio_restore(g); {|KA1007:memalloc_nofs_restore(g)|}; }")]
    public Task Unlock_ThatDoesNotMatch_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { spin_lock(ref Lock); spin_unlock(ref Lock); spin_lock(ref Lock); spin_unlock(ref Lock); }")]
    [InlineData("static void M(bool x) { spin_lock(ref Lock); if (x) { spin_unlock(ref Lock); return; } spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_unlock(ref Lock); msleep(1); spin_lock(ref Lock); spin_unlock(ref Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); spin_unlock(ref Lock); Again(); spin_unlock(ref Lock); } static void Again() { spin_lock(ref Lock); }")]
    [InlineData("static void M(Action again) { spin_lock(ref Lock); spin_unlock(ref Lock); again(); spin_unlock(ref Lock); }")]
    [InlineData("static void M(bool x) { bool held = true; spin_lock(ref Lock); if (x) { spin_unlock(ref Lock); held = false; } if (held) spin_unlock(ref Lock); }")]
    [InlineData("static void M(int n) { bool held = true; spin_lock(ref Lock); while (n-- > 0) if (held && n == 3) { spin_unlock(ref Lock); held = false; } if (held) spin_unlock(ref Lock); }")]
    [InlineData("static void M() { local_irq_save(out nuint f); spin_lock(ref Lock); spin_unlock(ref Lock); local_irq_restore(f); }")]
    [InlineData("static void M() { local_irq_save(out nuint f); spin_lock(ref Lock); spin_unlock_irqrestore(ref Lock, f); }")]
    [InlineData("static void M() { spin_lock_irqsave(ref Lock, out nuint f); spin_unlock(ref Lock); local_irq_restore(f); }")]
    [InlineData("static void M() { spin_lock_irqsave(ref Lock, out nuint f); spin_lock(ref Other); spin_unlock(ref Lock); spin_unlock_irqrestore(ref Other, f); }")]
    [InlineData("static void M() { local_bh_disable(); spin_lock(ref Lock); spin_unlock_bh(ref Lock); }")]
    [InlineData("static void M() { spin_lock_irqsave(ref Lock, out nuint f); spin_lock_irqsave(ref Other, out nuint g); spin_unlock_irqrestore(ref Other, g); spin_unlock_irqrestore(ref Lock, f); }")]
    [InlineData("static void M() { spin_lock_irqsave(ref Lock, out nuint f); spin_unlock_irqrestore(ref Lock, f); spin_lock_irqsave(ref Lock, out f); spin_unlock_irqrestore(ref Lock, f); }")]
    [InlineData("static void M(nuint f) { spin_lock(ref Lock); spin_unlock_irqrestore(ref Lock, f); }")]
    [InlineData("static void M() { preempt_disable(); preempt_enable(); preempt_enable(); }")]
    [InlineData("static void M(ref KernelSpinLock a, ref KernelSpinLock b) { spin_lock(ref a); spin_lock_irq(ref b); spin_unlock_irq(ref b); spin_unlock(ref a); }")]
    [InlineData("struct Q { public KernelSpinLock Lock; } static void M(Q** all, int n) { for (int i = 0; i < n; i++) spin_lock(ref all[i]->Lock); for (int i = 0; i < n; i++) spin_unlock(ref all[i]->Lock); }")]
    [InlineData("static void M() { spin_lock(ref Lock); spin_unlock(ref Lock); {|CS0103:Missing|}(); spin_unlock(ref Lock); }")]
    public Task Unlock_ThatMatches_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        static void M()
        {
            spin_lock(ref Lock);
        #pragma warning disable KA1007
            spin_unlock_irq(ref Lock);
        #pragma warning restore KA1007
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("static void M() { spin_lock(ref Lock); spin_unlock_irq(ref Lock); }"), [("dotnet_diagnostic.KA1007.severity", "none")]);
}
