using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

public sealed class KA4004ReallocLosesPointerTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_ShowsTheAllocation() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { void* p = {|#1:kmalloc(8, GFP_KERNEL)|}; {|#0:p = krealloc(p, 16, GFP_KERNEL)|}; kfree(p); }"),
        Verify.Diagnostic("KA4004").WithLocation(0).WithLocation(1).WithArguments("p"),
        "the old memory is allocated here by 'kmalloc'");

    [Theory]
    [InlineData("static void* M() { byte* p = (byte*)kmalloc(8, GFP_KERNEL); if (p == null) return null; {|KA4004:p = (byte*)krealloc(p, 16, GFP_KERNEL)|}; return p; }")]
    [InlineData("static void M(int n) { void* p = kmalloc(8, GFP_KERNEL); for (int i = 1; i < n; i++) {|KA4004:p = krealloc_array(p, (nuint)i, 16, GFP_KERNEL)|}; kfree(p); }")]
    public Task Reallocation_OverItsOwnPointer_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); void* q = krealloc(p, 16, GFP_KERNEL); if (q == null) { kfree(p); return; } p = q; kfree(p); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); void* old = p; p = krealloc(p, 16, GFP_KERNEL); if (p == null) p = old; kfree(p); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); p = krealloc(p, 16, GFP_KERNEL | __GFP_NOFAIL); kfree(p); }")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); p = NativeMemory.Realloc(p, 16); NativeMemory.Free(p); }")]
    [InlineData("static void M() { void* p = null; p = krealloc(p, 16, GFP_KERNEL); kfree(p); }")]
    [InlineData("static void M(void* p) { p = krealloc(p, 16, GFP_KERNEL); Kept = p; }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); p = krealloc(p, 16, {|CS0103:GFP_MISSING|}); kfree(p); }")]
    public Task Reallocation_ThatKeepsThePointer_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(
        Sources.Class("static void M() { void* p = kmalloc(8, GFP_KERNEL); p = krealloc(p, 16, GFP_KERNEL); kfree(p); }"), [("dotnet_diagnostic.KA4004.severity", "none")]);
}
