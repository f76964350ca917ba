using KAlloc.Analyzers.Host;
using KAlloc.CodeFixes.Rules.Lifetime;
using KAlloc.Tests.Verifier;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer, KAlloc.CodeFixes.Rules.Lifetime.KA4007WrongDeallocatorCodeFix>;

namespace KAlloc.CodeFixes.Tests.Lifetime;

public sealed class KA4007WrongDeallocatorCodeFixTests
{
    /// <summary>A method body in BCL code, with the marked call before and the right one after.</summary>
    private static Task VerifyBclAsync(string allocation, string wrong, string right) =>
        Verify.VerifyCodeFixAsync(Bcl(allocation, "{|KA4007:" + wrong + "|}"), Bcl(allocation, right), KA4007WrongDeallocatorCodeFix.OwnDeallocatorKey);

    private static Task VerifyNoBclFixAsync(string allocation, string wrong) => Verify.VerifyNoFixAsync(Bcl(allocation, wrong));

    private static string Bcl(string allocation, string free) =>
        $$"""
        using System;
        using System.Runtime.InteropServices;
        using System.Security;

        unsafe class C
        {
            static void M(string text, SecureString secret, nuint count)
            {
                {{allocation}}
                {{free}};
            }
        }
        """;

    [Theory]
    [InlineData("void* p = NativeMemory.Alloc(64);", "Marshal.FreeHGlobal((IntPtr)p)", "NativeMemory.Free(p)")]
    [InlineData("void* p = NativeMemory.Alloc(64);", "Marshal.FreeHGlobal((nint)p)", "NativeMemory.Free(p)")]
    [InlineData("void* p = NativeMemory.Alloc(64);", "Marshal.FreeCoTaskMem(new IntPtr(p))", "NativeMemory.Free(p)")]
    [InlineData("void* p = NativeMemory.Alloc(64);", "NativeMemory.AlignedFree(p)", "NativeMemory.Free(p)")]
    [InlineData("byte* p = (byte*)NativeMemory.Alloc(64);", "NativeMemory.AlignedFree(p)", "NativeMemory.Free(p)")]
    [InlineData("nint p = (nint)NativeMemory.AllocZeroed(64);", "Marshal.FreeHGlobal(p)", "NativeMemory.Free((void*)p)")]
    [InlineData("IntPtr p = (IntPtr)NativeMemory.AllocZeroed(4, 16);", "Marshal.FreeBSTR(p)", "NativeMemory.Free((void*)p)")]
    [InlineData("void* p = NativeMemory.AlignedAlloc(64, 16);", "NativeMemory.Free(p)", "NativeMemory.AlignedFree(p)")]
    [InlineData("void* p = NativeMemory.AlignedAlloc(64, 16);", "NativeMemory.Free((byte*)p)", "NativeMemory.AlignedFree(p)")]
    [InlineData("void* p = NativeMemory.AlignedAlloc(64, 16);", "Marshal.FreeHGlobal((nint)(p))", "NativeMemory.AlignedFree(p)")]
    public Task NativeMemory_FreedByAnother_IsFreedByItsOwn(string allocation, string wrong, string right) => VerifyBclAsync(allocation, wrong, right);

    [Theory]
    [InlineData("nint p = Marshal.AllocHGlobal(64);", "NativeMemory.Free((void*)p)", "Marshal.FreeHGlobal(p)")]
    [InlineData("nint p = Marshal.AllocHGlobal(64);", "NativeMemory.Free(p.ToPointer())", "Marshal.FreeHGlobal(p)")]
    [InlineData("byte* p = (byte*)Marshal.AllocHGlobal(64);", "NativeMemory.Free(p)", "Marshal.FreeHGlobal((nint)p)")]
    [InlineData("nint p = Marshal.AllocHGlobal(64);", "Marshal.FreeCoTaskMem(p)", "Marshal.FreeHGlobal(p)")]
    [InlineData("nint p = Marshal.AllocHGlobal(64);", "Marshal.FreeBSTR(p)", "Marshal.FreeHGlobal(p)")]
    [InlineData("nint p = Marshal.StringToHGlobalAnsi(text);", "Marshal.FreeCoTaskMem(p)", "Marshal.FreeHGlobal(p)")]
    [InlineData("nint p = Marshal.StringToHGlobalUni(text);", "Marshal.FreeBSTR(p)", "Marshal.FreeHGlobal(p)")]
    [InlineData("nint p = Marshal.StringToHGlobalAuto(text);", "Marshal.FreeBSTR(p)", "Marshal.FreeHGlobal(p)")]
    [InlineData("nint p = Marshal.StringToHGlobalAnsi(text);", "Marshal.ZeroFreeCoTaskMemAnsi(p)", "Marshal.ZeroFreeGlobalAllocAnsi(p)")]
    [InlineData("nint p = Marshal.StringToHGlobalUni(text);", "Marshal.ZeroFreeBSTR(p)", "Marshal.ZeroFreeGlobalAllocUnicode(p)")]
    [InlineData("nint p = Marshal.SecureStringToGlobalAllocAnsi(secret);", "Marshal.ZeroFreeCoTaskMemAnsi(p)", "Marshal.ZeroFreeGlobalAllocAnsi(p)")]
    [InlineData("nint p = Marshal.SecureStringToGlobalAllocUnicode(secret);", "Marshal.ZeroFreeBSTR(p)", "Marshal.ZeroFreeGlobalAllocUnicode(p)")]
    public Task HGlobal_FreedByAnother_IsFreedByItsOwn(string allocation, string wrong, string right) => VerifyBclAsync(allocation, wrong, right);

