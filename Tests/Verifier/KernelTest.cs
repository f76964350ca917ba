// One rule test: the library's own test, with the kernel's setup and with the checks that the library leaves out.
//
//   generated code    the same sources as generated files must yield nothing (the library skips this as soon as an analyzer says anything on it)
//   arguments         an explicit result of a rule whose message takes arguments must give them (left out, the library compares nothing)
//   path              every additional location has its text in Properties["path.i"], and no text is without its place
//   all rules         every analyzer that ships runs, so a second voice on the same defect fails the test

using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Testing;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Testing;

namespace KAlloc.Tests.Verifier;

/// <summary>A test of an analyzer and a code fix; use <see cref="EmptyCodeFixProvider"/> where there is none.</summary>
public class KernelTest<TAnalyzer, TCodeFix> : CSharpCodeFixTest<TAnalyzer, TCodeFix, DefaultVerifier>
    where TAnalyzer : DiagnosticAnalyzer, new()
    where TCodeFix : CodeFixProvider, new()
{
    private const string PathKeyPrefix = "path.";

    public KernelTest()
    {
        // The library's own lists would download packs; an empty one and explicit references need no network.
        ReferenceAssemblies = new ReferenceAssemblies("net10.0");
        TestState.AdditionalReferences.AddRange(KernelSetup.References);
        DiagnosticVerifier = VerifyPath;
    }

    /// <summary>Nullable reference types are on.</summary>
    public bool Nullable { get; set; }

    /// <summary>Adds the kernel's type names, as <c>KAllocLinuxNames</c> does in a project.</summary>
    public bool LinuxNames { get; set; }

    /// <summary>Options as in an <c>.editorconfig</c> for all C# files.</summary>
    public Dictionary<string, string> Options { get; } = [];

    /// <summary>MSBuild properties that analyzers see as <c>build_property.NAME</c>.</summary>
    public Dictionary<string, string> BuildProperties { get; } = [];

    /// <summary>The texts of the path's steps, in order, that the diagnostics of <see cref="ExpectedPathId"/> must carry; null: not compared.</summary>
    public IReadOnlyList<string>? ExpectedPath { get; set; }

    /// <summary>The rule whose path is compared.</summary>
    public string? ExpectedPathId { get; set; }

    protected override CompilationOptions CreateCompilationOptions() =>
        KernelSetup.CompilationOptions(TestState.OutputKind ?? OutputKind.DynamicallyLinkedLibrary, Nullable);

    protected override ParseOptions CreateParseOptions() => KernelSetup.ParseOptions;

    /// <summary>An analyzer that ships is tested together with all others that ship; a test's own analyzer alone.</summary>
    protected override IEnumerable<DiagnosticAnalyzer> GetDiagnosticAnalyzers() =>
        typeof(TAnalyzer).Assembly == KernelSetup.AnalyzerAssembly ? KernelSetup.CreateAnalyzers() : [new TAnalyzer()];

    protected override async Task RunImplAsync(CancellationToken cancellationToken)
    {
        RequireArguments();
        string[] sources = [.. TestState.Sources.Select(source => source.content.ToString())];
        AddConfiguration();
        bool anyExpected = TestState.ExpectedDiagnostics.Count > 0 || sources.Any(source => source.Contains("{|", StringComparison.Ordinal) || source.Contains("[|", StringComparison.Ordinal));
        await base.RunImplAsync(cancellationToken);
        if (anyExpected) await RequireSilenceInGeneratedCodeAsync(sources, cancellationToken);
    }

    private void AddConfiguration()
    {
        if (Options.Count > 0)
            TestState.AnalyzerConfigFiles.Add(("/.editorconfig", "root = true\n[*.cs]\n" + string.Concat(Options.Select(option => $"{option.Key} = {option.Value}\n"))));
        if (BuildProperties.Count > 0)
            TestState.AnalyzerConfigFiles.Add(("/.globalconfig", "is_global = true\n" + string.Concat(BuildProperties.Select(property => $"build_property.{property.Key} = {property.Value}\n"))));
        if (!LinuxNames) return;
        if (KernelSetup.LinuxNamesSource.Length == 0) throw new InvalidOperationException("The kernel's type names are asked for, but Runtime/build/KAlloc.LinuxNames.props was not built in.");
        TestState.Sources.Add(("/0/LinuxNames.cs", KernelSetup.LinuxNamesSource));
        foreach (SolutionState state in new[] { FixedState, BatchFixedState })
        {
            if (state.Sources.Count > 0) state.Sources.Add(("/0/LinuxNames.cs", KernelSetup.LinuxNamesSource));
        }
    }

    private void RequireArguments()
    {
        ImmutableDictionary<string, DiagnosticDescriptor> rules = GetDiagnosticAnalyzers()
            .SelectMany(analyzer => analyzer.SupportedDiagnostics).DistinctBy(rule => rule.Id).ToImmutableDictionary(rule => rule.Id);
        foreach (DiagnosticResult result in TestState.ExpectedDiagnostics.Concat(FixedState.ExpectedDiagnostics))
        {
            if (!rules.TryGetValue(result.Id, out DiagnosticDescriptor? rule)) continue;
            bool hasPlaceholder = Regex.IsMatch(rule.MessageFormat.ToString(), @"\{\d");
            bool saysNothing = result.MessageArguments is null or { Length: 0 } && (result.Message is null || result.Message == rule.MessageFormat.ToString());
            if (hasPlaceholder && saysNothing)
                Verify.Fail($"The expected {result.Id} gives no arguments, but its message takes some: \"{rule.MessageFormat}\". Add WithArguments, or use {{|{result.Id}:…|}}.");
        }
    }

    private void VerifyPath(Diagnostic actual, DiagnosticResult expected, IVerifier verifier)
    {
        if (actual.Descriptor.Category.StartsWith("Compiler", StringComparison.Ordinal)) return;
        string[] steps = PathOf(actual);
        verifier.Equal(actual.AdditionalLocations.Count, steps.Length, $"{actual.Id}: every additional location needs its text in Properties[\"path.i\"]. Texts: {string.Join(" | ", steps)}");
        if (ExpectedPath is null || actual.Id != ExpectedPathId) return;
        verifier.Equal(string.Join('\n', ExpectedPath), string.Join('\n', steps), $"{actual.Id}: the path's texts differ");
    }

    private static string[] PathOf(Diagnostic diagnostic)
    {
        var steps = new List<string>();
        while (diagnostic.Properties.TryGetValue(PathKeyPrefix + steps.Count, out string? step)) steps.Add(step ?? "");
        int texts = diagnostic.Properties.Keys.Count(key => key.StartsWith(PathKeyPrefix, StringComparison.Ordinal));
        return texts == steps.Count ? [.. steps] : [.. steps, "(numbers of the steps have a gap)"];
    }

    private async Task RequireSilenceInGeneratedCodeAsync(string[] sources, CancellationToken cancellationToken)
    {
        var trees = new List<SyntaxTree>();
        foreach (string source in LinuxNames ? [.. sources, KernelSetup.LinuxNamesSource] : sources)
        {
            TestFileMarkupParser.GetSpans(source, out string text, out ImmutableDictionary<string, ImmutableArray<Microsoft.CodeAnalysis.Text.TextSpan>> _);
            trees.Add(CSharpSyntaxTree.ParseText(text, KernelSetup.ParseOptions, $"/0/Test{trees.Count}.g.cs", cancellationToken: cancellationToken));
        }

        CSharpCompilation compilation = CSharpCompilation.Create("Generated", trees, KernelSetup.References, (CSharpCompilationOptions)CreateCompilationOptions());
        ImmutableArray<Diagnostic> diagnostics = await compilation.WithAnalyzers([.. GetDiagnosticAnalyzers()]).GetAnalyzerDiagnosticsAsync(cancellationToken);
        if (!diagnostics.IsEmpty)
            Verify.Fail("Generated code must stay silent; the analyzer does not configure GeneratedCodeAnalysisFlags.None:\n" + string.Join('\n', diagnostics));
    }
}
