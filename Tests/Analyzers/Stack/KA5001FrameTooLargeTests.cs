using KAlloc.Analyzers.Rules.Stack;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Testing;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Rules.Stack.KA5001FrameTooLargeAnalyzer>;

namespace KAlloc.Analyzers.Tests.Stack;

public sealed class KA5001FrameTooLargeTests
{
    private const string Id = KA5001FrameTooLargeAnalyzer.Id;

    [Fact]
    public Task KernelMethod_StackallocOverTheLimit_Reports() => Verify.VerifyPathAsync(
        """
        using KAlloc;
        unsafe class C
        {
            [KernelStack] int {|#0:Read|}() { byte* {|#1:buffer|} = stackalloc byte[2048]; return buffer[0]; }
        }
        """,
        Verify.Diagnostic(Id).WithLocation(0).WithLocation(1).WithSeverity(DiagnosticSeverity.Warning).WithArguments(
            "Read", "about 2080", "more than the 1024 that one frame may take", "take 'buffer' (2048 bytes) from kmalloc"),
        "'buffer' takes 2048 bytes");

    [Fact]
    public Task KernelMethod_OverTheWholeStack_ReportsAnError() => Verify.VerifyAnalyzerAsync(
        """
        using KAlloc;
        unsafe class C
        {
            [KernelStack] int {|#0:Read|}() { byte* {|#1:buffer|} = stackalloc byte[16384]; return buffer[0]; }
        }
        """,
        Verify.Diagnostic(Id).WithLocation(0).WithLocation(1).WithSeverity(DiagnosticSeverity.Error).WithArguments(
            "Read", "about 16416", "more than the whole stack of 8192 bytes", "take 'buffer' (16384 bytes) from kmalloc"));

    [Fact]
    public Task OrdinaryMethod_OverEightKiB_ReportsAnInfo() => Verify.VerifyAnalyzerAsync(
        """
        unsafe class C
        {
            int {|#0:Read|}() { byte* {|#1:buffer|} = stackalloc byte[16384]; return buffer[0]; }
        }
        """,
        Verify.Diagnostic(Id).WithLocation(0).WithLocation(1).WithSeverity(DiagnosticSeverity.Info).WithArguments(
            "Read", "about 16416", "much for one frame", "take 'buffer' (16384 bytes) from ArrayPool or native memory"));

    [Theory]
    [InlineData("byte* b = stackalloc byte[900]; return b[0];")]
    [InlineData("byte* b = stackalloc byte[n <= 512 ? n : 512]; return b[0];")]
    [InlineData("int a = n, b = n + 1; return F(a) + F(b) + a + b;")]
    [InlineData("Big s = default; s.a = n; return (int)s.a;")] // by field only: in registers
    [InlineData("Big s; return n;")]
    [InlineData("static int Own() { byte* b = stackalloc byte[600]; return b[0]; } byte* c = stackalloc byte[600]; return Own() + c[0];")]
    [InlineData("int* p = (int*)F(4096); return *p;")]
    [InlineData("if (false) { byte* b = stackalloc byte[4096]; return b[0]; } return n;")]
    public Task KernelMethod_SmallFrame_StaysSilent(string body) => Verify.VerifyAnalyzerAsync(
        $$"""
        using KAlloc;
        struct Big { public long a; public Inline4K rest; }
        [System.Runtime.CompilerServices.InlineArray(512)] struct Inline4K { long _e; }
        unsafe class C
        {
            static int F(int x) => throw null;
        #pragma warning disable CS0162, CS0168
            [KernelStack] int Read(int n) { {{body}} }
        }
        """);

    [Theory]
    [InlineData("Big s = F(); return (int)s.a;")]
    [InlineData("Big s = default; G(ref s); return (int)s.a;")]
    [InlineData("Big s = *P; return H(s);")]
    [InlineData("return H(F());")]
    [InlineData("Span<byte> b = stackalloc byte[sizeof(Big)]; return b[0];")]
    [InlineData("const int N = 64; Row* b = stackalloc Row[N * 2]; return b[0].x;")]
    [InlineData("int k = 2000; byte* b = stackalloc byte[k]; return b[0];")]
    [InlineData("byte* b = stackalloc byte[Math.Min(n, 2000)]; return b[0];")]
    [InlineData("Span<byte> b = n <= 2000 ? stackalloc byte[n] : new byte[n]; return b[0];")]
    [InlineData("int t = 0; for (int i = 0; i < 4; i++) { byte* b = stackalloc byte[400]; t += b[0]; } return t;")]
    [InlineData("try { byte* b = stackalloc byte[1100]; return b[0]; } finally { n++; }")]
    [InlineData("try { n++; } finally { Big s = F(); n += (int)s.a; } return n;")]
    [InlineData("foreach (int v in new[] { 1, 2 }) { Big s = F(); n += (int)s.a; } return n;")]
    public Task KernelMethod_LargeFrame_Reports(string body) => Verify.VerifyAnalyzerAsync(
        $$"""
        using System;
        using KAlloc;
        struct Row { public int x, y, z, w; }
        unsafe struct Big { public long a; public fixed long rest[200]; }
        unsafe class C
        {
            static Big* P;
            static Big F() => throw null;
            static void G(ref Big b) => throw null;
            static int H(Big b) => throw null;
            [KernelStack] int {|KA5001:Read|}(int n) { {{body}} }
        }
        """);

