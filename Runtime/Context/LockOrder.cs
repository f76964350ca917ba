// The order in which locks are taken, learned while the program runs: two locks taken in both orders can deadlock, whether or not they do today.
//
//   thread 1:  A, then B        edge A → B          thread 2:  B, then A       edge B → A closes a circle: reported before the thread waits
//
// The same for interrupts. A lock that a handler takes, and that other code takes with interrupts on, can be wanted by the handler that interrupted its
// holder. And one step further: a lock A of handlers, held while B is waited for, when B is taken with interrupts on: B's holder is interrupted by a handler that wants A.
// The nodes are classes of locks (LockClasses), as the kernel's, so that two devices teach about all devices. Locks of one class held together are told apart
// one by one: parent and child are often both held, in an order that only the program knows, so there the same two must meet in both orders.
// Readers do not shut readers out, so a circle counts only if at each lock in it one of the two is a writer. Who only tries does not wait: a
// trylock adds no edge towards it. Each edge and each kind of use is learned once and reported once.
// Cost: off, one test of a static at each lock; on, a lookup for each lock held, and a stack trace for each new edge.
// Kernel concept: lockdep (CONFIG_PROVE_LOCKING). Not done: subclasses (the above makes them needless), cross-release.

using System.Collections.Concurrent;

namespace KAlloc;

/// <summary>Detection of locks taken in opposite orders and of locks that an interrupt handler shares with code that leaves interrupts on.</summary>
public static unsafe partial class LockOrder
{
    [Flags]
    private enum Uses
    {
        None = 0,
        InHardIrq = 1,
        HardIrqOn = 2,
        InSoftIrq = 4,
        SoftIrqOn = 8,
    }

    /// <summary>The second lock was taken while the first was held; signed as in HeldLocks.</summary>
    private readonly record struct Edge(int From, int To, string Where);

    /// <summary>How the locks of one class were used so far; changed under the gate.</summary>
    private sealed class Usage
    {
        internal Uses Write;
        internal Uses Read;
        internal Uses Reported;

        /// <summary>Locks taken while this one was held.</summary>
        internal readonly List<Edge> Then = [];

        /// <summary>Whether one who uses the lock so can wait for one who holds it in the given mode, or the other way round.</summary>
        internal bool Clashes(Uses use, int mode) => (Write & use) != 0 || (mode > 0 && (Read & use) != 0);
    }

    private static readonly Lock s_gate = new();
    private static readonly Dictionary<int, Usage> s_locks = [];
    private static readonly ConcurrentDictionary<long, bool> s_edges = new();
    private static readonly HashSet<(int Safe, int Unsafe, Uses Kind)> s_inversions = [];

    /// <summary>
    /// Whether it is on; off by default, on with the runtimeconfig knob <c>KAlloc.ProveLocking</c>. What was learned is kept while it is off.
    /// Locks that are initialised while it is off belong to no class. The kernel's <c>CONFIG_PROVE_LOCKING</c>.
    /// </summary>
    public static bool Enabled
    {
        get => (Watch.On & Watch.Locks) != 0;
        set => Watch.Set(Watch.Locks, value);
    }

    /// <summary>Forgets what was learned.</summary>
    public static void Reset()
    {
        lock (s_gate)
        {
            s_locks.Clear();
            s_edges.Clear();
            s_inversions.Clear();
            LockClasses.Reset();
        }
    }

    /// <summary>The thread is about to wait for a lock, or has got one that it tried for.</summary>
    internal static void Note(CpuBlock* block, int id, bool tried)
    {
        PreemptionPlace.Note(block);
        if (!Enabled) return;
        int node = LockClasses.Of(id);
        NoteUse(block, node, tried);
        if (tried) return;
        int held = Math.Min(block->Execution.HeldLockCount, ExecutionState.MaxHeldLocks);
        for (int i = 0; i < held; i++)
        {
            int other = block->Execution.HeldLocks[i];
            if (Math.Abs(other) == Math.Abs(id)) continue;
            int before = LockClasses.Of(other);
            bool apart = Math.Abs(before) != Math.Abs(node);
            (int from, int to) = apart ? (before, node) : (other, id);
            if (s_edges.TryAdd((long)from << 32 | (uint)to, true)) AddEdge(block, from, to);
        }
    }

