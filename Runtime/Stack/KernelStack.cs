// CLR code on a kernel's stack budget: the body runs in a window of the thread's own stack, and every call into KAlloc checks how deep it is.
//
//   Run:  paint ──> body (its frames lie where the paint is) ──> scan
//
//   high  Base        ├─ frames of the body ... Peak: the deepest check (exact)
//         │           ├─ frames that no check saw, and the runtime's own ... HighWater: the deepest byte that is not paint any more
//         End         └─ below it magic and thread_info image; further down at least 64 KiB, where the runtime and an overflow survive
//
// A real stack of 8 KiB is impossible: the first call of a method, a throw or a garbage collection take 16 KiB and more of whatever stack they are on.
// So there are two verdicts that are never mixed: Overflow, seen by a check, is certain; Clobbered, seen in the paint, may have been the runtime.
// What this can and cannot say is in docs/design/stack.md. Cost: to write and read the window once, paint and scan; a check is a compare.
// Kernel concept: THREAD_SIZE, CONFIG_DEBUG_STACK_USAGE, CONFIG_SCHED_STACK_END_CHECK.

using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace KAlloc;

/// <summary>What a run in a window showed.</summary>
public enum StackVerdict
{
    /// <summary>Nothing went below the window.</summary>
    Within,

    /// <summary>A check stood below the window: the code overflowed the stack. Certain.</summary>
    Overflow,

    /// <summary>
    /// Something wrote below the window, but no check stood there: a deep call that makes no checks, or the runtime (compilation, garbage collection,
    /// an exception). Inconclusive; what repeats on a second, warm run is the code.
    /// </summary>
    Clobbered,
}

/// <summary>How much stack a run used. Depths are in bytes of x64 managed frames, which are not the frames of the same code in C.</summary>
/// <param name="Size">The window's size.</param>
/// <param name="Peak">The depth of the deepest check: exact for the places where code called KAlloc or <see cref="KernelStack.Probe"/>; 0 if it never did.</param>
/// <param name="HighWater">
/// The depth of the deepest byte written: an upper bound, with what the runtime used on this stack. Just the peak if another window was opened inside.
/// </param>
/// <param name="Verdict">Whether it stayed within.</param>
/// <param name="OverflowPlace">Where the first check stood that was below the window; null unless the verdict is overflow.</param>
/// <param name="Overwritten">What lies below the window and was changed, the first met in front; empty if nothing was.</param>
/// <param name="RuntimeRan">The runtime compiled or collected meanwhile. False proves nothing: exceptions and other threads' collections are not counted.</param>
public readonly record struct KernelStackUse(
    int Size, int Peak, int HighWater, StackVerdict Verdict, string? OverflowPlace, string Overwritten, bool RuntimeRan);

/// <summary>Runs code on a kernel's stack budget.</summary>
public static unsafe class KernelStack
{
    /// <summary>The book's kernel stack: two pages. <c>THREAD_SIZE</c>.</summary>
    public const int DefaultBytes = 8192;

    /// <summary>The smallest window.</summary>
    public const int MinBytes = 1024;

    /// <summary>The largest window: the stack of a thread must hold it and the runtime's needs below it.</summary>
    public const int MaxBytes = 64 * 1024;

    private const byte Paint = 0x6E;
    private const int ThreadBytes = 1 << 20;

    static KernelStack()
    {
        // Painter and scanner are compiled here: their first call inside a window would be the deepest thing in it.
        byte here;
        nuint low = (nuint)(&here) - 2048;
        PaintDownTo(low);
        LowestUnpainted(low, low + 1024);
    }

