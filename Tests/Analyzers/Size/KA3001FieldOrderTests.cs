using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Size;

/// <summary>Pages that one method of a type stores in a field and another one frees.</summary>
public sealed class KA3001FieldOrderTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_GivesBothOrders() => Verify.VerifyPathAsync(
        Sources.Class("private Page* _pages = {|#1:alloc_pages(GFP_KERNEL, 2)|}; void Close() { {|#0:__free_pages(_pages, 3)|}; }"),
        Verify.Diagnostic("KA3001").WithLocation(0).WithLocation(1).WithArguments("__free_pages", "3", "_pages", "2"),
        "'_pages' gets its memory here from 'alloc_pages' with order 2");

    [Theory]
    [InlineData("private nuint _address; void Open() { _address = __get_free_pages(GFP_KERNEL, 2); } void Close() { {|KA3001:free_page(_address)|}; }")]
    [InlineData("private static Page* s_pages; const int Order = 3; static void Init() { s_pages = alloc_pages(GFP_KERNEL, Order); } static void Exit() { if (s_pages != null) {|KA3001:__free_pages(s_pages, Order - 1)|}; s_pages = null; }")]
    [InlineData("private Page* _pages; private readonly int _order = 3; void Open() { _pages = alloc_pages(GFP_KERNEL, 2); } void Close() { {|KA3001:__free_pages(_pages, _order)|}; }")]
    [InlineData("private Page* _pages; void Open(bool big) { _pages = alloc_pages(GFP_KERNEL, big ? 4 : 2); } void Close() { {|KA3001:__free_pages(_pages, 3)|}; }")]
    [InlineData("private struct Ring { public Page* Pages; public int Order; } private Ring _ring; void Open() { _ring.Pages = alloc_pages(GFP_KERNEL, 2); _ring.Order = 3; } void Close() { {|KA3001:__free_pages(_ring.Pages, _ring.Order)|}; }")]
    [InlineData("private void* _address; void Open() { _address = page_address(alloc_pages(GFP_KERNEL, 2)); } void Close() { {|KA3001:free_pages(_address, 1)|}; }")]
    public Task Field_FreedWithAnotherOrder_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("private Page* _pages; private int _order; void Open(int order) { _order = order; _pages = alloc_pages(GFP_KERNEL, order); } void Close() => __free_pages(_pages, _order);")]
    [InlineData("private Page* _pages; private int _order; void Open() { _pages = alloc_pages(GFP_KERNEL, 0); } void Grow() { __free_pages(_pages, _order); _order = 2; _pages = alloc_pages(GFP_KERNEL, 2); } void Close() => __free_pages(_pages, _order);")]
    [InlineData("private Page* _pages; void Open(bool big) { _pages = alloc_pages(GFP_KERNEL, big ? 3 : 2); } void Close() => __free_pages(_pages, 3);")]
    [InlineData("private Page* _pages; void Open(int order) { _pages = alloc_pages(GFP_KERNEL, order); } void Close() => __free_pages(_pages, 3);")]
    [InlineData("private Page* _pages = alloc_pages(GFP_KERNEL, 2); void Set(Page* p) { _pages = p; } void Close() => __free_pages(_pages, 3);")]
    [InlineData("internal Page* Pages = alloc_pages(GFP_KERNEL, 2); void Close() => __free_pages(Pages, 3);")]
    [InlineData("private Page* _pages = alloc_pages(GFP_KERNEL, 2); private int _order = 2; void Halve() { _order--; } void Close() => __free_pages(_pages, _order);")]
    [InlineData("private Page* _pages = alloc_pages(GFP_KERNEL, 2); public int Order; void Close() => __free_pages(_pages, Order);")]
    [InlineData("private Page* _pages = alloc_pages(GFP_KERNEL, 2); void Close() { __free_pages(_pages, 2); _pages = null; }")]
    public Task Field_ThatMayHaveTheOrder_StaysSilent(string members) => VerifyAsync(members);
}
