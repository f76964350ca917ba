using System.Collections.Concurrent;
using System.Collections.Immutable;
using KAlloc.Analyzers.Host;
using KAlloc.Tests.Verifier;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;
using Xunit;

namespace KAlloc.Analyzers.Tests.Host;

/// <summary>The walk over syntax must find what the driver's operation blocks are made of: that registration is the oracle.</summary>
public sealed class BodyWalkTests
{
    private const string EveryKindOfBody = """
        using System;
        using System.Collections.Generic;

        int top = Sample.F(1);
        Console.WriteLine(top);
        return top;

        static class Sample { public static int F(int x) => x; }

        class Base { public Base(int x) { } public Base() => Console.WriteLine(); }

        partial class All : Base
        {
            const int Constant = 1 + 2;
            static readonly int s_field = Sample.F(2), s_second = Sample.F(3);
            int _field = Sample.F(4);
            event Action Raised = () => Sample.F(5);
            public All() : base(Sample.F(6)) { Sample.F(7); }
            public All(int x) : this() => Sample.F(x);
            static All() { Sample.F(8); }
            ~All() { Sample.F(9); }
            void Block(int y = 3) { void Local() { Sample.F(10); } Local(); Action a = () => Sample.F(11); a(); }
            int Arrow() => Sample.F(12);
            int ArrowProperty => Sample.F(13);
            int this[int i] => Sample.F(14);
            int this[string s] { get => Sample.F(15); set { Sample.F(16); } }
            int Property { get { return Sample.F(17); } set => Sample.F(18); }
            int Initialised { get; init; } = Sample.F(19);
            event Action Custom { add { Sample.F(20); } remove => Sample.F(21); }
            public static All operator +(All a, All b) { Sample.F(22); return a; }
            public static All operator -(All a, All b) => Sample.F(23) > 0 ? a : b;
            public static implicit operator int(All a) => Sample.F(24);
            public static explicit operator string(All a) { return Sample.F(25).ToString(); }
            partial void Part();
            partial void Part() { Sample.F(26); }
            IEnumerable<int> Iterator() { yield return Sample.F(27); }
            async System.Threading.Tasks.Task Async() { await System.Threading.Tasks.Task.Delay(Sample.F(28)); }
            int SemiAuto { get => field; set => field = Sample.F(29); } = Sample.F(30);
            abstract class Nested { public abstract int None(); public virtual int Some() => Sample.F(31); }
        }

        class Primary(int a) : Base(Sample.F(a)) { int _x = Sample.F(32) + a; }
        record Rec(int A) { public int B { get; } = Sample.F(33); }
        record struct RecS(int A) { public int Twice() => Sample.F(A); }
        interface IShape { int Area() => Sample.F(34); static virtual int Zero => Sample.F(35); }
        enum Colour { Red = 1 + 1, Green = Red * 2 }

        static class Extensions
        {
            extension(string s)
            {
                public int Twice() => Sample.F(s.Length);
                public int Len { get { return Sample.F(36); } }
                public int Arrow => Sample.F(37);
            }
        }
        """;

    [Fact]
    public async Task EveryBody_AgainstOperationBlocks_IsTheSameList()
    {
        CSharpCompilation compilation = KernelSetup.CreateCompilation(OutputKind.ConsoleApplication, EveryKindOfBody);
        Assert.Empty(compilation.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error));

        var oracle = new BlockRecorder();
        ImmutableArray<Diagnostic> problems = await compilation.WithAnalyzers([oracle]).GetAnalyzerDiagnosticsAsync();
        Assert.Empty(problems);

        SyntaxTree tree = compilation.SyntaxTrees.First();
        SemanticModel model = compilation.GetSemanticModel(tree);
        var walked = new List<string>();
        foreach (BodySyntax body in BodyWalk.Enumerate(tree.GetRoot()))
        {
            IOperation? operation = model.GetOperation(body.Node);
            Assert.True(operation is not null, $"{body.Kind} has no operation: {body.Node}");
            walked.AddRange(Blocks(operation).Select(Describe));
            Assert.True(body.Kind == BodyKind.TopLevel || model.GetDeclaredSymbol(body.Declaration) is not null, $"{body.Kind} has no symbol");
        }

        Assert.Equal(string.Join('\n', oracle.Blocks.Order(StringComparer.Ordinal)), string.Join('\n', walked.Order(StringComparer.Ordinal)));
        Assert.True(walked.Count > 35, $"only {walked.Count} bodies");
    }

    [Fact]
    public void HalfTypedCode_Walk_DoesNotThrow()
    {
        for (int length = 0; length < EveryKindOfBody.Length; length += 7)
        {
            SyntaxTree tree = CSharpSyntaxTree.ParseText(EveryKindOfBody[..length], KernelSetup.ParseOptions);
            _ = BodyWalk.Enumerate(tree.GetRoot()).SelectMany(body => body.Parts).Count();
        }
    }

    [Fact]
    public void TopLevelStatements_Parts_LeaveTheTypesOut()
    {
        SyntaxTree tree = CSharpSyntaxTree.ParseText(EveryKindOfBody, KernelSetup.ParseOptions);
        BodySyntax top = BodyWalk.Enumerate(tree.GetRoot()).First();

        Assert.Equal(BodyKind.TopLevel, top.Kind);
        Assert.All(top.Parts, part => Assert.IsType<GlobalStatementSyntax>(part));
        Assert.Equal(3, top.Parts.Count());
    }

    // The driver hands out a member's blocks one by one; a member's operation holds them as children.
    private static IEnumerable<IOperation> Blocks(IOperation operation) => operation switch
    {
        // Top-level statements are the one body that the driver delivers whole.
        IMethodBodyOperation { Syntax: CompilationUnitSyntax } => [operation],
        IConstructorBodyOperation constructor => new[] { WrittenCall(constructor), constructor.BlockBody, constructor.ExpressionBody }.OfType<IOperation>(),
        IMethodBodyBaseOperation method => new IOperation?[] { method.BlockBody, method.ExpressionBody }.OfType<IOperation>(),
        _ => [operation],
    };

    // `: base(…)` and `: this(…)`; the call of the base that nobody wrote is not delivered.
    private static IOperation? WrittenCall(IConstructorBodyOperation constructor) =>
        constructor.Initializer is IExpressionStatementOperation { Syntax: ConstructorInitializerSyntax } statement ? statement.Operation : null;

    private static string Describe(IOperation operation) => $"{operation.Syntax.SpanStart:D5} {operation.Kind}";

#pragma warning disable RS1001, RS1036 // a recorder, not an analyzer that ships
    private sealed class BlockRecorder : DiagnosticAnalyzer
#pragma warning restore RS1001, RS1036
    {
        public ConcurrentBag<string> Blocks { get; } = [];

        public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
            [new DiagnosticDescriptor("TEST0000", "t", "m", "c", DiagnosticSeverity.Hidden, true)];

        public override void Initialize(AnalysisContext context)
        {
            context.EnableConcurrentExecution();
            context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
            context.RegisterOperationBlockAction(block =>
            {
                foreach (IOperation operation in block.OperationBlocks)
                {
                    bool constant = operation is IParameterInitializerOperation or IAttributeOperation
                        || operation is IFieldInitializerOperation { InitializedFields: [{ IsConst: true }] };
                    if (!constant) Blocks.Add(Describe(operation));
                }
            });
        }
    }
}
