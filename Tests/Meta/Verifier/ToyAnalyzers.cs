using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KAlloc.Meta.Tests.Verifier;

/// <summary>Says something about every field named <c>bad</c>: the smallest rule with an argument in its message and a path.</summary>
public abstract class ToyAnalyzer(GeneratedCodeAnalysisFlags generatedCode, params string[] steps) : DiagnosticAnalyzer
{
    public static readonly DiagnosticDescriptor Rule = new("KT0001", "Toy", "'{0}' is bad", "Toy", DiagnosticSeverity.Warning, true);

    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [Rule];

    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(generatedCode);
        context.RegisterSymbolAction(
            symbol =>
            {
                if (symbol.Symbol.Name != "bad") return;
                Location place = symbol.Symbol.Locations[0];
                var properties = ImmutableDictionary<string, string?>.Empty;
                for (int i = 0; i < steps.Length; i++) properties = properties.SetItem("path." + i, steps[i]);
                symbol.ReportDiagnostic(Diagnostic.Create(Rule, place, [symbol.Symbol.ContainingType.Locations[0]], properties, symbol.Symbol.Name));
            },
            SymbolKind.Field);
    }
}

[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class RightToyAnalyzer() : ToyAnalyzer(GeneratedCodeAnalysisFlags.None, "in this type");

[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class TalksInGeneratedCodeAnalyzer() : ToyAnalyzer(GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics, "in this type");

[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class PathWithoutTextAnalyzer() : ToyAnalyzer(GeneratedCodeAnalysisFlags.None);

/// <summary>Says which options it sees, on every type.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class OptionToyAnalyzer : DiagnosticAnalyzer
{
    private static readonly DiagnosticDescriptor Rule = new("KT0002", "Toy", "{0} {1} {2}", "Toy", DiagnosticSeverity.Warning, true);

    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [Rule];

    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.RegisterSymbolAction(
            symbol =>
            {
                Location place = symbol.Symbol.Locations[0];
                symbol.Options.AnalyzerConfigOptionsProvider.GetOptions(place.SourceTree!).TryGetValue("kalloc.any", out string? option);
                symbol.Options.AnalyzerConfigOptionsProvider.GlobalOptions.TryGetValue("build_property.KAllocLinuxNames", out string? property);
                symbol.ReportDiagnostic(Diagnostic.Create(Rule, place, option, property, symbol.Compilation.Options.NullableContextOptions));
            },
            SymbolKind.NamedType);
    }
}

/// <summary>Renames the field to <c>good</c>.</summary>
public sealed class ToyCodeFix : CodeFixProvider
{
    public override ImmutableArray<string> FixableDiagnosticIds => ["KT0001"];

    public override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    public override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        SyntaxNode root = (await context.Document.GetSyntaxRootAsync(context.CancellationToken))!;
        var variable = (VariableDeclaratorSyntax)root.FindNode(context.Span);
        context.RegisterCodeFix(
            CodeAction.Create(
                "Rename to good",
                _ => Task.FromResult(context.Document.WithSyntaxRoot(root.ReplaceNode(variable, variable.WithIdentifier(SyntaxFactory.Identifier("good"))))),
                "rename"),
            context.Diagnostics);
    }
}
