// What a path did that its caller can see, as primitives of the engine: the log of a state. At a body's exits the logs are its summary; to apply
// a summary is to perform the same primitives again on the caller's state (Replay).
//
//   void* Make(gfp_t f) { … kmalloc(8, f) … return p; }      Allocate A; Assume A != 0; returns A
//                                                            Allocate A; Assume A == 0; returns 0
//
// A log is a list of shared nodes, newest first, so that a fork costs nothing. Values are those of the body's own symbol table.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

internal enum PrimitiveKind : byte
{
    /// <summary>A is read for the first time: B.</summary>
    Load,

    /// <summary>A gets the value B.</summary>
    Store,

    /// <summary>The struct at A becomes a copy of that at B.</summary>
    Copy,

    /// <summary>What A holds is no longer known.</summary>
    Forget,

    /// <summary>Unknown code ran; with <see cref="Primitive.Flag"/> it may have released locks too.</summary>
    Havoc,

    /// <summary>The path needs A to be as <see cref="Primitive.Flag"/> says.</summary>
    Assume,

    /// <summary>A is allocated; with <see cref="Primitive.Flag"/> it is never null.</summary>
    Allocate,

    /// <summary>A is freed.</summary>
    Free,

    /// <summary>Memory at A is read or written.</summary>
    Touch,

    /// <summary>A call that may sleep; A decides.</summary>
    Sleep,

    /// <summary>The lock A is taken; B is what that saved.</summary>
    Enter,

    /// <summary>The lock A is released; B is what that restored. With <see cref="Primitive.Flag"/> the path had not taken it.</summary>
    Leave,

    /// <summary>A became known to unknown code.</summary>
    Escape,

    /// <summary>The memory A is zero where nothing was stored; with <see cref="Primitive.Flag"/> no longer.</summary>
    Zero,

    /// <summary>A count that nobody here knows decides who frees the block A.</summary>
    Share,

    /// <summary>The function A is called; B is its result.</summary>
    Call,
}

/// <summary>A call, and inside of the method that it calls the call that matters, and so on down to the primitive's own.</summary>
internal sealed record LogSite(SyntaxNode Syntax, IMethodSymbol Method, LogSite? Inner)
{
    /// <summary>The method as a user names it.</summary>
    internal string Name => Syntax.Parent is LockStatementSyntax statement && statement.Expression == Syntax ? "lock" : Names.Of(Method, Syntax);

    /// <summary>The call that performs the primitive itself.</summary>
    internal LogSite Innermost => Inner is null ? this : Inner.Innermost;
}

/// <summary>One primitive with its operands.</summary>
internal sealed record Primitive(PrimitiveKind Kind, Value A = default, Value B = default, bool Flag = false)
{
    /// <summary>The contract that made it: of the allocation, the free, the sleep, the section.</summary>
    internal object? Contract { get; init; }

    internal LogSite? Site { get; init; }

    /// <summary>What only some kinds have.</summary>
    internal Operands? More { get; init; }

    /// <summary>Of a copy: the struct.</summary>
    internal ITypeSymbol? Type { get; init; }

    /// <summary>A rule has told of it in the body itself: callers hear nothing more.</summary>
    internal bool Told { get; init; }

    internal Value? Size => More?.Size;

    internal Value? Order => More?.Order;

    internal Value? Cache => More?.Cache;

    internal Value? Flags => More?.Flags;

    /// <summary>For a sleep: all that the sleeping method promises.</summary>
    internal MethodContract? Promises => More?.Promises;

    /// <summary>Of a call through a value: what it is given.</summary>
    internal IReadOnlyList<Value> Arguments => More?.Arguments ?? [];

    /// <summary>Callers can tell two paths apart by it. What was read, assumed or touched only refines a path.</summary>
    internal bool IsEffect => Kind is not (PrimitiveKind.Load or PrimitiveKind.Assume or PrimitiveKind.Touch);

