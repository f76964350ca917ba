using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Context;

public sealed class KA1004CallChainSleepsInAtomicContextTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_OfAChain_PrintsItAndShowsEachStep() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static void Top()
            {
                {|#1:spin_lock(ref Lock)|};
                {|#0:Middle()|};
                spin_unlock(ref Lock);
            }

            static void Middle() => {|#2:Bottom()|};

            static void Bottom() { Kept = {|#3:kmalloc(8, GFP_KERNEL)|}; }
            """),
        Verify.Diagnostic("KA1004").WithLocation(0).WithLocation(1).WithLocation(2).WithLocation(3)
            .WithArguments("C.Middle", "while 'spin_lock' is in force", "C.Middle → C.Bottom → kmalloc"),
        "'spin_lock' is called here: from here on the code must not sleep",
        "'C.Middle' calls 'C.Bottom' here",
        "'C.Bottom' calls 'kmalloc' here, which may sleep");

    [Fact]
    public Task Message_InAHandler_NamesIt() => Verify.VerifyPathAsync(
        Sources.Class("[InterruptHandler] static void Handle() { {|#0:Wait()|}; } static void Wait() => {|#1:msleep(5)|};"),
        Verify.Diagnostic("KA1004").WithLocation(0).WithLocation(1).WithArguments("C.Wait", "in the interrupt handler 'Handle'", "C.Wait → msleep"),
        "'C.Wait' calls 'msleep' here, which may sleep");

    [Theory]
    [InlineData("static void M() { spin_lock(ref Lock); {|KA1004:Make(GFP_KERNEL)|}; spin_unlock(ref Lock); } static void Make(GfpFlags f) { Kept = kmalloc(8, f); }")]
    [InlineData("static void M() { spin_lock(ref Lock); {|KA1004:Free()|}; spin_unlock(ref Lock); } static void Free() => vfree(Kept);")]
    [InlineData("static void M(bool b) { spin_lock(ref Lock); {|KA1004:Make(b)|}; spin_unlock(ref Lock); } static void Make(bool wait) { if (wait) msleep(1); }")]
    [InlineData("static void M() { spin_lock(ref Lock); {|KA1004:Run(Wait)|}; spin_unlock(ref Lock); } static void Run(Action a) => a(); static void Wait() => msleep(1);")]
    [InlineData("static void M() { spin_lock(ref Lock); {|KA1004:Take()|}; spin_unlock(ref Lock); } static void Take() { mutex_lock(ref Mutex); mutex_unlock(ref Mutex); }")]
    [InlineData("static void M() { Hold(); {|KA1004:Wait()|}; Drop(); } static void Hold() => spin_lock(ref Lock); static void Drop() => spin_unlock(ref Lock); static void Wait() => msleep(1);")]
    [InlineData("static void M() { spin_lock(ref Lock); {|KA1004:new Waiter()|}; spin_unlock(ref Lock); } sealed class Waiter { public Waiter() { msleep(1); } }")]
    [InlineData("static void M() { spin_lock(ref Lock); int x = {|KA1004:new Waiter().Count|}; spin_unlock(ref Lock); } sealed class Waiter { public int Count { get { msleep(1); return 1; } } }")]
    [InlineData("static void M() { request_irq(5, Handle, 0, \"x\", null); } static irqreturn_t Handle(int irq, void* dev) { {|KA1004:Wait()|}; return IRQ_HANDLED; } static void Wait() => msleep(1);")]
    [InlineData("static void M() { spin_lock(ref Lock); try { {|KA1004:Wait()|}; } finally { spin_unlock(ref Lock); } } static void Wait() => msleep(1);")]
    [InlineData("static void M(int n) { spin_lock(ref Lock); for (int i = 0; i < n; i++) {|KA1004:Wait()|}; spin_unlock(ref Lock); } static void Wait() => msleep(1);")]
    [InlineData("static void M() { Action a = () => {|KA1004:Wait()|}; spin_lock(ref Lock); a(); spin_unlock(ref Lock); } static void Wait() => msleep(1);")]
    public Task Chain_ThatSleeps_Reports(string members) => VerifyAsync(members.Replace("irqreturn_t", "IrqReturn", StringComparison.Ordinal));

    [Theory]
    [InlineData("static void M() { spin_lock(ref Lock); Make(GFP_ATOMIC); spin_unlock(ref Lock); } static void Make(GfpFlags f) { Kept = kmalloc(8, f); }")]
    [InlineData("static void M(GfpFlags f) { spin_lock(ref Lock); Make(f); spin_unlock(ref Lock); } static void Make(GfpFlags f) { Kept = kmalloc(8, f); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Make(false); spin_unlock(ref Lock); } static void Make(bool wait) { if (wait) msleep(1); }")]
    [InlineData("static void M() { spin_lock(ref Lock); spin_unlock(ref Lock); Wait(); } static void Wait() => msleep(1);")]
    [InlineData("static void M() { mutex_lock(ref Mutex); Wait(); mutex_unlock(ref Mutex); } static void Wait() => msleep(1);")]
    [InlineData("static void M(int n) { spin_lock(ref Lock); Wait(n); spin_unlock(ref Lock); } static void Wait(int n) { if (n > 0) Wait(n - 1); }")]
    [InlineData("static void M(B b) { spin_lock(ref Lock); b.Wait(); spin_unlock(ref Lock); } class B { public virtual void Wait() { } } class D : B { public override void Wait() => msleep(1); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Action a = Wait; spin_unlock(ref Lock); a(); } static void Wait() => msleep(1);")]
    [InlineData("static void M() { spin_lock(ref Lock); Drop(); Wait(); } static void Drop() => spin_unlock(ref Lock); static void Wait() => msleep(1);")]
    [InlineData("static void M() { spin_lock(ref Lock); Told(); spin_unlock(ref Lock); } static void Told() { spin_lock(ref Other); Kept = {|KA1001:kmalloc(8, GFP_KERNEL)|}; spin_unlock(ref Other); }")]
    public Task Chain_ThatDoesNotSleepThere_StaysSilent(string members) => VerifyAsync(members);
}
