using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

public sealed class KA4001MemoryNotFreedTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_OfALeakInAHandler_SaysWhatThrows() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static int M(string text)
            {
                nint p = {|#1:Marshal.AllocHGlobal(8)|};
                try
                {
                    *(int*)p = {|#2:int.Parse(text)|};
                }
                catch (FormatException)
                {
                    {|#0:return -1;|}
                }

                Marshal.FreeHGlobal(p);
                return 0;
            }
            """),
        Verify.Diagnostic("KA4001").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("p", "on the path that ends here", "Marshal.FreeHGlobal"),
        "'p' is allocated here by 'Marshal.AllocHGlobal'",
        "'int.Parse(text)' throws");

    [Fact]
    public Task Message_OfALeakAfterAThrow_ShowsTheBranch() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static int M(int n)
            {
                nint p = {|#1:Marshal.AllocHGlobal(8)|};
                try
                {
                    if ({|#2:n < 0|}) throw new ArgumentException();
                }
                catch (ArgumentException)
                {
                    {|#0:return -1;|}
                }

                Marshal.FreeHGlobal(p);
                return 0;
            }
            """),
        Verify.Diagnostic("KA4001").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("p", "on the path that ends here", "Marshal.FreeHGlobal"),
        "'p' is allocated here by 'Marshal.AllocHGlobal'",
        "'n < 0' is true");

    [Fact]
    public Task Message_OfAnEarlyReturn_ShowsTheBranch() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static int M(bool busy)
            {
                void* p = {|#1:kmalloc(64, GFP_KERNEL)|};
                if ({|#2:busy|}) {|#0:return -EBUSY;|}
                kfree(p);
                return 0;
            }
            """),
        Verify.Diagnostic("KA4001").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("p", "on the path that ends here", "kfree"),
        "'p' is allocated here by 'kmalloc'",
        "'busy' is true");

    [Fact]
    public Task Message_OfAThrow_SaysSo() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static void M(int n)
            {
                nint p = {|#1:Marshal.AllocHGlobal(64)|};
                if ({|#2:n < 0|}) {|#0:throw new ArgumentException();|}
                Marshal.FreeHGlobal(p);
            }
            """),
        Verify.Diagnostic("KA4001").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("p", "on the path that throws here", "Marshal.FreeHGlobal"),
        "'p' is allocated here by 'Marshal.AllocHGlobal'",
        "'n < 0' is true");

    [Fact]
    public Task Message_OfAnOverwrittenPointer_PointsAtTheAssignment() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { void* p = {|#1:NativeMemory.Alloc(8)|}; {|#0:p = NativeMemory.Alloc(16)|}; NativeMemory.Free(p); }"),
        Verify.Diagnostic("KA4001").WithLocation(0).WithLocation(1).WithArguments("p", "before its last pointer is overwritten", "NativeMemory.Free"),
        "'p' is allocated here by 'NativeMemory.Alloc'");

    [Fact]
    public Task Message_OfMemoryThatHungOnFreedMemory_ShowsThatFree() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            struct Node { public Node* Next; }
            static void M()
            {
                var node = (Node*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);
                {|#1:Hang(node)|};
                {|#2:kfree(node)|};
            {|#0:}|}
            static void Hang(Node* node) => node->Next = (Node*)kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);
            """),
        Verify.Diagnostic("KA4001").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("kmalloc(…)", "on the path that ends here", "kfree"),
        "'kmalloc(…)' is allocated here by 'kmalloc'",
        "'node', which holds its last pointer, is freed here");

    [Fact]
    public Task Message_OfAScopeThatEnds_PointsAtTheJump() => Verify.VerifyPathAsync(
        Sources.Class("static void M(int n, bool skip) { for (int i = 0; i < n; i++) { void* p = {|#1:vmalloc(8)|}; if ({|#2:skip|}) {|#0:continue;|} vfree(p); } }"),
        Verify.Diagnostic("KA4001").WithLocation(0).WithLocation(1).WithLocation(2).WithArguments("p", "before its last pointer goes out of scope", "vfree"),
        "'p' is allocated here by 'vmalloc'",
        "'skip' is true");

    [Theory]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); {|KA4001:}|}")]
    [InlineData("static void M(bool x) { void* p = kmalloc(8, GFP_KERNEL); if (x) kfree(p); {|KA4001:}|}")]
    [InlineData("static void M(bool x) { void* p = null; if (x) p = kmalloc(8, GFP_KERNEL); if (x) {|KA4001:return;|} kfree(p); }")]
    [InlineData("static bool M() { void* p = kmalloc(8, GFP_KERNEL); void* q = kmalloc(8, GFP_KERNEL); if (p == null || q == null) {|KA4001:{|KA4001:return false;|}|} kfree(p); kfree(q); return true; }")]
    [InlineData("static int M(int n) { void* p = kmalloc(8, GFP_KERNEL); switch (n) { case 0: kfree(p); return 0; case 1: {|KA4001:return 1;|} default: kfree(p); return 2; } }")]
    [InlineData("static void M(int n) { while (n-- > 0) { nint p = Marshal.AllocHGlobal(8); if (n == 2) {|KA4001:break;|} Marshal.FreeHGlobal(p); } }")]
    [InlineData("static void M(int n) { do { void* p = kmalloc(8, GFP_KERNEL); *(int*)p = n; {|KA4001:}|} while (--n > 0); }")]
    [InlineData("static void M(int n) { nint p = 0; for (int i = 0; i < n; i++) {|KA4001:p = Marshal.StringToBSTR(\"\")|}; Marshal.FreeBSTR(p); }")]
    [InlineData("static void M(bool x) { void* p = null; try { p = kmalloc(8, GFP_KERNEL); if (x) {|KA4001:return;|} } finally { get_order(1); } kfree(p); }")]
    [InlineData("static void M() { Action a = () => { void* p = kmalloc(8, GFP_KERNEL); {|KA4001:}|}; a(); }")]
    [InlineData("static void M() { Inner(); static void Inner() { void* p = kmalloc(8, GFP_KERNEL); {|KA4001:}|} }")]
    [InlineData("static async Task<int> M(bool x) { nint p = Marshal.AllocCoTaskMem(8); await Task.Yield(); if (x) {|KA4001:return 1;|} Marshal.FreeCoTaskMem(p); return 0; }")]
    [InlineData("static IEnumerable<int> M(bool x) { nint p = Marshal.AllocHGlobal(8); if (x) {|KA4001:yield break;|} yield return 1; Marshal.FreeHGlobal(p); }")]
    [InlineData("static void M() { KmemCache* c = kmem_cache_create(\"c\", 64, 0, 0); void* p = kmem_cache_alloc(c, GFP_KERNEL); kmem_cache_destroy(c); {|KA4001:}|}")]
    [InlineData("static int M(int order) { nuint p = __get_free_pages(GFP_KERNEL, order); if (order > 3) goto fail; free_pages(p, order); return 0; fail: {|KA4001:return -ENOMEM;|} }")]
    public Task Memory_ThatIsLost_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); if (p == null) return; kfree(p); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); if (p != null) kfree(p); }")]
    [InlineData("static void M(bool x) { void* p = null; if (x) p = kmalloc(8, GFP_KERNEL); if (!x) return; kfree(p); }")]
    [InlineData("static bool M() { void* p = kmalloc(8, GFP_KERNEL); void* q = kmalloc(8, GFP_KERNEL); if (p == null || q == null) { kfree(p); kfree(q); return false; } kfree(q); kfree(p); return true; }")]
    [InlineData("static void* M() { void* p = kmalloc(8, GFP_KERNEL); return p; }")]
    [InlineData("static void* M() => kmalloc(8, GFP_KERNEL);")]
    [InlineData("static void M() { Kept = kmalloc(8, GFP_KERNEL); }")]
    [InlineData("static void M(out nint p) { p = Marshal.AllocHGlobal(8); }")]
    [InlineData("static void M(nint* p) { *p = Marshal.AllocHGlobal(8); }")]
    [InlineData("static void M(nint[] all) { all[0] = Marshal.AllocHGlobal(8); }")]
    [InlineData("static void M(List<nint> all) { nint p = Marshal.AllocHGlobal(8); all.Add(p); }")]
    [InlineData("[DllImport(\"x\")] static extern void take(nint p); static void M() { nint p = Marshal.StringToHGlobalAnsi(\"\"); take(p); }")]
    [InlineData("static void M([Consumes] nint q) { } static void N() { nint p = Marshal.AllocHGlobal(8); M(p); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); Give(p); } static void Give(void* q) { kfree(q); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); void* q = p; p = null; kfree(q); }")]
    [InlineData("static void M() { byte* p = (byte*)kmalloc(8, GFP_KERNEL); p += 4; kfree(p - 4); }")]
    [InlineData("static void M(int n) { for (int i = 0; i < n; i++) { void* p = kmalloc(8, GFP_KERNEL); if (i == 1) { kfree(p); continue; } kfree(p); } }")]
    [InlineData("static void M(int n) { void* p = null; while (n-- > 0) { kfree(p); p = kmalloc(8, GFP_KERNEL); } kfree(p); }")]
    [InlineData("static void M(bool x) { void* p = kmalloc(8, GFP_KERNEL); try { if (x) return; get_order(1); } finally { kfree(p); } }")]
    [InlineData("static void M(bool x) { nint p = Marshal.AllocHGlobal(8); try { if (x) throw new Exception(); } catch { Marshal.FreeHGlobal(p); throw; } Marshal.FreeHGlobal(p); }")]
    [InlineData("static Action M() { void* p = kmalloc(8, GFP_KERNEL); return () => kfree(p); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); Free(); void Free() => kfree(p); }")]
    [InlineData("static async Task M() { nint p = Marshal.AllocHGlobal(8); try { await Task.Yield(); } finally { Marshal.FreeHGlobal(p); } }")]
    [InlineData("static IEnumerable<nint> M() { nint p = Marshal.AllocHGlobal(8); yield return p; }")]
    [InlineData("static void M() { byte[] a = ArrayPool<byte>.Shared.Rent(8); a[0] = 1; }")]
    [InlineData("static void M(object o) { GCHandle h = GCHandle.Alloc(o); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); Environment.FailFast(\"\"); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); while (true) *(int*)p = 1; }")]
    [InlineData("static (nint, int) M() { nint p = Marshal.AllocHGlobal(8); return (p, 8); }")]
    [InlineData("nint _p; C() { _p = Marshal.AllocHGlobal(8); } ~C() { Marshal.FreeHGlobal(_p); }")]
    [InlineData("static void M() { void* p = kmalloc(8, GFP_KERNEL); {|CS0103:Missing|}(); }")]
    public Task Memory_ThatIsFreedOrHandedOn_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        static void M()
        {
            void* p = kmalloc(8, GFP_KERNEL);
        #pragma warning disable KA4001
        }
        #pragma warning restore KA4001
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(Sources.Class("static void M() { void* p = kmalloc(8, GFP_KERNEL); }"), [("dotnet_diagnostic.KA4001.severity", "none")]);
}
