using System.Text;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Lifetime;

public sealed class KA4007WrongDeallocatorTests
{
    /// <summary>Every way to get memory from the BCL, by family, as an expression of type nint.</summary>
    private static readonly Dictionary<string, string[]> Allocators = new()
    {
        ["NativeMemory"] = ["(nint)NativeMemory.Alloc(8)", "(nint)NativeMemory.Alloc(2, 8)", "(nint)NativeMemory.AllocZeroed(8)", "(nint)NativeMemory.AllocZeroed(2, 8)", "(nint)NativeMemory.Realloc(null, 8)"],
        ["NativeMemory.Aligned"] = ["(nint)NativeMemory.AlignedAlloc(8, 16)", "(nint)NativeMemory.AlignedRealloc(null, 8, 16)"],
        ["HGlobal"] =
        [
            "Marshal.AllocHGlobal(8)", "Marshal.AllocHGlobal((nint)8)", "Marshal.ReAllocHGlobal(IntPtr.Zero, 8)", "Marshal.StringToHGlobalAnsi(s)", "Marshal.StringToHGlobalUni(s)", "Marshal.StringToHGlobalAuto(s)",
            "Marshal.SecureStringToGlobalAllocAnsi(secret)", "Marshal.SecureStringToGlobalAllocUnicode(secret)",
        ],
        ["CoTaskMem"] =
        [
            "Marshal.AllocCoTaskMem(8)", "Marshal.ReAllocCoTaskMem(IntPtr.Zero, 8)", "Marshal.StringToCoTaskMemAnsi(s)", "Marshal.StringToCoTaskMemUni(s)", "Marshal.StringToCoTaskMemUTF8(s)", "Marshal.StringToCoTaskMemAuto(s)",
            "Marshal.SecureStringToCoTaskMemAnsi(secret)", "Marshal.SecureStringToCoTaskMemUnicode(secret)",
        ],
        ["BSTR"] = ["Marshal.StringToBSTR(s)", "Marshal.SecureStringToBSTR(secret)"],
    };

    /// <summary>Every way to give it back.</summary>
    private static readonly Dictionary<string, string[]> Deallocators = new()
    {
        ["NativeMemory"] = ["NativeMemory.Free((void*)p)"],
        ["NativeMemory.Aligned"] = ["NativeMemory.AlignedFree((void*)p)"],
        ["HGlobal"] = ["Marshal.FreeHGlobal(p)", "Marshal.ZeroFreeGlobalAllocAnsi(p)", "Marshal.ZeroFreeGlobalAllocUnicode(p)"],
        ["CoTaskMem"] = ["Marshal.FreeCoTaskMem(p)", "Marshal.ZeroFreeCoTaskMemAnsi(p)", "Marshal.ZeroFreeCoTaskMemUnicode(p)", "Marshal.ZeroFreeCoTaskMemUTF8(p)"],
        ["BSTR"] = ["Marshal.FreeBSTR(p)", "Marshal.ZeroFreeBSTR(p)"],
    };

    public static TheoryData<string, string> AllAllocators()
    {
        var data = new TheoryData<string, string>();
        foreach ((string family, string[] allocators) in Allocators)
            foreach (string allocator in allocators) data.Add(family, allocator);
        return data;
    }

    private static Task ReportsAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    private static Task StaysSilentAsync(string members) => Verify.VerifyAnalyzerAsync(Sources.Class(members));

    [Theory]
    [MemberData(nameof(AllAllocators))]
    public Task Memory_FreedByEachDeallocator_ReportsThoseOfOtherFamilies(string family, string allocator)
    {
        var members = new StringBuilder();
        int count = 0;
        foreach ((string other, string[] deallocators) in Deallocators)
        {
            foreach (string deallocator in deallocators)
            {
                string free = other == family ? deallocator : $"{{|KA4007:{deallocator}|}}";
                members.AppendLine($"static void M{++count}(string s, SecureString secret) {{ nint p = {allocator}; {free}; }}");
            }
        }

        return ReportsAsync(members.ToString());
    }

