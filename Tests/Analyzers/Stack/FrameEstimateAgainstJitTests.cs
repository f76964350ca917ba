using KAlloc.Analyzers.Host;
using KAlloc.Analyzers.Stack;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;
using Xunit.Abstractions;

namespace KAlloc.Analyzers.Tests.Stack;

/// <summary>Holds the estimate against the prologs that the JIT really writes.</summary>
public sealed class FrameEstimateAgainstJitTests(ITestOutputHelper output)
{
    /// <summary>The constants are those of this runtime and machine; another one needs its own.</summary>
    [Fact]
    public void Machine_IsTheOneTheFormulaIsFor() => Assert.Equal(10, Environment.Version.Major);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void OptimisedFrames_OfGeneratedMethods_AreWithinTheBounds(int seed)
    {
        List<Frame> frames = Measure(seed, methods: 400, optimised: true);
        List<Frame> large = [.. frames.Where(frame => frame.Actual > 256)];
        double[] errors = [.. large.Select(frame => Math.Abs(frame.Ratio - 1)).Order()];
        int below90 = large.Count(frame => frame.Ratio < 0.9), below70 = large.Count(frame => frame.Ratio < 0.7);
        double median = errors[errors.Length / 2], p90 = errors[errors.Length * 9 / 10];
        string figures = $"seed {seed}: {frames.Count} frames, {large.Count} over 256; median error {median:P1}, p90 {p90:P1}; below 0.9: {below90}, below 0.7: {below70}, least {large.Min(frame => frame.Ratio):F2}";
        output.WriteLine(figures);
        foreach (Frame frame in large.OrderBy(frame => frame.Ratio).Take(12)) output.WriteLine($"{frame.Name}: JIT {frame.Actual}, estimate {frame.Estimate}");
        if (Environment.GetEnvironmentVariable("KALLOC_FRAMES") is { Length: > 0 } file) File.WriteAllLines(file, frames.Select(frame => $"{frame.Name}\t{frame.Actual}\t{frame.Estimate}\t{frame.Body}"));

        Assert.True(large.Count > 200, figures);
        Assert.True(below70 == 0, figures);
        Assert.True(below90 <= large.Count / 100.0, figures);
        Assert.True(median <= 0.15, figures);
    }

    /// <summary>
    /// The estimate is of optimised code; unoptimised frames keep every temporary. How much larger they are is what the rule's page says, so it
    /// is held here.
    /// </summary>
    [Fact]
    public void UnoptimisedFrames_OfGeneratedMethods_AreModeratelyLarger()
    {
        List<Frame> large = [.. Measure(seed: 1, methods: 400, optimised: false).Where(frame => frame.Actual > 256)];
        double[] ratios = [.. large.Select(frame => 1 / frame.Ratio).Order()];
        string figures = $"{large.Count} unoptimised frames over 256: JIT over estimate, median {ratios[ratios.Length / 2]:F2}, p90 {ratios[ratios.Length * 9 / 10]:F2}, most {ratios[^1]:F2}";
        output.WriteLine(figures);
        Assert.True(ratios[ratios.Length / 2] < 1.25, figures);
    }

    private static List<Frame> Measure(int seed, int methods, bool optimised)
    {
        CSharpCompilation program = KernelSetup.CreateCompilation(OutputKind.ConsoleApplication, new FrameGenerator(seed).Generate(methods));
        program = program.WithOptions(program.Options.WithOptimizationLevel(OptimizationLevel.Release));
        Dictionary<string, int> prologs = JitFrames.Measure(program, optimised);

        SyntaxTree tree = program.SyntaxTrees.Single();
        SemanticModel model = program.GetSemanticModel(tree);
        var layouts = new TypeLayouts();
        var frames = new List<Frame>();
        foreach (BodySyntax body in BodyWalk.Enumerate(tree.GetRoot()))
        {
            if (model.GetDeclaredSymbol(body.Declaration) is not IMethodSymbol { ContainingType.Name: "Gen" } method) continue;
            FrameFeatures features = FrameWalker.Walk(model.GetOperation(body.Node)!, method, body.Declaration, model, layouts)[0];
            FrameEstimate estimate = FrameEstimate.Of(features, model, layouts);
            int dynamic = DynamicBytes(features, model, layouts);
            frames.Add(new Frame(method.Name, prologs[method.Name] + dynamic, estimate.Bytes, body.Node.ToString().ReplaceLineEndings(" ")));
        }

        return frames;
    }

    /// <summary>What localloc adds below the prolog's frame: exact, and in no listing.</summary>
    private static int DynamicBytes(FrameFeatures features, SemanticModel model, TypeLayouts layouts)
    {
        var sizes = new StackAllocSize(model, layouts, features);
        return features.StackAllocations.Select(allocation => (int)(sizes.BytesOf(allocation.Expression) ?? 0)).Where(bytes => bytes > 32).Sum(bytes => (bytes + 15) / 16 * 16);
    }

    private readonly record struct Frame(string Name, int Actual, int Estimate, string Body)
    {
        public double Ratio => (double)Estimate / Actual;
    }
}
