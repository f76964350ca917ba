using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

/// <summary>Memory that one method of a type stores in a field and another one frees.</summary>
public sealed class KA4007FieldFamilyTests
{
    private static Task VerifyAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Fact]
    public Task Message_NamesTheAllocatorOfTheOtherMethod() => Verify.VerifyPathAsync(
        Sources.Class("private byte* _data; C() { _data = (byte*){|#1:NativeMemory.Alloc(8)|}; } void Dispose() { {|#0:Marshal.FreeHGlobal((nint)_data)|}; }"),
        Verify.Diagnostic("KA4007").WithLocation(0).WithLocation(1).WithArguments("(nint)_data", "NativeMemory.Alloc", "Marshal.FreeHGlobal", "NativeMemory.Free"),
        "'_data' gets its memory here from 'NativeMemory.Alloc'");

    [Theory]
    [InlineData("private void* _data = vmalloc(8); void Dispose() { {|KA4007:kfree(_data)|}; _data = null; }")]
    [InlineData("private void* _data; int Open() { _data = kmalloc(8, GFP_KERNEL); return _data == null ? -12 : 0; } void Close() { void* p = _data; _data = null; if (p != null) {|KA4007:vfree(p)|}; }")]
    [InlineData("private static void* s_data; static void Init() { s_data = kmalloc(8, GFP_KERNEL); } static void Exit() { {|KA4007:vfree(s_data)|}; }")]
    [InlineData("private nint _data; void Open() { _data = Make(); } nint Make() => Marshal.AllocHGlobal(8); void Close() { Release(_data); void Release(nint p) => {|KA4007:Marshal.FreeCoTaskMem(p)|}; }")]
    [InlineData("private nint _data; void Open() { _data = Marshal.AllocHGlobal(8); } static void Release(nint p) => Marshal.FreeCoTaskMem(p); void Close() { {|KA4007:Release(_data)|}; }")]
    [InlineData("private void* _front = vmalloc(8), _back = vmalloc(8); void Swap() { void* t = _front; _front = _back; _back = t; } void Close() { {|KA4007:kfree(_front)|}; vfree(_back); }")]
    [InlineData("private void* _data; void Open(bool big) { _data = big ? vmalloc(8) : vzalloc(8); } void Close() { {|KA4007:kfree(_data)|}; }")]
    [InlineData("public readonly void* Data = vmalloc(8); static void Close(C c) { {|KA4007:kfree(c.Data)|}; }")]
    [InlineData("private struct Node { public void* Data; } private Node _node; void Open() { _node.Data = vmalloc(8); } void Close() { {|KA4007:kfree(_node.Data)|}; }")]
    [InlineData("private void* _data; void Open() { if (_data == null) _data = vmalloc(8); } void Close() { Action end = () => {|KA4007:kfree(_data)|}; end(); }")]
    public Task Field_FreedByAnotherFamily_Reports(string members) => VerifyAsync(members);

    [Theory]
    [InlineData("private void* _data; private bool _big; void Open(bool big) { _big = big; _data = big ? vmalloc(8) : kmalloc(8, GFP_KERNEL); } void Close() { if (_big) vfree(_data); else kfree(_data); }")]
    [InlineData("private void* _data = kmalloc(8, GFP_KERNEL); void Close() => kfree(_data);")]
    [InlineData("private void* _data = kmalloc(8, GFP_KERNEL); void Take(void* p) { kfree(_data); _data = p; } void Close() => vfree(_data);")]
    [InlineData("private void* _data = kmalloc(8, GFP_KERNEL); C(void* p) { _data = p; } void Close() => vfree(_data);")]
    [InlineData("public void* Data; C() { Data = kmalloc(8, GFP_KERNEL); } void Close() => vfree(Data);")]
    [InlineData("protected void* _data; C() { _data = kmalloc(8, GFP_KERNEL); } void Close() => vfree(_data);")]
    [InlineData("private void* _data; C() { _data = kmalloc(8, GFP_KERNEL); Fill(ref _data); } static extern void Fill(ref void* p); void Close() => vfree(_data);")]
    [InlineData("private void* _data; C() { _data = kmalloc(8, GFP_KERNEL); fixed (void** p = &_data) Fill(p); } static extern void Fill(void** p); void Close() => vfree(_data);")]
    [InlineData("private void* _data; private static void* Pick() => null; C() { _data = kmalloc(8, GFP_KERNEL); kfree(_data); _data = Other(); } static extern void* Other(); void Close() => vfree(_data);")]
    [InlineData("private void* _data; C() { _data = kmalloc(8, GFP_KERNEL); kfree(_data); (_data, _) = Both(); } (nint, int) Pair() => (0, 0); struct Two { public void* A; public void Deconstruct(out void* a, out int b) { a = A; b = 0; } } static Two Both() => default; void Close() => vfree(_data);")]
    [InlineData("private void* _a = kmalloc(8, GFP_KERNEL), _b = vmalloc(8); void Swap() { void* t = _a; _a = _b; _b = t; } void Close() { kfree(_a); vfree(_b); }")]
    [InlineData("private nuint _address = __get_free_pages(GFP_KERNEL, 1); void Close() => __free_pages(virt_to_page((void*)_address), 1);")]
    [InlineData("private struct Node { public void* Data; } [DllImport(\"x\")] static extern void Fill(Node* n); void Open() { Node n; n.Data = kmalloc(8, GFP_KERNEL); kfree(n.Data); Fill(&n); vfree(n.Data); }")]
    [InlineData("private void* _data = kmalloc(8, GFP_KERNEL); void Close() { vfree(_data); {|CS0103:Missing|}(); }")]
    public Task Field_ThatMayHoldTheFamily_StaysSilent(string members) => VerifyAsync(members);

    [Fact]
    public Task Partial_ReportsWhereItIsFreed() => Verify.VerifyAnalyzerAsync(
        "using static KAlloc.Linux; unsafe partial class P { private void* _data; void Open() { _data = vmalloc(8); } } unsafe partial class P { void Close() { {|KA4007:kfree(_data)|}; } }");

    [Fact]
    public Task CacheObject_GivenToKfree_IsAWarning() => VerifyAsync("private void* _data; void Open() { _data = kmem_cache_alloc(Cache, GFP_KERNEL); } void Close() { {|KA4007:kfree(_data)|}; }");
}
