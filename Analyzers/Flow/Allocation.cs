// The immutable records that a state refers to: an allocation and what became of it, an open section, the branches taken so far.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

internal enum AllocationStatus
{
    /// <summary>This body must free it or hand it on.</summary>
    Owned,

    /// <summary>Somebody else may free it: no claim is made about its end.</summary>
    Escaped,

    /// <summary>It was freed at <see cref="Allocation.FreedAt"/>.</summary>
    Freed,
}

/// <summary>One allocation on one path.</summary>
internal sealed record Allocation(int Symbol, AllocationContract Contract, IMethodSymbol Method, SyntaxNode Site, int TrailDepth)
{
    internal AllocationStatus Status { get; init; }

    internal Value Size { get; init; }

    internal Value? Order { get; init; }

    internal Value? Cache { get; init; }

    internal Value? Flags { get; init; }

    /// <summary>The order as written, for a fix.</summary>
    internal string? OrderSyntax { get; init; }

    internal SyntaxNode? FreedAt { get; init; }

    internal FreeContract? FreedWith { get; init; }

    /// <summary>The variable that first received the pointer, for messages.</summary>
    internal string? Name { get; init; }

    internal string Family => Contract.Family;
}

/// <summary>A lock held or a section open, innermost first.</summary>
internal sealed class Section(SectionKind kind, Value identity, string name, SyntaxNode? site, EnterContract? contract, EntryContext entry, Section? outer)
{
    internal SectionKind Kind { get; } = kind;

    /// <summary>The address of the lock, or zero for a section without identity.</summary>
    internal Value Identity { get; } = identity;

    /// <summary>The call or context that opened it, as the user writes it.</summary>
    internal string Name { get; } = name;

    /// <summary>Where it was opened; null when the body was entered in this context.</summary>
    internal SyntaxNode? Site { get; } = site;

    internal EnterContract? Contract { get; } = contract;

    internal EntryContext Entry { get; } = entry;

    internal Section? Outer { get; } = outer;

    /// <summary>Whether code inside must not sleep.</summary>
    internal bool IsAtomic => (Kind & ~(SectionKind.Sleeping | SectionKind.Mapping)) != 0;

    internal static bool Same(Section? a, Section? b)
    {
        while (a is not null && b is not null && !ReferenceEquals(a, b))
        {
            if (a.Kind != b.Kind || a.Identity != b.Identity || a.Site != b.Site) return false;
            a = a.Outer;
            b = b.Outer;
        }

        return ReferenceEquals(a, b);
    }
}

/// <summary>The branches taken on the way, newest first: only where both ways were possible.</summary>
internal sealed class Trail(SyntaxNode condition, bool taken, Trail? before)
{
    internal SyntaxNode Condition { get; } = condition;

    internal bool Taken { get; } = taken;

    internal Trail? Before { get; } = before;

    internal int Depth { get; } = (before?.Depth ?? 0) + 1;
}
