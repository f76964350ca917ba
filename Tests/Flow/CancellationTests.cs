using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Host;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Xunit;

namespace KAlloc.Flow.Tests;

/// <summary>An analysis that nobody waits for any more stops at once: work after that is counted, no clock asked.</summary>
public sealed class CancellationTests
{
    private const int CancelAt = 100;

    [Fact]
    public void HugeBody_Cancelled_StopsAtTheNextVisit()
    {
        string tests = string.Concat(Enumerable.Range(0, 400).Select(i => $"if (Ask({i})) n += {i + 1};\n"));
        (int visits, int works, int left) = Cancel($"static int M() {{ int n = 0; void* p = kmalloc(8, GFP_KERNEL); {tests} kfree(p); return n; }}", cancelAtVisit: CancelAt, cancelAtWork: int.MaxValue);
        Assert.Equal(CancelAt, visits);
        Assert.True(works > 0);
        Assert.Equal(0, left);
    }

    /// <summary>One statement whose calls can turn out in thousands of ways together: no visit lies between.</summary>
    [Fact]
    public void HugeStatement_Cancelled_StopsAtTheNextStepOfWork()
    {
        const string Choose = "static void* Choose(int n, void* p) { if (n == 1) return kmalloc(1, GFP_KERNEL); if (n == 2) return kmalloc(2, GFP_KERNEL); if (n == 3) { kfree(p); return null; } return p; } ";
        (int visits, int works, int left) = Cancel($"{Choose} static void M(int a, int b, int c, int d, int e, int f) {{ kfree(Choose(a, Choose(b, Choose(c, Choose(d, Choose(e, Choose(f, null))))))); }}", cancelAtVisit: int.MaxValue, cancelAtWork: CancelAt);
        Assert.True(visits < CancelAt, $"{visits} visits");
        Assert.Equal(CancelAt, works);
        Assert.Equal(0, left);
    }

    /// <summary>Runs the walk of <c>M</c> and cancels on the way.</summary>
    /// <returns>Visits and steps of work before the end, and those after it was cancelled.</returns>
    private static (int Visits, int Works, int Left) Cancel(string members, int cancelAtVisit, int cancelAtWork)
    {
        CSharpCompilation compilation = KernelSetup.CreateCompilation($"using static KAlloc.Linux; unsafe class C {{ static extern bool Ask(int n); {members} }}");
        (IMethodSymbol root, IOperation operation) = Methods.BodyOf(compilation, "M");
        using var source = new CancellationTokenSource();
        var counter = new Counter(source, cancelAtVisit, cancelAtWork);
        var facts = new CompilationFacts(compilation);
        facts.Results.Watched = (root, counter);

        Assert.Throws<OperationCanceledException>(() => facts.Results.Followed(new Body(root, operation.Syntax, operation.Syntax), source.Token));
        return (counter.Visits, counter.Works, counter.Left);
    }

    private sealed class Counter(CancellationTokenSource source, int cancelAtVisit, int cancelAtWork) : FlowTrace
    {
        internal int Visits { get; private set; }

        internal int Works { get; private set; }

        /// <summary>Done though nobody waits for it any more.</summary>
        internal int Left { get; private set; }

        internal override void Reach(ControlFlowGraph graph, BasicBlock block, FlowState state)
        {
            if (source.IsCancellationRequested) Left++;
            if (++Visits == cancelAtVisit) source.Cancel();
        }

        internal override void Work(int amount)
        {
            if (source.IsCancellationRequested) Left++;
            if (++Works == cancelAtWork) source.Cancel();
        }

        internal override void End(ISymbol root, GraphRunner runner, Summary? summary) => Assert.Fail("the walk went on to its end");
    }
}
