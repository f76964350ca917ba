// A recorded run, decoded: what the file says is in docs/benchmarks.md, section replay.
//
// The events lie in an array, in the order recorded. Whatever a program keeps track of its blocks by, here a block has a slot, and slots
// are used again, so that to look one up costs next to nothing. What the program left to its exit is freed at the end: a replay begins and
// ends with nothing, and can be done again.

namespace KAlloc.Benchmarks.Replay;

/// <summary>What a program allocated and freed, in its order.</summary>
internal sealed class Trace
{
    /// <summary>Blocks that are never larger are the business of kmalloc; others of kvmalloc, all their life.</summary>
    internal const int LargestPlain = Linux.KMALLOC_MAX_SIZE;

    /// <summary>File name without what follows the first period.</summary>
    internal required string Name { get; init; }

    internal required TraceEvent[] Events { get; init; }

    /// <summary>Most blocks at a time.</summary>
    internal required int Slots { get; init; }

    /// <summary>Most bytes that the program had asked for at a time.</summary>
    internal required long PeakLive { get; init; }

    /// <summary>Frees at the end that the program did not make.</summary>
    internal required int LeftOver { get; init; }

    internal required int Threads { get; init; }

    internal uint LargestSize => Events.Max(e => e.Size);

    /// <summary>The folder of the traces that come with this program.</summary>
    internal static string Folder => Path.Combine(AppContext.BaseDirectory, "Traces");
}
