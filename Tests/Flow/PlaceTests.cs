using System.Collections.Immutable;
using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Host;
using KAlloc.Analyzers.Rules;
using KAlloc.Analyzers.Rules.Stack;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace KAlloc.Flow.Tests;

/// <summary>
/// The main place of a finding lies in the body that was asked about, whichever callee it is about: an editor drops what lies elsewhere. Over every body of these
/// tests and one mistake for each rule, made with the help of another file.
/// </summary>
public sealed class PlaceTests
{
    private const string Usings = "global using System; global using System.Buffers; global using System.Collections.Generic; global using System.Runtime.InteropServices; global using System.Threading.Tasks; global using KAlloc; global using static KAlloc.Linux;\n";

    private const string Helpers = """
        static unsafe class Helpers
        {
            internal static spinlock_t Lock;
            internal static mutex_t Mutex;
            internal static void* Make() => kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);
            internal static nuint MakePages() => __get_free_pages(GFP_KERNEL | __GFP_NOFAIL, 1);
            internal static void* MakeIn(kmem_cache* cache) => kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOFAIL);
            internal static void Drop(void* p) => kfree(p);
            internal static void Sleep() => Drop(kmalloc(8, GFP_KERNEL));
            internal static void Enter() => spin_lock(ref Lock);
            internal static void Leave() => spin_unlock(ref Lock);
            internal struct Big { public fixed byte Data[16_384]; }
            internal static extern void Look(Big* big);
        }
        """;

    private static readonly string Mistakes = $$"""
        unsafe class Mistakes
        {
            private void* _kept;
            static extern bool Ask(int n);
            void KA1001() { Helpers.Enter(); kfree(kmalloc(8, GFP_KERNEL)); Helpers.Leave(); }
            void KA1002() { Helpers.Enter(); vfree(vmalloc(8)); Helpers.Leave(); }
            void KA1003() { Helpers.Enter(); mutex_lock(ref Helpers.Mutex); mutex_unlock(ref Helpers.Mutex); Helpers.Leave(); }
            void KA1004() { Helpers.Enter(); Helpers.Sleep(); Helpers.Leave(); }
            void KA1005() { Helpers.Enter(); System.Threading.Thread.Sleep(5); Helpers.Leave(); }
            void KA1006() { Helpers.Enter(); if (Ask(1)) return; Helpers.Leave(); }
            void KA1007() { Helpers.Enter(); Helpers.Leave(); Helpers.Leave(); }
            void KA1008() { Helpers.Enter(); spin_lock(ref Helpers.Lock); Helpers.Leave(); }
            void KA3001() { nuint p = Helpers.MakePages(); free_pages(p, 2); }
            void KA4001() { byte* p = (byte*)Helpers.Make(); *p = 1; }
            void KA4003() { Helpers.Make(); }
            void KA4004() { void* p = Helpers.Make(); p = krealloc(p, 16, GFP_KERNEL); kfree(p); }
            void KA4005() { void* p = Helpers.Make(); Helpers.Drop(p); Helpers.Drop(p); }
            void KA4006() { byte* p = (byte*)Helpers.Make(); Helpers.Drop(p); *p = 1; }
            void KA4007() { void* p = Helpers.Make(); vfree(p); }
            void KA4008() { byte* p = (byte*)Helpers.Make(); Helpers.Drop(p + 1); }
            static kmem_cache* One, Other;
            void KA4009() { void* p = Helpers.MakeIn(One); kmem_cache_free(Other, p); }
            void KA5001() { Helpers.Big big = default; Helpers.Look(&big); }
            int KA9003() { void* p = Helpers.Make(); int n = 0; {{string.Concat(Enumerable.Range(0, 2_000).Select(i => $"if (Ask({i})) n += {i + 1}; "))}} Helpers.Drop(p); return n; }
        }

        sealed unsafe class Keeps
        {
            private void* _kept;
            internal Keeps() { _kept = Helpers.Make(); }
            internal byte First => *(byte*)_kept;
        }
        """;

    [Fact]
    public void EveryFinding_LiesInTheBodyThatWasAskedAbout()
    {
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        var astray = new List<string>();
        Check(KernelSetup.CreateCompilation(Mistakes, Helpers, Usings + KernelSetup.LinuxNamesSource), seen, astray);
        foreach (string name in typeof(PlaceTests).Assembly.GetManifestResourceNames())
        {
            using var reader = new StreamReader(typeof(PlaceTests).Assembly.GetManifestResourceStream(name)!);
            Check(KernelSetup.CreateCompilation(reader.ReadToEnd(), Usings + KernelSetup.LinuxNamesSource), seen, astray);
        }

        Assert.Empty(astray);
        Assert.Equal(FlowRules.All.Select(rule => rule.Descriptor.Id).Order(StringComparer.Ordinal), seen);
    }

    /// <summary>The frame is large because of a type of another file, and is the method's own.</summary>
    [Fact]
    public async Task FindingOnAFrame_LiesInTheMethod()
    {
        CSharpCompilation compilation = KernelSetup.CreateCompilation(Mistakes, Helpers, Usings + KernelSetup.LinuxNamesSource);
        ImmutableArray<Diagnostic> found = await compilation.WithAnalyzers([new KA5001FrameTooLargeAnalyzer()]).GetAnalyzerDiagnosticsAsync();
        Diagnostic finding = Assert.Single(found, diagnostic => diagnostic.Id == "KA5001");
        Assert.Contains("void KA5001()", finding.Location.SourceTree!.GetRoot().FindNode(finding.Location.SourceSpan).FirstAncestorOrSelf<MethodDeclarationSyntax>()!.ToString(), StringComparison.Ordinal);
    }

    private static void Check(CSharpCompilation compilation, SortedSet<string> seen, List<string> astray)
    {
        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        var facts = new CompilationFacts(compilation);
        foreach (SyntaxTree tree in compilation.SyntaxTrees)
        {
            foreach (BodySyntax syntax in BodyWalk.Enumerate(tree.GetRoot()))
            {
                if (Bodies.RootOf(syntax, facts.ModelOf(tree), default) is not { } root) continue;
                BodyResult result = facts.Results.Followed(Bodies.Make(syntax, root), default);
                foreach (FlowIssue issue in result.Issues.Concat(facts.Fields.IssuesOf(root, result, default)))
                {
                    seen.Add(issue.Descriptor.Id);
                    if (issue.Place.SourceTree != tree || !syntax.Declaration.Span.Contains(issue.Place.SourceSpan)) astray.Add($"{issue.Descriptor.Id} of {root.Name} lies at {issue.Place}");
                }
            }
        }
    }
}
