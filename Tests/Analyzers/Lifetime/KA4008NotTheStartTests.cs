using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

public sealed class KA4008NotTheStartTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Theory]
    [InlineData("static void M() { byte* p = stackalloc byte[8]; {|#0:NativeMemory.Free(p)|}; }", "p", "memory on the stack", "NativeMemory.Free")]
    [InlineData("static void M() { int x; {|#0:kfree(&x)|}; }", "&x", "a variable", "kfree")]
    [InlineData("static void M(byte[] a) { fixed (byte* p = a) {|#0:NativeMemory.Free(p)|}; }", "p", "memory inside a managed object", "NativeMemory.Free")]
    public Task Message_SaysWhatItIs(string members, string text, string what, string free) => Verify.VerifyAnalyzerAsync(
        Sources.Class(members), Verify.Diagnostic("KA4008").WithLocation(0).WithArguments(text, what, free, "remove the call"));

    [Fact]
    public Task Message_OfAnInteriorPointer_ShowsTheAllocation() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { byte* p = (byte*){|#1:NativeMemory.Alloc(8)|}; {|#0:NativeMemory.Free(p + 4)|}; }"),
        Verify.Diagnostic("KA4008").WithLocation(0).WithLocation(1).WithArguments("p + 4", "the middle of an allocation", "NativeMemory.Free", "free the pointer that the allocation returned"),
        "'p' is allocated here by 'NativeMemory.Alloc'");

    [Theory]
    [InlineData("static void M(bool small) { byte* b = stackalloc byte[8]; byte* p = small ? b : (byte*)NativeMemory.Alloc(99); p[0] = 1; {|KA4008:NativeMemory.Free(p)|}; }")]
    [InlineData("static int _x; static void M() { fixed (int* p = &_x) {|KA4008:kfree(p)|}; }")]
    [InlineData("static void M() { byte* p = (byte*)kmalloc(8, GFP_KERNEL); if (p == null) return; p++; {|KA4008:kfree(p)|}; }")]
    [InlineData("struct S { public int A, B; } static void M() { S* s = (S*)kmalloc(8, GFP_KERNEL); if (s == null) return; {|KA4008:kfree(&s->B)|}; }")]
    [InlineData("static void M(int n) { byte* p = (byte*)NativeMemory.Alloc(8); byte* q = p; for (int i = 0; i < n; i++) *q++ = 1; {|KA4008:NativeMemory.Free(q)|}; }")]
    public Task Pointer_ThatNoAllocatorReturned_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M(bool small) { byte* b = stackalloc byte[8]; byte* p = small ? b : (byte*)NativeMemory.Alloc(99); p[0] = 1; if (p != b) NativeMemory.Free(p); }")]
    [InlineData("static void M(bool small) { byte* b = stackalloc byte[8]; byte* p = small ? b : (byte*)NativeMemory.Alloc(99); p[0] = 1; if (!small) NativeMemory.Free(p); }")]
    [InlineData("static void M() { byte* p = (byte*)NativeMemory.Alloc(8); p += 4; NativeMemory.Free(p - 4); }")]
    [InlineData("struct S { public int A, B; } static void M() { S* s = (S*)kmalloc(8, GFP_KERNEL); if (s != null) kfree(&s->A); }")]
    [InlineData("static void M(int n) { byte* p = (byte*)NativeMemory.Alloc(8); NativeMemory.Free(p + n); }")]
    [InlineData("static void M() { Page* p = alloc_pages(GFP_KERNEL, 1); if (p == null) return; __free_pages(p, 1); }")]
    [InlineData("static void M(byte* header) { NativeMemory.Free(header - 16); }")]
    [InlineData("static void M(List<nint> all) { foreach (nint p in all) Marshal.FreeHGlobal(p); }")]
    [InlineData("nint _p; void M() { fixed (nint* p = &_p) Marshal.FreeHGlobal(*p); }")]
    [InlineData("static void M() { int x; kfree({|CS0103:missing|}); kfree(&x); }")]
    public Task Pointer_ThatMayBeTheStart_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("static void M() { int x; kfree(&x); }"), [("dotnet_diagnostic.KA4008.severity", "none")]);
}
