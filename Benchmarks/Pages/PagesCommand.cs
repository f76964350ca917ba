using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using KAlloc.Benchmarks.Core;
using Spectre.Console;

namespace KAlloc.Benchmarks.Pages;

/// <summary>The page allocator against aligned allocation and the operating system; what a boot costs; what grouping by mobility is worth.</summary>
internal static class PagesCommand
{
    /// <summary>Name, order, blocks of a batch, threads, pairs in a sample.</summary>
    private static readonly (string Name, int Order, int Batch, int Threads, int Pairs)[] s_workloads =
    [
        ("o0 ×1", 0, 1, 1, 300_000), ("o0 ×128", 0, 128, 1, 12_800), ("o0 ×16384", 0, 16_384, 1, 16_384),
        ("o4 ×1", 4, 1, 1, 50_000), ("o4 ×128", 4, 128, 1, 6400), ("o9 ×1", 9, 1, 1, 3000), ("o9 ×32", 9, 32, 1, 640),
        ("o0 ×1 on 2 threads", 0, 1, 2, 300_000), ("o0 ×128 on 2 threads", 0, 128, 2, 12_800),
    ];

    /// <summary>Largest batch of which a few are done to warm up.</summary>
    private const int WarmBatch = 128;

    internal static Command Create() => RunSettings.AddTo(
        new Command("pages", "alloc_pages against NativeMemory.AlignedAlloc and mmap; boot; fragmentation."), (settings, _) => Run(settings));

    private static int Run(RunSettings settings)
    {
        KernelMemory.BootDefault(new KernelMemoryOptions { MemorySize = 1UL << 30, GiveBackAfter = Timeout.InfiniteTimeSpan });
        var results = new Results("pages", settings, "AlignedAlloc");
        foreach ((string name, int order, int batch, int threads, int fullPairs) in s_workloads)
        {
            int pairs = settings.Quick ? batch * 2 : fullPairs;
            List<Contender> contenders = order switch
            {
                0 => Contenders<Order0>(batch, pairs, threads),
                4 => Contenders<Order4>(batch, pairs, threads),
                _ => Contenders<Order9>(batch, pairs, threads),
            };
            results.Add(Rounds.Measure(name, contenders, settings));
        }

        int bulk = settings.Quick ? 256 : 12_800;
        results.Add(Rounds.Measure("bulk 128",
        [
            new("kalloc", () => BulkKernel.Run(bulk)),
            new("AlignedAlloc", () => PageKernels<Aligned, Order0>.Run(BulkKernel.Pages, bulk, 1)),
        ], settings));
        results.Publish();
        AnsiConsole.Write(Goals(results, settings));
        return 0;
    }

    private static List<Contender> Contenders<TOrder>(int batch, int pairs, int threads) where TOrder : struct, IOrder
    {
        List<Contender> contenders = [Of<Kalloc>("kalloc", pairs), Of<KallocCalled>("kalloc-called", pairs), Of<Aligned>("AlignedAlloc", pairs)];

        // A map and an unmap are two system calls and a page fault: fewer of them will do.
        if (OperatingSystem.IsLinux()) contenders.Add(Of<Mapped>("mmap", Math.Max(batch, pairs / 10)));
        return contenders;

        // Large batches run the loop of the small ones, which is warm by then.
        Contender Of<TSource>(string name, int number) where TSource : struct, IPageSource => new(name, () => PageKernels<TSource, TOrder>.Run(batch, number, threads), threads)
        {
            Warm = batch > WarmBatch ? null : () => PageKernels<TSource, TOrder>.Run(batch, Math.Max(batch * 2, WarmBatch), threads),
        };
    }

    private static Table Goals(Results results, RunSettings settings)
    {
        Table table = new Table().Border(TableBorder.Simple).Title("Goals");
        table.AddColumns("what", "goal", "measured", "");
        if (results.Find("o0 ×1", "kalloc") is { } own && results.Find("o0 ×1", "AlignedAlloc") is { } peer)
            Row("order-0 pair, ratio to AlignedAlloc", 0.15, own.RatioTo(peer), "", most: true);

        if (results.Find("o0 ×1", "kalloc-called") is { } called && results.Find("o0 ×1", "AlignedAlloc") is { } callPeer)
            Row("the same, called", 0.15, called.RatioTo(callPeer), "", most: true);

        (double milliseconds, double megabytes) = Boot(settings.Rounds);
        Row("boot of 64 GiB", 5, milliseconds, " ms", most: true);
        Row("boot of 64 GiB, resident", 4, megabytes, " MiB", most: true);

        Fragmentation.Shares on = Fragmentation.Run(grouping: true, settings.Quick), off = Fragmentation.Run(grouping: false, settings.Quick);
        table.AddRow("free memory in order 9, 70 % full", "", Text($"{on.Full:P1} grouped, {off.Full:P1} not"), "");
        table.AddRow("free memory in order 9, movable gone", "", Text($"{on.Reclaimed:P1} grouped, {off.Reclaimed:P1} not"), "");
        Row("the same, grouped over not", 2, off.Reclaimed == 0 ? double.PositiveInfinity : on.Reclaimed / off.Reclaimed, "", most: false);
        return table;

        void Row(string what, double goal, double measured, string unit, bool most) => table.AddRow(
            what, Text($"{(most ? "≤" : "≥")} {goal:0.##}{unit}"), Text($"{measured:0.00}{unit}"), (most ? measured <= goal : measured >= goal) ? "met" : "missed");
    }

    /// <summary>Median time and growth of resident memory of a boot, in a process whose code is compiled.</summary>
    private static (double Milliseconds, double Megabytes) Boot(int rounds)
    {
        var options = new KernelMemoryOptions { MemorySize = 64UL << 30 };
        var times = new List<double>();
        var grown = new List<double>();
        for (int i = 0; i < rounds + 2; i++)
        {
            double milliseconds = 0;
            KernelMemory? memory = null;
            long bytes = ResidentMemory.PeakGrowth(() =>
            {
                long start = Stopwatch.GetTimestamp();
                memory = KernelMemory.Boot(options);
                milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            });
            memory!.Dispose();
            if (i < 2) continue;
            times.Add(milliseconds);
            grown.Add(bytes / (double)(1 << 20));
        }

        return (times.Order().ElementAt(rounds / 2), grown.Order().ElementAt(rounds / 2));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
