using System.Collections.Immutable;
using KAlloc.Analyzers.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

/// <summary>A finding of a rule: where, what, and the path that leads to it.</summary>
internal sealed class FlowIssue(DiagnosticDescriptor descriptor, Location place, params object[] arguments)
{
    private readonly List<Location> _places = [];
    private readonly List<string> _steps = [];

    internal DiagnosticDescriptor Descriptor { get; } = descriptor;

    internal Location Place { get; } = place;

    /// <summary>Set when this instance is graver or milder than the rule in general.</summary>
    internal DiagnosticSeverity? Severity { get; init; }

    /// <summary>Data for the code fix.</summary>
    internal ImmutableDictionary<string, string?> Properties { get; set; } = ImmutableDictionary<string, string?>.Empty;

    /// <summary>Keeps two findings of one place apart: the allocation in question.</summary>
    internal SyntaxNode? Subject { get; init; }

    /// <summary>For a loss: the variable that held the pointer.</summary>
    internal ISymbol? Holder { get; init; }

    /// <summary>For a loss together with an object: the object's field that holds the pointer.</summary>
    internal IFieldSymbol? Field { get; init; }

    /// <summary>Set when it is a mistake only if nobody leaves the section that the method hands out.</summary>
    internal HeldSection? UnlessRelied { get; init; }

    /// <summary>The option whose value "true" makes this no finding.</summary>
    internal string? SilencedBy { get; init; }

    /// <summary>It happens in what handles an exception of a call.</summary>
    internal bool Throws { get; private set; }

    internal FlowIssue Step(Location place, string text)
    {
        _places.Add(place);
        _steps.Add(text);
        return this;
    }

    /// <summary>
    /// The branches since the given depth that led to the place, oldest first: those whose statement holds the place, or that jumped to it, and what threw to a
    /// handler that holds it. Each condition is shown as it turned out last.
    /// </summary>
    internal FlowIssue Branches(Trail? trail, int sinceDepth)
    {
        var taken = new List<Trail>();
        for (; trail is not null && trail.Depth > sinceDepth; trail = trail.Before)
            if (LeadsToPlace(trail) && !taken.Exists(later => later.Decider == trail.Decider)) taken.Add(trail);
        for (int i = taken.Count - 1; i >= 0; i--)
            Step(taken[i].Decider.GetLocation(), $"'{Shorten(taken[i].Decider.ToString())}' {(taken[i].IsTrue switch { true => "is true", false => "is false", null => "throws" })}");
        Throws = taken.Exists(static step => step.IsTrue is null);
        return this;
    }

    private bool LeadsToPlace(Trail trail)
    {
        if (trail.IsTrue is null) return trail.Decider.Ancestors().OfType<TryStatementSyntax>().Any(guard => IsHandledIn(guard, trail.Decider));
        StatementSyntax? statement = trail.Decider.FirstAncestorOrSelf<StatementSyntax>();
        if (statement is null || trail.IsTrue == false || statement is not IfStatementSyntax branch) return statement is not null && statement.Span.Contains(Place.SourceSpan);
        StatementSyntax last = branch.Statement is BlockSyntax { Statements: { Count: > 0 } inner } ? inner[inner.Count - 1] : branch.Statement;
        return statement.Span.Contains(Place.SourceSpan) || last is GotoStatementSyntax or BreakStatementSyntax or ContinueStatementSyntax or ThrowStatementSyntax;
    }

    /// <summary>The place is in what is run when something in the block of the statement throws.</summary>
    private bool IsHandledIn(TryStatementSyntax guard, SyntaxNode call) =>
        guard.Span.Contains(Place.SourceSpan) && guard.Block.Span.Contains(call.Span) && !guard.Block.Span.Contains(Place.SourceSpan);

    private static string Shorten(string text)
    {
        text = text.Replace("\r", "").Replace("\n", " ");
        return text.Length <= 60 ? text : text.Substring(0, 59) + "…";
    }

    internal Diagnostic ToDiagnostic()
    {
        ImmutableDictionary<string, string?> properties = DiagnosticPath.Describe(Properties, _steps);
        return Severity is { } severity
            ? Diagnostic.Create(Descriptor, Place, severity, _places, properties, arguments)
            : Diagnostic.Create(Descriptor, Place, _places, properties, arguments);
    }
}
