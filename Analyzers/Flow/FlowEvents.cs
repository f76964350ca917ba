// What rules hear of. A rule sees a state through these, never a graph or an operation it would have to interpret.

using KAlloc.Analyzers.Model;
using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Flow;

/// <summary>A call that may sleep; <see cref="MaySleep"/> is null when only the caller of the body could tell.</summary>
internal readonly record struct SleepEvent(FlowState State, CallSite Call, MethodContract Contract, SleepContract Sleep, bool? MaySleep)
{
    /// <summary>The innermost section or context in which this call must not sleep; null if it may.</summary>
    internal Section? Forbidding
    {
        get
        {
            // Code that puts its sleeping part off in an interrupt is only wrong under a lock.
            Section? entry = null;
            for (Section? section = State.Sections; section is not null; section = section.Outer)
            {
                if (!section.IsAtomic) continue;
                if (section.Site is not null) return Sleep.OnlyInProcessContext && InInterrupt(section) ? null : section;
                entry = section;
            }

            return entry is not null && !(Sleep.OnlyInProcessContext && InInterrupt(entry)) ? entry : null;
        }
    }

    private static bool InInterrupt(Section? section)
    {
        for (; section is not null; section = section.Outer)
            if (section.Entry is EntryContext.InterruptHandler or EntryContext.SoftIrq or EntryContext.Tasklet or EntryContext.TimerCallback) return true;
        return false;
    }
}

/// <summary>A call that frees a known allocation. <see cref="Family"/> is what the pointer stands for, which a view changes.</summary>
internal readonly record struct FreeEvent(FlowState State, CallSite Call, FreeContract Contract, Allocation Allocation, Value Pointer, string Family, Value? Order);

internal enum LossKind
{
    /// <summary>A return, or the end of the body.</summary>
    Return,

    /// <summary>A throw statement that leaves the body.</summary>
    Throw,

    /// <summary>The last variable that held the pointer got another value.</summary>
    Overwritten,

    /// <summary>The last variable that held the pointer went out of scope.</summary>
    ScopeEnd,
}

/// <summary>
/// The last pointer to an owned allocation is gone. <see cref="Holder"/> held it, if on every path to the place freeing that variable is right.
/// </summary>
internal readonly record struct LossEvent(FlowState State, Allocation Allocation, SyntaxNode Body, Location Place, LossKind Kind, ISymbol? Holder);

/// <summary>A rule of the flow engine: hears events, returns findings. Stateless.</summary>
internal abstract class FlowRule
{
    internal abstract DiagnosticDescriptor Descriptor { get; }

    internal virtual FlowIssue? OnSleep(in SleepEvent sleep, GfpModel gfp) => null;

    internal virtual FlowIssue? OnFree(in FreeEvent free) => null;

    internal virtual FlowIssue? OnLoss(in LossEvent loss) => null;
}
