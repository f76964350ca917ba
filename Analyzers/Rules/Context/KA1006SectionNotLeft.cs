using KAlloc.Analyzers.Flow;
using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Rules.Context;

/// <summary>
/// A lock or section that one path leaves and another does not. A method that hands an open one to its caller, always or when it succeeds, is a mistake
/// only if nobody relies on it, which the host finds out.
/// </summary>
internal sealed class KA1006SectionNotLeft : FlowRule
{
    internal const string Id = "KA1006";

    internal static readonly DiagnosticDescriptor Rule = RuleDescriptor.Create(
        Id,
        "Lock or section is not left on a path",
        "'{0}' is still in force {1}; call '{2}' before",
        RuleCategory.Context,
        DiagnosticSeverity.Warning,
        "Whoever wants the lock next waits for ever, and all code that follows runs with what the section switched off.");

    internal override DiagnosticDescriptor Descriptor => Rule;

    private enum Outcome { Unknown, Failure, Zero, Success }

    internal override IEnumerable<FlowIssue> OnExits(BodyExits exits)
    {
        var handedOut = new Dictionary<SyntaxNode, (BodyExit Exit, Section Section)>();
        foreach (BodyExit exit in exits.All)
        {
            for (Section? section = exit.State.Sections; section is not null; section = section.Outer)
            {
                if (section.Site is not { } site || section.Inherited || section.LeftOverBy is not null) continue;
                if (section.Uncertain && !exits.IsLeftBehindByTurns(section)) continue;
                if (exits.Contract?.Enter is { } promised && promised.Kind == section.Kind) continue;
                if ((IsLeftElsewhere(exits, site) && !IsHandedOver(exits, site) && !IsOfResult(exit, section)) || SectionEnd.IsOutOfReach(exit, section)) yield return Report(exit, section, site, null);
                else if (!handedOut.TryGetValue(site, out var last) || last.Exit.Place.SourceSpan.Start < exit.Place.SourceSpan.Start) handedOut[site] = (exit, section);
            }
        }

        if (exits.Method is not { MethodKind: MethodKind.Ordinary } method) yield break;
        foreach (KeyValuePair<SyntaxNode, (BodyExit Exit, Section Section)> held in handedOut)
            yield return Report(held.Value.Exit, held.Value.Section, held.Key, HeldSection.Of(held.Value.Exit.State.Symbols, method, held.Value.Section.Kind, held.Value.Section.Identity));
    }

    private static FlowIssue Report(BodyExit exit, Section section, SyntaxNode site, HeldSection? handedOut)
    {
        string where = exit.Kind == LossKind.Throw ? "on the path that throws here" : "on the path that ends here";
        if (handedOut is not null) where += ", and nobody leaves it later";
        var issue = new FlowIssue(Rule, exit.Place, SectionEnd.TextOf(site), where, section.Contract?.LeftBy ?? "its counterpart") { Subject = site, UnlessRelied = handedOut };
        if (SectionEnd.Write(section, site) is { } release) issue.Properties = issue.Properties.Add(SectionEnd.Release, release).Add(SectionEnd.Rank, site.SpanStart.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return issue.Step(site.GetLocation(), $"'{section.Name}' is called here").Branches(exit.State.Trail, 0);
    }

    /// <summary>Some path leaves the section, and some path ends without it.</summary>
    private static bool IsLeftElsewhere(BodyExits exits, SyntaxNode site)
    {
        if (!exits.LeftSites.ContainsKey(site)) return false;
        foreach (BodyExit exit in exits.All)
            if (!Section.IsOpen(exit.State.Sections, site)) return true;
        return false;
    }

    /// <summary>The result tells the caller whether the section is open: it is on success, and only then.</summary>
    private static bool IsHandedOver(BodyExits exits, SyntaxNode site)
    {
        var open = new HashSet<Outcome>();
        var left = new HashSet<Outcome>();
        foreach (BodyExit exit in exits.All) (Section.IsOpen(exit.State.Sections, site) ? open : left).Add(OutcomeOf(exit, exits.Method?.ReturnType));
        return !open.Contains(Outcome.Unknown) && !open.Contains(Outcome.Failure) && !left.Contains(Outcome.Unknown) && !open.Overlaps(left);
    }

    /// <summary>Whoever gets the object finds the lock in it: "the root, locked".</summary>
    private static bool IsOfResult(BodyExit exit, Section section) => !exit.Returned.IsConstant && exit.State.Symbols.Root(section.Identity) == exit.Returned.Symbol;

    private static Outcome OutcomeOf(BodyExit exit, ITypeSymbol? type)
    {
        if (exit.Kind == LossKind.Throw) return Outcome.Failure;
        if (type is null || type.SpecialType == SpecialType.System_Void) return Outcome.Unknown;
        bool isNumber = type.TypeKind == TypeKind.Enum || type.SpecialType is >= SpecialType.System_Char and <= SpecialType.System_UInt64;
        if (exit.Returned.IsZero) return isNumber ? Outcome.Zero : Outcome.Failure;
        if (!isNumber) return exit.State.IsNonZero(exit.Returned) ? Outcome.Success : Outcome.Unknown;
        (long low, long high) = exit.State.Range(exit.Returned);
        return high < 0 ? Outcome.Failure : low > 0 ? Outcome.Success : Outcome.Unknown;
    }
}
