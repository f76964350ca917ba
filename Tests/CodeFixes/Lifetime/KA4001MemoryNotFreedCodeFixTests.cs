using KAlloc.CodeFixes.Rules.Lifetime;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer, KAlloc.CodeFixes.Rules.Lifetime.KA4001MemoryNotFreedCodeFix>;

namespace KAlloc.CodeFixes.Tests.Lifetime;

public sealed class KA4001MemoryNotFreedCodeFixTests
{
    private static string Kernel(string members) =>
        $$"""
        using System;
        using System.Runtime.InteropServices;
        using KAlloc;
        using static KAlloc.Linux;

        unsafe class C
        {
            static KmemCache* Cache;
        {{members}}
        }
        """;

    private static Task FixAsync(string before, string after, string? key = KA4001MemoryNotFreedCodeFix.FreeKey) => Verify.VerifyCodeFixAsync(Kernel(before), Kernel(after), key);

    private static Task NoFixAsync(string code) => Verify.VerifyNoFixAsync(Kernel(code));

    [Fact]
    public Task Return_AsEmbeddedStatement_GetsBraces() => FixAsync(
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                if (x) {|KA4001:return -EINVAL;|} // not ready
                kfree(p);
                return 0;
            }
        """,
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                if (x)
                {
                    kfree(p);
                    return -EINVAL; // not ready
                }
                kfree(p);
                return 0;
            }
        """);

    [Fact]
    public Task Owner_IsDisposed() => FixAsync(
        """
            static int M(KernelMemoryPool pool, int n)
            {
                System.Buffers.IMemoryOwner<byte> owner = pool.Rent(n);
                if (owner.Memory.Span[0] == 0)
                {
                    {|KA4001:return 1;|}
                }

                owner.Dispose();
                return 0;
            }
        """,
        """
            static int M(KernelMemoryPool pool, int n)
            {
                System.Buffers.IMemoryOwner<byte> owner = pool.Rent(n);
                if (owner.Memory.Span[0] == 0)
                {
                    owner.Dispose();
                    return 1;
                }

                owner.Dispose();
                return 0;
            }
        """);

    [Fact]
    public Task OwnedObject_IsDisposed() => FixAsync(
        """
            static void M(KmemCache<long> cache)
            {
                Owned<long> number = cache.AllocOwned();
                number.Value = 3;
            {|KA4001:}|}
        """,
        """
            static void M(KmemCache<long> cache)
            {
                Owned<long> number = cache.AllocOwned();
                number.Value = 3;
                number.Dispose();
            }
        """);

    [Fact]
    public Task ObjectOfATypedCache_GoesBackToIt() => FixAsync(
        """
            static int M(KmemCache<long> cache, bool x)
            {
                long* number = cache.Alloc();
                if (x)
                {
                    {|KA4001:return 1;|}
                }

                cache.Free(number);
                return 0;
            }
        """,
        """
            static int M(KmemCache<long> cache, bool x)
            {
                long* number = cache.Alloc();
                if (x)
                {
                    cache.Free(number);
                    return 1;
                }

                cache.Free(number);
                return 0;
            }
        """);

    [Fact]
    public Task Return_InBlock_KeepsItsComments() => FixAsync(
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                if (x)
                {
                    // not ready
                    {|KA4001:return -EINVAL;|}
                }

                kfree(p);
                return 0;
            }
        """,
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                if (x)
                {
                    // not ready
                    kfree(p);
                    return -EINVAL;
                }

                kfree(p);
                return 0;
            }
        """);

    [Fact]
    public Task Return_InBothWaysOfIf_GetsBracesInTheFilesStyle() => FixAsync(
        """
            static int M(int x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                if (x == 0) {
                    kfree(p);
                    return 0;
                }
                if (x == 1) {|KA4001:return 1;|} else {|KA4001:return 2;|}
            }
        """,
        """
            static int M(int x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                if (x == 0) {
                    kfree(p);
                    return 0;
                }
                if (x == 1) {
                    kfree(p);
                    return 1;
                } else {
                    kfree(p);
                    return 2;
                }
            }
        """);

    [Fact]
    public Task TwoBlocks_AreFreedInReverseOrder() => FixAsync(
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                void* q = kmalloc(32, GFP_KERNEL);
                if (x) {|KA4001:{|KA4001:return 1;|}|}
                kfree(q);
                kfree(p);
                return 0;
            }
        """,
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                void* q = kmalloc(32, GFP_KERNEL);
                if (x)
                {
                    kfree(q);
                    kfree(p);
                    return 1;
                }
                kfree(q);
                kfree(p);
                return 0;
            }
        """);

    [Fact]
    public Task NewFree_StandsBeforeThoseOfEarlierAllocations() => FixAsync(
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                void* q = kmalloc(32, GFP_KERNEL);
                if (x)
                {
                    kfree(p);
                    {|KA4001:return 1;|}
                }
                kfree(q);
                kfree(p);
                return 0;
            }
        """,
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                void* q = kmalloc(32, GFP_KERNEL);
                if (x)
                {
                    kfree(q);
                    kfree(p);
                    return 1;
                }
                kfree(q);
                kfree(p);
                return 0;
            }
        """);

    [Fact]
    public Task Throw_IsPrecededByTheFree() => FixAsync(
        """
            static void M(bool x)
            {
                nint p = Marshal.AllocHGlobal(64);
                if (x) {|KA4001:throw new InvalidOperationException();|}
                Marshal.FreeHGlobal(p);
            }
        """,
        """
            static void M(bool x)
            {
                nint p = Marshal.AllocHGlobal(64);
                if (x)
                {
                    Marshal.FreeHGlobal(p);
                    throw new InvalidOperationException();
                }
                Marshal.FreeHGlobal(p);
            }
        """);

    [Fact]
    public Task End_OfTheMethod_IsPrecededByTheFree() => FixAsync(
        """
            static void M()
            {
                byte* p = (byte*)NativeMemory.AlignedAlloc(64, 16);
                *p = 1;
                // done
            {|KA4001:}|}

            static void OnOneLine() { void* p = NativeMemory.Alloc(8); {|KA4001:}|}
        """,
        """
            static void M()
            {
                byte* p = (byte*)NativeMemory.AlignedAlloc(64, 16);
                *p = 1;
                // done
                NativeMemory.AlignedFree(p);
            }

            static void OnOneLine() { void* p = NativeMemory.Alloc(8); NativeMemory.Free(p); }
        """);

    [Fact]
    public Task Continue_IsPrecededByTheFree() => FixAsync(
        """
            static void M(int n)
            {
                for (int i = 0; i < n; i++)
                {
                    void* p = kmem_cache_alloc(Cache, GFP_KERNEL);
                    if (i == 3)
                        {|KA4001:continue;|}
                    kmem_cache_free(Cache, p);
                }
            }
        """,
        """
            static void M(int n)
            {
                for (int i = 0; i < n; i++)
                {
                    void* p = kmem_cache_alloc(Cache, GFP_KERNEL);
                    if (i == 3)
                    {
                        kmem_cache_free(Cache, p);
                        continue;
                    }
                    kmem_cache_free(Cache, p);
                }
            }
        """);

    [Fact]
    public Task OverwrittenPointer_IsFreedBefore() => FixAsync(
        """
            static void M(int order)
            {
                nuint p = __get_free_pages(GFP_KERNEL, order);
                {|KA4001:p = __get_free_pages(GFP_KERNEL, order)|};
                free_pages(p, order);
            }
        """,
        """
            static void M(int order)
            {
                nuint p = __get_free_pages(GFP_KERNEL, order);
                free_pages(p, order);
                p = __get_free_pages(GFP_KERNEL, order);
                free_pages(p, order);
            }
        """);

    [Fact]
    public Task Labels_KeepTheirPlace() => FixAsync(
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                if (x) goto fail;
                kfree(p);
                return 0;
            fail:
                {|KA4001:return -ENOMEM;|}
            }
        """,
        """
            static int M(bool x)
            {
                void* p = kmalloc(64, GFP_KERNEL);
                if (x) goto fail;
                kfree(p);
                return 0;
            fail:
                kfree(p);
                return -ENOMEM;
            }
        """);

    [Fact]
    public Task UnwindLabel_ThatFreesTheVariable_IsJumpedTo() => FixAsync(
        """
            static int M(int x)
            {
                int err = 0;
                void* p = kmalloc(64, GFP_KERNEL);
                if (x == 1) {|KA4001:return -EINVAL;|}
                if (x == 2) goto free;
            free:
                kfree(p);
                return err;
            }
        """,
        """
            static int M(int x)
            {
                int err = 0;
                void* p = kmalloc(64, GFP_KERNEL);
                if (x == 1)
                {
                    err = -EINVAL;
                    goto free;
                }
                if (x == 2) goto free;
            free:
                kfree(p);
                return err;
            }
        """,
        KA4001MemoryNotFreedCodeFix.UnwindKey);

    [Fact]
    public Task LineEndsAndTabs_AreThoseOfTheFile()
    {
        const string Before = "    static int M(bool x)\n\t{\n\t\tvoid* p = kmalloc(64, GFP_KERNEL);\n\t\tif (x)\n\t\t\t{|KA4001:return 1;|}\n\t\tkfree(p);\n\t\treturn 0;\n\t}";
        const string After = "    static int M(bool x)\n\t{\n\t\tvoid* p = kmalloc(64, GFP_KERNEL);\n\t\tif (x)\n\t\t{\n\t\t\tkfree(p);\n\t\t\treturn 1;\n\t\t}\n\t\tkfree(p);\n\t\treturn 0;\n\t}";
        return Verify.VerifyCodeFixAsync(Kernel(Before).Replace("\n", "\r\n"), Kernel(After).Replace("\n", "\r\n"), KA4001MemoryNotFreedCodeFix.FreeKey);
    }

    [Theory]
    [InlineData("static int M(bool x) { int* p = (int*)kmalloc(64, GFP_KERNEL); if (x) {|KA4001:return *p;|} kfree(p); return 0; }")]
    [InlineData("static int M(bool x) { int* p = (int*)kmalloc(64, GFP_KERNEL); int* q = p + 1; if (x) {|KA4001:return *q;|} kfree(p); return 0; }")]
    [InlineData("static int M(bool x) { void* p = kmalloc(64, GFP_KERNEL); if (x) kfree(p); {|KA4001:return 0;|} }")]
    [InlineData("static void* Kept; static int M(bool x) { void* p = kmalloc(64, GFP_KERNEL); if (x) Kept = p; {|KA4001:return 0;|} }")]
    [InlineData("static void M(bool x) { void* p = kmalloc(64, GFP_KERNEL); if (x) kfree(p); {|KA4001:p = kmalloc(32, GFP_KERNEL)|}; kfree(p); }")]
    [InlineData("static int M(bool x, void* other) { void* p = other; if (x) p = kmalloc(64, GFP_KERNEL); {|KA4001:return 0;|} }")]
    [InlineData("static void M(bool x) { int* p = (int*)kmalloc(64, GFP_KERNEL); try { if (x) {|KA4001:return;|} *p = 1; } finally { *p = 2; } kfree(p); }")]
    [InlineData("static void M() { if (kmalloc(64, GFP_KERNEL) == null) return; {|KA4001:}|}")]
    public Task Place_WhereFreeingIsNotCertain_GetsNoFix(string code) => NoFixAsync("    " + code);
}