    [Theory]
    [InlineData("kmalloc(64, GFP_KERNEL)", "kfree(p)", "kfree_sensitive(p)", "kzfree(p)", "kvfree(p)")]
    [InlineData("krealloc(null, 64, GFP_KERNEL)", "kfree(p)", "kfree_sensitive(p)", "kzfree(p)", "kvfree(p)")]
    [InlineData("kcalloc(4, 16, GFP_KERNEL)", "kfree(p)", "kfree_sensitive(p)", "kzfree(p)", "kvfree(p)")]
    [InlineData("vmalloc(64)", "vfree(p)", "vfree_atomic(p)", "kvfree(p)")]
    [InlineData("kvmalloc(64, GFP_KERNEL)", "kvfree(p)")]
    [InlineData("kmem_cache_alloc(Cache, GFP_KERNEL)", "kmem_cache_free(Cache, p)")]
    [InlineData("(void*)__get_free_page(GFP_KERNEL)", "free_page(p)", "free_pages(p, 0)")]
    [InlineData("alloc_pages_exact(64, GFP_KERNEL)", "free_pages_exact(p, 64)")]
    [InlineData("alloc_page(GFP_KERNEL)", "__free_page((Page*)p)", "__free_pages((Page*)p, 0)")]
    public Task KernelMemory_FreedByEachDeallocator_ReportsThoseOfOtherFamilies(string allocator, params string[] right)
    {
        string[] all =
        [
            "kfree(p)", "kfree_sensitive(p)", "kzfree(p)", "kvfree(p)", "vfree(p)", "vfree_atomic(p)", "kmem_cache_free(Cache, p)", "free_page(p)", "free_pages(p, 0)", "free_pages_exact(p, 64)",
            "__free_page((Page*)p)", "__free_pages((Page*)p, 0)",
        ];
        var members = new StringBuilder();
        for (int i = 0; i < all.Length; i++)
        {
            string free = right.Contains(all[i]) ? all[i] : $"{{|KA4007:{all[i]}|}}";
            members.AppendLine($"static void M{i}() {{ void* p = {allocator}; {free}; }}");
        }

        return ReportsAsync(members.ToString());
    }

    [Fact]
    public Task Message_NamesVariableBothCallsAndTheRightOne() => Verify.VerifyPathAsync(
        Sources.Class(
            """
            static void M()
            {
                void* sums = {|#1:NativeMemory.Alloc(64)|};
                {|#0:Marshal.FreeHGlobal((nint)sums)|};
            }
            """),
        Verify.Diagnostic("KA4007").WithLocation(0).WithLocation(1).WithArguments("sums", "NativeMemory.Alloc", "Marshal.FreeHGlobal", "NativeMemory.Free"),
        "'sums' is allocated here by 'NativeMemory.Alloc'");

