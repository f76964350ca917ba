// The locks and sections of one path: those that are open, and those that this body released and so knows not to be held.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

/// <summary>A lock held or a section open, innermost first.</summary>
/// <param name="Kind">What it switches off.</param>
/// <param name="Identity">The address of the lock, or zero for a section without identity.</param>
/// <param name="Name">The call or context that opened it, as the user writes it.</param>
/// <param name="Site">Where it was opened; null when the body was entered in this context.</param>
/// <param name="Contract">The contract of the call that opened it.</param>
/// <param name="Entry">The context in which the body was entered, if that is what this is.</param>
/// <param name="Outer">The section around it.</param>
internal sealed record Section(SectionKind Kind, Value Identity, string Name, SyntaxNode? Site, EnterContract? Contract, EntryContext Entry, Section? Outer)
{
    /// <summary>What the opening call saved for its counterpart to restore; zero if nothing.</summary>
    internal Value Saved { get; init; }

    /// <summary>The caller's own lock, which this body gave up and took back.</summary>
    internal bool Inherited { get; init; }

    /// <summary>Opened in turns of a loop that were not told apart: nothing is claimed about its end.</summary>
    internal bool Uncertain { get; init; }

    /// <summary>The same call opened it in a turn of a loop before: a loop that leaves it behind does so in every turn.</summary>
    internal bool EveryTurn { get; init; }

    /// <summary>The call that released the lock but left this part of the section open.</summary>
    internal SyntaxNode? LeftOverBy { get; init; }

    internal bool IsShared => Contract?.Shared == true;

    /// <summary>Whether code inside must not sleep.</summary>
    internal bool IsAtomic => (Kind & ~(SectionKind.Sleeping | SectionKind.Mapping | SectionKind.Scopes)) != 0;

    /// <summary>
    /// The innermost section, else the context of the body, in which code must not sleep. A section that turns of a loop left open counts for nothing: a flag that
    /// is no longer known may say that it is not.
    /// </summary>
    internal static Section? InnermostAtomic(Section? section)
    {
        Section? entry = null;
        for (; section is not null; section = section.Outer)
        {
            if (!section.IsAtomic || section.Uncertain) continue;
            if (section.Site is not null) return section;
            entry = section;
        }

        return entry;
    }

    internal Section? Without(Section section) => Replace(section, section.Outer);

    /// <summary>The same sections with one of them, and so all that are further out, replaced.</summary>
    internal Section? Replace(Section section, Section? by) => ReferenceEquals(this, section) ? by : this with { Outer = Outer!.Replace(section, by) };

    internal static bool IsOpen(Section? sections, SyntaxNode site)
    {
        while (sections is not null && sections.Site != site) sections = sections.Outer;
        return sections is not null;
    }

    internal static bool Holds(Section? sections, Value identity)
    {
        while (sections is not null && sections.Identity != identity) sections = sections.Outer;
        return sections is not null;
    }

    /// <summary>Nothing is claimed about the end of the sections of these locks.</summary>
    internal static Section? Doubt(Section? sections, HashSet<Value> locks) =>
        sections is null ? null : sections with { Uncertain = sections.Uncertain || locks.Contains(sections.Identity), Outer = Doubt(sections.Outer, locks) };

    internal static bool Same(Section? a, Section? b)
    {
        while (a is not null && b is not null && !ReferenceEquals(a, b))
        {
            if (a.Kind != b.Kind || a.Identity != b.Identity || a.Site != b.Site || a.Saved != b.Saved) return false;
            if (a.Inherited != b.Inherited || a.Uncertain != b.Uncertain || a.EveryTurn != b.EveryTurn || a.LeftOverBy != b.LeftOverBy) return false;
            a = a.Outer;
            b = b.Outer;
        }

        return ReferenceEquals(a, b);
    }
}

/// <summary>A section that a method leaves open for its callers. <see cref="Lock"/> is the field that the lock lies in, if that is known.</summary>
internal sealed record HeldSection(IMethodSymbol Method, SectionKind Kind, bool HasLock, IFieldSymbol? Lock)
{
    internal static HeldSection Of(SymbolTable symbols, IMethodSymbol method, SectionKind kind, Value identity) =>
        new(method, kind, !identity.IsZero, symbols.Of(identity).Item as IFieldSymbol);
}

/// <summary>A lock that this body released, newest first.</summary>
/// <param name="Identity">The address of the lock.</param>
/// <param name="Site">The call that released it.</param>
/// <param name="WasCallers">The body did not take it itself: to take it back restores what the caller had.</param>
/// <param name="IsSure">No unknown code ran since, which could have taken it.</param>
/// <param name="Before">The one released before.</param>
internal sealed record Released(Value Identity, SyntaxNode Site, bool WasCallers, bool IsSure, Released? Before)
{
    internal static Released? Find(Released? newest, Value identity)
    {
        while (newest is not null && newest.Identity != identity) newest = newest.Before;
        return newest;
    }

    internal static Released? Without(Released? newest, Released released) =>
        newest is null ? null : ReferenceEquals(newest, released) ? newest.Before : newest with { Before = Without(newest.Before, released) };

    /// <summary>Unknown code ran: only that a lock was the caller's is still true.</summary>
    internal static Released? AfterUnknownCode(Released? newest)
    {
        while (newest is { WasCallers: false }) newest = newest.Before;
        return newest is null ? null : newest with { IsSure = false, Before = AfterUnknownCode(newest.Before) };
    }

    internal static bool Same(Released? a, Released? b)
    {
        while (a is not null && b is not null && !ReferenceEquals(a, b))
        {
            if (a.Identity != b.Identity || a.Site != b.Site || a.WasCallers != b.WasCallers || a.IsSure != b.IsSure) return false;
            a = a.Before;
            b = b.Before;
        }

        return ReferenceEquals(a, b);
    }
}
