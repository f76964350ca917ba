using System.Runtime.InteropServices;

namespace KAlloc.Benchmarks.Replay;

/// <summary>What a program asked of its allocator. The letters are those of the file.</summary>
internal enum TraceKind : byte
{
    /// <summary><c>malloc</c>.</summary>
    Allocate = (byte)'m',

    /// <summary><c>calloc</c>: the memory is zero.</summary>
    AllocateCleared = (byte)'c',

    /// <summary><c>memalign</c> and its like.</summary>
    AllocateAligned = (byte)'a',

    /// <summary><c>realloc</c>.</summary>
    Resize = (byte)'r',

    /// <summary><c>free</c>.</summary>
    Free = (byte)'f',
}

/// <summary>One event, ready to be carried out. Sixteen bytes, laid out as replay.c reads them.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TraceEvent
{
    /// <summary>Bytes asked for; 0 at <see cref="TraceKind.Free"/>.</summary>
    internal uint Size { get; init; }

    /// <summary>Bytes that the block had before: at <see cref="TraceKind.Resize"/> and <see cref="TraceKind.Free"/>.</summary>
    internal uint OldSize { get; init; }

    /// <summary>Where the block is kept. Slots are used again, as few as there are blocks at a time.</summary>
    internal int Slot { get; init; }

    internal TraceKind Kind { get; init; }

    /// <summary>Logarithm of the alignment that the block was asked for with; 0: none.</summary>
    internal byte AlignmentLog2 { get; init; }

    /// <summary>Whether the block is at some time of its life larger than <see cref="Trace.LargestPlain"/>.</summary>
    internal bool IsHuge { get; init; }

    /// <summary>The thread, numbered as they appear; those past the 255th share a number.</summary>
    internal byte Thread { get; init; }
}
