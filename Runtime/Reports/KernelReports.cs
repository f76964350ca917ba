// The one sink for everything that goes wrong. A BUG is misuse that would corrupt memory: by default it throws KernelBugException before
// anything was changed, so the allocator stays usable. A WARN is a mistake that the allocator could repair. Nothing is silently ignored.
// The kernel concept: BUG(), WARN(), printk.

using System.Diagnostics.CodeAnalysis;

namespace KAlloc;

/// <summary>How grave a report is.</summary>
public enum ReportLevel
{
    /// <summary>A line of information (<c>pr_info</c>).</summary>
    Info,

    /// <summary>A mistake that was repaired or refused without harm (<c>WARN_ON</c>).</summary>
    Warn,

    /// <summary>Misuse that would corrupt memory (<c>BUG_ON</c>).</summary>
    Bug,
}

/// <summary>What happens on a BUG.</summary>
public enum BugPolicy
{
    /// <summary>Throw <see cref="KernelBugException"/> (the default).</summary>
    Throw,

    /// <summary>End the process with the report, as a kernel panics.</summary>
    FailFast,

    /// <summary>Report and go on; the faulty call has no effect.</summary>
    Log,
}

/// <summary>How much a report of sleeping in atomic context tells.</summary>
public enum SleepReportForm
{
    /// <summary>As Linux 6.18: preempt count, RCU depth, held locks and call trace follow the first two lines.</summary>
    Full,

    /// <summary>As Linux 2.6.34, the kernel of the book: two lines.</summary>
    Short,
}

/// <summary>One report: its level and its text, in the kernel's shape.</summary>
/// <param name="Level">How grave it is.</param>
/// <param name="Text">The text, possibly of several lines.</param>
/// <param name="Address">The address in question, or 0.</param>
public readonly record struct KernelReport(ReportLevel Level, string Text, nuint Address);

/// <summary>Misuse of native memory that would have corrupted it. The call that threw has changed nothing.</summary>
/// <param name="message">The report's text.</param>
/// <param name="address">The address in question, or 0.</param>
public sealed class KernelBugException(string message, nuint address = 0) : InvalidOperationException(message)
{
    /// <summary>The address in question, or 0.</summary>
    public nuint Address { get; } = address;
}

/// <summary>Where reports go: to listeners, then to standard error.</summary>
public static class KernelReports
{
    /// <summary>Receives every report, on the thread that caused it, possibly in atomic context: the handler must not block.</summary>
    public static event Action<KernelReport>? Reported;

    /// <summary>What happens on a BUG, process-wide.</summary>
    public static BugPolicy Policy { get; set; } = BugPolicy.Throw;

    /// <summary>The form of the report "sleeping function called from invalid context".</summary>
    public static SleepReportForm SleepReport { get; set; }

    /// <summary>
    /// Whether it is written down where a thread switches preemption off, for the lines "Preemption disabled at:" of reports. Off by default, on with the
    /// runtimeconfig knob <c>KAlloc.DebugPreempt</c>; costs a stack trace for each outermost section. The kernel's <c>CONFIG_DEBUG_PREEMPT</c>.
    /// </summary>
    public static bool TracePreemption
    {
        get => (Watch.On & Watch.Preemption) != 0;
        set => Watch.Set(Watch.Preemption, value);
    }

    /// <summary>Whether reports are also written to standard error. On by default.</summary>
    public static bool WriteToStandardError { get; set; } = true;

    /// <summary>Reports misuse that would corrupt memory. Returns only under <see cref="BugPolicy.Log"/>: the caller then does nothing.</summary>
    internal static void Bug(string text, nuint address = 0)
    {
        Emit(new KernelReport(ReportLevel.Bug, text, address));
        if (Policy == BugPolicy.FailFast) Environment.FailFast(text);
        if (Policy == BugPolicy.Throw) Throw(text, address);
    }

    /// <summary>
    /// Reports damage that is done already, from code that must go on to the end of what it does: under <see cref="BugPolicy.Throw"/> too.
    /// </summary>
    internal static void BugSeen(string text, nuint address = 0)
    {
        Emit(new KernelReport(ReportLevel.Bug, text, address));
        if (Policy == BugPolicy.FailFast) Environment.FailFast(text);
    }

    /// <summary>Reports a mistake that was repaired or refused.</summary>
    internal static void Warn(string text, nuint address = 0) => Emit(new KernelReport(ReportLevel.Warn, text, address));

    /// <summary>Reports a line of information.</summary>
    internal static void Info(string text) => Emit(new KernelReport(ReportLevel.Info, text, 0));

    private static void Emit(KernelReport report)
    {
        Reported?.Invoke(report);
        if (WriteToStandardError) Console.Error.WriteLine(report.Text);
    }

    [DoesNotReturn]
    private static void Throw(string text, nuint address) => throw new KernelBugException(text, address);
}
