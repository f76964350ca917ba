using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Host;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Xunit;

namespace KAlloc.Flow.Tests;

/// <summary>An analysis that nobody waits for any more stops at the next block visit.</summary>
public sealed class CancellationTests
{
    private const int CancelAt = 100;

    [Fact]
    public void HugeBody_Cancelled_StopsAtTheNextVisit()
    {
        string tests = string.Concat(Enumerable.Range(0, 400).Select(i => $"if (Ask({i})) n += {i + 1};\n"));
        CSharpCompilation compilation = KernelSetup.CreateCompilation($"using static KAlloc.Linux; unsafe class C {{ static extern bool Ask(int n); static int M() {{ int n = 0; void* p = kmalloc(8, GFP_KERNEL); {tests} kfree(p); return n; }} }}");
        MethodDeclarationSyntax method = compilation.SyntaxTrees[0].GetCompilationUnitRoot().DescendantNodes().OfType<MethodDeclarationSyntax>().Single(candidate => candidate.Identifier.ValueText == "M");
        IMethodSymbol root = compilation.GetSemanticModel(method.SyntaxTree).GetDeclaredSymbol(method)!;
        using var source = new CancellationTokenSource();
        var counter = new Counter(source);
        var facts = new CompilationFacts(compilation);
        facts.Results.Watched = (root, counter);

        Assert.Throws<OperationCanceledException>(() => facts.Results.Of(new Body(root, method, method), source.Token));
        Assert.Equal(CancelAt, counter.Visits);
    }

    private sealed class Counter(CancellationTokenSource source) : FlowTrace
    {
        internal int Visits { get; private set; }

        internal override void Reach(ControlFlowGraph graph, BasicBlock block, FlowState state)
        {
            if (++Visits == CancelAt) source.Cancel();
        }

        internal override void End(ISymbol root, GraphRunner runner, Summary? summary) => Assert.Fail("the walk went on to its end");
    }
}
