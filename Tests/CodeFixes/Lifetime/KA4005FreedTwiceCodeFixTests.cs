using KAlloc.CodeFixes.Rules.Lifetime;
using Xunit;
using Verify = KAlloc.Tests.Verifier.KernelVerifier<KAlloc.Analyzers.Host.FlowAnalyzer, KAlloc.CodeFixes.Rules.Lifetime.KA4005FreedTwiceCodeFix>;

namespace KAlloc.CodeFixes.Tests.Lifetime;

public sealed class KA4005FreedTwiceCodeFixTests
{
    private static string Class(string members) =>
        $$"""
        using static KAlloc.Linux;

        unsafe class C
        {
        {{members}}
        }
        """;

    [Fact]
    public Task SecondFree_OnEveryPath_IsRemoved() => Verify.VerifyCodeFixAsync(
        Class(
            """
            static void M(void* p, int* n)
            {
                kfree(p);
                *n = 1; // counted
                {|KA4005:kfree(p)|};
                *n = 2;
            }

            static void N(void* p) { kfree(p); {|KA4005:kfree(p)|}; }
            """),
        Class(
            """
            static void M(void* p, int* n)
            {
                kfree(p);
                *n = 1; // counted
                *n = 2;
            }

            static void N(void* p) { kfree(p); }
            """),
        KA4005FreedTwiceCodeFix.RemoveKey);

    [Theory]
    [InlineData("static void M(void* p, bool x) { if (x) kfree(p); {|KA4005:kfree(p)|}; }")]
    [InlineData("static void M(void* p, int n) { for (int i = 0; i < n; i++) { {|KA4005:kfree(p)|}; } }")]
    [InlineData("static void M(void* p, bool x) { kfree(p); if (x) {|KA4005:kfree(p)|}; }")]
    [InlineData("static void M(void* p) { kfree(p); void* q = {|KA4005:krealloc(p, 8, GFP_KERNEL)|}; kfree(q); }")]
    public Task SecondFree_ThatIsTheFirstElsewhere_HasNoFix(string members) => Verify.VerifyNoFixAsync(Class(members));
}