    [Fact]
    public Task Message_OfKernelCalls_NamesThemBare() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { void* p = {|#1:vmalloc(64)|}; {|#0:kfree(p)|}; }"),
        Verify.Diagnostic("KA4007").WithLocation(0).WithLocation(1).WithArguments("p", "vmalloc", "kfree", "vfree"),
        "'p' is allocated here by 'vmalloc'");

    [Fact]
    public Task Message_OfMemoryWithoutAVariable_NamesTheExpression() => Verify.VerifyPathAsync(
        Sources.Class("static void M() => {|#0:Marshal.FreeHGlobal({|#1:Marshal.AllocCoTaskMem(8)|})|};"),
        Verify.Diagnostic("KA4007").WithLocation(0).WithLocation(1).WithArguments("Marshal.AllocCoTaskMem(8)", "Marshal.AllocCoTaskMem", "Marshal.FreeHGlobal", "Marshal.FreeCoTaskMem"),
        "'Marshal.AllocCoTaskMem(8)' is allocated here by 'Marshal.AllocCoTaskMem'");

    [Fact]
    public Task CacheObject_FreedByKfree_IsAWarning() => Verify.VerifyPathAsync(
        Sources.Class("static void M() { void* p = {|#1:kmem_cache_alloc(Cache, GFP_KERNEL)|}; {|#0:kfree(p)|}; }"),
        Verify.Diagnostic("KA4007").WithSeverity(Microsoft.CodeAnalysis.DiagnosticSeverity.Warning).WithLocation(0).WithLocation(1).WithArguments("p", "kmem_cache_alloc", "kfree", "kmem_cache_free"),
        "'p' is allocated here by 'kmem_cache_alloc'");

    [Fact]
    public Task GcHandle_FreedAsMemory_Reports() => ReportsAsync("static void M(object o) { GCHandle h = GCHandle.Alloc(o); {|KA4007:Marshal.FreeHGlobal(GCHandle.ToIntPtr(h))|}; }");

    [Theory]
    [InlineData("static void M(object o) { GCHandle h = GCHandle.Alloc(o); nint p = GCHandle.ToIntPtr(h); GCHandle.FromIntPtr(p).Free(); }")]
    [InlineData("static void M(nint p) { GCHandle h = GCHandle.FromIntPtr(p); h.Free(); }")]
    public Task GcHandle_FreedThroughItsPointer_StaysSilent(string members) => StaysSilentAsync(members);

    [Theory]
    [InlineData("static void M() { nint p = Marshal.AllocHGlobal(8); nint q = {|KA4007:Marshal.ReAllocCoTaskMem(p, 16)|}; Marshal.FreeCoTaskMem(q); }")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); void* q = {|KA4007:NativeMemory.AlignedRealloc(p, 16, 16)|}; NativeMemory.AlignedFree(q); }")]
    public Task Realloc_OfAnotherFamily_Reports(string members) => ReportsAsync(members);