    private static void AddEdge(CpuBlock* block, int from, int to)
    {
        string where = ContextReport.FirstCaller();
        string? circle = null, inversion;
        lock (s_gate)
        {
            var path = new List<Edge>();
            if (FindPath(to, from, path, [])) circle = DescribeCircle(block, from, to, path);
            UsageOf(from).Then.Add(new Edge(from, to, where));
            inversion = FindInversion();
        }

        if (circle is not null) KernelReports.Warn(circle);
        if (inversion is not null) KernelReports.Warn(inversion + ContextReport.HeldLocks(block));
    }

    /// <summary>A chain of edges from the lock just asked for to the one held, on which each lock really shuts the next thread out.</summary>
    private static bool FindPath(int from, int target, List<Edge> path, HashSet<int> seen)
    {
        if (!seen.Add(from) || !s_locks.TryGetValue(Math.Abs(from), out Usage? usage)) return false;
        foreach (Edge edge in usage.Then)
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

    private static void NoteUse(CpuBlock* block, int node, bool tried)
    {
        Uses uses = UsesNow(block);
        if (tried) uses &= ~(Uses.InHardIrq | Uses.InSoftIrq);
        string? report, inversion;
        lock (s_gate)
        {
            Usage usage = UsageOf(node);
            ref Uses mine = ref node < 0 ? ref usage.Read : ref usage.Write;
            if ((mine | uses) == mine) return;
            mine |= uses;
            report = Conflict(usage, Uses.InHardIrq, Uses.HardIrqOn) ?? Conflict(usage, Uses.InSoftIrq, Uses.SoftIrqOn);
            if (report is not null) report = DescribeUse(block, node, report);
            inversion = FindInversion();
        }

        if (report is not null) KernelReports.Warn(report);
        if (inversion is not null) KernelReports.Warn(inversion + ContextReport.HeldLocks(block));
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

    /// <summary>
    /// A lock of handlers, held while one is waited for that others hold with interrupts on; null if there is none that was not told of. Asked when something new is known,
    /// which is as often as there are edges and kinds of use.
    /// </summary>
    private static string? FindInversion() => FindInversion(Uses.InHardIrq, Uses.HardIrqOn) ?? FindInversion(Uses.InSoftIrq, Uses.SoftIrqOn);

    private static string? FindInversion(Uses inside, Uses on)
    {
        foreach ((int safe, Usage usage) in s_locks)
        {
            if (((usage.Write | usage.Read) & inside) == 0) continue;
            foreach (Edge edge in usage.Then)
            {
                var path = new List<Edge> { edge };
                // Whoever is interrupted must hold up the handler: as writer, or the handler wants to write.
                if (!usage.Clashes(inside, edge.From) || !FindOn(edge.To, on, path, [])) continue;
                int unsafeOne = Math.Abs(path[^1].To);
                if (unsafeOne != safe && s_inversions.Add((safe, unsafeOne, inside))) return DescribeInversion(inside, safe, unsafeOne, path);
            }
        }

        return null;
    }

    /// <summary>A chain of edges to a lock that somebody holds with interrupts on.</summary>
    private static bool FindOn(int wanted, Uses on, List<Edge> path, HashSet<int> seen)
    {
        if (!seen.Add(wanted) || !s_locks.TryGetValue(Math.Abs(wanted), out Usage? usage)) return false;
        if (usage.Clashes(on, wanted)) return true;
        foreach (Edge edge in usage.Then)
        {
            if (wanted < 0 && edge.From < 0) continue;
            path.Add(edge);
            if (FindOn(edge.To, on, path, seen)) return true;
            path.RemoveAt(path.Count - 1);
        }

        return false;
    }

    private static Usage UsageOf(int node)
    {
        if (!s_locks.TryGetValue(Math.Abs(node), out Usage? usage)) s_locks.Add(Math.Abs(node), usage = new Usage());
        return usage;
    }
}
