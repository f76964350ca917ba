// What really happens when a program runs. The program's own text is compiled against the Shadow… classes, which stand in front of the real calls
// (other usings, nothing else; and each pointer is looked at where it is used, see Instrumentation).
//
//   kernel face     each call goes to the runtime, whose checks say that something is wrong; the shadow says what (a BUG at a free is a double
//                   free, a foreign or an order mismatch), and the two must agree
//   NativeMemory,   have no checks of their own and would corrupt the process: the shadow judges alone, and lets only right calls through
//   Marshal
//   use             the runtime has no check for reading freed memory: the shadow judges alone. An address is not given out again in the
//                   same run, and a use after free is led to scratch memory, so the run goes on unharmed
//   leaks           what is live at the end; the shadow frees it, and after each batch the runtime's own accounts must be what they were before
//   contexts        the runtime's: its report of a sleeping call, and its count of what is held at the end
//
// One run at a time, on one thread.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KAlloc.Differential.Tests.Generation;

namespace KAlloc.Differential.Tests.Oracle;

/// <summary>The live and the freed blocks of the run, and the defects seen.</summary>
public static unsafe class Shadow
{
    private const int ScratchBytes = 1 << 16;

    private static readonly List<Block> s_blocks = [];
    private static readonly SortedSet<Defect> s_seen = [];
    private static readonly void* s_scratch = NativeMemory.AllocZeroed(ScratchBytes);
    private static int s_failAt, s_allocations, s_bugs;
    private static string? s_disagreement;
    private static bool s_judging;

    /// <summary>One allocation of the program; a freed one stays, as a mark on its address.</summary>
    private sealed class Block
    {
        internal nuint Handle, Start, Size;
        internal string Family = "";
        internal int Order;
        internal nint Cache;
        internal bool Freed, Native;
        internal bool HeldBack;
        internal Action Release = () => { };
    }

    /// <summary>What one run showed.</summary>
    internal sealed record Verdict(SortedSet<Defect> Seen, int Allocations, string? Disagreement);

    /// <summary>Runs a program once.</summary>
    /// <param name="program">The program.</param>
    /// <param name="failAt">The number of the allocation that gives null, from 1; 0: none.</param>
    internal static Verdict Run(Action program, int failAt)
    {
        s_blocks.Clear();
        s_seen.Clear();
        (s_failAt, s_allocations, s_bugs, s_disagreement) = (failAt, 0, 0, null);
        KernelReports.Reported += Listen;
        try
        {
            program();
        }
        catch (Exception exception)
        {
            s_disagreement ??= "the program threw " + exception;
        }

        KernelReports.Reported -= Listen;
        ref ExecutionState state = ref CpuBlocks.Current->Execution;
        if (state.IsAtomic || state.HeldLockCount != 0) s_seen.Add(Defect.UnlockedExit);
        state.AtomicWord = 0;
        state.HeldLockCount = 0;
        foreach (Block block in s_blocks)
        {
            if (!block.Freed) s_seen.Add(Defect.Leak);
            if (!block.Freed || block.HeldBack) block.Release();
        }

        return new Verdict([.. s_seen], s_allocations, s_disagreement);
    }

    private static void Listen(KernelReport report)
    {
        // A handler that does not leave its sections is repaired with a warning.
        if (report.Text.StartsWith("huh, entered", StringComparison.Ordinal)) s_seen.Add(Defect.UnlockedExit);
        if (report.Level != ReportLevel.Bug) return;
        if (report.Text.Contains("sleeping function called", StringComparison.Ordinal) || report.Text.Contains("in interrupt context", StringComparison.Ordinal)) s_seen.Add(Defect.SleepInAtomic);
        // A lock that was not left is met again.
        else if (report.Text.Contains("recursi", StringComparison.Ordinal)) s_seen.Add(Defect.UnlockedExit);
        // A lock that was refused for that reason is not held where it is left, and its flags were never saved.
        else if (s_seen.Contains(Defect.UnlockedExit) && (report.Text.Contains("were not saved", StringComparison.Ordinal) || report.Text.Contains("wrong owner", StringComparison.Ordinal) || report.Text.Contains("already unlocked", StringComparison.Ordinal))) return;
        else if (s_judging) s_bugs++;
        else s_disagreement ??= "an unforeseen report: " + report.Text;
    }

