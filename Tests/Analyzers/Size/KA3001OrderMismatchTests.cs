using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Size;

public sealed class KA3001OrderMismatchTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_GivesBothOrders() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static void M()
            {
                Page* pages = {|#1:alloc_pages(GFP_KERNEL, 2)|};
                {|#0:__free_pages(pages, 3)|};
            }
            """),
        Verify.Diagnostic("KA3001").WithLocation(0).WithLocation(1).WithArguments("__free_pages", "3", "pages", "2"),
        "'pages' is allocated here by 'alloc_pages' with order 2");

    [Fact]
    public Task Message_OfASinglePageCall_SaysOrderZero() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { nuint p = {|#1:__get_free_pages(GFP_KERNEL, 2)|}; {|#0:free_page(p)|}; }"),
        Verify.Diagnostic("KA3001").WithLocation(0).WithLocation(1).WithArguments("free_page", "0", "p", "2"),
        "'p' is allocated here by '__get_free_pages' with order 2");

    [Fact]
    public Task Message_OfAVariableOrder_GivesItsCode() => Verify.VerifyPathAsync(
        Sources.Class("static void M(int order) { Page* p = {|#1:alloc_pages(GFP_KERNEL, order)|}; {|#0:__free_pages(p, order + 1)|}; }"),
        Verify.Diagnostic("KA3001").WithLocation(0).WithLocation(1).WithArguments("__free_pages", "order + 1", "p", "order"),
        "'p' is allocated here by 'alloc_pages' with order order");

    [Theory]
    [InlineData("static void M() { Page* p = alloc_page(GFP_KERNEL); {|KA3001:__free_pages(p, 1)|}; }")]
    [InlineData("static void M() { nuint p = get_zeroed_page(GFP_KERNEL); {|KA3001:free_pages(p, 2)|}; }")]
    [InlineData("static void M() { nuint p = __get_dma_pages(GFP_KERNEL, 1); {|KA3001:free_pages((void*)p, 2)|}; }")]
    [InlineData("static void M() { Page* p = alloc_pages_node(0, GFP_KERNEL, 1); {|KA3001:__free_page(p)|}; }")]
    [InlineData("static void M(int order) { Page* p = alloc_pages(GFP_KERNEL, order); order = order + 1; {|KA3001:__free_pages(p, order)|}; }")]
    [InlineData("static void M(bool x) { Page* p = alloc_pages(GFP_KERNEL, x ? 1 : 2); if (x) {|KA3001:__free_pages(p, 2)|}; else __free_pages(p, 2); }")]
    [InlineData("static void M(int n) { for (int i = 0; i < n; i++) { Page* p = alloc_pages(GFP_KERNEL, 1); {|KA3001:__free_pages(p, 0)|}; } }")]
    [InlineData("static void M() { Page* p = alloc_pages(GFP_KERNEL, 1); try { get_order(8); } finally { {|KA3001:__free_pages(p, 2)|}; } }")]
    [InlineData("static void M() { Action a = () => { Page* p = alloc_pages(GFP_KERNEL, 1); {|KA3001:__free_pages(p, 2)|}; }; a(); }")]
    [InlineData("static async Task M() { nuint p = __get_free_pages(GFP_KERNEL, 1); await Task.Yield(); {|KA3001:free_pages(p, 2)|}; }")]
    [InlineData("static IEnumerable<int> M() { nuint p = __get_free_pages(GFP_KERNEL, 1); yield return 1; {|KA3001:free_pages(p, 2)|}; }")]
    [InlineData("static void M() { Page* p = alloc_pages(GFP_KERNEL, 2); {|KA3001:free_pages(page_address(p), 1)|}; }")]
    [InlineData("struct Ring { public Page* Pages; public int Order; } static void M() { Ring r = default; r.Order = 2; r.Pages = alloc_pages(GFP_KERNEL, r.Order); {|KA3001:__free_pages(r.Pages, r.Order - 1)|}; }")]
    public Task Order_ThatDiffers_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("static void M() { Page* p = alloc_page(GFP_KERNEL); __free_pages(p, 0); }")]
    [InlineData("static void M() { Page* p = alloc_pages(GFP_KERNEL, 0); __free_page(p); }")]
    [InlineData("static void M(int order) { Page* p = alloc_pages(GFP_KERNEL, order); __free_pages(p, order); }")]
    [InlineData("static void M(int order) { nuint p = __get_free_pages(GFP_KERNEL, order + 1); free_pages(p, 1 + order); }")]
    [InlineData("static void M(int order) { int same = order; nuint p = __get_free_pages(GFP_KERNEL, order); free_pages(p, same); }")]
    [InlineData("static void M(int order, int other) { Page* p = alloc_pages(GFP_KERNEL, order); __free_pages(p, other); }")]
    [InlineData("static void M(bool x) { int order = x ? 1 : 2; Page* p = alloc_pages(GFP_KERNEL, order); __free_pages(p, order); }")]
    [InlineData("static void M(bool x) { Page* p = alloc_pages(GFP_KERNEL, x ? 1 : 2); if (x) __free_pages(p, 1); else __free_pages(p, 2); }")]
    [InlineData("static void M() { for (int order = 0; order < 4; order++) { Page* p = alloc_pages(GFP_KERNEL, order); __free_pages(p, order); } }")]
    [InlineData("static void M(nuint size) { int order = get_order(size); nuint p = __get_free_pages(GFP_KERNEL, order); free_pages(p, order); }")]
    [InlineData("static void M(nuint size) { nuint p = __get_free_pages(GFP_KERNEL, get_order(size)); free_pages(p, get_order(size)); }")]
    [InlineData("static int Order; static void M() { nuint p = __get_free_pages(GFP_KERNEL, Order); Console.WriteLine(); free_pages(p, Order); }")]
    [InlineData("static void M() { Page* p = alloc_pages(GFP_KERNEL, 1); try { get_order(8); } finally { __free_pages(p, 1); } }")]
    [InlineData("static void M() { Action a = () => { Page* p = alloc_pages(GFP_KERNEL, 1); __free_pages(p, 1); }; a(); }")]
    [InlineData("static void M() { int order = 1; Page* p = alloc_pages(GFP_KERNEL, order); Action grow = () => order++; grow(); Free(p); void Free(Page* q) => __free_pages(q, 1); }")]
    [InlineData("static async Task M(int order) { nuint p = __get_free_pages(GFP_KERNEL, order); await Task.Yield(); free_pages(p, order); }")]
    [InlineData("static IEnumerable<int> M(int order) { nuint p = __get_free_pages(GFP_KERNEL, order); yield return 1; free_pages(p, order); }")]
    [InlineData("static void M() { nuint p = __get_free_pages(GFP_KERNEL, 2); free_pages(p, 2); p = __get_free_pages(GFP_KERNEL, 3); free_pages(p, 3); }")]
    [InlineData("static void M(Page* p) => __free_pages(p, 3);")]
    [InlineData("static void M() { Page* p = alloc_pages(GFP_KERNEL, 2); {|CS0103:Missing|}(); __free_pages(p, 3); }")]
    public Task Order_ThatMayBeTheSame_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Pragma_Silences() => VerifyAsync(
        """
        static void M()
        {
            Page* p = alloc_pages(GFP_KERNEL, 2);
        #pragma warning disable KA3001
            __free_pages(p, 3);
        #pragma warning restore KA3001
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(
        Sources.Class("static void M() { Page* p = alloc_pages(GFP_KERNEL, 2); __free_pages(p, 3); }"), [("dotnet_diagnostic.KA3001.severity", "none")]);
}
