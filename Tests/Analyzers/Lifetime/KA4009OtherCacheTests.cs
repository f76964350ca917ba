using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

public sealed class KA4009OtherCacheTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class("static KmemCache* A, B; KmemCache* _a, _b;\n" + members));

    [Fact]
    public Task Message_ShowsTheAllocation() => Verify.VerifyPathAsync(
        Sources.Class("static KmemCache* A, B; static void M() { void* p = {|#1:kmem_cache_alloc(A, GFP_KERNEL)|}; {|#0:kmem_cache_free(B, p)|}; }"),
        Verify.Diagnostic("KA4009").WithLocation(0).WithLocation(1).WithArguments("p", "A", "B"),
        "'p' is allocated here from 'A'");

    [Theory]
    [InlineData("void M() { void* p = kmem_cache_zalloc(_a, GFP_KERNEL); if (p != null) {|KA4009:kmem_cache_free(_b, p)|}; }")]
    [InlineData("static void M() { KmemCache* a = kmem_cache_create(\"a\", 64, 0, 0), b = kmem_cache_create(\"b\", 64, 0, 0); void* p = kmem_cache_alloc(a, GFP_KERNEL); {|KA4009:kmem_cache_free(b, p)|}; kmem_cache_destroy(b); kmem_cache_destroy(a); }")]
    [InlineData("static void M(bool x) { KmemCache* c = x ? A : B; void* p = kmem_cache_alloc(c, GFP_KERNEL); {|KA4009:kmem_cache_free(A, p)|}; }")]
    public Task Object_OfAnotherCache_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M(bool x) { KmemCache* c = x ? A : B; void* p = kmem_cache_alloc(c, GFP_KERNEL); kmem_cache_free(c, p); }")]
    [InlineData("static void M(bool x) { KmemCache* c = x ? A : B; void* p = kmem_cache_alloc(c, GFP_KERNEL); if (x) kmem_cache_free(A, p); else kmem_cache_free(B, p); }")]
    [InlineData("static void M(KmemCache* a, KmemCache* b) { void* p = kmem_cache_alloc(a, GFP_KERNEL); kmem_cache_free(b, p); }")]
    [InlineData("void M() { void* p = kmem_cache_alloc(_a, GFP_KERNEL); Hook(); kmem_cache_free(_a, p); } void Hook() { }")]
    [InlineData("void M() { KmemCache* c = _a; void* p = kmem_cache_alloc(c, GFP_KERNEL); kmem_cache_free(_a, p); }")]
    [InlineData("static void M() { A = B; void* p = kmem_cache_alloc(A, GFP_KERNEL); kmem_cache_free(B, p); }")]
    [InlineData("static void M() { void* p = kmem_cache_alloc(A, GFP_KERNEL); kmem_cache_free({|CS0103:missing|}, p); kmem_cache_free(B, p); }")]
    public Task Object_OfTheSameCache_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(
        Sources.Class("static KmemCache* A, B; static void M() { kmem_cache_free(B, kmem_cache_alloc(A, GFP_KERNEL)); }"), [("dotnet_diagnostic.KA4009.severity", "none")]);
}