    [Fact]
    public Task KernelFile_EveryBody_IsJudged() => Verify.VerifyAnalyzerAsync(
        LinuxStandIn +
        """
        unsafe class C
        {
            int {|KA5001:Method|}() { byte* b = stackalloc byte[2000]; return b[0]; }
            {|KA5001:C|}() { byte* b = stackalloc byte[2000]; b[0] = 1; }
            int Property { {|KA5001:get|} { byte* b = stackalloc byte[2000]; return b[0]; } }
            public static C operator {|KA5001:+|}(C x, C y) { byte* b = stackalloc byte[2000]; b[0] = 1; return x; }
            int Small() { byte* b = stackalloc byte[200]; return b[0]; }
        }
        """);

    [Fact]
    public Task LambdaAndLocalFunction_OwnFrames_ReportAtTheirPlace() => Verify.VerifyAnalyzerAsync(
        """
        using System;
        using KAlloc;
        unsafe class C
        {
            [KernelStack] int Outer()
            {
                Func<int> f = () {|KA5001:=>|} { byte* b = stackalloc byte[2000]; return b[0]; };
                int {|KA5001:Local|}() { byte* b = stackalloc byte[2000]; return b[0]; }
                return f() + Local();
            }

            Func<int> Plain = () => { byte* b = stackalloc byte[2000]; return b[0]; };
        }
        """);

    [Fact]
    public Task AsyncAndIterator_WhatLivesAcrossAnAwait_StaysSilent() => Verify.VerifyAnalyzerAsync(
        """
        using System.Collections.Generic;
        using System.Threading.Tasks;
        using KAlloc;
        [System.Runtime.CompilerServices.InlineArray(256)] struct Big { long _e; }
        class C
        {
            static Big F() => throw null;
            static void G(ref Big b) => throw null;
            [KernelStack] async Task Async() { Big s = F(); await Task.Delay(1); G(ref s); }
            [KernelStack] IEnumerable<int> Iterator() { Big s = F(); yield return 1; G(ref s); }
            [KernelStack] async Task {|KA5001:Before|}() { Big s = F(); G(ref s); await Task.Delay(1); }
            [KernelStack] IEnumerable<int> {|KA5001:Early|}() { Big s = F(); G(ref s); yield return 1; }
        }
        """);

    [Theory]
    [InlineData("[assembly: KernelStack(4096)]", "", "")]
    [InlineData("", "[KernelStack(4096)]", "")]
    [InlineData("", "", "[KernelStack(4096)]")]
    public Task Budget_OnAssemblyTypeOrMethod_Reports(string onAssembly, string onType, string onMethod) => Verify.VerifyAnalyzerAsync(
        $$"""
        using KAlloc;
        {{onAssembly}}
        {{onType}} unsafe class C { {{onMethod}} int {|#0:M|}() { byte* {|#1:b|} = stackalloc byte[5000]; return b[0]; } }
        """,
        Verify.Diagnostic(Id).WithLocation(0).WithLocation(1).WithSeverity(DiagnosticSeverity.Error).WithArguments(
            "M", "about 5040", "more than the whole stack of 4096 bytes", "take 'b' (5008 bytes) from kmalloc"));

    [Theory]
    [InlineData("[InterruptHandler]")]
    [InlineData("[ProcessContext]")]
    [InlineData("[KAlloc.TaskletAttribute]")]
    public Task ContextAttribute_MakesKernelCode_Reports(string attribute) => Verify.VerifyAnalyzerAsync(
        $$"""
        using KAlloc;
        unsafe class C { {{attribute}} int {|KA5001:M|}() { byte* b = stackalloc byte[1500]; return b[0]; } int Plain() { byte* b = stackalloc byte[1500]; return b[0]; } }
        """);