    /// <summary>It has an effect by contract, or may have one.</summary>
    internal bool Acts => Kind is PrimitiveKind.Allocate or PrimitiveKind.Free or PrimitiveKind.Sleep or PrimitiveKind.Enter or PrimitiveKind.Leave || (Kind == PrimitiveKind.Call && Contract is not DeferredCall { Acts: false });
}

/// <summary>Further operands of a primitive: most have none, and there are many primitives.</summary>
internal sealed record Operands(Value? Size = null, Value? Order = null, Value? Cache = null, Value? Flags = null, MethodContract? Promises = null, IReadOnlyList<Value>? Arguments = null);

/// <summary>The primitives of one path, newest first.</summary>
internal sealed class Log
{
    private Log(Primitive last, Log? before)
    {
        Last = last;
        Before = before;
        Depth = (before?.Depth ?? 0) + 1;
        int effects = before?.Effects ?? 0;
        Effects = last.IsEffect ? unchecked((effects * 31) + last.GetHashCode()) : effects;
        Acts = last.Acts || before is { Acts: true };
    }

    internal Primitive Last { get; }

    internal Log? Before { get; }

    internal int Depth { get; }

    /// <summary>The path did something by contract.</summary>
    internal bool Acts { get; }

    /// <summary>A hash of the effects so far.</summary>
    private int Effects { get; }

    internal static Log Add(Log? before, Primitive last) => new(last, before);

    internal static bool SameEffects(Log? a, Log? b)
    {
        while (true)
        {
            if (ReferenceEquals(a, b)) return true;
            if ((a?.Effects ?? 0) != (b?.Effects ?? 0)) return false;
            while (a is { Last.IsEffect: false }) a = a.Before;
            while (b is { Last.IsEffect: false }) b = b.Before;
            if (ReferenceEquals(a, b)) return true;
            if (a is null || b is null || !a.Last.Equals(b.Last)) return false;
            a = a.Before;
            b = b.Before;
        }
    }

    /// <summary>The paths did, read and assumed the same.</summary>
    internal static bool Same(Log? a, Log? b)
    {
        for (; !ReferenceEquals(a, b); a = a.Before, b = b.Before)
            if (a is null || b is null || a.Depth != b.Depth || !a.Last.Equals(b.Last)) return false;
        return true;
    }

    /// <summary>The first log without what the second path did not assume or touch as well. Both have the same effects.</summary>
    internal static Log? Intersect(Log? kept, Log? other)
    {
        if (ReferenceEquals(kept, other)) return kept;
        Log? shared = kept;
        var known = new HashSet<Log>();
        for (Log? node = other; node is not null; node = node.Before) known.Add(node);
        while (shared is not null && !known.Contains(shared)) shared = shared.Before;
        var others = new HashSet<Primitive>();
        for (Log? node = other; node is not null && !ReferenceEquals(node, shared); node = node.Before)
            if (!node.Last.IsEffect) others.Add(node.Last);
        var own = new List<Primitive>();
        for (Log? node = kept; !ReferenceEquals(node, shared); node = node!.Before)
            if (node!.Last.Kind is not (PrimitiveKind.Assume or PrimitiveKind.Touch) || others.Contains(node.Last)) own.Add(node.Last);
        for (int i = own.Count - 1; i >= 0; i--) shared = Add(shared, own[i]);
        return shared;
    }

    /// <summary>Oldest first.</summary>
    internal static List<Primitive> ToList(Log? newest)
    {
        var all = new List<Primitive>(newest?.Depth ?? 0);
        for (; newest is not null; newest = newest.Before) all.Add(newest.Last);
        all.Reverse();
        return all;
    }

    /// <summary>The same log with some of its primitives, oldest first; what comes before the first that is gone stays shared.</summary>
    internal static Log? Shrink(Log? newest, IReadOnlyList<Primitive> all, IReadOnlyList<Primitive> kept)
    {
        int same = 0;
        while (same < kept.Count && ReferenceEquals(all[same], kept[same])) same++;
        while (newest is not null && newest.Depth > same) newest = newest.Before;
        for (int i = same; i < kept.Count; i++) newest = Add(newest, kept[i]);
        return newest;
    }
}
