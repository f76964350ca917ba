// What rules hear of. A rule sees a state through these, never a graph or an operation it would have to interpret.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KAlloc.Analyzers.Flow;

/// <summary>A call that may sleep; <see cref="MaySleep"/> is null when only the caller of the body could tell.</summary>
internal readonly record struct SleepEvent(FlowState State, CallSite Call, MethodContract Contract, SleepContract Sleep, bool? MaySleep)
{
    /// <summary>The innermost section or context in which this call must not sleep; null if it may.</summary>
    internal Section? Forbidding =>
        // Code that puts its sleeping part off in an interrupt is only wrong under a lock.
        Section.InnermostAtomic(State.Sections) is { } section && !(Sleep.OnlyInProcessContext && InInterrupt(section)) ? section : null;

    private static bool InInterrupt(Section? section)
    {
        for (; section is not null; section = section.Outer)
            if (section.Entry is EntryContext.InterruptHandler or EntryContext.SoftIrq or EntryContext.Tasklet or EntryContext.TimerCallback) return true;
        return false;
    }
}

/// <summary>The body may be suspended here.</summary>
internal readonly record struct AwaitEvent(FlowState State, SyntaxNode Await)
{
    /// <summary>The innermost section or context in which this must not be; null if it may.</summary>
    internal Section? Forbidding => Section.InnermostAtomic(State.Sections);
}

/// <summary>A call that frees a known allocation. <see cref="Family"/> is what the pointer stands for, which a view changes.</summary>
internal readonly record struct FreeEvent(FlowState State, CallSite Call, FreeContract Contract, Allocation Allocation, Value Pointer, string Family, Value? Order, Value? Cache)
{
    /// <summary>What is freed, as a message names it.</summary>
    internal string Name => Allocation.Name ?? Call.SyntaxOf(Contract.Target)?.Syntax.ToString() ?? "memory";
}

/// <summary>A call that frees memory of which no allocation was seen.</summary>
internal readonly record struct ForeignFreeEvent(FlowState State, CallSite Call, FreeContract Contract, Value Pointer);

internal enum UseKind
{
    /// <summary>Memory inside is read or written.</summary>
    Access,

    /// <summary>A call gets it to work with.</summary>
    Pass,

    /// <summary>The body returns it.</summary>
    Return,

    /// <summary>It is stored where others find it.</summary>
    Store,
}

/// <summary>Freed memory is used. <see cref="Text"/> is the use as the user writes it.</summary>
internal readonly record struct UseEvent(FlowState State, Allocation Allocation, UseKind Kind, Location Place, string Text);

/// <summary>A statement is nothing but an allocation: no variable receives the pointer.</summary>
internal readonly record struct DiscardEvent(FlowState State, Allocation Allocation, SyntaxNode Statement);

/// <summary>A lock is taken that this path holds already.</summary>
internal readonly record struct LockedTwiceEvent(FlowState State, CallSite Call, EnterContract Contract, Section Held);

internal enum UnlockFault
{
    /// <summary>This path released it before.</summary>
    NotHeld,

    /// <summary>It was taken by the counterpart of another release.</summary>
    WrongKind,

    /// <summary>The state that is restored is another section's.</summary>
    ForeignFlags,
}

/// <summary>A release that does not fit what was taken. <see cref="Other"/> is the earlier release, or the call that saved the foreign flags.</summary>
internal readonly record struct UnlockEvent(FlowState State, CallSite Call, LeaveContract Contract, UnlockFault Fault, Section? Section, SyntaxNode? Other);

/// <summary>One way out of a body. <see cref="Returned"/> is meaningful for a return with a value.</summary>
internal sealed record BodyExit(FlowState State, Location Place, LossKind Kind, Value Returned);

/// <summary>All ways out of a body, and for the calls that open a section which some path leaves, the calls that leave it.</summary>
internal sealed record BodyExits(IReadOnlyList<BodyExit> All, IMethodSymbol? Method, MethodContract? Contract, IReadOnlyDictionary<SyntaxNode, HashSet<SyntaxNode>> LeftSites)
{
    /// <summary>Each turn of a loop opens the section, and only the loop itself would leave it: after many turns it is as open as after two.</summary>
    internal bool IsLeftBehindByTurns(Section section)
    {
        if (!section.EveryTurn || section.Site is not { } site || LoopAround(site) is not { } loop) return false;
        if (!LeftSites.TryGetValue(site, out HashSet<SyntaxNode>? leaving)) return true;
        foreach (SyntaxNode call in leaving)
            if (!loop.Span.Contains(call.Span)) return false;
        return true;
    }

