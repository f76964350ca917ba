using System.CommandLine;
using System.Globalization;
using KAlloc.Benchmarks.Core;
using Spectre.Console;

namespace KAlloc.Benchmarks.Alloc;

/// <summary>kmalloc against the allocators of .NET and of C, at the workloads of <see cref="Kernels{TAllocator, TBlock}"/>.</summary>
internal static class AllocCommand
{
    private const string CSource = "Alloc/driver.c";

    /// <summary>What part of a sample warms up: long enough for the JIT to see how often each branch is taken.</summary>
    private const int WarmShare = 100;

    /// <summary>Name, threads, pairs of calls in a sample.</summary>
    internal static readonly (string Name, int Threads, int Pairs)[] Workloads =
    [
        ("same64", 1, 1_000_000), ("lifo", 1, 1_000_000), ("fifo", 1, 1_000_000), ("rand", 1, 1_000_000), ("mix10k", 1, 500_000),
        ("big", 1, 300_000), ("prodcons", 2, 400_000), ("larson", 2, 100_000), ("indep2", 2, 300_000),
    ];

    internal static Command Create()
    {
        Option<string[]> only = new("--workload") { Description = "Only these workloads.", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        Option<string[]> contenders = new("--contender") { Description = "Only these allocators.", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        Option<bool> noMemory = new("--no-memory") { Description = "Measure time only." };
        Command command = new("alloc", "kmalloc against NativeMemory, ArrayPool, mimalloc, jemalloc, tcmalloc: time and peak memory.") { only, contenders, noMemory };
        return RunSettings.AddTo(command, (settings, parsed) =>
            NativeAllocators.RestartWithRoom(Environment.GetCommandLineArgs()[1..]) ?? Run(settings, parsed.GetValue(only) ?? [], parsed.GetValue(contenders) ?? [],
                !parsed.GetValue(noMemory)));
    }

    /// <summary>The peak growth of one workload on one allocator of .NET, in this process.</summary>
    internal static long PeakGrowth(string workload, string allocator, int pairs)
    {
        Peer peer = Peers().First(candidate => candidate.Name == allocator);
        peer.Fill(workload, 100, 500);
        return ResidentMemory.PeakGrowth(() => peer.Fill(workload, pairs, 1));
    }

    private static int Run(RunSettings settings, string[] only, string[] names, bool memory)
    {
        bool Wanted(string name) => names.Length == 0 || names.Contains(name);
        var drivers = CDriver.Allocators(CSource).Where(c => Wanted(c.Name)).Select(c => (c.Name, c.Library, Driver: CDriver.Start(CSource, c.Library))).ToList();
        var results = new Results("malloc and free", settings, "mimalloc-c", "NativeMemory");
        foreach ((string workload, int threads, int fullPairs) in Workloads)
        {
            if (only.Length > 0 && !only.Contains(workload)) continue;
            int pairs = settings.Quick ? 2000 : fullPairs;
            long live = 0;
            if (memory)
            {
                Counting.TakePeak();
                Kernels<Counting, Counting.Size>.Run(workload, Math.Min(pairs, 50_000));
                live = Counting.TakePeak();
            }

            var contenders = new List<Contender>();
            foreach (Peer peer in Peers().Where(peer => Wanted(peer.Name)))
            {
                contenders.Add(new(peer.Name, () => peer.Time(workload, pairs), threads)
                {
                    Warm = () => peer.Time(workload, pairs / WarmShare),
                    Memory = memory ? () => new(long.Parse(ResidentMemory.InFreshProcess(AllocMemoryCommand.Name, workload, peer.Name, $"{pairs}"), CultureInfo.InvariantCulture), live) : null,
                });
            }

            foreach ((string name, string? library, CDriver driver) in drivers)
            {
                contenders.Add(new(name, () => driver.Time(workload, pairs), threads) { Memory = memory ? () => new(FreshPeak(library, workload, pairs), live) : null });
            }

            results.Add(Rounds.Measure(workload, contenders, settings));
        }

        foreach ((_, _, CDriver driver) in drivers) driver.Dispose();
        results.Publish();
        AnsiConsole.Write(Goals.Compare(results));
        return 0;
    }

    private static long FreshPeak(string? library, string workload, int pairs)
    {
        using CDriver driver = CDriver.Start(CSource, library);
        return driver.PeakGrowth(workload, pairs);
    }

    private static IEnumerable<Peer> Peers()
    {
        yield return Peer.Of<Kmalloc, nint>("kalloc");
        yield return Peer.Of<KmallocCalled, nint>("kalloc-called");
        yield return Peer.Of<Native, nint>("NativeMemory");
        yield return Peer.Of<Pool, byte[]>("ArrayPool");
        if (NativeAllocator<Mimalloc>.IsAvailable) yield return Peer.Of<Library<Mimalloc>, nint>(Mimalloc.Name);
        if (NativeAllocator<Jemalloc>.IsAvailable) yield return Peer.Of<Library<Jemalloc>, nint>(Jemalloc.Name);
        if (NativeAllocator<Tcmalloc>.IsAvailable) yield return Peer.Of<Library<Tcmalloc>, nint>(Tcmalloc.Name);
    }

    /// <summary>An allocator of this process: runs a workload for time, or writing every byte for memory.</summary>
    private sealed record Peer(string Name, Func<string, int, double> Time, Action<string, int, int> Fill)
    {
        internal static Peer Of<TAllocator, TBlock>(string name) where TAllocator : struct, IAllocator<TBlock> => new(
            name,
            (workload, pairs) => Kernels<TAllocator, TBlock>.Run(workload, pairs),
            (workload, pairs, shrink) => Kernels<Filling<TAllocator, TBlock>, TBlock>.Run(workload, pairs, shrink));
    }
}
