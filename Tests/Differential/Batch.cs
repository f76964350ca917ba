// A number of programs in one compilation: analysed as shipped, then run for all their inputs.

using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.Loader;
using KAlloc.Differential.Tests.Generation;
using KAlloc.Differential.Tests.Oracle;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Differential.Tests;

/// <summary>What the analyzers said of a line of a program, counted from 0.</summary>
internal readonly record struct Said(string Rule, int Line, string Message, bool IsError);

/// <summary>A program, what the rules said of it and what its runs showed.</summary>
internal sealed record Outcome(int Number, LabelledProgram Program, IReadOnlyList<Said> Said, IReadOnlySet<Defect> Seen, string? Disagreement);

internal static class Batch
{
    private const string Usings = "global using System;\nglobal using System.Collections.Generic;\nglobal using System.Runtime.InteropServices;\n";
    private const string RealUsings = Usings + "global using KAlloc;\nglobal using static KAlloc.Linux;\n";
    private const string ShadowUsings = Usings + """
        global using KAlloc;
        global using KAlloc.Differential.Tests.Oracle;
        global using static KAlloc.Differential.Tests.Oracle.ShadowLinux;
        global using Marshal = KAlloc.Differential.Tests.Oracle.ShadowMarshal;
        global using NativeMemory = KAlloc.Differential.Tests.Oracle.ShadowNativeMemory;

        """;

    private static readonly string s_world = ReadWorld();
    private static readonly Lock s_running = new();

