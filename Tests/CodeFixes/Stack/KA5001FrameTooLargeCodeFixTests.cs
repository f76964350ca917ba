using KAlloc.CodeFixes.Rules.Stack;
using Microsoft.CodeAnalysis.Testing;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Rules.Stack.KA5001FrameTooLargeAnalyzer, KAlloc.CodeFixes.Rules.Stack.KA5001FrameTooLargeCodeFix>;

namespace KAlloc.CodeFixes.Tests.Stack;

public sealed class KA5001FrameTooLargeCodeFixTests
{
    [Fact]
    public Task KernelPointer_MovesToKmalloc() => Verify.VerifyCodeFixAsync(
        """
        using static KAlloc.Linux;

        unsafe class Driver
        {
            int {|KA5001:ReadLabel|}(int n)
            {
                // The label's sector.
                byte* sector = stackalloc byte[2048];

                // Read it.
                for (int i = 0; i < n; i++)
                {
                    if (sector[i] == 0) return i; // found
                }

                return -1;
            }
        }
        """,
        """
        using static KAlloc.Linux;

        unsafe class Driver
        {
            int ReadLabel(int n)
            {
                // The label's sector.
                byte* sector = (byte*)kmalloc(2048, GFP_KERNEL);
                if (sector == null) return -ENOMEM;
                try
                {
                    // Read it.
                    for (int i = 0; i < n; i++)
                    {
                        if (sector[i] == 0) return i; // found
                    }

                    return -1;
                }
                finally
                {
                    kfree(sector);
                }
            }
        }
        """,
        KA5001FrameTooLargeCodeFix.KmallocKey);

    [Fact]
    public Task AtomicContext_AllocatesAtomically() => Verify.VerifyCodeFixAsync(
        """
        using KAlloc;

        unsafe class Driver
        {
            struct Sample { public int Channel, Value; }

            [InterruptHandler]
            static bool {|KA5001:Handle|}(int n)
            {
                const int Count = 200;
                Sample* samples = stackalloc Sample[Count];
                samples[n].Value = n;
                return samples[n].Channel > 0;
            }
        }
        """,
        """
        using KAlloc;

        unsafe class Driver
        {
            struct Sample { public int Channel, Value; }

            [InterruptHandler]
            static bool Handle(int n)
            {
                const int Count = 200;
                Sample* samples = (Sample*)Linux.kmalloc(Count * sizeof(Sample), Linux.GFP_ATOMIC);
                if (samples == null) return false;
                try
                {
                    samples[n].Value = n;
                    return samples[n].Channel > 0;
                }
                finally
                {
                    Linux.kfree(samples);
                }
            }
        }
        """,
        KA5001FrameTooLargeCodeFix.KmallocKey);

    [Fact]
    public Task OrdinarySpan_MovesToArrayPool() => Verify.VerifyCodeFixAsync(
        """
        using System;
        using System.Buffers;

        class Reader
        {
            static int {|KA5001:Sum|}(ReadOnlySpan<int> values)
            {
                Span<int> copy = stackalloc int[4096];
                values.CopyTo(copy);
                return copy[0];
            }
        }
        """,
        """
        using System;
        using System.Buffers;

        class Reader
        {
            static int Sum(ReadOnlySpan<int> values)
            {
                int[] copyArray = ArrayPool<int>.Shared.Rent(4096);
                Span<int> copy = new Span<int>(copyArray, 0, 4096);
                try
                {
                    values.CopyTo(copy);
                    return copy[0];
                }
                finally
                {
                    ArrayPool<int>.Shared.Return(copyArray);
                }
            }
        }
        """,
        KA5001FrameTooLargeCodeFix.ArrayPoolKey);

    [Fact]
    public Task OrdinaryPointer_MovesToNativeMemory() => Verify.VerifyCodeFixAsync(
        """
        using System.Runtime.InteropServices;

        unsafe class Reader
        {
            void {|KA5001:Fill|}(int n)
            {
                long* table = stackalloc long[2000];
                table[n] = n;
            }
        }
        """,
        """
        using System.Runtime.InteropServices;

        unsafe class Reader
        {
            void Fill(int n)
            {
                long* table = (long*)NativeMemory.Alloc(2000, sizeof(long));
                try
                {
                    table[n] = n;
                }
                finally
                {
                    NativeMemory.Free(table);
                }
            }
        }
        """,
        KA5001FrameTooLargeCodeFix.NativeMemoryKey);