    [Theory]
    [InlineData("nint p = Marshal.AllocCoTaskMem(64);", "Marshal.FreeHGlobal(p)", "Marshal.FreeCoTaskMem(p)")]
    [InlineData("nint p = Marshal.AllocCoTaskMem(64);", "NativeMemory.Free((void*)p)", "Marshal.FreeCoTaskMem(p)")]
    [InlineData("nint p = Marshal.StringToCoTaskMemUTF8(text);", "Marshal.FreeHGlobal(p)", "Marshal.FreeCoTaskMem(p)")]
    [InlineData("nint p = Marshal.StringToCoTaskMemUni(text);", "Marshal.FreeBSTR(p)", "Marshal.FreeCoTaskMem(p)")]
    [InlineData("nint p = Marshal.SecureStringToCoTaskMemUnicode(secret);", "Marshal.ZeroFreeGlobalAllocUnicode(p)", "Marshal.ZeroFreeCoTaskMemUnicode(p)")]
    [InlineData("nint p = Marshal.StringToBSTR(text);", "Marshal.FreeHGlobal(p)", "Marshal.FreeBSTR(p)")]
    [InlineData("nint p = Marshal.StringToBSTR(text);", "Marshal.FreeCoTaskMem(p)", "Marshal.FreeBSTR(p)")]
    [InlineData("nint p = Marshal.SecureStringToBSTR(secret);", "Marshal.ZeroFreeCoTaskMemUnicode(p)", "Marshal.ZeroFreeBSTR(p)")]
    public Task ComString_FreedByAnother_IsFreedByItsOwn(string allocation, string wrong, string right) => VerifyBclAsync(allocation, wrong, right);

    [Theory]
    [InlineData("void* p = NativeMemory.Alloc(64);", "nint q = {|KA4007:Marshal.ReAllocHGlobal((nint)p, 128)|}; Marshal.FreeHGlobal(q)")]
    [InlineData("void* p = count > 4 ? NativeMemory.Alloc(count) : NativeMemory.AlignedAlloc(64, 16);", "{|KA4007:NativeMemory.Free(p)|}")]
    [InlineData("void* p = NativeMemory.Alloc(64); if (count > 64) { {|KA4001:p = NativeMemory.AlignedAlloc(count, 16)|}; }", "{|KA4007:NativeMemory.Free(p)|}")]
    public Task Memory_WithoutOneRightCall_GetsNoFix(string allocation, string wrong) => VerifyNoBclFixAsync(allocation, wrong);

    private static string Kernel(string members) =>
        $$"""
        using KAlloc;
        using static KAlloc.Linux;

        unsafe class C
        {
            static KmemCache* Cache;
            {{members}}
        }
        """;

    [Theory]
    [InlineData("void* p = kmalloc(64, GFP_KERNEL);", "vfree(p)", "kfree(p)")]
    [InlineData("void* p = vmalloc(64);", "kfree(p)", "vfree(p)")]
    [InlineData("void* p = kvmalloc(64, GFP_KERNEL);", "kfree(p)", "kvfree(p)")]
    [InlineData("void* p = Linux.kmalloc(64, GFP_KERNEL);", "Linux.vfree(p)", "Linux.kfree(p)")]
    [InlineData("int* p = kmalloc<int>(GFP_KERNEL);", "vfree(p)", "kfree(p)")]
    [InlineData("void* p = kmem_cache_alloc(Cache, GFP_KERNEL);", "kfree(p)", "kmem_cache_free(Cache, p)")]
    [InlineData("nuint p = __get_free_pages(GFP_KERNEL, order);", "kfree((void*)p)", "free_pages(p, order)")]
    [InlineData("byte* p = (byte*)__get_free_pages(GFP_KERNEL, 2);", "kfree(p)", "free_pages(p, 2)")]
    [InlineData("nuint p = get_zeroed_page(GFP_KERNEL);", "vfree((void*)p)", "free_page(p)")]
    [InlineData("Page* p = alloc_pages(GFP_KERNEL, order);", "free_pages(p, order)", "__free_pages(p, order)")]
    [InlineData("void* p = alloc_pages_exact(5000, GFP_KERNEL);", "free_pages(p, 1)", "free_pages_exact(p, 5000)")]
    public Task KernelMemory_FreedByAnother_IsFreedByItsOwn(string allocation, string wrong, string right) => Verify.VerifyCodeFixAsync(
        Kernel($"static void M(int order) {{ {allocation} {{|KA4007:{wrong}|}}; }}"), Kernel($"static void M(int order) {{ {allocation} {right}; }}"));

