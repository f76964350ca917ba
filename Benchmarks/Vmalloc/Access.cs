using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using KAlloc.Benchmarks.Core;

namespace KAlloc.Benchmarks.Vmalloc;

/// <summary>Which addresses are loaded.</summary>
internal enum Pattern
{
    /// <summary>One cache line of each page, pages in random order: the data stays in the cache, so what is left is the TLB.</summary>
    LineOfPage,

    /// <summary>As many lines, side by side: the same data in the cache, but few pages. What the loads of <see cref="LineOfPage"/> cost more is the TLB's.</summary>
    PackedLines,

    /// <summary>Any cache line.</summary>
    Random,

    /// <summary>Every cache line in turn.</summary>
    Sequential,
}

/// <summary>
/// The same amount of memory behind different mappings. Random loads wait for the one before. The book's "TLB thrash": what page tables of 4 KiB cost against
/// huge ones. Nanoseconds a load.
/// </summary>
internal sealed unsafe class Access : IDisposable
{
    private const int PageSize = 4096;
    private const int CacheLine = 64;
    private const int BlockBytes = PageSize << 10;

    private readonly KernelMemory _memory;
    private readonly List<nint> _blocks = [];
    private readonly List<(string Name, nint Start)> _views = [];
    private readonly nuint _bytes;
    private ulong _seed = 1;

    internal Access(int bytes)
    {
        // The first blocks are seen three ways; a process may have some 57,000 mappings of KAlloc's, and each scattered frame is one.
        _bytes = (nuint)bytes;
        _memory = KernelMemory.Boot(new KernelMemoryOptions { Layout = MemoryLayout.Flat, Backing = BackingKind.Memfd, MemorySize = (5 * (ulong)bytes) + (64 << 20) });
        Page* first = TakeBlocks();
        _views.Add(("direct", (nint)_memory.PageAddress(first)));
        var random = new Random(1);
        _views.Add(("scattered", Vmap(first, 1, random)));
        _views.Add(("in 64s", Vmap(first, 64, random)));
        _views.Add(("vmalloc", (nint)_memory.Vmalloc(_bytes)));
        _views.Add(("vmalloc_huge", (nint)_memory.Vmalloc(_bytes, huge: true)));
        Page* huge = TakeBlocks();
        var start = (byte*)_memory.PageAddress(huge);
        Unsafe.InitBlockUnaligned(start, 0, (uint)bytes);
        _memory.Memory.Arena.MakeHuge(start, _bytes);
        _views.Add(("direct-huge", (nint)start));
        foreach ((_, nint view) in _views) Unsafe.InitBlockUnaligned((void*)view, 0, (uint)bytes);
    }

    internal List<Contender> Contenders(Pattern pattern, int loads) => [.. _views.Select(view => new Contender(view.Name, () => pattern switch
    {
        Pattern.LineOfPage => Lines((byte*)view.Start, loads, PageSize, 1),
        Pattern.PackedLines => Lines((byte*)view.Start, loads, CacheLine, 0),
        Pattern.Random => Random((byte*)view.Start, loads),
        _ => Sequential((byte*)view.Start, loads),
    }))];

    /// <summary>Bytes of a view that the system says are mapped by huge pages.</summary>
    internal long HugeBytes(string name)
    {
        ulong start = (ulong)_views.Find(view => view.Name == name).Start, kilobytes = 0;
        bool inside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string[] fields = line.Split([' ', '-'], StringSplitOptions.RemoveEmptyEntries);
            if (ulong.TryParse(fields[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong first))
            {
                ulong end = ulong.Parse(fields[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                inside = first < start + _bytes && end > start;
            }
            else if (inside && fields[0] == "ShmemPmdMapped:")
            {
                kilobytes += ulong.Parse(fields[1], CultureInfo.InvariantCulture);
            }
        }

        return (long)kilobytes << 10;
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>Neighbouring blocks of the fresh system.</summary>
    private Page* TakeBlocks()
    {
        Page* first = null;
        for (nuint got = 0; got < _bytes; got += BlockBytes)
        {
            Page* block = _memory.AllocPages(GfpFlags.Kernel, 10);
            if (first == null) first = block;
            if (block != first + (got / PageSize)) throw new InvalidOperationException("The blocks of a fresh system are not neighbours.");
            _blocks.Add((nint)block);
        }

        return first;
    }

    /// <summary>The frames once more, in runs of a length in random order.</summary>
    private nint Vmap(Page* first, int run, Random random)
    {
        int frames = (int)(_bytes / PageSize);
        int[] order = [.. Enumerable.Range(0, frames / run)];
        random.Shuffle(order);
        var pages = new Page*[frames];
        for (int i = 0; i < frames; i++) pages[i] = first + (order[i / run] * run) + (i % run);
        return (nint)_memory.Vmap(pages);
    }

    /// <summary>One line for each page of the range, <paramref name="stride"/> bytes apart.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private double Lines(byte* start, int loads, ulong stride, ulong spread)
    {
        ulong mask = (_bytes / PageSize) - 1, position = _seed;
        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < loads; i++)
        {
            // Lines at the same place of each page would share a few sets of the cache.
            ulong line = (position >> 20) & mask;
            position = (position * 6364136223846793005) + 1442695040888963407 + *(ulong*)(start + (line * stride) + (line % (PageSize / CacheLine) * CacheLine * spread));
        }

        _seed = position;
        return Stopwatch.GetElapsedTime(begin).TotalNanoseconds / loads;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private double Random(byte* start, int loads)
    {
        ulong mask = _bytes - CacheLine, position = _seed;
        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < loads; i++) position = (position * 6364136223846793005) + 1442695040888963407 + *(ulong*)(start + ((position >> 20) & mask));
        _seed = position;
        return Stopwatch.GetElapsedTime(begin).TotalNanoseconds / loads;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private double Sequential(byte* start, int loads)
    {
        nuint sum = 0, bytes = _bytes, at = 0;
        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < loads; i++)
        {
            sum += *(nuint*)(start + at);
            at += CacheLine;
            if (at == bytes) at = 0;
        }

        _seed += sum;
        return Stopwatch.GetElapsedTime(begin).TotalNanoseconds / loads;
    }
}
