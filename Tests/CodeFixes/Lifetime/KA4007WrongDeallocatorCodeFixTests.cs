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
    [InlineData("nint p = Marshal.StringToHGlobalAuto(text);", "Marshal.ZeroFreeCoTaskMemUnicode(p)", "Marshal.FreeHGlobal(p)")]
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
}
