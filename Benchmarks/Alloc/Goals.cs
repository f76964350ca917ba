using System.Globalization;
using KAlloc.Benchmarks.Core;
using Spectre.Console;

namespace KAlloc.Benchmarks.Alloc;

/// <summary>The goals: largest allowed median ratio of time to a peer in the same run.</summary>
internal static class Goals
{
    private static readonly (string[] Workloads, string Own, string Peer, double Limit)[] s_times =
    [
        (["same64"], "kalloc", "mimalloc-c", 0.8), (["same64"], "kalloc-called", "mimalloc-c", 1.2),
        (["same64"], "kalloc", "NativeMemory", 0.5), (["same64"], "kalloc", "ArrayPool", 0.7),
        (["lifo", "fifo", "rand"], "kalloc", "mimalloc-c", 0.8), (["lifo", "fifo", "rand"], "kalloc-called", "mimalloc-c", 1.3),
        (["lifo", "fifo", "rand"], "kalloc", "NativeMemory", 0.2), (["lifo", "fifo", "rand"], "kalloc", "ArrayPool", 0.1),
        (["mix10k"], "kalloc", "mimalloc-c", 1.0), (["mix10k"], "kalloc", "NativeMemory", 0.4), (["mix10k"], "kalloc", "ArrayPool", 0.2),
        (["big"], "kalloc", "mimalloc-c", 0.4), (["big"], "kalloc", "NativeMemory", 0.1), (["big"], "kalloc", "ArrayPool", 0.2),
        (["prodcons", "larson"], "kalloc", "mimalloc-c", 0.5), (["prodcons", "larson"], "kalloc", "NativeMemory", 0.2),
        (["prodcons", "larson"], "kalloc", "ArrayPool", 0.1),
    ];

    /// <summary>A table of goals and what was reached. Only a look: whether a run meets them depends on the machine.</summary>
    internal static Table Compare(Results results)
    {
        Table table = new Table().Border(TableBorder.Simple).Title("Goals");
        table.AddColumns("workload", "row", "against", "goal", "median ratio", "");
        foreach ((string[] workloads, string own, string peer, double limit) in s_times)
        {
            foreach (string workload in workloads)
            {
                if (results.Find(workload, own) is { } mine && results.Find(workload, peer) is { } other) Add(table, workload, own, peer, limit, mine.RatioTo(other));
            }
        }

        foreach (string peer in (string[])["mimalloc-c", "NativeMemory"])
        {
            if (results.Find("mix10k", "kalloc") is { Memory.PeakResident: > 0 } mine && results.Find("mix10k", peer) is { Memory.PeakResident: > 0 } other)
                Add(table, "mix10k memory", "kalloc", peer, 1.0, (double)mine.Memory.PeakResident / other.Memory.PeakResident);
        }

        return table;
    }

    private static void Add(Table table, string workload, string own, string peer, double limit, double ratio) =>
        table.AddRow(workload, own, peer, string.Create(CultureInfo.InvariantCulture, $"≤ {limit:0.0#}"), string.Create(CultureInfo.InvariantCulture, $"{ratio:0.00}"),
            ratio <= limit ? "met" : "missed");
}