    /// <summary>
    /// Runs the body on this thread in a window of the given size and says how deep it went. An overflow that a check sees is reported as a BUG, once,
    /// which never throws from inside the body: it goes on, as the stack below the window is real. May be nested, as an
    /// interrupt stack is: the inner window counts for itself.
    /// </summary>
    /// <param name="body">The code. Synchronous: what follows an await runs outside the window.</param>
    /// <param name="size">Bytes, from 1024 to 65536; rounded down to a multiple of 16.</param>
    /// <param name="realDamage">
    /// A certain overflow does what it does in a kernel: from the check that sees it on, the thread's preempt count is what the frames wrote below the
    /// window, where <c>thread_info.preempt_count</c> lies, and it stays so. For a process that is to be wrecked: a lesson, a test of what follows.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The size is none of these.</exception>
    /// <exception cref="InsufficientExecutionStackException">This thread has too little stack left, and cannot hand the body to another one because
    /// it is in atomic context or holds locks.</exception>
    /// <remarks>A thread with little stack left hands the body to a thread of its own and waits for it.</remarks>
    public static KernelStackUse Run(Action body, int size = DefaultBytes, bool realDamage = false)
    {
        ArgumentNullException.ThrowIfNull(body);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, MinBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaxBytes);
        CpuBlock* block = CpuBlocks.Current;
        if (RuntimeHelpers.TryEnsureSufficientExecutionStack()) return RunHere(block, body, size & ~15, realDamage);
        if (block->Execution.IsAtomic || block->Execution.HeldLockCount != 0)
            throw new InsufficientExecutionStackException("Too little stack is left for a kernel stack window, and the thread is atomic or holds locks.");
        return RunElsewhere(body, size & ~15, realDamage);
    }

    /// <summary>A check of the depth, for code that makes no other call into KAlloc. Outside of windows it does nothing. Any context.</summary>
    public static void Probe() => _ = CpuBlocks.Current;

    /// <summary>Bytes of the window that are left at this place; the largest <see cref="int"/> outside of windows.</summary>
    public static int Remaining
    {
        get
        {
            byte here;
            return StackProbe.Window is { } window ? (int)((nint)(&here) - (nint)window.End) : int.MaxValue;
        }
    }

    /// <summary>Whether the address lies in a window of the running thread.</summary>
    internal static bool IsOnStack(nuint address)
    {
        for (StackWindow? window = StackProbe.Window; window is not null; window = window.Outer)
            if (address >= window.End && address < window.Base) return true;
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static KernelStackUse RunHere(CpuBlock* block, Action body, int size, bool realDamage)
    {
        byte here;
        nuint high = (nuint)(&here) & ~(nuint)15;
        nuint end = high - (nuint)size;
        var info = new ThreadInfo
        {
            task = (TaskStruct*)block->Execution.Task, cpu = block->Execution.Cpu, preempt_count = block->Execution.PreemptCount, addr_limit = nuint.MaxValue,
        };
        StackWindow? outer = StackProbe.Window;
        if (outer is not null) outer.Covered = true;
        nuint outerLimit = block->Execution.StackLimit;
        var window = new StackWindow(high, end, info, outer, realDamage);
        long compiled = System.Runtime.JitInfo.GetCompiledMethodCount(currentThread: true);
        int collections = GC.CollectionCount(0);
        PaintDownTo((nuint)window.Image);
        *(ThreadInfo*)window.Image = info;
        *(nuint*)(end - (nuint)sizeof(nuint)) = ThreadInfo.EndMagic;

        // What stands on this stack from here to the body's end belongs to the body.
        StackProbe.Window = window;
        block->Execution.StackLimit = high;
        CpuBlock.ShowPageSets(block);
        nuint lowest;
        try
        {
            body();
        }
        finally
        {
            lowest = LowestUnpainted(end, high);
            window.StrikeThread(block);
            block->Execution.StackLimit = outerLimit;
            CpuBlock.ShowPageSets(block);
            StackProbe.Window = outer;
        }

        return Judge(window, lowest, size, JitInfoMoved(compiled) || GC.CollectionCount(0) != collections);
    }

    private static bool JitInfoMoved(long before) => System.Runtime.JitInfo.GetCompiledMethodCount(currentThread: true) != before;

    private static KernelStackUse Judge(StackWindow window, nuint lowest, int size, bool runtimeRan)
    {
        string damage = window.Damage();
        StackVerdict verdict = window.OverflowPlace is not null ? StackVerdict.Overflow : damage.Length != 0 ? StackVerdict.Clobbered : StackVerdict.Within;
        int peak = (int)(window.Base - window.Lowest);
        int highWater = window.Covered ? peak : Math.Max(peak, (int)(window.Base - lowest) + (damage.Length != 0 ? StackWindow.TailBytes : 0));
        if (verdict == StackVerdict.Clobbered)
        {
            KernelReports.Info($"kernel stack of {size} bytes: {damage} overwritten, though no check was deeper than {peak} bytes: a call without checks, or the runtime"
                + (runtimeRan ? ", which compiled or collected meanwhile" : "") + $": {ContextReport.Task}");
        }

        return new KernelStackUse(size, peak, highWater, verdict, window.OverflowPlace, damage, runtimeRan);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static KernelStackUse RunElsewhere(Action body, int size, bool realDamage)
    {
        KernelStackUse use = default;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                use = RunHere(CpuBlocks.Current, body, size, realDamage);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }, ThreadBytes) { IsBackground = true, Name = Thread.CurrentThread.Name };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return use;
    }

    /// <summary>Paints the stack below its caller's frame down to an address: the paint lies in its own frame, so nothing below SP is ever written.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    [SkipLocalsInit]
    private static void PaintDownTo(nuint low)
    {
        byte here;
        int bytes = (int)((nuint)(&here) - low) + 64;
        byte* area = stackalloc byte[bytes];
        Unsafe.InitBlockUnaligned((void*)low, Paint, (uint)((nuint)area + (nuint)bytes - low));
    }

    /// <summary>The lowest address in the range that is not paint. Read from the low end, so its own frame, at the high end, is met last.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static nuint LowestUnpainted(nuint low, nuint high)
    {
        ulong paint = Paint * 0x0101010101010101UL;
        var at = (ulong*)low;
        while ((nuint)at < high && *at == paint) at++;
        return Math.Min(high, (nuint)at);
    }
}
