using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

public sealed class KA4006UsedAfterFreeTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_ShowsAllocationAndFree() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static int M()
            {
                int* p = (int*){|#1:kmalloc(64, GFP_KERNEL)|};
                {|#2:kfree(p)|};
                return {|#0:*p|};
            }
            """),
        Verify.Diagnostic("KA4006").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("*p", "reaches into", "kfree"),
        "'p' is allocated here by 'kmalloc'",
        "'kfree' frees it here before");

    [Theory]
    [InlineData("static void M(void* p, void* q) { {|#1:kfree(p)|}; memcpy(q, {|#0:p|}, 8); } [DllImport(\"c\")] static extern void memcpy(void* to, void* from, nuint n);", "p", "passes on", "kfree")]
    [InlineData("static nint M(nint p) { {|#1:Marshal.FreeHGlobal(p)|}; {|#0:return p;|} }", "p", "is returned but points to", "Marshal.FreeHGlobal")]
    [InlineData("static void M(void* p) { {|#1:kfree(p)|}; {|#0:Kept = p|}; }", "Kept = p", "stores a pointer to", "kfree")]
    public Task Message_SaysWhatIsDone(string members, string text, string does, string free)
        => Verify.VerifyAnalyzerAsync(Sources.Class(members), Verify.Diagnostic("KA4006").WithLocation(0).WithLocation(1).WithArguments(text, does, free));

    [Theory]
    [InlineData("static void M() { byte* p = (byte*)NativeMemory.Alloc(8); NativeMemory.Free(p); {|KA4006:p[2]|} = 1; }")]
    [InlineData("static void M() { byte* p = (byte*)NativeMemory.Alloc(8); NativeMemory.Free(p); {|KA4006:p[2]|}++; }")]
    [InlineData("static void M() { byte* p = (byte*)NativeMemory.Alloc(8); NativeMemory.Free(p); {|KA4006:*(p + 1)|} |= 1; }")]
    [InlineData("struct S { public int X; public S* Next; } static int M(S* s) { kfree(s); return {|KA4006:s->X|}; }")]
    [InlineData("struct S { public int X; public S* Next; } static void M(S* s) { while (s != null) { kfree(s); s = {|KA4006:s->Next|}; } }")]
    [InlineData("struct S { public int X; public S* Next; } static void M(S* s) { kfree(s->Next); {|KA4006:s->Next->X|} = 1; kfree(s); }")]
    [InlineData("struct S { public int X; public S* Next; } static S M(S* s) { kfree(s); return {|KA4006:*s|}; }")]
    [InlineData("struct S { public int X; public S* Next; } static void M(S* s) { ref int x = ref s->X; kfree(s); {|KA4006:x|} = 3; }")]
    [InlineData("static int M() { int* p = (int*)kmalloc(8, GFP_KERNEL); int* q = p + 1; kfree(p); return {|KA4006:*q|}; }")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); Span<byte> s = new Span<byte>(p, 8); NativeMemory.Free(p); {|KA4006:s[0]|} = 1; }")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); Span<byte> s = new(p, 8); NativeMemory.Free(p); {|KA4006:s.Clear()|}; }")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); Span<byte> s = new(p, 8); Span<byte> t = s.Slice(2); NativeMemory.Free(p); {|KA4006:t.Fill(1)|}; }")]
    [InlineData("static void M(byte[] to) { void* p = NativeMemory.Alloc(8); ReadOnlySpan<byte> s = new Span<byte>(p, 8); NativeMemory.Free(p); {|KA4006:s.CopyTo(to)|}; }")]
    [InlineData("static bool M(byte[] to) { void* p = NativeMemory.Alloc(8); var s = new ReadOnlySpan<byte>(p, 8); NativeMemory.Free(p); return Same({|KA4006:s|}); } static bool Same(ReadOnlySpan<byte> s) => s[0] == s[1];")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); NativeMemory.Free(p); new Span<byte>({|KA4006:p|}, 8).Clear(); }")]
    [InlineData("static string M(nint p) { Marshal.FreeCoTaskMem(p); return Marshal.PtrToStringUTF8({|KA4006:p|})!; }")]
    [InlineData("static void M(nint p) { Marshal.FreeHGlobal(p); Marshal.WriteByte({|KA4006:p|}, 1); }")]
    [InlineData("static void M() { Page* p = alloc_pages(GFP_KERNEL, 0); if (p == null) return; byte* a = (byte*)page_address(p); __free_pages(p, 0); {|KA4006:*a|} = 1; }")]
    [InlineData("static void M() { KmemCache* c = kmem_cache_create(\"c\", 64, 0, 0); kmem_cache_destroy(c); void* p = kmem_cache_alloc({|KA4006:c|}, GFP_KERNEL); if (p != null) kmem_cache_free(c, p); }")]
    [InlineData("static void M(bool x) { int* p = (int*)kmalloc(8, GFP_KERNEL); if (x) kfree(p); {|KA4006:*p|} = 1; if (!x) kfree(p); }")]
    [InlineData("static int M() { int* p = (int*)kmalloc(8, GFP_KERNEL); try { get_order(1); } finally { kfree(p); } return {|KA4006:*p|}; }")]
    [InlineData("static void M() { int* p = (int*)kmalloc(8, GFP_KERNEL); int* q = (int*)krealloc(p, 16, GFP_KERNEL); if (q == null) { kfree(p); return; } {|KA4006:*p|} = 1; kfree(q); }")]
    [InlineData("static void M() { int* p = (int*)kmalloc(8, GFP_KERNEL); Action use = () => {|KA4006:*p|} = 1; kfree(p); use(); }")]
    [InlineData("static void* M() { void* p = kmalloc(8, GFP_KERNEL); try { {|KA4006:return p;|} } finally { kfree(p); } }")]
    [InlineData("static void M(out void* q) { void* p = kmalloc(8, GFP_KERNEL); kfree(p); {|KA4006:q = p|}; }")]
    public Task FreedMemory_ThatIsUsed_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static int M() { int* p = (int*)kmalloc(8, GFP_KERNEL); int x = *p; kfree(p); return x; }")]
    [InlineData("static int M() { int* p = (int*)kmalloc(8, GFP_KERNEL); try { return *p; } finally { kfree(p); } }")]
    [InlineData("static bool M(void* p) { kfree(p); return p != null; }")]
    [InlineData("static void M(int* p) { kfree(p); p = (int*)Kept; *p = 1; }")]
    [InlineData("static void M(Dictionary<nint, int> live, nint p) { Marshal.FreeHGlobal(p); live.Remove(p); }")]
    [InlineData("static void M(Dictionary<nint, int> live, void* p) { NativeMemory.Free(p); live.Remove((nint)p); }")]
    [InlineData("static void M(void* p) { kfree(p); Console.WriteLine($\"freed {(nuint)p:x}\"); }")]
    [InlineData("static void M(void* p) { kfree(p); Noted(p); } static void Noted(void* p) => Console.WriteLine((nint)p);")]
    [InlineData("static void M(bool x, int* p) { if (x) { kfree(p); p = null; } if (p != null) *p = 1; }")]
    [InlineData("static void M(bool x) { int* p = (int*)kmalloc(8, GFP_KERNEL); if (x) kfree(p); if (!x) { *p = 1; kfree(p); } }")]
    [InlineData("static int M(bool x) { int* p = (int*)kmalloc(8, GFP_KERNEL); int n = 0; if (x) { kfree(p); n = -1; } if (n < 0) return n; n = *p; kfree(p); return n; }")]
    [InlineData("struct S { public int X; public S* Next; } static void M(S* s) { while (s != null) { S* next = s->Next; kfree(s); s = next; } }")]
    [InlineData("struct S { public int X; public S* Next; } static void M(S** head, S* s) { S** at = head; while (*at != s) at = &(*at)->Next; *at = s->Next; kfree(s); }")]
    [InlineData("struct S { public int X; public S* Next; } static void M(S* s) { kfree(s->Next); s->Next = null; s->X = 1; }")]
    [InlineData("struct S { public int X; public S* Next; } static int* M(S* s) { int* x = &s->X; S* t = s->Next; kfree(t); return x; }")]
    [InlineData("static void M() { int* p = (int*)kmalloc(8, GFP_KERNEL); int* q = (int*)krealloc(p, 16, GFP_KERNEL); if (q == null) { *p = 1; kfree(p); return; } *q = 1; kfree(q); }")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); Span<byte> s = new Span<byte>(p, 8); s[0] = 1; int n = s.Length; NativeMemory.Free(p); n += s.Length; s = default; }")]
    [InlineData("static void M(Span<byte> s) { void* p = NativeMemory.Alloc(8); new Span<byte>(p, 8).CopyTo(s); NativeMemory.Free(p); s[0] = 1; }")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); Span<byte> s = new(p, 8); NativeMemory.Free(p); s = stackalloc byte[4]; s[0] = 1; }")]
    [InlineData("static void M(int n) { int* p = null; for (int i = 0; i < n; i++) { kfree(p); p = (int*)kmalloc(8, GFP_KERNEL); if (p != null) *p = i; } kfree(p); }")]
    [InlineData("static void M(int n) { int* p = (int*)kmalloc(8, GFP_KERNEL); bool live = true; for (int i = 0; i < n; i++) if (live && i > 3) { kfree(p); live = false; } if (live) { *p = 1; kfree(p); } }")]
    [InlineData("int* _p; void M() { kfree(_p); _p = null; } void N() { kfree(_p); Renew(); *_p = 1; } void Renew() => _p = (int*)kmalloc(8, GFP_KERNEL);")]
    [InlineData("static void M(byte[] a) { ArrayPool<byte>.Shared.Return(a); a[0] = 1; }")]
    [InlineData("static void M(int* p) { kfree(p); {|CS0103:Missing|}(); *p = 1; }")]
    public Task FreedMemory_ThatIsLeftAlone_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Use_AndSecondFree_AreOneDiagnosticEach() => VerifyAsync("static void M(int* p) { kfree(p); {|KA4006:*p|} = 1; *p = 2; kfree(p); }");

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        static void M(int* p)
        {
            kfree(p);
        #pragma warning disable KA4006
            *p = 1;
        #pragma warning restore KA4006
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("static void M(int* p) { kfree(p); *p = 1; }"), [("dotnet_diagnostic.KA4006.severity", "none")]);
}
