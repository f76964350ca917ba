using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis.Testing;
using Xunit;
using Right = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Meta.Tests.Verifier.RightToyAnalyzer, KAlloc.Meta.Tests.Verifier.ToyCodeFix>;

namespace KAlloc.Meta.Tests.Verifier;

/// <summary>The verifier must fail where it should: each test here is a right test turned wrong in one way.</summary>
public sealed class VerifierTests
{
    private const string Bad = "class {|#1:C|} { int {|#0:bad|}; }";
    private const string BadMarked = "class C { int {|KT0001:bad|}; }";

    [Fact]
    public Task RightTest_Passes() =>
        Right.VerifyPathAsync(Bad, Right.Diagnostic("KT0001").WithLocation(0).WithLocation(1).WithArguments("bad"), "in this type");

    [Fact]
    public Task RightFixTest_Passes() => Right.VerifyCodeFixAsync(BadMarked, "class C { int good; }", "rename");

    [Fact]
    public Task Options_ReachTheAnalyzer()
    {
        KernelTest<OptionToyAnalyzer, EmptyCodeFixProvider> test = KernelVerifier<OptionToyAnalyzer>.Test(
            "class {|#0:C|} { unsafe int* _p; }", KernelVerifier<OptionToyAnalyzer>.Diagnostic("KT0002").WithLocation(0).WithArguments("1", "enable", "Enable"));
        test.Options["kalloc.any"] = "1";
        test.BuildProperties["KAllocLinuxNames"] = "enable";
        test.Nullable = true;
        return test.RunAsync();
    }

    [Fact]
    public Task MissingDiagnostic_Fails() => FailsAsync(() => Right.VerifyAnalyzerAsync("class C { int {|KT0001:fine|}; }"), "expected \"1\" actual \"0\"");

    [Fact]
    public Task UnexpectedDiagnostic_Fails() => FailsAsync(() => Right.VerifyAnalyzerAsync("class C { int bad; }"), "expected \"0\" actual \"1\"");

    [Fact]
    public Task WrongArguments_Fail() =>
        FailsAsync(() => Right.VerifyAnalyzerAsync(Bad, Right.Diagnostic("KT0001").WithLocation(0).WithLocation(1).WithArguments("good")), "bad");

    [Fact]
    public Task ArgumentsLeftOut_Fail() =>
        FailsAsync(() => Right.VerifyAnalyzerAsync(Bad, Right.Diagnostic("KT0001").WithLocation(0).WithLocation(1)), "gives no arguments");

    [Fact]
    public Task GeneratedCodeNotConfigured_Fails() =>
        FailsAsync(() => KernelVerifier<TalksInGeneratedCodeAnalyzer>.VerifyAnalyzerAsync(BadMarked), "Generated code must stay silent");

    [Fact]
    public Task PathPlaceWithoutText_Fails() =>
        FailsAsync(() => KernelVerifier<PathWithoutTextAnalyzer>.VerifyAnalyzerAsync(BadMarked), "needs its text");

    [Fact]
    public Task WrongPathText_Fails() =>
        FailsAsync(() => Right.VerifyPathAsync(Bad, Right.Diagnostic("KT0001").WithLocation(0).WithLocation(1).WithArguments("bad"), "elsewhere"), "texts differ");

    [Fact]
    public Task PathPlaceLeftOut_Fails() =>
        FailsAsync(() => Right.VerifyAnalyzerAsync(Bad, Right.Diagnostic("KT0001").WithLocation(0).WithArguments("bad")), "additional locations");

    [Fact]
    public Task FixOfferedWhereNoneIsClaimed_Fails() => FailsAsync(() => Right.VerifyNoFixAsync(BadMarked), "Iterative code fix application");

    [Fact]
    public Task WrongFixedCode_Fails() => FailsAsync(() => Right.VerifyCodeFixAsync(BadMarked, "class C { int better; }"), "better");

    [Fact]
    public Task NoFixWithoutProvider_Passes() => KernelVerifier<RightToyAnalyzer>.VerifyNoFixAsync(BadMarked);

    [Fact]
    public Task CodeThatDoesNotCompile_Fails() => FailsAsync(() => Right.VerifyAnalyzerAsync("class C { int x = \"\"; }"), "CS0029");

    private static async Task FailsAsync(Func<Task> wrongTest, params string[] says)
    {
        Exception? failure = await Record.ExceptionAsync(wrongTest);
        Assert.NotNull(failure);
        Assert.All(says, text => Assert.Contains(text, failure.Message, StringComparison.Ordinal));
    }
}
