using System.Collections.Immutable;
using KAlloc.Differential.Tests.Generation;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace KAlloc.Differential.Tests;

/// <summary>
/// What the rules say of a program does not depend on the order of its files, on the number of threads, or on which file was asked about first.
/// Each function stands in a file of its own, so that what is known of one is always asked for by others.
/// </summary>
public sealed class DeterminismTests
{
    private const int Seed = 7;
    private const int Programs = 60;

    private static readonly ImmutableArray<SyntaxTree> s_files = [.. Enumerable.Range(0, Programs).SelectMany(Files), .. Owners()];
    private static readonly CSharpCompilation s_ordered = Batch.Compile([]).AddSyntaxTrees(s_files);
    private static readonly Lazy<string> s_expected = new(() => Describe(Analyze(s_ordered, concurrent: false)));

    [Fact]
    public void Programs_HaveFindings() => Assert.True(s_expected.Value.Count(letter => letter == '\n') >= Programs / 10 && !s_expected.Value.Contains("AD0001", StringComparison.Ordinal), s_expected.Value);

    [Theory]
    [InlineData("KA4007 '_data' comes from 'vmalloc'")]
    [InlineData("KA3001 '__free_pages' frees order 3, but '_pages' was allocated with order 1")]
    [InlineData("KA4011 '_table' owns memory from 'kmalloc'")]
    public void FieldsOfPartialTypes_AreAmongTheFindings(string finding) => Assert.Contains(finding, s_expected.Value, StringComparison.Ordinal);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ShuffledFiles_OneThread_SameFindings(int shuffle) => Assert.Equal(s_expected.Value, Describe(Analyze(Shuffled(shuffle), concurrent: false)));

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void ShuffledFiles_ManyThreads_SameFindings(int shuffle) => Assert.Equal(s_expected.Value, Describe(Analyze(Shuffled(shuffle), concurrent: true)));

    [Fact]
    public async Task FilesAskedForOneByOne_OnFourThreads_SameFindings()
    {
        CSharpCompilation compilation = Shuffled(7);
        CompilationWithAnalyzers analysis = compilation.WithAnalyzers(KernelSetup.CreateAnalyzers(), Batch.Options(concurrent: true));
        SyntaxTree[] files = [.. compilation.SyntaxTrees];
        new Random(8).Shuffle(files);
        var found = new System.Collections.Concurrent.ConcurrentBag<Diagnostic>();
        await Parallel.ForEachAsync(files, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (file, cancellation) =>
        {
            foreach (Diagnostic diagnostic in await analysis.GetAnalyzerSemanticDiagnosticsAsync(compilation.GetSemanticModel(file), null, cancellation)) found.Add(diagnostic);
        });
        Assert.Equal(s_expected.Value, Describe([.. found]));
    }

    private static CSharpCompilation Shuffled(int seed)
    {
        SyntaxTree[] files = [.. s_ordered.SyntaxTrees];
        new Random(seed).Shuffle(files);
        return s_ordered.RemoveAllSyntaxTrees().AddSyntaxTrees(files);
    }

    private static ImmutableArray<Diagnostic> Analyze(CSharpCompilation compilation, bool concurrent) =>
        compilation.WithAnalyzers(KernelSetup.CreateAnalyzers(), Batch.Options(concurrent)).GetAnalyzerDiagnosticsAsync().GetAwaiter().GetResult();

    private static string Describe(ImmutableArray<Diagnostic> found) =>
        string.Join('\n', found.Select(diagnostic => $"{diagnostic.Location.GetLineSpan()} {diagnostic.Id} {diagnostic.GetMessage()} {string.Join(' ', diagnostic.AdditionalLocations.Select(place => place.GetLineSpan().ToString()))}").Order(StringComparer.Ordinal));

    /// <summary>A program with each member in a file of its own.</summary>
    private static IEnumerable<SyntaxTree> Files(int number)
    {
        string source = ProgramGenerator.Random(Seed, number).Source.Replace("class P0", "class P" + number);
        int i = 0;
        foreach (ClassDeclarationSyntax type in CSharpSyntaxTree.ParseText(source, KernelSetup.ParseOptions).GetCompilationUnitRoot().Members.OfType<ClassDeclarationSyntax>())
            foreach (MemberDeclarationSyntax member in type.Members)
                yield return CSharpSyntaxTree.ParseText($"internal {type.Modifiers} class P{number}\n{{\n{member.ToFullString()}}}\n".Replace("internal internal", "internal"), KernelSetup.ParseOptions, $"/P{number}.{i++}.cs");
    }

    /// <summary>A type in parts: what its methods do to its fields together is found from files in any order.</summary>
    private static IEnumerable<SyntaxTree> Owners()
    {
        string[] parts =
        [
            "private void* _data; void Open() { _data = vmalloc(8); }",
            "void Reopen() { Close(); _data = vzalloc(16); }",
            "void Close() { kfree(_data); _data = null; }",
            "void Drop() { void* data = _data; _data = null; kfree(data); }",
            "private Page* _pages; void Map() { _pages = alloc_pages(GFP_KERNEL, 1); }",
            "void MapMore() { Unmap(); _pages = alloc_pages(GFP_KERNEL, 2); }",
            "void Unmap() { __free_pages(_pages, 3); _pages = null; }",
            "private void* _table; void Fill() { _table = kmalloc(8, GFP_KERNEL); }",
            "void Refill() { kfree(_table); _table = kzalloc(8, GFP_KERNEL); }",
        ];
        for (int i = 0; i < parts.Length; i++)
            yield return CSharpSyntaxTree.ParseText($"using KAlloc; using static KAlloc.Linux; internal unsafe partial class Owner {{ {parts[i]} }}", KernelSetup.ParseOptions, $"/Owner.{i}.cs");
    }
}
