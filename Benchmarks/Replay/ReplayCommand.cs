// Recorded runs of real programs on each allocator: what a row of calls in a real order costs, and how much memory it keeps.

using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using KAlloc.Benchmarks.Core;

namespace KAlloc.Benchmarks.Replay;

/// <summary>Replays traces; the format is in docs/benchmarks.md.</summary>
internal static class ReplayCommand
{
    private const string CSource = "Replay/replay.c";

    internal static Command Create()
    {
        Argument<string[]> files = new("FILE") { Description = "Traces; none: those that come with the program.", Arity = ArgumentArity.ZeroOrMore };
        Option<string[]> contenders = new("--contender") { Description = "Only these allocators.", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        Option<bool> noMemory = new("--no-memory") { Description = "Measure time only." };
        Option<bool> check = new("--check") { Description = "Measure nothing: stamp every byte and see that it is kept." };
        Command command = new("replay", "Traces of real programs on each allocator: time and peak memory.") { files, contenders, noMemory, check };
        return RunSettings.AddTo(command, (settings, parsed) =>
        {
            if (NativeAllocators.RestartWithRoom(Environment.GetCommandLineArgs()[1..]) is { } done) return done;
            string[] paths = parsed.GetValue(files) is { Length: > 0 } named ? named : Directory.GetFiles(Trace.Folder).Order(StringComparer.Ordinal).ToArray();
            try
            {
                int limit = settings.Quick ? 2000 : int.MaxValue;
                (string Path, Trace Trace)[] traces = [.. paths.Select(path => (path, TraceReader.Read(path, limit)))];
                string[] names = parsed.GetValue(contenders) ?? [];
                return parsed.GetValue(check) ? Check(traces, names) : Measure(traces, names, settings, !parsed.GetValue(noMemory), limit);
            }
            catch (Exception wrong) when (wrong is TraceException or IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine(wrong.Message);
                return 2;
            }
        });
    }

    private static bool Wanted(string name, string[] names) => names.Length == 0 || names.Contains(name);

    private static int Check((string Path, Trace Trace)[] traces, string[] names)
    {
        foreach ((_, Trace trace) in traces)
        {
            foreach (Peer peer in Peer.All().Where(peer => Wanted(peer.Name, names)))
            {
                peer.Check(trace, 1);
                Console.WriteLine($"{trace.Name}: {peer.Name} keeps every byte of {trace.Events.Length} events.");
            }
        }

        return 0;
    }

    private static int Measure((string Path, Trace Trace)[] traces, string[] names, RunSettings settings, bool memory, int limit)
    {
        var drivers = CDriver.Allocators(CSource).Where(c => Wanted(c.Name, names)).Select(c => (c.Name, c.Library, Driver: CDriver.Start(CSource, c.Library))).ToList();
        var results = new Results("traces, for an event", settings, "mimalloc-c", "NativeMemory");
        foreach ((string path, Trace trace) in traces)
        {
            Console.WriteLine($"{trace.Name}: {trace.Events.Length} events ({trace.LeftOver} frees added at the end), up to {trace.Slots} blocks and {trace.PeakLive} bytes at a time.");
            int passes = settings.Quick ? 1 : Math.Max(10, 1_000_000 / trace.Events.Length);
            var contenders = new List<Contender>();
            foreach (Peer peer in Peer.All().Append(Peer.None(trace)).Where(peer => Wanted(peer.Name, names)))
            {
                contenders.Add(new(peer.Name, () => peer.Time(trace, passes))
                {
                    Warm = () => peer.Time(trace, 1),
                    Memory = memory && peer.Name != Peer.Empty ? () => new(FreshPeak(path, peer.Name, limit), trace.PeakLive) : null,
                });
            }

            string raw = Path.GetTempFileName();
            File.WriteAllBytes(raw, MemoryMarshal.AsBytes<TraceEvent>(trace.Events));
            foreach ((string name, string? library, CDriver driver) in drivers)
            {
                contenders.Add(new(name, () => driver.Time(raw, passes) / trace.Events.Length) { Memory = memory ? () => new(FreshPeakInC(library, raw), trace.PeakLive) : null });
            }

            results.Add(Rounds.Measure(trace.Name, contenders, settings));
            File.Delete(raw);
        }

        foreach ((_, _, CDriver driver) in drivers) driver.Dispose();
        results.Publish();
        return 0;
    }

    private static long FreshPeak(string path, string allocator, int limit) =>
        long.Parse(ResidentMemory.InFreshProcess(ReplayMemoryCommand.Name, path, allocator, $"{limit}"), CultureInfo.InvariantCulture);

    private static long FreshPeakInC(string? library, string raw)
    {
        using CDriver driver = CDriver.Start(CSource, library);
        return driver.PeakGrowth(raw, 1);
    }
}
