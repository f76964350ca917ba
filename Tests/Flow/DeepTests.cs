using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Host;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace KAlloc.Flow.Tests;

/// <summary>Expressions of a depth that only generators write: on a small stack nothing is said of such a body, and nobody dies of it.</summary>
public sealed class DeepTests
{
    private const int SmallStack = 256 * 1024, PoolStack = 1536 * 1024, LargeStack = 64 * 1024 * 1024;

    [Theory]
    [InlineData(1_000)]
    [InlineData(5_000)]
    public void Sum_OnASmallStack_GivesTheBodyUp(int terms) =>
        Assert.Equal("KA9003", On(SmallStack, WalkOf($"int n = {Sum("a", terms)}; return n;")));

    [Theory]
    [InlineData(1_000)]
    [InlineData(5_000)]
    public void Sum_OnALargeStack_IsWalked(int terms) =>
        Assert.Equal("KA4001", On(LargeStack, WalkOf($"int n = {Sum("a", terms)}; return n;")));

    /// <summary>As deep as the compiler itself can go on a thread of the pool.</summary>
    [Theory]
    [InlineData("Next(", ")")]
    [InlineData("(", ")")]
    [InlineData("-(", ")")]
    [InlineData("a > 0 ? 1 : ", "")]
    [InlineData("all[", "]")]
    [InlineData("a = ", "")]
    public void Nest_OnAPoolThread_IsSurvived(string open, string close) =>
        On(PoolStack, WalkOf($"int n = {Nest(open, "a", close, 500)}; kfree(p); return n;"));

    /// <summary>What a variable holds can be a deep value without any deep expression.</summary>
    [Theory]
    [InlineData("n = n * a;")]
    [InlineData("n ^= n << a;")]
    [InlineData("n = all[n];")]
    public void Statements_OnASmallStack_AreSurvived(string statement) =>
        On(SmallStack, WalkOf($"int n = a; {string.Concat(Enumerable.Repeat(statement + "\n", 5_000))} if (n == 3) return n; kfree(p); return n;"));

    /// <summary>A summary that was made on a large stack is applied on a small one.</summary>
    [Theory]
    [InlineData(1_000)]
    [InlineData(5_000)]
    public void Callee_WithADeepValue_IsSurvived(int terms)
    {
        CSharpCompilation compilation = Compile($"static int Make(int a, int b, out void* p) {{ p = kmalloc(8, GFP_KERNEL); return {string.Join(" ^ ", Enumerable.Range(0, terms).Select(i => i % 2 == 0 ? "a * b" : "b * a"))}; }} static int M(int a) {{ int n = Make(a, a + 1, out void* p); kfree(p); return n; }}");
        var facts = new CompilationFacts(compilation);
        On(LargeStack, () => IssuesOf(facts, BodyOf(compilation, "Make")));
        On(SmallStack, () => IssuesOf(facts, BodyOf(compilation, "M")));
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(5_000)]
    public void Sum_OnASmallStack_LendsNothing(int terms)
    {
        Func<IMethodSymbol, IOperation, Loans> lend = (method, operation) => Lending.Of(method, operation, new CompilationFacts(Compile("")).Model, static _ => default);
        CSharpCompilation compilation = Compile($"static int M(byte* p) => {Sum("*p", terms)};");
        var (root, operation) = BodyOf(compilation, "M");
        Assert.True(On(LargeStack, () => lend(root, operation)).Lends(0));
        Assert.Equal(default, On(SmallStack, () => lend(root, operation)));
    }

    private static string Sum(string term, int terms) => string.Join(" + ", Enumerable.Repeat(term, terms));

    private static string Nest(string open, string inner, string close, int depth) => string.Concat(Enumerable.Repeat(open, depth)) + inner + string.Concat(Enumerable.Repeat(close, depth));

    /// <summary>What is found in a body that begins with an allocation.</summary>
    private static Func<string> WalkOf(string statements)
    {
        CSharpCompilation compilation = Compile($"static extern int Next(int n); static int M(int a, int[] all) {{ void* p = kmalloc(8, GFP_KERNEL); {statements} }}");
        (IMethodSymbol, IOperation) body = BodyOf(compilation, "M");
        return () => IssuesOf(new CompilationFacts(compilation), body);
    }

    private static string IssuesOf(CompilationFacts facts, (IMethodSymbol Root, IOperation Operation) body) =>
        string.Join(' ', facts.Results.Followed(new Body(body.Root, body.Operation.Syntax, body.Operation.Syntax), CancellationToken.None).Issues.Select(issue => issue.Descriptor.Id));

    private static CSharpCompilation Compile(string members) => KernelSetup.CreateCompilation($"using static KAlloc.Linux; unsafe class C {{ {members} }}");

    private static (IMethodSymbol Root, IOperation Operation) BodyOf(CSharpCompilation compilation, string name) => On(LargeStack, () => Methods.BodyOf(compilation, name));

    private static T On<T>(int stack, Func<T> run)
    {
        T result = default!;
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = run();
            }
            catch (Exception exception)
            {
                thrown = exception;
            }
        }, stack);
        thread.Start();
        thread.Join();
        Assert.Null(thrown);
        return result;
    }
}
