using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

public sealed class KA4003ResultDiscardedTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_NamesBothCalls() => Verify.VerifyAnalyzerAsync(
        Sources.Class("static void M() { {|#0:NativeMemory.Alloc(8)|}; }"), Verify.Diagnostic("KA4003").WithLocation(0).WithArguments("NativeMemory.Alloc", "NativeMemory.Free"));

    [Theory]
    [InlineData("static void M() { {|KA4003:kmalloc(8, GFP_KERNEL)|}; }")]
    [InlineData("static void M() { _ = {|KA4003:vmalloc(8)|}; }")]
    [InlineData("static void M() => {|KA4003:Marshal.AllocHGlobal(8)|};")]
    [InlineData("static void M(nint p) { {|KA4003:Marshal.ReAllocHGlobal(p, 16)|}; }")]
    [InlineData("static void M(int n) { for (int i = 0; i < n; i++) {|KA4003:Marshal.StringToBSTR(\"\")|}; }")]
    [InlineData("static void M() { Action a = () => {|KA4003:alloc_pages(GFP_KERNEL, 1)|}; a(); }")]
    [InlineData("static void M() { try { {|KA4003:kmalloc(8, GFP_KERNEL)|}; } finally { {|KA4003:__get_free_page(GFP_KERNEL)|}; } }")]
    [InlineData("static async Task M() { await Task.Yield(); {|KA4003:Marshal.AllocCoTaskMem(8)|}; }")]
    public Task Allocation_ThatNothingReceives_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { kfree(kmalloc(8, GFP_KERNEL)); }")]
    [InlineData("static void M() { Kept = kmalloc(8, GFP_KERNEL); }")]
    [InlineData("static void* M() => kmalloc(8, GFP_KERNEL);")]
    [InlineData("static void M(List<nint> all) { all.Add(Marshal.AllocHGlobal(8)); }")]
    [InlineData("static void M() { ArrayPool<byte>.Shared.Rent(8); }")]
    [InlineData("static void M(object o) { GCHandle.Alloc(o); }")]
    [InlineData("static void M(nint p) { nint q = Marshal.ReAllocHGlobal(p, 16); Marshal.FreeHGlobal(q); }")]
    [InlineData("static void M() { krealloc(null, 0, {|CS0103:GFP_MISSING|}); }")]
    public Task Allocation_ThatIsKept_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        static void M()
        {
        #pragma warning disable KA4003
            kmalloc(8, GFP_KERNEL);
        #pragma warning restore KA4003
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("static void M() { kmalloc(8, GFP_KERNEL); }"), [("dotnet_diagnostic.KA4003.severity", "none")]);
}
