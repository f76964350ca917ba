using KAlloc.CodeFixes.Rules.Size;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer, KAlloc.CodeFixes.Rules.Size.KA3001OrderMismatchCodeFix>;

namespace KAlloc.CodeFixes.Tests.Size;

public sealed class KA3001OrderMismatchCodeFixTests
{
    private static string Body(string code, string fields = "") =>
        $$"""
        using KAlloc;
        using static KAlloc.Linux;

        unsafe class C
        {
            const int Order = 3;
            {{fields}}
            static void M(int order, bool large)
            {
                {{code}}
            }
        }
        """;

    [Theory]
    [InlineData("Page* p = alloc_pages(GFP_KERNEL, 2);", "__free_pages(p, 3)", "__free_pages(p, 2)")]
    [InlineData("Page* p = alloc_pages(GFP_KERNEL, Order);", "__free_pages(p, 1)", "__free_pages(p, Order)")]
    [InlineData("Page* p = alloc_pages(GFP_KERNEL, order);", "__free_pages(p, order + 1)", "__free_pages(p, order)")]
    [InlineData("Page* p = alloc_pages(GFP_KERNEL, order + 1);", "__free_pages(p, order)", "__free_pages(p, order + 1)")]
    [InlineData("Page* p = alloc_page(GFP_KERNEL);", "__free_pages(p, 1)", "__free_pages(p, 0)")]
    [InlineData("nuint p = __get_free_pages(order: 2, flags: GFP_KERNEL);", "free_pages(order: 1, addr: p)", "free_pages(order: 2, addr: p)")]
    [InlineData("Page* p = alloc_pages(GFP_KERNEL, 2);", "free_pages(page_address(p), 3)", "free_pages(page_address(p), 2)")]
    public Task Order_ThatDiffers_IsReplaced(string allocation, string wrong, string right) =>
        Verify.VerifyCodeFixAsync(Body($"{allocation} {{|KA3001:{wrong}|}};"), Body($"{allocation} {right};"), KA3001OrderMismatchCodeFix.RightOrderKey);

    [Theory]
    [InlineData("nuint p = __get_free_pages(GFP_KERNEL, 2);", "free_page(p)", "free_pages(p, 2)")]
    [InlineData("nuint p = __get_free_pages(GFP_KERNEL, Order);", "free_page((void*)p)", "free_pages(p, Order)")]
    [InlineData("byte* p = (byte*)__get_free_pages(GFP_KERNEL, Order);", "free_page(p)", "free_pages(p, Order)")]
    [InlineData("Page* p = alloc_pages(GFP_KERNEL, 2);", "__free_page(p)", "__free_pages(p, 2)")]
    [InlineData("nuint p = Linux.__get_free_pages(GFP_KERNEL, 2);", "Linux.free_page(p)", "Linux.free_pages(p, 2)")]
    public Task SinglePageCall_OfBlock_BecomesTheCallWithAnOrder(string allocation, string wrong, string right) =>
        Verify.VerifyCodeFixAsync(Body($"{allocation} {{|KA3001:{wrong}|}};"), Body($"{allocation} {right};"), KA3001OrderMismatchCodeFix.RightCallKey);

    [Fact]
    public Task TwoWrongOrders_AreReplacedAtOnce() =>
        Verify.VerifyCodeFixAsync(
            Body("Page* p = alloc_pages(GFP_KERNEL, 2); Page* q = alloc_pages(GFP_KERNEL, 3); {|KA3001:__free_pages(p, 3)|}; /* both */ {|KA3001:__free_pages(q, 2)|};"),
            Body("Page* p = alloc_pages(GFP_KERNEL, 2); Page* q = alloc_pages(GFP_KERNEL, 3); __free_pages(p, 2); /* both */ __free_pages(q, 3);"));

    [Theory]
    [InlineData("int n = order; Page* p = alloc_pages(GFP_KERNEL, n); n = n + 1; {|KA3001:__free_pages(p, n)|};")]
    [InlineData("Page* p = large ? alloc_pages(GFP_KERNEL, 2) : alloc_pages(GFP_KERNEL, 1); {|KA3001:__free_pages(p, 2)|};")]
    [InlineData("Page* p = alloc_pages(GFP_KERNEL, 2); {|KA3001:free_page(page_address(p))|};")]
    [InlineData("Page* p; { int n = order; p = alloc_pages(GFP_KERNEL, n); } {|KA3001:__free_pages(p, order + 1)|};")]
    public Task Order_ThatCannotBeNamed_GetsNoFix(string code) => Verify.VerifyNoFixAsync(Body(code));
}
