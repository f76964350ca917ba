using System.Collections.Immutable;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace KAlloc.Analyzers.Rules.Contracts;

/// <summary>A line of a contract file that says nothing: it cannot be read, or its type has no such member.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class KA9004ContractLineAnalyzer : DiagnosticAnalyzer
{
    internal const string Id = "KA9004";

    private static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Line of a contract file says nothing",
        "The line has no effect: {0}; correct it, or remove it",
        RuleCategory.Contracts,
        DiagnosticSeverity.Warning,
        "A contract that is not read is not checked, and nobody notices. A type that the project does not know is no mistake: files may be shared.");

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [Rule];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterAdditionalFileAction(AnalyzeFile);
    }

    private static void AnalyzeFile(AdditionalFileAnalysisContext context)
    {
        if (!ContractFiles.IsOne(context.AdditionalFile) || context.AdditionalFile.GetText(context.CancellationToken) is not { } text) return;
        var errors = new List<ContractError>();
        ContractTable table = ContractTable.Parse(text.ToString(), errors);
        errors.AddRange(table.Unbound(context.Compilation));
        foreach (ContractError error in errors)
        {
            TextLine line = text.Lines[error.Line];
            var place = Location.Create(context.AdditionalFile.Path, line.Span, text.Lines.GetLinePositionSpan(line.Span));
            context.ReportDiagnostic(Diagnostic.Create(Rule, place, error.Reason));
        }
    }
}
