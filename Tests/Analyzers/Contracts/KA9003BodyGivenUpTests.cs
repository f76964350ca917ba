using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer>;

namespace KAlloc.Analyzers.Tests.Contracts;

public sealed class KA9003BodyGivenUpTests
{
    /// <summary>Each test doubles the states, up to those that a block keeps.</summary>
    private static string Tests(int count) =>
        "int n = 0; " + string.Concat(Enumerable.Range(0, count).Select(i => $"if (Ask({i})) n += {i + 1}; ")) + "return n;";

    private static string Body(string name, int count) =>
        $"static extern bool Ask(int n); static int {name}() {{ void* p = kmalloc(8, GFP_KERNEL); {Tests(count)} }}";

    [Fact]
    public Task Body_OverBudget_IsReportedAndNothingElse() => Verify.VerifyAnalyzerAsync(Sources.Class(Body("{|KA9003:M|}", 2_000)));

    [Fact]
    public Task Body_WithinBudget_StaysSilent() => Verify.VerifyAnalyzerAsync(
        Sources.Class("static extern bool Ask(int n); static int M() { void* p = kmalloc(8, GFP_KERNEL); kfree(p); " + Tests(20) + " }"));

    /// <summary>What one of them takes is told; of the others nothing new would be said.</summary>
    [Fact]
    public Task InnerFunctions_OverBudget_AreReportedOnce() => Verify.VerifyAnalyzerAsync(
        Sources.Class($"static extern bool Ask(int n); static void M() {{ {Inner("{|KA9003:A|}")} {Inner("B")} {Inner("C")} }}"));

    private static string Inner(string name) => $"int {name}() {{ void* p = kmalloc(8, GFP_KERNEL); {Tests(2_000)} }}";
}