    internal static IReadOnlyList<Outcome> Judge(IReadOnlyList<(int Number, LabelledProgram Program)> programs)
    {
        CSharpCompilation compilation = Compile(programs);
        Diagnostic? error = compilation.GetDiagnostics().FirstOrDefault(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        if (error is not null) throw new InvalidOperationException($"{error}\n{error.Location.SourceTree}");
        ILookup<int, Said> said = Analyze(compilation);
        IReadOnlyList<(IReadOnlySet<Defect> Seen, string? Disagreement)> seen = Run(compilation, programs);
        return [.. programs.Select((program, i) => new Outcome(program.Number, program.Program, [.. said[i]], seen[i].Seen, seen[i].Disagreement))];
    }

    /// <summary>The compilation that the analyzers see: nothing of the oracle is in it.</summary>
    internal static CSharpCompilation Compile(IReadOnlyList<(int Number, LabelledProgram Program)> programs) =>
        CSharpCompilation.Create(
            "Programs",
            [
                .. programs.Select((program, i) => CSharpSyntaxTree.ParseText(program.Program.Source.Replace("class P0", "class P" + i), KernelSetup.ParseOptions, $"/P{i}.cs")),
                CSharpSyntaxTree.ParseText(RealUsings + KernelSetup.LinuxNamesSource, KernelSetup.ParseOptions, "/Usings.cs"),
                CSharpSyntaxTree.ParseText(s_world, KernelSetup.ParseOptions, "/World.cs"),
            ],
            KernelSetup.References,
            KernelSetup.CompilationOptions());

    internal static ILookup<int, Said> Analyze(CSharpCompilation compilation, bool concurrent = true)
    {
        ImmutableArray<Diagnostic> found = compilation.WithAnalyzers(KernelSetup.CreateAnalyzers(), Options(concurrent)).GetAnalyzerDiagnosticsAsync().GetAwaiter().GetResult();
        if (found.FirstOrDefault(diagnostic => diagnostic.Id == "AD0001") is { } thrown) throw new InvalidOperationException(thrown.GetMessage());
        return found
            .Where(diagnostic => diagnostic.Location.SourceTree is { } tree && tree.FilePath.StartsWith("/P", StringComparison.Ordinal))
            .OrderBy(diagnostic => diagnostic.Location.SourceSpan.Start).ThenBy(diagnostic => diagnostic.Id, StringComparer.Ordinal)
            .ToLookup(
                diagnostic => int.Parse(Path.GetFileNameWithoutExtension(diagnostic.Location.SourceTree!.FilePath)[1..]),
                diagnostic => new Said(diagnostic.Id, diagnostic.Location.GetLineSpan().StartLinePosition.Line, diagnostic.GetMessage(), diagnostic.Severity >= DiagnosticSeverity.Warning));
    }

    /// <summary>No handler of exceptions: the driver swallows what one throws, and without one an analyzer that throws is AD0001.</summary>
    internal static CompilationWithAnalyzersOptions Options(bool concurrent) =>
        new(new AnalyzerOptions([]), onAnalyzerException: null, concurrent, logAnalyzerExecutionTime: false);

    /// <summary>Runs the instrumented programs: all inputs, and for each input each allocation once failing.</summary>
    private static List<(IReadOnlySet<Defect> Seen, string? Disagreement)> Run(CSharpCompilation compilation, IReadOnlyList<(int Number, LabelledProgram Program)> programs)
    {
        SyntaxTree usings = compilation.SyntaxTrees.Single(tree => tree.FilePath == "/Usings.cs");
        CSharpCompilation instrumented = compilation.ReplaceSyntaxTree(usings, CSharpSyntaxTree.ParseText(ShadowUsings + KernelSetup.LinuxNamesSource, KernelSetup.ParseOptions, "/Usings.cs"))
            .AddReferences(MetadataReference.CreateFromFile(typeof(Shadow).Assembly.Location));
        foreach (SyntaxTree tree in instrumented.SyntaxTrees)
            if (tree.FilePath.StartsWith("/P", StringComparison.Ordinal)) instrumented = instrumented.ReplaceSyntaxTree(tree, Instrumentation.Apply(compilation, compilation.SyntaxTrees.Single(old => old.FilePath == tree.FilePath)));
        using var image = new MemoryStream();
        var emitted = instrumented.WithOptions(instrumented.Options.WithOptimizationLevel(OptimizationLevel.Release)).Emit(image);
        if (!emitted.Success) throw new InvalidOperationException(string.Join('\n', emitted.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Take(5)));
        image.Position = 0;
        var context = new ProgramContext();
        try
        {
            lock (s_running) return [.. RunAll(context.LoadFromStream(image), programs)];
        }
        finally
        {
            context.Unload();
        }
    }

    private static List<(IReadOnlySet<Defect> Seen, string? Disagreement)> RunAll(Assembly assembly, IReadOnlyList<(int Number, LabelledProgram Program)> programs)
    {
        Type world = assembly.GetType("World")!;
        Machine.Accounts before = Machine.Audit();
        Invoke(world, "Boot");
        Action reset = world.GetMethod("Reset")!.CreateDelegate<Action>();
        var all = new List<(IReadOnlySet<Defect> Seen, string? Disagreement)>();
        for (int i = 0; i < programs.Count; i++)
        {
            Func<int, int> run = assembly.GetType("P" + i)!.GetMethod("Run", BindingFlags.Static | BindingFlags.NonPublic)!.CreateDelegate<Func<int, int>>();
            all.Add(RunOne(run, reset, programs[i].Program.Bits));
        }

        Invoke(world, "Halt");
        // What was freed in interrupts is given back by a worker, soon.
        Machine.Accounts after = Machine.Audit();
        for (int wait = 0; after != before && wait < 200; wait++, after = Machine.Audit()) Thread.Sleep(10);
        if (after != before) throw new InvalidOperationException($"The runtime's accounts say {after}, before the runs {before}: the shadow missed a leak.");
        return all;
    }

    private static (IReadOnlySet<Defect> Seen, string? Disagreement) RunOne(Func<int, int> run, Action reset, int bits)
    {
        var seen = new SortedSet<Defect>();
        string? disagreement = null;
        for (int input = 0; input < 1 << bits; input++)
        {
            int allocations = 0;
            for (int failAt = 0; failAt <= allocations; failAt++)
            {
                reset();
                int given = input;
                Shadow.Verdict verdict = Shadow.Run(() => run(given), failAt);
                if (failAt == 0) allocations = verdict.Allocations;
                seen.UnionWith(verdict.Seen);
                disagreement ??= verdict.Disagreement;
            }
        }

        return (seen, disagreement);
    }

    private static void Invoke(Type world, string method) => world.GetMethod(method)!.Invoke(null, null);

    private static string ReadWorld()
    {
        using var reader = new StreamReader(typeof(Batch).Assembly.GetManifestResourceStream("World.cs")!);
        return reader.ReadToEnd();
    }

    /// <summary>Holds one batch's code, which can be unloaded; what it refers to is the tests' own.</summary>
    private sealed class ProgramContext() : AssemblyLoadContext("programs", isCollectible: true)
    {
        protected override Assembly? Load(AssemblyName name) => Default.LoadFromAssemblyName(name);
    }
}
