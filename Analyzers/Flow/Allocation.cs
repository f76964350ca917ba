// The immutable records that a state refers to: an allocation and what became of it, the branches taken so far.

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

    /// <summary>The cache as written, for messages.</summary>
    internal string? CacheSyntax { get; init; }

    /// <summary>The order as written, for a fix.</summary>
    internal string? OrderSyntax { get; init; }

    internal SyntaxNode? FreedAt { get; init; }

    internal FreeContract? FreedWith { get; init; }

    /// <summary>The method that freed it, as a user names it.</summary>
    internal string? FreedBy { get; init; }

    /// <summary>After it was freed it was stored there, where others find it; null once something else was.</summary>
    internal LeftPointer? Left { get; init; }

    /// <summary>Its allocation was not seen: it is known since it was freed.</summary>
    internal bool IsAdopted { get; init; }

    /// <summary>A turn of this loop that nobody has seen yet may give it up; 0 if there is none.</summary>
    internal int DoubtedIn { get; init; }

    /// <summary>The variable that first received the pointer, for messages.</summary>
    internal string? Name { get; init; }

    internal string Family => Contract.Family;
}

/// <summary>Where a pointer to freed memory was put, and by what.</summary>
internal sealed record LeftPointer(Value Place, SyntaxNode Site);

/// <summary>What decided the way, newest first: conditions, where both ways were possible, and calls that throw.</summary>
internal sealed class Trail(SyntaxNode decider, bool? isTrue, Trail? before)
{
    internal SyntaxNode Decider { get; } = decider;

    /// <summary>How the condition turned out; null if it is a call that throws.</summary>
    internal bool? IsTrue { get; } = isTrue;

    internal Trail? Before { get; } = before;

    internal int Depth { get; } = (before?.Depth ?? 0) + 1;
}