    [Fact]
    public Task FrameWarning_OfTheAttribute_RaisesTheLimit() => Verify.VerifyAnalyzerAsync(
        """
        using KAlloc;
        unsafe class C
        {
            [KernelStack(8192, FrameWarning = 2048)] int M() { byte* b = stackalloc byte[1500]; return b[0]; }
            [KernelStack(8192, FrameWarning = 2048)] int {|KA5001:N|}() { byte* b = stackalloc byte[2500]; return b[0]; }
        }
        """);

    [Fact]
    public Task FrameLimitOption_AppliesEverywhere_Reports() => Verify.VerifyAnalyzerAsync(
        """
        unsafe class C
        {
            int {|KA5001:M|}() { byte* b = stackalloc byte[700]; return b[0]; }
            int Small() { byte* b = stackalloc byte[300]; return b[0]; }
        }
        """,
        [("kalloc.frame_limit", "512")]);

    [Fact]
    public Task FrameLimitOption_RaisesTheKernelsOwn_StaysSilent() => Verify.VerifyAnalyzerAsync(
        """
        using KAlloc;
        unsafe class C { [AtomicContext] int M() { byte* b = stackalloc byte[1500]; return b[0]; } }
        """,
        [("kalloc.frame_limit", "2048")]);

    [Fact]
    public Task StackBudgetOption_OutsideKernelCode_Reports() => Verify.VerifyAnalyzerAsync(
        """
        unsafe class C { int {|KA5001:M|}() { byte* b = stackalloc byte[3000]; return b[0]; } }
        """,
        [("kalloc.stack_budget", "2048")]);

    [Fact]
    public Task LinuxNamesProperty_MakesKernelCode_Reports()
    {
        KernelTest<KA5001FrameTooLargeAnalyzer, EmptyCodeFixProvider> test =
            Verify.Test("unsafe class C { int {|KA5001:M|}() { byte* b = stackalloc byte[1500]; return b[0]; } }");
        test.BuildProperties["KAllocLinuxNames"] = "enable";
        return test.RunAsync();
    }

    [Fact]
    public Task StructOfAnotherFile_OutsideKernelCode_Reports()
    {
        KernelTest<KA5001FrameTooLargeAnalyzer, EmptyCodeFixProvider> test = Verify.Test(
            """
            class C
            {
                static void G(ref Outer o) => throw null;
                int {|KA5001:M|}() { Outer o = default; G(ref o); return 1; }
            }
            """);
        test.TestState.Sources.Add("unsafe struct Inner { public fixed byte data[9000]; }\nstruct Outer { public Inner inner; public int x; }");
        return test.RunAsync();
    }

    [Fact]
    public Task OrdinaryMethod_WithoutBudget_StaysSilent() => Verify.VerifyAnalyzerAsync(
        """
        using System;
        class C { int M() { Span<byte> b = stackalloc byte[4096]; return b[0]; } }
        """);

    [Fact]
    public Task ErroneousCode_StaysSilent()
    {
        KernelTest<KA5001FrameTooLargeAnalyzer, EmptyCodeFixProvider> test = Verify.Test(
            """
            using KAlloc;
            unsafe class C { [KernelStack] int M() { byte* b = stackalloc byte[4096]; return Unknown(b); } int N( { }
            """);
        test.CompilerDiagnostics = CompilerDiagnostics.None;
        return test.RunAsync();
    }

    [Fact]
    public Task Suppressed_StaysSilent() => Verify.VerifyAnalyzerAsync(
        """
        using KAlloc;
        unsafe class C
        {
        #pragma warning disable KA5001
            [KernelStack] int M() { byte* b = stackalloc byte[4096]; return b[0]; }
        #pragma warning restore KA5001
            [KernelStack, System.Diagnostics.CodeAnalysis.SuppressMessage("KAlloc.Stack", "KA5001")] int N() { byte* b = stackalloc byte[4096]; return b[0]; }
        }
        """);

    [Fact]
    public Task UnboundedPart_SaysAtLeast() => Verify.VerifyAnalyzerAsync(
        """
        using KAlloc;
        unsafe class C
        {
            [KernelStack] int {|#0:M|}(int n) { byte* {|#1:a|} = stackalloc byte[2048]; byte* b = stackalloc byte[n]; return a[0] + b[0]; }
        }
        """,
        Verify.Diagnostic(Id).WithLocation(0).WithLocation(1).WithArguments(
            "M", "at least 2080", "more than the 1024 that one frame may take", "take 'a' (2048 bytes) from kmalloc"));

    private const string LinuxStandIn = "using static KAlloc.Linux;\nnamespace KAlloc { static class Linux { } }\n";
}
