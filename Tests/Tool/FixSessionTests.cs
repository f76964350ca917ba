// A repair that would break the code, or that does not help, is dropped; the others still happen.
//
// The rule here dislikes each method named Bad…; what its quick fix renames it to decides the test.

using System.Collections.Immutable;
using KAlloc.Tool.Fix;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit;

namespace KAlloc.Tool.Tests;

public sealed class FixSessionTests
{
    [Fact]
    public async Task RepairThatDoesNotCompile_IsDropped_TheOthersHappen()
    {
        (string after, FixSession session) = await FixAsync("class C { void BadA() { } void BadB() { } void GoodB() { } void BadC() { } }", "Good");
        Assert.Equal("class C { void GoodA() { } void BadB() { } void GoodB() { } void GoodC() { } }", after);
        Assert.Equal(2, session.Repaired["KA0001"]);
        Assert.Equal(1, session.Dropped);
    }

    [Fact]
    public async Task RepairThatLeavesTheFinding_IsDropped()
    {
        (string after, FixSession session) = await FixAsync("class C { void BadA() { } }", "BadBad");
        Assert.Equal("class C { void BadA() { } }", after);
        Assert.Empty(session.Repaired);
    }

    [Fact]
    public async Task UnwantedRule_IsLeftAlone()
    {
        (string after, _) = await FixAsync("class C { void BadA() { } }", "Good", "KA0002");
        Assert.Equal("class C { void BadA() { } }", after);
    }

    private static async Task<(string After, FixSession Session)> FixAsync(string code, string replacement, string wanted = "KA0001")
    {
        AdhocWorkspace workspace = new();
        ProjectId project = ProjectId.CreateNewId();
        Solution solution = workspace.CurrentSolution
            .AddProject(ProjectInfo.Create(project, VersionStamp.Default, "P", "P", LanguageNames.CSharp,
                compilationOptions: new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary),
                metadataReferences: [MetadataReference.CreateFromFile(typeof(object).Assembly.Location)]))
            .AddDocument(DocumentId.CreateNewId(project), "C.cs", SourceText.From(code, System.Text.Encoding.UTF8), filePath: "/code/C.cs");
        FixSession session = new(solution, new RuleCatalog("", [new NoBadNames()], [new Rename(replacement)]), new HashSet<string> { wanted }, "/cache", _ => { });
        IReadOnlyList<ChangedFile> changed = await session.RunAsync(CancellationToken.None);
        return (changed.Count == 0 ? code : changed[0].After, session);
    }

    [DiagnosticAnalyzer(LanguageNames.CSharp)]
    private sealed class NoBadNames : DiagnosticAnalyzer
    {
        private static readonly DiagnosticDescriptor Rule = new("KA0001", "No bad names", "{0} is bad", "Test", DiagnosticSeverity.Warning, isEnabledByDefault: true);

        public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [Rule];

        public override void Initialize(AnalysisContext context)
        {
            context.EnableConcurrentExecution();
            context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
            context.RegisterSyntaxNodeAction(
                c =>
                {
                    SyntaxToken name = ((MethodDeclarationSyntax)c.Node).Identifier;
                    if (name.Text.StartsWith("Bad", StringComparison.Ordinal)) c.ReportDiagnostic(Diagnostic.Create(Rule, name.GetLocation(), name.Text));
                },
                SyntaxKind.MethodDeclaration);
        }
    }

    private sealed class Rename(string replacement) : CodeFixProvider
    {
        public override ImmutableArray<string> FixableDiagnosticIds => ["KA0001"];

        public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

        public override Task RegisterCodeFixesAsync(CodeFixContext context)
        {
            context.RegisterCodeFix(CodeAction.Create("Rename", token => RenameAsync(context.Document, context.Span, token), "rename"), context.Diagnostics);
            return Task.CompletedTask;
        }

        private async Task<Document> RenameAsync(Document document, TextSpan span, CancellationToken cancellationToken)
        {
            SourceText text = await document.GetTextAsync(cancellationToken);
            return document.WithText(text.WithChanges(new TextChange(span, text.ToString(span).Replace("Bad", replacement))));
        }
    }
}