    private static SyntaxNode? LoopAround(SyntaxNode site)
    {
        for (SyntaxNode? node = site; node is not (null or MemberDeclarationSyntax or LocalFunctionStatementSyntax or AnonymousFunctionExpressionSyntax); node = node.Parent)
            if (node is ForStatementSyntax or CommonForEachStatementSyntax or WhileStatementSyntax or DoStatementSyntax) return node;
        return null;
    }
}

internal enum LossKind
{
    /// <summary>A return, or the end of the body.</summary>
    Return,

    /// <summary>A throw statement that leaves the body.</summary>
    Throw,

    /// <summary>The last variable that held the pointer got another value.</summary>
    Overwritten,

    /// <summary>The collection that held the pointer last does not any more.</summary>
    Removed,

    /// <summary>The last variable that held the pointer went out of scope.</summary>
    ScopeEnd,
}

/// <summary>
/// The last pointer to an owned allocation is gone. <see cref="Holder"/> held it, if on every path to the place freeing that variable is right.
/// </summary>
internal readonly record struct LossEvent(FlowState State, Allocation Allocation, SyntaxNode Body, Location Place, LossKind Kind, ISymbol? Holder)
{
    /// <summary>The field that holds the memory of an object that is lost with it.</summary>
    internal IFieldSymbol? Field
    {
        get
        {
            SmallMap<Value, Value> cells = State.Cells;
            for (int i = 0; i < cells.Count; i++)
                if (State.Canonical(cells.ValueAt(i)) == new Value(Allocation.Symbol, 0) && State.Symbols.Of(cells.KeyAt(i)) is { Kind: SymbolKind.Field, Item: IFieldSymbol held } && State.Symbols[State.Symbols.Root(cells.KeyAt(i))].Kind == SymbolKind.New)
                    return held;
            return null;
        }
    }

    /// <summary>The pointer was overwritten by the result of a reallocation of the same memory, which failed.</summary>
    internal bool IsReallocation { get; init; }
}

/// <summary>A call frees what a field holds. <see cref="Sources"/> is all memory that the field can hold; <see cref="Orders"/> is what it may be freed with.</summary>
internal readonly record struct FieldFreeEvent(FieldFree Free, IReadOnlyList<FieldStore> Sources, IReadOnlyList<long> Orders);

/// <summary>What is missing where a type should free what its field owns.</summary>
internal enum ReleaseGap
{
    /// <summary>Nothing of the type frees it.</summary>
    Never,

    /// <summary>It is freed only where the field gets other memory.</summary>
    OnlyReplaced,

    /// <summary>A method frees it, but Dispose does not come to that method.</summary>
    NotInDispose,
}

/// <summary>How far a type cares for the memory in one of its fields.</summary>
internal sealed record FieldRelease(ReleaseGap Gap, string Type);

/// <summary>A body ends, and memory that it allocated stays in a field alone.</summary>
internal readonly record struct FieldKeptEvent(FieldStore Store, FieldRelease Release, bool InConstructor);

/// <summary>A rule of the flow engine: hears events, returns findings. Stateless.</summary>
internal abstract class FlowRule
{
    internal abstract DiagnosticDescriptor Descriptor { get; }

    internal virtual FlowIssue? OnSleep(in SleepEvent sleep, GfpModel gfp) => null;

    /// <summary>The call that sleeps stands in a method that this call leads to.</summary>
    internal virtual FlowIssue? OnSleepInside(in SleepEvent sleep) => null;

    internal virtual FlowIssue? OnAwait(in AwaitEvent await) => null;

    internal virtual FlowIssue? OnFree(in FreeEvent free) => null;

    /// <summary>The memory was freed before.</summary>
    internal virtual FlowIssue? OnFreeAgain(in FreeEvent free) => null;

    internal virtual FlowIssue? OnForeignFree(in ForeignFreeEvent free) => null;

    internal virtual FlowIssue? OnFieldFree(in FieldFreeEvent free) => null;

    internal virtual FlowIssue? OnFieldKept(in FieldKeptEvent kept) => null;

    internal virtual FlowIssue? OnUse(in UseEvent use) => null;

    internal virtual FlowIssue? OnDiscard(in DiscardEvent discard) => null;

    internal virtual FlowIssue? OnLoss(in LossEvent loss) => null;

    internal virtual FlowIssue? OnLockedTwice(in LockedTwiceEvent locked) => null;

    internal virtual FlowIssue? OnUnlock(in UnlockEvent unlock) => null;

    /// <summary>The body needs more than the budget: nothing that was found in it counts.</summary>
    internal virtual FlowIssue? OnGivenUp(SyntaxNode body, ISymbol root) => null;

    internal virtual IEnumerable<FlowIssue> OnExits(BodyExits exits) => [];
}