    [Theory]
    [InlineData("static void M(int order) { nuint p = __get_free_pages(GFP_KERNEL, order); order = order + 1; {|KA4007:kfree((void*)p)|}; }")]
    [InlineData("static void M() { Page* pages = alloc_page(GFP_KERNEL); {|KA4007:kfree(page_address(pages))|}; }")]
    [InlineData("static void M() { void* p = vmalloc(64); {|KA4007:kfree_sensitive(p)|}; }")]
    [InlineData("static void M(int n) { void* p = vmalloc(64); {|KA4007:free_pages(p, n++)|}; }")]
    [InlineData("static void M(bool x) { void* p; if (x) { KmemCache* c = Cache; p = kmem_cache_alloc(c, GFP_KERNEL); } else { p = null; } {|KA4007:vfree(p)|}; }")]
    public Task KernelMemory_WithoutOneRightCall_GetsNoFix(string members) => Verify.VerifyNoFixAsync(Kernel(members));

    [Fact]
    public Task Deallocator_ThatDoesNotBindBare_IsQualified() => Verify.VerifyCodeFixAsync(
        Kernel("static void kfree(string s) { } static void M() { void* p = kmalloc(64, GFP_KERNEL); {|KA4007:vfree(p)|}; }"),
        Kernel("static void kfree(string s) { } static void M() { void* p = kmalloc(64, GFP_KERNEL); Linux.kfree(p); }"));

    [Fact]
    public Task Deallocator_OfAnObject_IsCalledOnIt() => Verify.VerifyCodeFixAsync(Arena("{|KA4007:NativeMemory.Free(p)|}"), Arena("arena.Give(p)"));

    private static string Arena(string free) =>
        $$"""
        using System.Runtime.InteropServices;
        using KAlloc;

        unsafe class Arena
        {
            [return: Allocates("arena", FreedBy = nameof(Give))]
            public void* Take() => null;

            public void Give([Frees("arena")] void* p) { }

            static void M(Arena arena)
            {
                void* p = arena.Take();
                {{free}};
            }
        }
        """;

    [Fact]
    public Task WrongDeallocators_OfOneFile_AreReplacedAtOnce() => Verify.VerifyCodeFixAsync(
        Bcl("nint p = Marshal.AllocHGlobal(8); nint q = Marshal.StringToBSTR(text);", "{|KA4007:Marshal.FreeCoTaskMem(p)|} /* first */; {|KA4007:Marshal.FreeHGlobal(q)|}"),
        Bcl("nint p = Marshal.AllocHGlobal(8); nint q = Marshal.StringToBSTR(text);", "Marshal.FreeHGlobal(p) /* first */; Marshal.FreeBSTR(q)"));

    [Fact]
    public Task PointerCall_OutsideOfUnsafeCode_GetsNoFix() => Verify.VerifyNoFixAsync(
        """
        using System.Runtime.InteropServices;

        class C
        {
            static void M()
            {
                nint p;
                unsafe { p = (nint)NativeMemory.Alloc(8); }
                {|KA4007:Marshal.FreeHGlobal(p)|};
            }
        }
        """);

    [Fact]
    public Task ContractFile_SaysHowItsMemoryIsFreed()
    {
        const string Library = """
            namespace Acme
            {
                static class Native
                {
                    internal static extern nint Open(string path);
                    internal static extern void Close(nint handle);
                }
            }

            class C
            {
                static void M() { nint p = Acme.Native.Open("a"); FREE; }
            }
            """;
        KernelTest<FlowAnalyzer, KA4007WrongDeallocatorCodeFix> test = Verify.Test(Library.Replace("FREE", "{|KA4007:System.Runtime.InteropServices.Marshal.FreeHGlobal(p)|}", StringComparison.Ordinal));
        test.FixedCode = Library.Replace("FREE", "Acme.Native.Close(p)", StringComparison.Ordinal);
        test.CodeActionEquivalenceKey = KA4007WrongDeallocatorCodeFix.OwnDeallocatorKey;
        test.TestState.AdditionalFiles.Add(("acme.kalloc-contracts.txt", "Acme.Native.Open(path): return allocates acme freed-by=Native.Close\nAcme.Native.Close(handle): handle frees acme\n"));
        return test.RunAsync();
    }
}
