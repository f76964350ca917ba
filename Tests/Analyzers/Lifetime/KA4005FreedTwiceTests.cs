using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

public sealed class KA4005FreedTwiceTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_ShowsAllocationAndFirstFree() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static int M(bool failed)
            {
                void* p = {|#1:kmalloc(64, GFP_KERNEL)|};
                if (failed) {|#2:kfree(p)|};
                {|#0:kfree(p)|};
                return 0;
            }
            """),
        Verify.Diagnostic("KA4005").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("p", "kfree", "kfree"),
        "'p' is allocated here by 'kmalloc'",
        "'kfree' frees it here first");

    [Fact]
    public Task Message_OfAParameter_ShowsTheFirstFree() => Verify.VerifyPathAsync(
        Sources.Class("static void M(void* p) { {|#1:NativeMemory.Free(p)|}; {|#0:NativeMemory.Free(p)|}; }"),
        Verify.Diagnostic("KA4005").WithLocation(0).WithLocation(1).WithArguments("p", "NativeMemory.Free", "NativeMemory.Free"),
        "'NativeMemory.Free' frees it here first");

    [Fact]
    public Task Message_OfALoop_SaysThatAnEarlierTurnFreedIt() => Verify.VerifyPathAsync(
        Sources.Class("static void M(void* p, int n) { for (int i = 0; {|#1:i < n|}; i++) {|#0:kfree(p)|}; }"),
        Verify.Diagnostic("KA4005").WithLocation(0).WithLocation(0).WithLocation(1).WithArguments("p", "kfree", "kfree"),
        "'kfree' frees it here in an earlier turn",
        "'i < n' is true");

    [Fact]
    public Task Message_OfAFreeInAHandler_SaysWhatThrows() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static void M()
            {
                nint p = {|#1:Marshal.AllocHGlobal(8)|};
                try
                {
                    {|#2:Marshal.FreeHGlobal(p)|};
                    p = {|#3:Marshal.AllocHGlobal(16)|};
                }
                finally
                {
                    {|#0:Marshal.FreeHGlobal(p)|};
                }
            }
            """),
        Verify.Diagnostic("KA4005").WithLocation(0).WithLocation(1).WithLocation(2).WithLocation(3).WithArguments("p", "Marshal.FreeHGlobal", "Marshal.FreeHGlobal"),
        "'p' is allocated here by 'Marshal.AllocHGlobal'",
        "'Marshal.FreeHGlobal' frees it here first",
        "'Marshal.AllocHGlobal(16)' throws");

    [Fact]
    public Task Message_WhereNothingNeedsToThrow_SaysNothingOfIt() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static void M()
            {
                nint p = {|#1:Marshal.AllocHGlobal(8)|};
                try
                {
                    {|#2:Marshal.FreeHGlobal(p)|};
                    get_order(1);
                }
                finally
                {
                    {|#0:Marshal.FreeHGlobal(p)|};
                }
            }
            """),
        Verify.Diagnostic("KA4005").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("p", "Marshal.FreeHGlobal", "Marshal.FreeHGlobal"),
        "'p' is allocated here by 'Marshal.AllocHGlobal'",
        "'Marshal.FreeHGlobal' frees it here first");

    [Theory]
    [InlineData("static void M() { nint p = Marshal.AllocHGlobal(8); Marshal.FreeHGlobal(p); {|KA4005:Marshal.FreeHGlobal(p)|}; }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); void* q = p; kfree(q); {|KA4005:kfree(p)|}; }")]
    [InlineData("static void M() { byte* p = (byte*)kmalloc(8, GFP_KERNEL); kfree(p); {|KA4005:kfree(p)|}; }")]
    [InlineData("static void M(int n) { void* p = kmalloc(8, GFP_KERNEL); while (n-- > 0) {|KA4005:kfree(p)|}; if (p == null) return; {|KA4001:}|}")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); try { get_order(1); kfree(p); get_order(2); } finally { {|KA4005:kfree(p)|}; } }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); try { kfree(p); get_order(2); } catch { {|KA4005:kfree(p)|}; } }")]
    [InlineData("static void M(bool x, bool y) { void* p = kmalloc(8, GFP_KERNEL); if (x) kfree(p); if (y) {|KA4005:kfree(p)|}; if (!x && !y) kfree(p); }")]
    [InlineData("struct S { public void* Data; } static void M() { S a; a.Data = kmalloc(8, GFP_KERNEL); S b = a; kfree(a.Data); {|KA4005:kfree(b.Data)|}; }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); void* q = krealloc(p, 16, GFP_KERNEL); if (q == null) { kfree(p); return; } {|KA4005:kfree(p)|}; kfree(q); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); Give(p); {|KA4005:kfree(p)|}; } static void Give(void* q) { kfree(q); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); kfree(p); {|KA4005:Give(p)|}; } static void Give(void* q) { kfree(q); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); void Free() => {|KA4005:kfree(p)|}; Free(); Free(); }")]
    [InlineData("void* _p; void M() { kfree(_p); {|KA4005:kfree(_p)|}; }")]
    [InlineData("struct N { public N* Next; } static void M(N* n) { kfree(n->Next); {|KA4005:kfree(n->Next)|}; kfree(n); }")]
    [InlineData("static void M(int order) { Page* p = alloc_pages(GFP_KERNEL, order); __free_pages(p, order); {|KA4005:__free_pages(p, order)|}; }")]
    [InlineData("static void M() { Page* p = alloc_pages(GFP_KERNEL, 1); if (p == null) return; free_pages(page_address(p), 1); {|KA4005:__free_pages(p, 1)|}; }")]
    [InlineData("static int M(int n) { void* p = kmalloc(8, GFP_KERNEL); if (n < 0) goto fail; kfree(p); fail: {|KA4005:kfree(p)|}; return n; }")]
    [InlineData("static async Task M() { nint p = Marshal.AllocHGlobal(8); Marshal.FreeHGlobal(p); await Task.Yield(); {|KA4005:Marshal.FreeHGlobal(p)|}; }")]
    public Task Memory_FreedTwice_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M(bool x) { void* p = kmalloc(8, GFP_KERNEL); if (x) { kfree(p); p = null; } kfree(p); }")]
    [InlineData("static void M(bool x) { void* p = kmalloc(8, GFP_KERNEL); bool freed = false; if (x) { kfree(p); freed = true; } if (!freed) kfree(p); }")]
    [InlineData("static void M(int n) { void* p = kmalloc(8, GFP_KERNEL); bool freed = false; for (int i = 0; i < n; i++) if (!freed && i > 3) { kfree(p); freed = true; } if (!freed) kfree(p); }")]
    [InlineData("static int M(int n) { void* p = kmalloc(8, GFP_KERNEL); if (n < 0) goto fail; kfree(p); return 0; fail: kfree(p); return n; }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); try { get_order(1); kfree(p); p = null; get_order(2); } finally { kfree(p); } }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); try { get_order(1); } catch { kfree(p); throw; } kfree(p); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); kfree(p); p = kmalloc(8, GFP_KERNEL); kfree(p); }")]
    [InlineData("static void M(int n) { while (n-- > 0) { void* p = kmalloc(8, GFP_KERNEL); kfree(p); } }")]
    [InlineData("static void M(void** all, int n) { for (int i = 0; i < n; i++) kfree(all[i]); }")]
    [InlineData("static void M(void** all) { for (void** p = all; *p != null; p++) kfree(*p); }")]
    [InlineData("struct N { public N* Next; } static void M(N* n) { while (n != null) { N* next = n->Next; kfree(n); n = next; } }")]
    [InlineData("struct N { public N* Left, Right; } static void M(N* n) { if (n == null) return; M(n->Left); M(n->Right); kfree(n); }")]
    [InlineData("static void M(List<nint> all) { foreach (nint p in all) Marshal.FreeHGlobal(p); }")]
    [InlineData("static void M(nint[] all) { foreach (nint p in all) Marshal.FreeHGlobal(p); }")]
    [InlineData("static void M(ReadOnlySpan<nint> all) { foreach (nint p in all) Marshal.FreeHGlobal(p); }")]
    [InlineData("static void M(Stack<nint> all) { while (all.Count > 0) Marshal.FreeHGlobal(all.Pop()); }")]
    [InlineData("static void M(LinkedList<nint> all) { Marshal.FreeHGlobal(all.First!.Value); all.RemoveFirst(); Marshal.FreeHGlobal(all.First!.Value); }")]
    [InlineData("static void M(Queue<nint> all) { while (all.TryDequeue(out nint p)) Marshal.FreeHGlobal(p); }")]
    [InlineData("nint Next => Marshal.AllocHGlobal(1); void M() { Marshal.FreeHGlobal(Next); Marshal.FreeHGlobal(Next); }")]
    [InlineData("volatile nint _p; void M() { Marshal.FreeHGlobal(_p); Marshal.FreeHGlobal(_p); }")]
    [InlineData("void* _p; void M() { kfree(_p); Renew(); kfree(_p); } void Renew() { _p = kmalloc(8, GFP_KERNEL); }")]
    [InlineData("struct S { public void* Data; } static void M(S* a, S* b) { kfree(a->Data); b->Data = null; kfree(a->Data); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); void* q = krealloc(p, 16, GFP_KERNEL); if (q == null) kfree(p); else kfree(q); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); Action free = () => { kfree(p); p = null; }; free(); free(); }")]
    [InlineData("static void M(object o) { GCHandle h = GCHandle.Alloc(o); h.Free(); if (h.IsAllocated) h.Free(); }")]
    [InlineData("static bool Try(nint p) { if (p == 0) return false; Marshal.FreeHGlobal(p); return true; } static void M(nint p) { if (!Try(p)) Marshal.FreeHGlobal(p); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); kfree(p); kfree(null); {|CS0103:Missing|}(); kfree(p); }")]
    public Task Memory_FreedOnceAPath_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        static void M(void* p)
        {
            kfree(p);
        #pragma warning disable KA4005
            kfree(p);
        #pragma warning restore KA4005
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("static void M(void* p) { kfree(p); kfree(p); }"), [("dotnet_diagnostic.KA4005.severity", "none")]);
}
