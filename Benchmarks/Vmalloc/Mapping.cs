using System.Diagnostics;
using KAlloc.Benchmarks.Core;

namespace KAlloc.Benchmarks.Vmalloc;

/// <summary>Mapping 1024 frames that lie in runs of a length: nanoseconds for the mapping of all of them; the unmapping is not timed.</summary>
internal sealed unsafe class Mapping : IDisposable
{
    private const int Frames = 1024;
    private const nuint PageSize = 4096;

    internal static readonly int[] Runs = [1, 16, 64, 1024];

    private readonly KernelMemory _memory = KernelMemory.Boot(new KernelMemoryOptions { Layout = MemoryLayout.Flat, Backing = BackingKind.Memfd, MemorySize = 64 << 20 });
    private readonly byte* _window = AddressSpace.ReserveInaccessible(Frames * PageSize);
    private readonly Page* _first;

    internal Mapping()
    {
        // Two blocks, of which every second run is used: runs never touch. All frames have been written before.
        _first = _memory.AllocPages(GfpFlags.Kernel, 10);
        Page* second = _memory.AllocPages(GfpFlags.Kernel, 10);
        if (second != _first + Frames) throw new InvalidOperationException("The first blocks of a fresh system are not neighbours.");
        new Span<byte>(_memory.PageAddress(_first), 2 * Frames * (int)PageSize).Fill(1);
    }

    internal List<Contender> Contenders(int run, int count) =>
    [
        new("vmap", () => Vmap(run, count)),
        new("mmap", () => Mmap(run, count, populate: false)),
        new("mmap-full", () => Mmap(run, count, populate: true)),
        new("mmap-touch", () => Mmap(run, count, populate: false, touch: true)),
    ];

    public void Dispose()
    {
        _memory.FreePages(_first, 10);
        _memory.FreePages(_first + Frames, 10);
        AddressSpace.Release(_window, Frames * PageSize);
        _memory.Dispose();
    }

    private double Vmap(int run, int count)
    {
        Page** pages = stackalloc Page*[Frames];
        for (int i = 0; i < Frames; i++) pages[i] = _first + FrameAt(i, run);
        long ticks = 0;
        for (int turn = 0; turn < count; turn++)
        {
            long start = Stopwatch.GetTimestamp();
            void* range = _memory.VmallocSystem.Map(pages, Frames, AreaKind.Vmap);
            ticks += Stopwatch.GetTimestamp() - start;
            _memory.Vunmap(range);
        }

        return Nanoseconds(ticks, count);
    }

    private double Mmap(int run, int count, bool populate, bool touch = false)
    {
        Arena arena = _memory.Memory.Arena;
        nuint offset = (nuint)(_first - _memory.Memory.MemMap) * PageSize;
        long ticks = 0;
        for (int turn = 0; turn < count; turn++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Frames; i += run)
                arena.Map(_window + ((nuint)i * PageSize), offset + ((nuint)FrameAt(i, run) * PageSize), (nuint)run * PageSize, populate: false);
            if (populate) arena.Populate(_window, Frames * PageSize);
            for (int i = 0; touch && i < Frames; i++) _window[(nuint)i * PageSize] = 1;
            ticks += Stopwatch.GetTimestamp() - start;
            arena.Unmap(_window, Frames * PageSize);
        }

        return Nanoseconds(ticks, count);
    }

    /// <summary>Every second run of the two blocks; a run of all frames is the first block.</summary>
    private static int FrameAt(int index, int run) => run == Frames ? index : (index / run * 2 * run) + (index % run);

    private static double Nanoseconds(long ticks, int count) => ticks * 1e9 / Stopwatch.Frequency / count;
}
