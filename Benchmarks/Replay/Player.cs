using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace KAlloc.Benchmarks.Replay;

/// <summary>Carries a trace out, in the order recorded, on one thread.</summary>
internal static class Player<THeap, TBlock, TTouch> where THeap : struct, IHeap<TBlock> where TTouch : struct, ITouch<THeap, TBlock>
{
    /// <param name="trace">What to do.</param>
    /// <param name="passes">How often.</param>
    /// <returns>Nanoseconds for an event.</returns>
    internal static double Play(Trace trace, int passes)
    {
        var slots = new TBlock[trace.Slots];
        long start = Stopwatch.GetTimestamp();
        for (int pass = 0; pass < passes; pass++) Pass(trace.Events, slots);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / passes / trace.Events.Length;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Pass(ReadOnlySpan<TraceEvent> events, Span<TBlock> slots)
    {
        foreach (ref readonly TraceEvent e in events)
        {
            ref TBlock block = ref slots[e.Slot];
            switch (e.Kind)
            {
                case TraceKind.Free:
                    TTouch.Taken(ref THeap.Start(block), e);
                    THeap.Free(block, e);
                    continue;
                case TraceKind.Allocate:
                    block = THeap.Allocate(e);
                    break;
                case TraceKind.Resize:
                    block = THeap.Resize(block, e);
                    break;
                case TraceKind.AllocateCleared:
                    block = THeap.AllocateCleared(e);
                    break;
                case TraceKind.AllocateAligned:
                    block = THeap.AllocateAligned(e);
                    break;
            }

            ref byte start = ref THeap.Start(block);
            if (Unsafe.IsNullRef(ref start)) Fail(e);
            TTouch.Given(ref start, e);
        }
    }

    [DoesNotReturn]
    private static void Fail(in TraceEvent e) => throw new InvalidOperationException($"{typeof(THeap).Name} has no memory for {e.Size} bytes.");
}
