// The same rule in .NET words: a stretch of code that must not block, for audio callbacks, game loops and other code that has no kernel in it.
//
//   using var atomic = Atomic.Enter();     from here to the end of the block: no blocking call, no allocation that may wait
//
// It is preempt_disable under another name: the same count, the same reports, the same analyzers. Cost: an increment and a decrement.

namespace KAlloc;

/// <summary>Code that must not block.</summary>
public static unsafe class Atomic
{
    /// <summary>
    /// Opens a section in which the thread must not block: calls of KAlloc that may sleep are reported at run time, blocking calls of .NET (a contended
    /// lock, <c>Task.Wait</c>, <see cref="Thread.Sleep(int)"/>, <c>await</c>) by the analyzers. Nests. Never sleeps; any context.
    /// </summary>
    /// <returns>The section: dispose it, best with <c>using</c>. It cannot leave the thread.</returns>
    [EntersAtomic(LockKind.Preempt, Nests = true, LeftBy = nameof(AtomicSection.Dispose))]
    public static AtomicSection Enter() => new(Preemption.Disable());

    /// <summary>Whether the running thread must not block here: in a section, in a handler, or holding a spin lock.</summary>
    public static bool IsActive => CpuBlocks.Current->Execution.IsAtomic;

    /// <summary>Reports if the running thread must not block here: for calls of one's own that may. The kernel's <c>might_sleep</c>.</summary>
    /// <param name="file">Filled in by the compiler: the place that the report names.</param>
    /// <param name="line">Filled in by the compiler.</param>
    [MightSleep]
    public static void MightBlock(
        [System.Runtime.CompilerServices.CallerFilePath] string file = "", [System.Runtime.CompilerServices.CallerLineNumber] int line = 0) => MightSleep.Check(file, line);
}

/// <summary>A section opened by <see cref="Atomic.Enter"/>.</summary>
public unsafe ref struct AtomicSection
{
    private CpuBlock* _block;

    internal AtomicSection(CpuBlock* block) => _block = block;

    /// <summary>Leaves the section; once more does nothing.</summary>
    [LeavesAtomic(LockKind.Preempt)]
    public void Dispose()
    {
        CpuBlock* block = _block;
        if (block == null) return;
        _block = null;
        Preemption.EnableChecked(block);
    }
}
