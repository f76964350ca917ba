// The order in which locks are taken, learned while the program runs: two locks taken in both orders can deadlock, whether or not they do today.
//
//   thread 1:  A, then B        edge A → B          thread 2:  B, then A       edge B → A closes a circle: reported before the thread waits
//
// The same for interrupts: a lock that a handler takes, and that other code takes with interrupts on, can be wanted by the handler that
// interrupted its holder. Each edge and each kind of use is learned once and reported once.
// Readers do not shut readers out, so a circle counts only if at each lock in it one of the two is a writer. Who only tries does not wait: a
// trylock adds no edge towards it.
// Locks are told apart one by one. The kernel learns by classes, the place where locks are initialised: here two objects' locks of one kind, taken in
// both orders, are found only if the same two meet.
// Cost: off, one test of a static at each lock; on, a lookup for each lock held, and a stack trace for each new edge.
// Kernel concept: lockdep (CONFIG_PROVE_LOCKING). Not done: lock classes, cross-release.

using System.Collections.Concurrent;
using System.Text;

namespace KAlloc;

/// <summary>Detection of locks taken in opposite orders and of locks that an interrupt handler shares with code that leaves interrupts on.</summary>
public static unsafe class LockOrder
{
    private const int Shown = 8;

    [Flags]
    private enum Uses
    {
        None = 0,
        InHardIrq = 1,
        HardIrqOn = 2,
        InSoftIrq = 4,
        SoftIrqOn = 8,
    }

    /// <summary>How one lock was used so far; changed under the gate.</summary>
    private sealed class Usage
    {
        internal Uses Write;
        internal Uses Read;
        internal Uses Reported;

        /// <summary>Locks taken while this one was held: signed as in HeldLocks, from this lock's mode to the other's.</summary>
        internal readonly List<(int From, int To, string Where)> Then = [];
    }

    private static readonly Lock s_gate = new();
    private static readonly Dictionary<int, Usage> s_locks = [];
    private static readonly ConcurrentDictionary<long, bool> s_edges = new();

    /// <summary>
    /// Whether it is on; off by default, on with the runtimeconfig knob <c>KAlloc.ProveLocking</c>. What was learned is kept while it is off.
    /// The kernel's <c>CONFIG_PROVE_LOCKING</c>.
    /// </summary>
    public static bool Enabled { get; set; } = AppContext.TryGetSwitch("KAlloc.ProveLocking", out bool on) && on;

    /// <summary>Forgets what was learned.</summary>
    public static void Reset()
    {
        lock (s_gate)
        {
            s_locks.Clear();
            s_edges.Clear();
        }
    }

    /// <summary>The thread is about to wait for a lock, or has got one that it tried for.</summary>
    internal static void Note(CpuBlock* block, int id, bool tried)
    {
        NoteUse(block, id, tried);
        if (tried) return;
        int held = Math.Min(block->Execution.HeldLockCount, ExecutionState.MaxHeldLocks);
        for (int i = 0; i < held; i++)
        {
            int before = block->Execution.HeldLocks[i];
            if (Math.Abs(before) != Math.Abs(id) && s_edges.TryAdd((long)before << 32 | (uint)id, true)) AddEdge(block, before, id);
        }
    }

    private static void AddEdge(CpuBlock* block, int from, int to)
    {
        string where = ContextReport.FirstCaller();
        string? report = null;
        lock (s_gate)
        {
            var path = new List<(int From, int To, string Where)>();
            if (FindPath(to, from, path, [])) report = DescribeCircle(block, from, to, path);
            UsageOf(from).Then.Add((from, to, where));
        }

        if (report is not null) KernelReports.Warn(report);
    }

    /// <summary>A chain of edges from the lock just asked for to the one held, on which each lock really shuts the next thread out.</summary>
    private static bool FindPath(int from, int target, List<(int From, int To, string Where)> path, HashSet<int> seen)
    {
        if (!seen.Add(from) || !s_locks.TryGetValue(Math.Abs(from), out Usage? usage)) return false;
        foreach ((int From, int To, string Where) edge in usage.Then)
        {
            // Waiting as a reader for a lock held by a reader is no waiting.
            if (from < 0 && edge.From < 0) continue;
            path.Add(edge);
            bool closes = Math.Abs(edge.To) == Math.Abs(target) && !(edge.To < 0 && target < 0);
            if (closes || FindPath(edge.To, target, path, seen)) return true;
            path.RemoveAt(path.Count - 1);
        }

        return false;
    }

