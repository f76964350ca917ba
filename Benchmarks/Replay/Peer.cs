using KAlloc.Benchmarks.Core;

namespace KAlloc.Benchmarks.Replay;

/// <summary>An allocator of this process: carries a trace out for time, writing every byte for memory, or looking after every byte.</summary>
internal sealed record Peer(string Name, Func<Trace, int, double> Time, Func<Trace, int, double> Fill, Func<Trace, int, double> Check)
{
    /// <summary>What a replay costs that asks nothing of anybody.</summary>
    internal const string Empty = "empty";

    internal static IEnumerable<Peer> All()
    {
        yield return Of<KernelHeap, nint>("kalloc");
        yield return Of<KernelHeapCalled, nint>("kalloc-called");
        yield return Of<NativeHeap, nint>("NativeMemory");
        yield return Of<PoolHeap, byte[]>("ArrayPool");
        if (NativeAllocator<Mimalloc>.IsAvailable) yield return Of<LibraryHeap<Mimalloc>, nint>(Mimalloc.Name);
        if (NativeAllocator<Jemalloc>.IsAvailable) yield return Of<LibraryHeap<Jemalloc>, nint>(Jemalloc.Name);
        if (NativeAllocator<Tcmalloc>.IsAvailable) yield return Of<LibraryHeap<Tcmalloc>, nint>(Tcmalloc.Name);
    }

    internal static Peer None(Trace trace)
    {
        NoHeap.Prepare(trace.LargestSize);
        return Of<NoHeap, nint>(Empty);
    }

    private static Peer Of<THeap, TBlock>(string name) where THeap : struct, IHeap<TBlock> => new(
        name, Player<THeap, TBlock, Pages<THeap, TBlock>>.Play, Player<THeap, TBlock, Fill<THeap, TBlock>>.Play, Player<THeap, TBlock, Stamps<THeap, TBlock>>.Play);
}
