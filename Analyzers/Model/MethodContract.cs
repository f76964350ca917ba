// What one method promises about memory and context, independent of where the promise was written: an attribute, the BCL table or a user's
// contract file. Immutable; one instance per method definition, cached for the compilation.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Model;

/// <summary>On which result of the call a contract holds. Same members and values as <c>KAlloc.Returned</c>.</summary>
internal enum ReturnCondition { Always, True, False, Zero, NonZero, Null, NotNull }

/// <summary>
/// What a section switches off. The first members are those of <c>KAlloc.LockKind</c>, with the same values; then, in its order, those of
/// <c>KAlloc.AllocationScope</c>.
/// </summary>
[Flags]
internal enum SectionKind { None = 0, Preempt = 1, SoftIrq = 2, HardIrq = 4, Rcu = 8, Sleeping = 16, Mapping = 32, NoFs = 64, NoIo = 128, NoReclaim = 256, Scopes = NoFs | NoIo | NoReclaim }

/// <summary>The context that a body starts in.</summary>
internal enum EntryContext { Unknown, Process, Atomic, InterruptHandler, SoftIrq, Tasklet, TimerCallback }

/// <summary>Names an operand of a call: a parameter, the receiver, the result, a number, or the size of a type argument.</summary>
internal readonly record struct OperandReference(OperandKind Kind, long Number = 0)
{
    internal static readonly OperandReference None = new(OperandKind.None);
    internal static readonly OperandReference Receiver = new(OperandKind.Receiver);
    internal static readonly OperandReference Result = new(OperandKind.Result);

    internal static OperandReference Parameter(int ordinal) => new(OperandKind.Parameter, ordinal);

    internal int Ordinal => (int)Number;

    internal bool IsPresent => Kind != OperandKind.None;
}

internal enum OperandKind { None, Parameter, Receiver, Result, Number, SizeOfTypeArgument, SizeOfReceiverArgument }

internal sealed record AllocationContract(OperandReference Target, string Family)
{
    internal string? FreedBy { get; init; }
    internal OperandReference Size { get; init; }
    internal OperandReference Count { get; init; }
    internal OperandReference Order { get; init; }
    internal OperandReference Flags { get; init; }
    internal OperandReference Cache { get; init; }
    internal bool MayReturnNull { get; init; }
    internal long NeverNullIf { get; init; }
    internal bool Zeroed { get; init; }
    internal bool Collected { get; init; }
    internal ReturnCondition When { get; init; }

    /// <summary>An object that owns the memory and frees it when it is disposed; a second time does nothing.</summary>
    internal bool IsDisposable => FreedBy == "Dispose";

    /// <summary>The memory behind a parameter of the body that is being summarised: of a family that nothing takes.</summary>
    internal static readonly AllocationContract OfParameter = new(OperandReference.None, "");

    /// <summary>For a reallocation: the old block. Null there means a plain allocation.</summary>
    internal OperandReference Old { get; init; }
}

internal sealed record FreeContract(OperandReference Target, string[] Families)
{
    internal OperandReference Order { get; init; }
    internal OperandReference Size { get; init; }
    internal OperandReference Cache { get; init; }
    internal ReturnCondition When { get; init; }

    internal bool Takes(string family) => Array.IndexOf(Families, family) >= 0;
}

internal sealed record ViewContract(OperandReference Of, string? Family);

internal sealed record EnterContract(SectionKind Kind)
{
    internal OperandReference Lock { get; init; }
    internal OperandReference Saves { get; init; }
    internal bool Shared { get; init; }
    internal bool Nests { get; init; }
    internal string? LeftBy { get; init; }
    internal ReturnCondition When { get; init; }

    /// <summary>It only changes what allocations may do; code inside may sleep as before.</summary>
    internal bool IsScope => (Kind & SectionKind.Scopes) != 0;

    /// <summary>A variable that the call sets to true when it has entered.</summary>
    internal OperandReference Taken { get; init; }

    /// <summary>The call may also come back without having entered, and says so in <see cref="Taken"/>.</summary>
    internal bool Tries { get; init; }
}

internal sealed record LeaveContract(SectionKind Kind)
{
    internal OperandReference Lock { get; init; }
    internal OperandReference Restores { get; init; }
    internal bool Shared { get; init; }
    internal ReturnCondition When { get; init; }
}

/// <summary>Whether a call may sleep, and on what that depends.</summary>
internal sealed record SleepContract(OperandReference Decider, bool OnlyInProcessContext)
{
    /// <summary>A call of .NET's own, which knows nothing of kernel contexts.</summary>
    internal bool Blocks { get; init; }
}

/// <summary>Everything that is promised about one method.</summary>
internal sealed class MethodContract
{
    internal List<AllocationContract> Allocations { get; } = [];
    internal List<FreeContract> Frees { get; } = [];
    internal ViewContract? View { get; set; }
    internal SleepContract? Sleep { get; set; }
    internal EnterContract? Enter { get; set; }
    internal LeaveContract? Leave { get; set; }
    internal EntryContext Context { get; set; }

    /// <summary>The call disposes its receiver: it frees what that owns, if it owns something.</summary>
    internal bool Disposes { get; set; }

    /// <summary>The method only uses its object during the call: it neither keeps nor frees it.</summary>
    internal bool BorrowsReceiver { get; set; }

    /// <summary>The receiver, a struct, no longer owns what it did.</summary>
    internal bool ConsumesReceiver { get; set; }

    /// <summary>The operand that is not null (not zero) exactly when the method returns true.</summary>
    internal OperandReference Tells { get; set; }

    /// <summary>Context of what is called through a delegate parameter, by ordinal.</summary>
    internal Dictionary<int, EntryContext> ParameterContexts { get; } = [];

    /// <summary>Parameters that the method only uses during the call, by ordinal.</summary>
    internal HashSet<int> Borrowed { get; } = [];

    /// <summary>Parameters that the method takes over, by ordinal, and on which result.</summary>
    internal Dictionary<int, ReturnCondition> Consumed { get; } = [];

    /// <summary>
    /// The call has an effect on memory or context that the flow engine must model. A method that only has a context has none, and a view of what the body
    /// must have got from elsewhere is no reason to look at it.
    /// </summary>
    internal bool HasEffect =>
        Allocations.Count > 0 || Frees.Count > 0 || View is { Of.Kind: not OperandKind.Receiver } || Sleep is not null || Enter is not null || Leave is not null
        || Consumed.Count > 0 || ConsumesReceiver;

    /// <summary>The engine takes the call from the contract: it has an effect, or tells one value from another.</summary>
    internal bool IsModelled => HasEffect || View is not null || Tells.IsPresent;

    internal bool IsEmpty => !IsModelled && !Disposes && !BorrowsReceiver && Context == EntryContext.Unknown && ParameterContexts.Count == 0 && Borrowed.Count == 0;
}
