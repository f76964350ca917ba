// The calls that a rule's tests make. Each runs all rules that ship on the source.

using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Testing;

namespace KAlloc.Tests.Verifier;

/// <summary>Tests of a rule.</summary>
public class KernelVerifier<TAnalyzer> : KernelVerifier<TAnalyzer, EmptyCodeFixProvider>
    where TAnalyzer : DiagnosticAnalyzer, new();

/// <summary>Tests of a rule and its code fix.</summary>
public class KernelVerifier<TAnalyzer, TCodeFix>
    where TAnalyzer : DiagnosticAnalyzer, new()
    where TCodeFix : CodeFixProvider, new()
{
    /// <summary>The result of the rule <paramref name="id"/>; give its place with <c>WithLocation(0)</c> and its arguments with <c>WithArguments</c>.</summary>
    public static DiagnosticResult Diagnostic(string id)
    {
        DiagnosticDescriptor? rule = new TAnalyzer().SupportedDiagnostics.FirstOrDefault(candidate => candidate.Id == id);
        if (rule is null && !KernelSetup.Rules.TryGetValue(id, out rule)) throw new ArgumentException($"No rule has the ID {id}.", nameof(id));
        return new DiagnosticResult(rule);
    }

    /// <summary>A test of <paramref name="source"/> to which options can be added before it runs.</summary>
    public static KernelTest<TAnalyzer, TCodeFix> Test(string source, params DiagnosticResult[] expected)
    {
        var test = new KernelTest<TAnalyzer, TCodeFix> { TestCode = source };
        test.ExpectedDiagnostics.AddRange(expected);
        return test;
    }

    /// <summary>The source yields exactly the marked and the given diagnostics.</summary>
    public static Task VerifyAnalyzerAsync(string source, params DiagnosticResult[] expected) => Test(source, expected).RunAsync();

    /// <summary>The same with options as in an <c>.editorconfig</c>.</summary>
    public static Task VerifyAnalyzerAsync(string source, (string Key, string Value)[] options, params DiagnosticResult[] expected)
    {
        KernelTest<TAnalyzer, TCodeFix> test = Test(source, expected);
        foreach ((string key, string value) in options) test.Options[key] = value;
        return test.RunAsync();
    }

    /// <summary>The source yields the diagnostic, whose path has exactly these steps, in order.</summary>
    /// <remarks>The places of the steps are compared too: give them after the main place, <c>WithLocation(0).WithLocation(1)</c>.</remarks>
    public static Task VerifyPathAsync(string source, DiagnosticResult expected, params string[] steps)
    {
        KernelTest<TAnalyzer, TCodeFix> test = Test(source, expected);
        test.ExpectedPathId = expected.Id;
        test.ExpectedPath = steps;
        return test.RunAsync();
    }

    /// <summary>The fix, applied one by one and as Fix All, turns the source into <paramref name="fixedSource"/>.</summary>
    /// <param name="source">The code before.</param>
    /// <param name="fixedSource">The code after; it must compile and be silent but for its own marks.</param>
    /// <param name="equivalenceKey">Which of several fixes; null: the first.</param>
    /// <param name="expected">Diagnostics that are not marked in the source.</param>
    public static Task VerifyCodeFixAsync(string source, string fixedSource, string? equivalenceKey = null, params DiagnosticResult[] expected)
    {
        KernelTest<TAnalyzer, TCodeFix> test = Test(source, expected);
        test.FixedCode = fixedSource;
        test.CodeActionEquivalenceKey = equivalenceKey;
        return test.RunAsync();
    }

    /// <summary>The source yields its diagnostics, and no fix is offered for any of them.</summary>
    public static Task VerifyNoFixAsync(string source, params DiagnosticResult[] expected)
    {
        KernelTest<TAnalyzer, TCodeFix> test = Test(source, expected);

        // Equal text and no iterations: without FixedCode the library does not look at fixes at all.
        test.FixedCode = source;
        test.FixedState.MarkupHandling = MarkupMode.Allow;
        test.FixedState.ExpectedDiagnostics.AddRange(expected);
        test.NumberOfIncrementalIterations = 0;
        test.NumberOfFixAllIterations = 0;
        test.NumberOfFixAllInDocumentIterations = 0;
        test.NumberOfFixAllInProjectIterations = 0;
        return test.RunAsync();
    }
}
