using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Context;

public sealed class KA1002VmallocInAtomicContextTests
{
    private const string Allocate = "use kmalloc with GFP_ATOMIC where the size fits, or allocate before";
    private const string Free = "use vfree_atomic, or free after";

    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_OfVmalloc_ShowsTheLock() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { {|#1:spin_lock(ref Lock)|}; Kept = {|#0:vmalloc(64)|}; spin_unlock(ref Lock); }"),
        Verify.Diagnostic("KA1002").WithLocation(0).WithLocation(1).WithArguments("vmalloc", "while 'spin_lock' is in force", Allocate),
        "'spin_lock' is called here: from here on the code must not sleep");

    [Fact]
    public Task Message_OfVfree_ShowsTheLock() => Verify.VerifyPathAsync(
        Sources.Class("static void M(void* p) { {|#1:spin_lock_irqsave(ref Lock, out nuint f)|}; {|#0:vfree(p)|}; spin_unlock_irqrestore(ref Lock, f); }"),
        Verify.Diagnostic("KA1002").WithLocation(0).WithLocation(1).WithArguments("vfree", "while 'spin_lock_irqsave' is in force", Free),
        "'spin_lock_irqsave' is called here: from here on the code must not sleep");

    [Fact]
    public Task Message_InATasklet_NamesIt() => Verify.VerifyPathAsync(
        Sources.Class("[Tasklet] static void Handle(nuint data) { Kept = {|#0:vzalloc(64)|}; }"),
        Verify.Diagnostic("KA1002").WithLocation(0).WithArguments("vzalloc", "in the tasklet 'Handle'", Allocate));

    [Theory]
    [InlineData("static void M() { preempt_disable(); Kept = {|KA1002:vmalloc_user(64)|}; preempt_enable(); }")]
    [InlineData("static void M() { preempt_disable(); Kept = {|KA1002:__vmalloc(64, GFP_KERNEL)|}; preempt_enable(); }")]
    [InlineData("static void M() { preempt_disable(); Kept = {|KA1002:kvmalloc(64, GFP_KERNEL)|}; preempt_enable(); }")]
    [InlineData("static void M(Page** pages) { preempt_disable(); Kept = {|KA1002:vmap(pages, 1, 0, 0)|}; preempt_enable(); }")]
    [InlineData("static void M(void* p) { preempt_disable(); {|KA1002:vunmap(p)|}; preempt_enable(); }")]
    [InlineData("static void M(void* p) { preempt_disable(); {|KA1002:kvfree(p)|}; preempt_enable(); }")]
    [InlineData("[InterruptHandler] static void M(void* p) { spin_lock(ref Lock); Kept = {|KA1002:vmalloc(64)|}; spin_unlock(ref Lock); }")]
    [InlineData("static void M(int n) { spin_lock(ref Lock); while (n-- > 0) Kept = {|KA1002:vmalloc(64)|}; spin_unlock(ref Lock); }")]
    [InlineData("static void M(void* p) { spin_lock(ref Lock); try { {|KA1002:vfree(p)|}; } finally { spin_unlock(ref Lock); } }")]
    [InlineData("static void M() { Action a = () => { Kept = {|KA1002:vmalloc(64)|}; }; spin_lock(ref Lock); a(); spin_unlock(ref Lock); }")]
    [InlineData("static IEnumerable<int> M() { spin_lock(ref Lock); Fill(); spin_unlock(ref Lock); yield return 1; static unsafe void Fill() => Kept = {|KA1002:vmalloc(64)|}; }")]
    public Task VmallocFamily_WhereTheCodeMustNotSleep_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { Kept = vmalloc(64); }")]
    [InlineData("static void M(void* p) { spin_lock(ref Lock); vfree_atomic(p); spin_unlock(ref Lock); }")]
    [InlineData("static void M(void* p) { spin_lock(ref Lock); Kept = null; spin_unlock(ref Lock); vfree(p); }")]
    [InlineData("static void M() { mutex_lock(ref Mutex); Kept = vmalloc(64); mutex_unlock(ref Mutex); }")]
    [InlineData("[InterruptHandler] static void M(void* p) => vfree(p);")]
    [InlineData("[Tasklet] static void M(nuint p) { kvfree((void*)p); }")]
    [InlineData("static void M() { preempt_disable(); Kept = kvmalloc(64, GFP_NOWAIT); preempt_enable(); }")]
    [InlineData("static void M(int n) { while (n-- > 0) { spin_lock(ref Lock); spin_unlock(ref Lock); Kept = vmalloc(64); } }")]
    [InlineData("static void M(void* p) { spin_lock(ref Lock); try { Kept = null; } finally { spin_unlock(ref Lock); } vfree(p); }")]
    [InlineData("static void M() { Action a = () => { Kept = vmalloc(64); }; spin_lock(ref Lock); spin_unlock(ref Lock); a(); }")]
    [InlineData("static void M() { if (!spin_trylock(ref Lock)) { Kept = vmalloc(64); return; } spin_unlock(ref Lock); }")]
    [InlineData("static async Task M() { await Task.Yield(); Fill(); static unsafe void Fill() => Kept = vmalloc(64); }")]
    [InlineData("static void M() { spin_lock(ref Lock); Kept = vmalloc(64); {|CS0103:Missing|}(); }")]
    public Task VmallocFamily_WhereItIsAllowed_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        [Tasklet]
        static void M(nuint data)
        {
        #pragma warning disable KA1002
            Kept = vmalloc(64);
        #pragma warning restore KA1002
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("[Tasklet] static void M(nuint data) { Kept = vmalloc(64); }"), [("dotnet_diagnostic.KA1002.severity", "none")]);
}
