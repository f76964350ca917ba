// In which context code runs and what that forbids. The kernel's rule in one line: code that holds a spin lock, has interrupts or preemption
// off, or serves an interrupt must not sleep.

namespace KAlloc;

/// <summary>What a section switches off, and so what code inside it must not do.</summary>
[Flags]
public enum LockKind
{
    /// <summary>No section.</summary>
    None = 0,

    /// <summary>Preemption is off: the code must not sleep.</summary>
    Preempt = 1,

    /// <summary>Softirqs and tasklets are off: the code must not sleep.</summary>
    SoftIrq = 2,

    /// <summary>Hardware interrupts are off: the code must not sleep.</summary>
    HardIrq = 4,

    /// <summary>An RCU read section: the code must not sleep.</summary>
    Rcu = 8,

    /// <summary>A sleeping lock (mutex, semaphore): held across sleeps, so it forbids nothing by itself.</summary>
    Sleeping = 16,

    /// <summary>A per-CPU or page mapping is held that must be given back on the same CPU, in reverse order.</summary>
    Mapping = 32,
}

/// <summary>What a <c>memalloc_*</c> scope takes out of every allocation inside it.</summary>
public enum AllocationScope
{
    /// <summary>Allocations must not enter the file system: as if without <c>__GFP_FS</c>.</summary>
    NoFs,

    /// <summary>Allocations must not start I/O: as if without <c>__GFP_IO</c> and <c>__GFP_FS</c>.</summary>
    NoIo,

    /// <summary>Allocations must not reclaim: the scope of reclaim itself.</summary>
    NoReclaim,
}

/// <summary>
/// The method, or what is called through the delegate or parameter, runs where it must not sleep: an interrupt handler, a spin lock
/// held, or, outside kernel-style code, an audio callback or a game loop that must not block.
/// </summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Delegate | AttributeTargets.Parameter | AttributeTargets.Class | AttributeTargets.Struct)]
public class AtomicContextAttribute : Attribute;

/// <summary>The method serves a hardware interrupt (top half). The kernel's <c>irq_handler_t</c>.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Delegate | AttributeTargets.Parameter)]
public sealed class InterruptHandlerAttribute : AtomicContextAttribute;

/// <summary>The method runs as a softirq action.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Delegate | AttributeTargets.Parameter)]
public sealed class SoftIrqAttribute : AtomicContextAttribute;

/// <summary>The method runs as a tasklet.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Delegate | AttributeTargets.Parameter)]
public sealed class TaskletAttribute : AtomicContextAttribute;

/// <summary>The method runs as a timer callback, in softirq context.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Delegate | AttributeTargets.Parameter)]
public sealed class TimerCallbackAttribute : AtomicContextAttribute;

/// <summary>The method runs in process context and may sleep: a system call, a kernel thread, a work item.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Delegate | AttributeTargets.Parameter | AttributeTargets.Class | AttributeTargets.Struct)]
public sealed class ProcessContextAttribute : Attribute;

/// <summary>The call may sleep, whatever its arguments.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Constructor | AttributeTargets.Property | AttributeTargets.Delegate)]
public sealed class MightSleepAttribute : Attribute
{
    /// <summary>The call sleeps only in process context: in an interrupt it puts its work off (<c>vfree</c>).</summary>
    public bool OnlyInProcessContext { get; set; }
}

/// <summary>
/// The call may sleep if the named parameter says so: gfp flags that allow direct reclaim, or a <see cref="bool"/> that is true.
/// </summary>
/// <param name="parameter">The parameter's name.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Constructor | AttributeTargets.Delegate)]
public sealed class MightSleepIfAttribute(string parameter) : Attribute
{
    /// <summary>The parameter that decides.</summary>
    public string Parameter { get; } = parameter;
}

/// <summary>The call takes a lock or opens a section; what it forbids is in <paramref name="kind"/>.</summary>
/// <param name="kind">What the section switches off.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Constructor)]
public sealed class EntersAtomicAttribute(LockKind kind) : Attribute
{
    /// <summary>What the section switches off.</summary>
    public LockKind Kind { get; } = kind;

    /// <summary>The parameter that is the lock, by which the leaving call is matched; null: the section has no identity.</summary>
    public string? Lock { get; set; }

    /// <summary>The parameter that receives the saved interrupt state.</summary>
    public string? Saves { get; set; }

    /// <summary>The lock may be held by several at once (a read lock).</summary>
    public bool Shared { get; set; }

    /// <summary>The section may be entered again by its holder (<c>preempt_disable</c> counts).</summary>
    public bool Nests { get; set; }

    /// <summary>The name of the call that leaves the section: what a quick fix writes.</summary>
    public string? LeftBy { get; set; }

    /// <summary>On which result of the call the section was entered.</summary>
    public Returned When { get; set; }
}

/// <summary>The call releases a lock or closes a section.</summary>
/// <param name="kind">What the section had switched off.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LeavesAtomicAttribute(LockKind kind) : Attribute
{
    /// <summary>What the section had switched off.</summary>
    public LockKind Kind { get; } = kind;

    /// <summary>The parameter that is the lock.</summary>
    public string? Lock { get; set; }

    /// <summary>The parameter that holds the interrupt state to restore.</summary>
    public string? Restores { get; set; }

    /// <summary>The lock may be held by several at once (a read lock).</summary>
    public bool Shared { get; set; }

    /// <summary>On which result of the call the section was left.</summary>
    public Returned When { get; set; }
}

/// <summary>The call opens an allocation scope (<c>memalloc_nofs_save</c>); its result closes it.</summary>
/// <param name="scope">What the scope takes out of allocations.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EntersScopeAttribute(AllocationScope scope) : Attribute
{
    /// <summary>What the scope takes out of allocations.</summary>
    public AllocationScope Scope { get; } = scope;

    /// <summary>The name of the call that closes the scope: what a quick fix writes.</summary>
    public string? LeftBy { get; set; }
}

/// <summary>The call closes an allocation scope (<c>memalloc_nofs_restore</c>).</summary>
/// <param name="scope">The scope's kind.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LeavesScopeAttribute(AllocationScope scope) : Attribute
{
    /// <summary>The scope's kind.</summary>
    public AllocationScope Scope { get; } = scope;
}

/// <summary>The method is file-system code: an allocation in it must not re-enter the file system.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class | AttributeTargets.Struct)]
public sealed class FsPathAttribute : Attribute;

/// <summary>The method is block-layer code: an allocation in it must not start I/O.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class | AttributeTargets.Struct)]
public sealed class IoPathAttribute : Attribute;