    /// <summary>The runtime's check at the head of each call that may sleep. It throws here: under the log policy a place is told once a second.</summary>
    internal static void MaySleep(bool may = true)
    {
        if (!may) return;
        KernelReports.Policy = BugPolicy.Throw;
        try
        {
            Linux.might_sleep();
        }
        catch (KernelBugException)
        {
            s_seen.Add(Defect.SleepInAtomic);
        }
        finally
        {
            KernelReports.Policy = BugPolicy.Log;
        }
    }

    /// <summary>A lock of .NET: whoever wants it sleeps if another thread has it.</summary>
    public static object Wait(object gate)
    {
        MaySleep();
        return gate;
    }

    /// <summary>An allocation: by the real call, unless this is the one to fail, and at an address that is new to the run.</summary>
    internal static nuint Allocate(string family, nuint size, Func<nuint> allocate, Action<nuint> free, int order = 0, void* cache = null, bool mayFail = true, bool native = false, Func<nuint, nuint>? startOf = null)
    {
        if (mayFail && ++s_allocations == s_failAt) return 0;
        while (true)
        {
            nuint handle = allocate();
            if (handle == 0)
            {
                // vmalloc refuses in an interrupt.
                if (!s_seen.Contains(Defect.SleepInAtomic)) s_disagreement ??= "out of memory";
                return 0;
            }

            Action release = () => free(handle);
            nuint start = startOf?.Invoke(handle) ?? handle;
            // The same memory has another handle where it is a page, and another size where it is another family's.
            if (s_blocks.Find(known => known.Handle == handle || (known.Freed && (start - known.Start < known.Size || known.Start - start < size))) is { } old)
            {
                if (old.HeldBack) release = old.Release + release;
                old.HeldBack = true;
                old.Release = release;
                continue;
            }

            s_blocks.Add(new Block { Handle = handle, Start = start, Size = size, Family = family, Order = order, Cache = (nint)cache, Native = native, Release = release });
            return handle;
        }
    }

    /// <summary>A free: judged by the shadow, then made, and then judged by the runtime.</summary>
    internal static void Free(nuint handle, ReadOnlySpan<string> families, Action free, int order = 0, void* cache = null, bool native = false)
    {
        Block? block = handle == 0 ? null : s_blocks.Find(known => known.Handle == handle);
        Defect? wrong = block switch
        {
            null => handle == 0 ? null : Defect.WrongDeallocator,
            { Freed: true } => Defect.DoubleFree,
            _ when !families.Contains(block.Family) || block.Cache != (nint)cache => Defect.WrongDeallocator,
            _ when block.Order != order => Defect.OrderMismatch,
            _ => null,
        };
        if (wrong is { } seen) s_seen.Add(seen);
        if (block is { HeldBack: true })
        {
            // The address was given out again and set aside: it must be free when it is freed twice.
            block.HeldBack = false;
            block.Release();
        }

        if (native)
        {
            if (wrong is null) free();
            else if (block is { Freed: false }) block.Release();
        }
        else
        {
            (s_bugs, s_judging) = (0, true);
            free();
            s_judging = false;
            if (s_bugs > 0 != wrong is not null) s_disagreement ??= $"freeing {block?.Family ?? "nothing known"}: the runtime says {(s_bugs > 0 ? "BUG" : "fine")}, the shadow {wrong?.ToString() ?? "fine"}";
            if (wrong is not null && block is { Freed: false }) block.Release();
        }

        block?.Freed = true;
    }

    /// <summary>The program is about to use the memory at an address.</summary>
    /// <returns>The address, or scratch memory in the place of freed memory.</returns>
    public static void* Use(void* pointer)
    {
        var address = (nuint)pointer;
        foreach (Block block in s_blocks)
        {
            if (!block.Freed || address - block.Start >= block.Size) continue;
            s_seen.Add(Defect.UseAfterFree);
            return s_scratch;
        }

        return pointer;
    }

    /// <summary>A handle that a call is about to look at, as a page is by page_address.</summary>
    internal static bool IsFreed(nuint handle)
    {
        bool freed = s_blocks.Exists(block => block.Freed && block.Handle == handle);
        if (freed) s_seen.Add(Defect.UseAfterFree);
        return freed;
    }

    internal static void* Scratch => s_scratch;
}
