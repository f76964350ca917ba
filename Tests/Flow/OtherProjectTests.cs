using System.Collections.Immutable;
using KAlloc.Analyzers.Host;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace KAlloc.Flow.Tests;

/// <summary>An editor gives the symbols of a referenced project with their source, whose trees belong to another compilation.</summary>
public sealed class OtherProjectTests
{
    [Theory]
    [InlineData("public static System.Action<nint> Free { get; } = System.Runtime.InteropServices.Marshal.FreeHGlobal;")]
    [InlineData("public static readonly System.Action<nint> Free = System.Runtime.InteropServices.Marshal.FreeHGlobal;")]
    [InlineData("public static readonly System.Action<nint>[] All = [System.Runtime.InteropServices.Marshal.FreeHGlobal]; public static void Free(nint p) => All[0](p);")]
    public async Task FunctionOfAnotherProject_IsOpaque(string member)
    {
        CSharpCompilation library = KernelSetup.CreateCompilation($"public static class Library {{ {member} }}").WithAssemblyName("Library");
        CSharpCompilation program = KernelSetup.CreateCompilation("class C { void M() { nint p = System.Runtime.InteropServices.Marshal.AllocHGlobal(8); Library.Free(p); } }")
            .AddReferences(library.ToMetadataReference());
        Assert.Empty(program.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        ImmutableArray<Diagnostic> found = await program.WithAnalyzers([new FlowAnalyzer()]).GetAnalyzerDiagnosticsAsync();
        Assert.Empty(found);
    }
}
