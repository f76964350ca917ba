using System.CommandLine;
using KAlloc.Benchmarks.Alloc;
using KAlloc.Benchmarks.Analysis;
using KAlloc.Benchmarks.Bulk;
using KAlloc.Benchmarks.Pages;
using KAlloc.Benchmarks.Replay;
using KAlloc.Benchmarks.Vmalloc;

namespace KAlloc.Benchmarks;

/// <summary>The subjects. A test runs each that measures with <c>--quick</c>.</summary>
internal static class BenchmarkCommands
{
    internal static IEnumerable<Command> Create() =>
    [
        AllocCommand.Create(),
        AllocMemoryCommand.Create(),
        ReplayCommand.Create(),
        ReplayMemoryCommand.Create(),
        ConvertCommand.Create(),
        PagesCommand.Create(),
        AnalyzersCommand.Create(),
        AnalyzersCommand.CreatePeak(),
        FindingsCommand.Create(),
        BulkCommand.Create(),
        VmallocCommand.Create(),
    ];
}