    [Fact]
    public Task TwoBuffersAndTwoMethods_AllMove() => Verify.VerifyCodeFixAsync(
        """
        using static KAlloc.Linux;

        unsafe class Driver
        {
            int {|KA5001:Both|}(int n)
            {
                byte* small = stackalloc byte[1100];
                byte* large = stackalloc byte[1200];
                return small[n] + large[n];
            }

            byte* {|KA5001:Find|}(byte* all)
            {
                byte* seen = stackalloc byte[1024 + 32];
                return all + seen[0];
            }
        }
        """,
        """
        using static KAlloc.Linux;

        unsafe class Driver
        {
            int Both(int n)
            {
                byte* small = (byte*)kmalloc(1100, GFP_KERNEL);
                if (small == null) return -ENOMEM;
                try
                {
                    byte* large = (byte*)kmalloc(1200, GFP_KERNEL);
                    if (large == null) return -ENOMEM;
                    try
                    {
                        return small[n] + large[n];
                    }
                    finally
                    {
                        kfree(large);
                    }
                }
                finally
                {
                    kfree(small);
                }
            }

            byte* Find(byte* all)
            {
                byte* seen = (byte*)kmalloc(1024 + 32, GFP_KERNEL);
                if (seen == null) return null;
                try
                {
                    return all + seen[0];
                }
                finally
                {
                    kfree(seen);
                }
            }
        }
        """,
        KA5001FrameTooLargeCodeFix.KmallocKey);

    [Fact]
    public Task BodyOnOneLine_IsOpenedUp() => Verify.VerifyCodeFixAsync(
        """
        using static KAlloc.Linux;

        unsafe class Driver
        {
            static int {|KA5001:First|}() { byte* b = stackalloc byte[2048]; return b[0]; }
        }
        """,
        """
        using static KAlloc.Linux;

        unsafe class Driver
        {
            static int First()
            {
                byte* b = (byte*)kmalloc(2048, GFP_KERNEL);
                if (b == null) return -ENOMEM;
                try
                {
                    return b[0];
                }
                finally
                {
                    kfree(b);
                }
            }
        }
        """,
        KA5001FrameTooLargeCodeFix.KmallocKey);

    [Theory]
    [InlineData("int", "byte* b = stackalloc byte[2048]; b++; return b[0];")] // kfree would get another pointer
    [InlineData("int", "byte* b = stackalloc byte[2048]; System.Func<int> f = () => b[0]; return f();")]
    [InlineData("byte*", "byte* b = stackalloc byte[2048]; return b + 1;")] // dangling already
    [InlineData("int", "byte* b = stackalloc byte[n > 3 ? 2048 : 2049]; return b[0];")]
    [InlineData("void", "byte* b = stackalloc byte[2048]; b[0] = 1;")] // nothing says what to do without memory
    [InlineData("int", "System.Span<byte> b = stackalloc byte[2048]; return b[0];")]
    [InlineData("int", "byte* b = stackalloc byte[2048]; goto end; end: return b[0];")]
    [InlineData("int", "byte* b = stackalloc byte[] { 1, 2 }; byte* c = b; Big s = Make(); return s.Data[0] + c[0];")]
    [InlineData("int", "byte* b = stackalloc byte[1500]; Big s = Make(); return s.Data[0] + b[0];")] // still too large afterwards
    [InlineData("int", "byte* b = stackalloc byte[2048], c = stackalloc byte[16]; return b[0] + c[0];")]
    public Task NotCertain_OffersNothing(string returns, string body) => Verify.VerifyNoFixAsync(
        $$"""
        using static KAlloc.Linux;

        unsafe class Driver
        {
            struct Big { public fixed byte Data[1200]; }

            static Big Make() => throw null;

            static {{returns}} {{(body.Contains("n > 3") ? "M" : "{|KA5001:M|}")}}(int n) { {{body}} }
        }
        """);
}
