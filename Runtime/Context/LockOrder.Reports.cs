// The reports of LockOrder, in the shape of lockdep's. Made under the gate, printed outside of it.

using System.Text;

namespace KAlloc;

public static unsafe partial class LockOrder
{
    private const int Shown = 8;

    private static string DescribeUse(CpuBlock* block, int node, string uses)
    {
        string name = LockClasses.NameOf(Math.Abs(node));
        string remedy = uses.Contains("SOFT", StringComparison.Ordinal) ? "spin_lock_bh" : "spin_lock_irqsave";
        return $"""
            WARNING: inconsistent lock state
            inconsistent {uses} usage of {name}.
            {ContextReport.Task} takes it now, preempt_count: 0x{block->Execution.PreemptCount:x8}, at {ContextReport.FirstCaller()}
             Possible unsafe locking scenario:
                   CPU0
              lock({name});
              <Interrupt>
                lock({name});
             *** DEADLOCK ***
            Take it with {remedy} wherever the handler could come.
            """;
    }

    private static string DescribeCircle(CpuBlock* block, int held, int wanted, List<Edge> path)
    {
        string first = LockClasses.NameOf(Math.Abs(held)), second = LockClasses.NameOf(Math.Abs(wanted));
        var text = new StringBuilder();
        text.Append($"""
            WARNING: possible circular locking dependency detected
            {ContextReport.Task} is trying to acquire lock:
             {LockClasses.NameOf(wanted)}, at {ContextReport.FirstCaller()}
            but task is already holding lock:
             {LockClasses.NameOf(held)}
            which lock already depends on the new lock.
            the existing dependency chain is:
            """);
        Append(text, path);
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

    private static string DescribeInversion(Uses inside, int safe, int unsafeOne, List<Edge> path)
    {
        string kind = inside == Uses.InHardIrq ? "HARDIRQ" : "SOFTIRQ";
        string first = LockClasses.NameOf(safe), last = LockClasses.NameOf(unsafeOne);
        var text = new StringBuilder();
        text.Append($"""
            WARNING: {kind}-safe -> {kind}-unsafe lock order detected
            {ContextReport.Task}, at {ContextReport.FirstCaller()}
            a handler takes
             {first}
            which is held while one waits for
             {last}
            which others hold with interrupts on.
            the dependency chain is:
            """);
        Append(text, path);
        text.Append($"""

             Possible interrupt unsafe locking scenario:
                   CPU0                    CPU1
              lock({last});
                                           local_irq_disable();
                                           lock({first});
                                           lock({last});
              <Interrupt>
                lock({first});
             *** DEADLOCK ***
            """);
        return text.ToString();
    }

    private static void Append(StringBuilder text, List<Edge> path)
    {
        foreach (Edge edge in path.Take(Shown)) text.Append($"\n -> {LockClasses.NameOf(edge.From)}, then {LockClasses.NameOf(edge.To)}, at {edge.Where}");
    }
}
