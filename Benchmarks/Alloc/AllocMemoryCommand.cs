using System.CommandLine;

namespace KAlloc.Benchmarks.Alloc;

/// <summary>What <see cref="AllocCommand"/> starts for each figure of memory: prints the growth of the peak, in bytes.</summary>
internal static class AllocMemoryCommand
{
    internal const string Name = "alloc-memory";

    internal static Command Create()
    {
        Argument<string> workload = new("WORKLOAD");
        Argument<string> allocator = new("ALLOCATOR");
        Argument<int> pairs = new("PAIRS");
        Command command = new(Name, "Peak memory of one workload on one allocator.") { workload, allocator, pairs };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            Console.WriteLine(AllocCommand.PeakGrowth(parsed.GetRequiredValue(workload), parsed.GetRequiredValue(allocator), parsed.GetRequiredValue(pairs)));
            return 0;
        });
        return command;
    }
}
