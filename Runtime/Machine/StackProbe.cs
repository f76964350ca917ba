// The check that a call of the kernel face makes while its thread runs in a window of KernelStack: how deep is the stack?
//
//   high  Base ── just below the frame of KernelStack.Run
//         │ window: the frames of the code under test            StackLimit = lowest address seen at a check so far
//         End ── below it: STACK_END_MAGIC, the image of thread_info
//   low
//
// StackLimit doubles as high-water mark, and outside windows it is 0: that is what a check tests. The address of a local is taken only in a window and out
// of line, as in the caller it would cost a slot of its frame, cleared at each entry, and a register saved.
// Invariant: Lowest is exact for the checks that ran; a window is judged overflowed only by a check that stood below End.
// Cost: a compare of a field of the block that the caller reads anyway with 0; in a window a call. Kernel concept: the stack tracer's check at function entry.

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>A stretch of the running thread's stack that stands for a kernel stack.</summary>
internal sealed unsafe class StackWindow(nuint high, nuint end, ThreadInfo info, StackWindow? outer, bool realDamage)
{
    /// <summary>Bytes below the window that stand for what lies below a kernel stack: the magic, and the thread_info under it.</summary>
    internal static readonly int TailBytes = sizeof(nuint) + sizeof(ThreadInfo);

    /// <summary>The high end.</summary>
    internal readonly nuint Base = high;

    /// <summary>The lowest address that belongs to the window.</summary>
    internal readonly nuint End = end;

    /// <summary>What the image below the window was painted with.</summary>
    internal readonly ThreadInfo Info = info;

    /// <summary>The window that this one is nested in.</summary>
    internal readonly StackWindow? Outer = outer;

    internal nuint Lowest = high;

    /// <summary>Another window was opened inside: it lies over the low end of this one, so the paint and the image say nothing any more.</summary>
    internal bool Covered;

    /// <summary>The first check that stood below the end, or null.</summary>
    internal string? OverflowPlace;

    internal byte* Image => (byte*)End - TailBytes;

    /// <summary>With real damage: the thread's preempt count becomes what an overflow wrote where a kernel has it.</summary>
    internal void StrikeThread(CpuBlock* block)
    {
        if (!realDamage || Covered || OverflowPlace is null) return;
        int written = ((ThreadInfo*)Image)->preempt_count;
        if (written != Info.preempt_count) block->Execution.PreemptCount = written;
    }

    /// <summary>Which parts of the tail are changed, the one that an overflow reaches first in front; empty if none is.</summary>
    internal string Damage()
    {
        if (Covered) return "";
        ThreadInfo expected = Info;
        string magic = *(nuint*)(End - (nuint)sizeof(nuint)) == ThreadInfo.EndMagic ? "" : "STACK_END_MAGIC";
        string fields = ThreadInfo.Differences((ThreadInfo*)Image, &expected);
        return magic.Length == 0 || fields.Length == 0 ? magic + fields : $"{magic}, {fields}";
    }
}

internal static unsafe class StackProbe
{
    [ThreadStatic]
    private static StackWindow? t_window;

    /// <summary>The running thread's innermost window.</summary>
    internal static StackWindow? Window
    {
        get => t_window;
        set => t_window = value;
    }

    /// <summary>Asked by a report: whether the simulated kernel stack in use is corrupted. Set by the layer that has such stacks.</summary>
    internal static Func<bool>? IsTaskStackCorrupted { get; set; }

    /// <summary>Whether the running thread has overrun its kernel stack, of either kind.</summary>
    internal static bool IsOverrun => t_window?.OverflowPlace is not null || IsTaskStackCorrupted?.Invoke() == true;

    /// <summary>The check of a thread that is in a window. Returns the block, so that its caller need not keep it over the call.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    internal static CpuBlock* Check(CpuBlock* block)
    {
        byte here;
        if ((nuint)(&here) < block->Execution.StackLimit) Deeper(block, (nuint)(&here));
        return block;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Deeper(CpuBlock* block, nuint address)
    {
        StackWindow window = t_window!;
        block->Execution.StackLimit = window.Lowest = address;
        if (address >= window.End) return;
        if (window.OverflowPlace is null) ReportOnce(block, window, address);
        window.StrikeThread(block);
    }

    private static void ReportOnce(CpuBlock* block, StackWindow window, nuint address)
    {
        // What the report itself uses of this stack, kilobytes, is not the code's.
        block->Execution.StackLimit = 0;
        try
        {
            Report(window, address);
        }
        finally
        {
            block->Execution.StackLimit = address;
        }
    }

    private static void Report(StackWindow window, nuint address)
    {
        string damage = window.Damage();
        window.OverflowPlace = ContextReport.FirstCaller();
        nuint size = window.Base - window.End;
        KernelReports.BugSeen($"""
            BUG: kernel stack overflow: {ContextReport.Task} is {window.End - address} bytes below its stack of {size} bytes
            Thread overran stack, or stack corrupted
             depth: {window.Base - address} of {size}, at {window.OverflowPlace}
             overwritten: {(damage.Length == 0 ? "nothing yet, the frames have holes" : damage)}{ContextReport.CallTrace()}
            """, address);
    }
}