    [Theory]
    [InlineData("static void M(bool x) { nint p = x ? Marshal.AllocHGlobal(8) : Marshal.AllocCoTaskMem(8); {|KA4007:Marshal.FreeHGlobal(p)|}; }")]
    [InlineData("static void M(bool x) { nint p = Marshal.AllocHGlobal(8); if (x) {|KA4007:Marshal.FreeBSTR(p)|}; else Marshal.FreeHGlobal(p); }")]
    [InlineData("static void M(int n) { for (int i = 0; i < n; i++) { void* p = kmalloc(8, GFP_KERNEL); {|KA4007:vfree(p)|}; } }")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); try { *(int*)p = 1; } finally { {|KA4007:NativeMemory.AlignedFree(p)|}; } }")]
    [InlineData("static void M() { Action a = () => { void* p = vmalloc(8); {|KA4007:kfree(p)|}; }; a(); }")]
    [InlineData("static void M() { void* p = vmalloc(8); Free(p); void Free(void* q) => {|KA4007:kfree(q)|}; }")]
    [InlineData("static async Task M() { await Task.Yield(); nint p = Marshal.StringToBSTR(\"\"); {|KA4007:Marshal.FreeHGlobal(p)|}; }")]
    [InlineData("static IEnumerable<int> M() { nint p = Marshal.AllocHGlobal(8); yield return 1; {|KA4007:Marshal.FreeCoTaskMem(p)|}; }")]
    [InlineData("static void M() { nint p = Marshal.AllocHGlobal(8); nint q = p; {|KA4007:NativeMemory.Free(q.ToPointer())|}; }")]
    [InlineData("static void M() { Page* pages = alloc_pages(GFP_KERNEL, 2); void* address = page_address(pages); {|KA4007:kfree(address)|}; }")]
    public Task WrongDeallocator_OnSomePath_Reports(string members) => ReportsAsync(members);

    [Theory]
    [InlineData("static void M(bool x) { nint p = x ? Marshal.AllocHGlobal(8) : Marshal.AllocCoTaskMem(8); if (x) Marshal.FreeHGlobal(p); else Marshal.FreeCoTaskMem(p); }")]
    [InlineData("static void M(bool x, nint n) { nint p = n; if (x) p = Marshal.AllocHGlobal(8); if (x) Marshal.FreeHGlobal(p); else NativeMemory.Free((void*)p); }")]
    [InlineData("static void M(int n) { for (int i = 0; i < n; i++) { void* p = kmalloc(8, GFP_KERNEL); kfree(p); p = vmalloc(8); vfree(p); } }")]
    [InlineData("static void M() { nint p = 0; try { p = Marshal.AllocHGlobal(8); } finally { Marshal.FreeHGlobal(p); } }")]
    [InlineData("static void M(bool big) { void* p = big ? vmalloc(1 << 20) : kmalloc(8, GFP_KERNEL); kvfree(p); }")]
    [InlineData("static void M() { Action a = () => { void* p = vmalloc(8); vfree(p); }; a(); }")]
    [InlineData("static async Task M() { nint p = Marshal.AllocHGlobal(8); await Task.Yield(); Marshal.FreeHGlobal(p); }")]
    [InlineData("static IEnumerable<int> M() { nint p = Marshal.AllocHGlobal(8); yield return 1; Marshal.FreeHGlobal(p); }")]
    [InlineData("static void M(nint p) => Marshal.FreeHGlobal(p);")]
    [InlineData("static void M(ref nint p) { p = Marshal.AllocHGlobal(8); Marshal.FreeHGlobal(p); p = Marshal.AllocCoTaskMem(8); Marshal.FreeCoTaskMem(p); }")]
    [InlineData("static void M() { nint p = Marshal.AllocHGlobal(8); nint q = Marshal.AllocCoTaskMem(8); (p, q) = (q, p); Marshal.FreeCoTaskMem(p); Marshal.FreeHGlobal(q); }")]
    [InlineData("internal static nint s_p; static void M() { s_p = Marshal.AllocHGlobal(8); Set(); Marshal.FreeCoTaskMem(s_p); } static void Set() => s_p = 0;")]
    [InlineData("static void M() { void* p = NativeMemory.Alloc(8); NativeMemory.Free(p); p = null; Marshal.FreeHGlobal((nint)p); }")]
    [InlineData("static void M(ArrayPool<byte> pool) { byte[] a = ArrayPool<byte>.Shared.Rent(8); ArrayPool<byte>.Shared.Return(a); byte[] b = pool.Rent(8); pool.Return(b); }")]
    [InlineData("static void M() { Page* pages = alloc_pages(GFP_KERNEL, 2); void* address = page_address(pages); free_pages(address, 2); }")]
    public Task Deallocators_ThatFit_StaySilent(string members) => StaysSilentAsync(members);

    [Fact]
    public Task CodeThatDoesNotBind_StaysSilent() => StaysSilentAsync("static void M() { nint p = Marshal.AllocHGlobal(8); Marshal.FreeBSTR(p); {|CS0103:Missing|}(p); }");

    [Fact]
    public Task Contracts_OfOneSelf_AreChecked() => ReportsAsync(
        """
        [return: Allocates("arena", FreedBy = nameof(Give))] static void* Take() => null;
        static void Give([Frees("arena")] void* p) { }
        static void M() { void* p = Take(); {|KA4007:NativeMemory.Free(p)|}; void* q = NativeMemory.Alloc(8); {|KA4007:Give(q)|}; }
        """);

    [Fact]
    public Task Pragma_Silences() => StaysSilentAsync(
        """
        static void M()
        {
            nint p = Marshal.AllocHGlobal(8);
        #pragma warning disable KA4007
            Marshal.FreeBSTR(p);
        #pragma warning restore KA4007
        }
        """);

    [Fact]
    public Task Severity_None_Silences() => Verify.VerifyAnalyzerAsync(
        Sources.Class("static void M() { nint p = Marshal.AllocHGlobal(8); Marshal.FreeBSTR(p); }"), [("dotnet_diagnostic.KA4007.severity", "none")]);
}