    private static void NoteUse(CpuBlock* block, int id, bool tried)
    {
        Uses uses = UsesNow(block);
        if (tried) uses &= ~(Uses.InHardIrq | Uses.InSoftIrq);
        string? report = null;
        lock (s_gate)
        {
            Usage usage = UsageOf(id);
            ref Uses mine = ref id < 0 ? ref usage.Read : ref usage.Write;
            if ((mine | uses) == mine) return;
            mine |= uses;
            report = Conflict(usage, Uses.InHardIrq, Uses.HardIrqOn) ?? Conflict(usage, Uses.InSoftIrq, Uses.SoftIrqOn);
            if (report is not null) report = DescribeUse(block, id, report);
        }

        if (report is not null) KernelReports.Warn(report);
    }

    private static Uses UsesNow(CpuBlock* block)
    {
        int count = block->Execution.PreemptCount;
        if ((count & (ExecutionState.HardIrqMask | ExecutionState.NmiMask)) != 0) return Uses.InHardIrq;
        Uses uses = (count & ExecutionState.SoftIrqOffset) != 0 ? Uses.InSoftIrq : Uses.None;
        if (block->Execution.IrqDisabled != 0) return uses;
        return (count & ExecutionState.SoftIrqMask) == 0 ? uses | Uses.HardIrqOn | Uses.SoftIrqOn : uses | Uses.HardIrqOn;
    }

    /// <summary>The two uses that do not go together, as lockdep names them; null if all is well or it was said before.</summary>
    private static string? Conflict(Usage usage, Uses inside, Uses on)
    {
        Uses all = usage.Write | usage.Read;
        bool clash = ((usage.Write & inside) != 0 && (all & on) != 0) || ((usage.Read & inside) != 0 && (usage.Write & on) != 0);
        if (!clash || (usage.Reported & inside) != 0) return null;
        usage.Reported |= inside;
        string kind = inside == Uses.InHardIrq ? "HARDIRQ" : "SOFTIRQ";
        return $"{{{kind}-ON-{((usage.Write & on) != 0 ? 'W' : 'R')}}} and {{IN-{kind}-{((usage.Write & inside) != 0 ? 'W' : 'R')}}}";
    }

    private static string DescribeUse(CpuBlock* block, int id, string uses)
    {
        string remedy = uses.Contains("SOFT", StringComparison.Ordinal) ? "spin_lock_bh" : "spin_lock_irqsave";
        return $"""
            WARNING: inconsistent lock state
            inconsistent {uses} usage of lock {Math.Abs(id)}.
            {ContextReport.Task} takes it now, preempt_count: 0x{block->Execution.PreemptCount:x8}, at {ContextReport.FirstCaller()}
             Possible unsafe locking scenario:
                   CPU0
              lock({Math.Abs(id)});
              <Interrupt>
                lock({Math.Abs(id)});
             *** DEADLOCK ***
            Take it with {remedy} wherever the handler could come.
            """;
    }

    private static string DescribeCircle(CpuBlock* block, int held, int wanted, List<(int From, int To, string Where)> path)
    {
        var text = new StringBuilder();
        text.Append($"""
            WARNING: possible circular locking dependency detected
            {ContextReport.Task} is trying to acquire lock:
             lock {Name(wanted)}, at {ContextReport.FirstCaller()}
            but task is already holding lock:
             lock {Name(held)}
            which lock already depends on the new lock.
            the existing dependency chain is:
            """);
        foreach ((int from, int to, string where) in path.Take(Shown)) text.Append($"\n -> lock {Name(from)}, then lock {Name(to)}, at {where}");
        int first = Math.Abs(held), second = Math.Abs(wanted);
        text.Append($"""

             Possible unsafe locking scenario:
                   CPU0                    CPU1
              lock({first});
                                           lock({second});
                                           lock({first});
              lock({second});
             *** DEADLOCK ***
            """);
        return text.Append(ContextReport.HeldLocks(block)).ToString();
    }

    private static string Name(int id) => id < 0 ? $"{-id} (read)" : $"{id}";

    private static Usage UsageOf(int id)
    {
        if (!s_locks.TryGetValue(Math.Abs(id), out Usage? usage)) s_locks.Add(Math.Abs(id), usage = new Usage());
        return usage;
    }
}
