// Methods that call one another in a circle, or one alone: what is walked together.

using KAlloc.Analyzers.Flow;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Host;

/// <summary>What a body is walked for, the more the later.</summary>
internal enum Interest : byte
{
    None,

    /// <summary>It may keep what it is given, or return it: that matters to whoever calls it and is walked.</summary>
    Pointers,

    /// <summary>It allocates, frees, sleeps, locks, or calls something that does.</summary>
    Effects,
}

internal sealed class BodyComponent(List<ComponentMember> members, bool isCircle)
{
    /// <summary>In a larger circle a call is opaque: it would be walked too often.</summary>
    private const int MaximalCircle = 6;

    private volatile bool _isKnown, _isComplete;

    internal List<ComponentMember> Members { get; } = members;

    internal bool IsCircle { get; } = isCircle;

    internal Interest Interest { get; } = members.Max(static member => member.Interest);

    internal bool IsLargeCircle { get; } = members.Count > MaximalCircle;

    /// <summary>It is not walked, because it is large and only moves pointers: Lending tells what it keeps, which needs no more than the same of what it calls.</summary>
    internal bool IsLeftOut => Interest == Interest.Pointers && !IsLargeCircle && Members.Exists(static member => member.IsLarge);

    /// <summary>All that its members call, also one another.</summary>
    internal IEnumerable<IMethodSymbol> Callees => Members.SelectMany(static member => member.Callees);

    internal Dictionary<ISymbol, BodyResult> Results { get; } = new(SymbolEqualityComparer.Default);

    /// <summary>It can be found by each of its members.</summary>
    internal bool IsKnown => _isKnown;

    /// <summary>It was walked, or left out: the results are there.</summary>
    internal bool IsComplete => _isComplete;

    internal void BecomeKnown() => _isKnown = true;

    internal void Complete()
    {
        foreach (ComponentMember member in Members) member.Calls = null;
        _isComplete = true;
    }
}

/// <summary>A body, what it calls, and what that says of it before anything is walked.</summary>
internal sealed class ComponentMember
{
    /// <summary>A body with more operations than these is not walked for what it does with pointers alone.</summary>
    private const int LargeOperations = 100;

    internal ComponentMember(in Body body, BodyCalls? calls, Demand demand, CancellationToken cancellation)
    {
        Body = body;
        Calls = calls;
        if (calls is null) return;
        Callees = demand.CalleesOf(calls, cancellation);
        Acts = demand.ActsByContract(calls, cancellation);
        MovesPointers = Demand.MovesPointers(body);
        IsLarge = calls.Count > LargeOperations;
    }

    internal Body Body { get; }

    /// <summary>Its operation with all that was found there; null where it has none, and while nobody is about to walk it: operations are large.</summary>
    internal BodyCalls? Calls { get; set; }

    /// <summary>The bodies that it may run, as far as they matter.</summary>
    internal List<IMethodSymbol> Callees { get; } = [];

    /// <summary>It does something by contract itself.</summary>
    internal bool Acts { get; }

    /// <summary>It may do something with pointers that it is given.</summary>
    internal bool MovesPointers { get; }

    /// <summary>What it is walked for if it is not walked with others: with what it calls in its own circle left out, of which nothing is known before.</summary>
    internal Interest Interest { get; set; }

    /// <summary>Too much to walk if that is all it does.</summary>
    internal bool IsLarge { get; }
}
