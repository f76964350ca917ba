using System.CommandLine;
using KAlloc.Benchmarks.Core;

namespace KAlloc.Benchmarks.Replay;

/// <summary>What <see cref="ReplayCommand"/> starts for each figure of memory: prints the growth of the peak, in bytes.</summary>
internal static class ReplayMemoryCommand
{
    internal const string Name = "replay-memory";

    internal static Command Create()
    {
        Argument<string> file = new("FILE");
        Argument<string> allocator = new("ALLOCATOR");
        Argument<int> limit = new("EVENTS");
        Command command = new(Name, "Peak memory of one trace on one allocator.") { file, allocator, limit };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            Console.WriteLine(PeakGrowth(parsed.GetRequiredValue(file), parsed.GetRequiredValue(allocator), parsed.GetRequiredValue(limit)));
            return 0;
        });
        return command;
    }

    private static long PeakGrowth(string file, string allocator, int limit)
    {
        Peer peer = Peer.All().First(candidate => candidate.Name == allocator);
        Trace trace = TraceReader.Read(file, limit);

        // The code is compiled, and what the reader left behind collected, before anything is measured.
        peer.Fill(TraceReader.Read(file, 10), 1);
        GC.Collect();
        return ResidentMemory.PeakGrowth(() => peer.Fill(trace, 1));
    }
}
