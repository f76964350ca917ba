// The .NET face of reclaim: shrinkers, running out of memory, giving memory back, what the books cost.

namespace KAlloc;

public sealed unsafe partial class KernelMemory
{
    /// <summary>Told when memory is out: a request that may sleep found none, and reclaim freed none. Runs on the thread of the request, before
    /// <see cref="KernelMemoryOptions.OutOfMemory"/> is applied.</summary>
    public event Action<OutOfMemoryInfo> OutOfMemoryReached
    {
        add => Pages.OutOfMemoryReached += value;
        remove => Pages.OutOfMemoryReached -= value;
    }

    /// <summary>What the system's own books cost beside its memory.</summary>
    public MemoryOverhead Overhead => new(
        (ulong)Memory.MemMapBytes, (ulong)Memory.Frames * 2, (ulong)MetaMemory.Bytes, (ulong)Pages.Sets.Bytes);

    /// <summary>Bytes whose memory went back to the operating system so far. They are used again when needed.</summary>
    public ulong GivenBackBytes => (ulong)Pages.GivenBackBytes;

    /// <summary>
    /// Bytes of free or used frames that have memory behind them for good: what <see cref="GfpFlags.Atomic"/> requests get first, so that the first
    /// touch is no page fault. See <see cref="KernelMemoryOptions.AtomicReserve"/>.
    /// </summary>
    public ulong PopulatedReserveBytes => (ulong)Pages.ReserveFrames << Memory.PageShift;

    /// <summary>The size of a memory map: what it costs to know every page of a memory.</summary>
    /// <remarks>
    /// The book's sum: 4 GiB in pages of 8 KiB with a <c>struct page</c> of 40 bytes are 20 MiB. Here a page has 4 KiB and its struct 32 bytes, 0.78 %.
    /// </remarks>
    /// <param name="bytes">Bytes of memory.</param>
    /// <param name="pageSize">Bytes of a page, a power of two.</param>
    /// <param name="structSize">Bytes that describe one page.</param>
    /// <returns>Bytes.</returns>
    public static ulong MemoryMapCost(ulong bytes, int pageSize = (int)DefaultMap.PageSize, int structSize = Page.Bytes) =>
        PhysicalMemory.MapCost(bytes, pageSize, structSize);

    /// <summary>Registers a cache that gives memory back when it runs low (<c>register_shrinker</c>).</summary>
    /// <param name="shrinker">The shrinker. Registering it twice is a BUG.</param>
    [MightSleep]
    public void RegisterShrinker(Shrinker shrinker)
    {
        ArgumentNullException.ThrowIfNull(shrinker);
        MightSleep.Check();
        Pages.Register(shrinker);
    }

    /// <summary>Takes a shrinker back (<c>unregister_shrinker</c>). When it returns, no thread runs the shrinker any more.</summary>
    /// <param name="shrinker">The shrinker. One that is not registered is a BUG.</param>
    [MightSleep]
    public void UnregisterShrinker(Shrinker shrinker)
    {
        ArgumentNullException.ThrowIfNull(shrinker);
        MightSleep.Check();
        Pages.Unregister(shrinker);
    }

    /// <summary>
    /// Gives all memory that nobody uses back to the operating system now, instead of after <see cref="KernelMemoryOptions.GiveBackAfter"/>. Whole
    /// page blocks of 2 MiB only. May sleep.
    /// </summary>
    [MightSleep]
    public void GiveBack()
    {
        Shrink();
        Pages.Sweep(now: true);
    }

    /// <summary>
    /// Charges a cache's slabs to an owner: a budget for the cache. When the budget is used up, the cache serves from the slabs it has and then fails.
    /// </summary>
    /// <param name="cache">A cache that has not served anything yet; else it is a BUG.</param>
    /// <param name="owner">The owner.</param>
    /// <exception cref="ObjectDisposedException">The owner was disposed, and nothing is charged to it any more.</exception>
    public void SetCacheOwner([Borrows] KmemCache* cache, MemoryOwner owner)
    {
        ArgumentNullException.ThrowIfNull(owner);
        if (cache->Partial.Count + cache->Full.Count + cache->Empty.Count != 0)
        {
            KernelReports.Bug($"BUG: cache {Slab.NameOf(cache->Id)} has slabs already: its owner must be set before its first allocation", (nuint)cache);
            return;
        }

        if (cache->References > 1)
        {
            KernelReports.Bug($"BUG: cache {Slab.NameOf(cache->Id)} has {cache->References} users: create it with SLAB_NO_MERGE", (nuint)cache);
            return;
        }

        ushort number = owner.IsReleased ? (ushort)0 : MemoryOwner.HoldForCache(owner.Number);
        ObjectDisposedException.ThrowIf(number == 0, owner);
        MemoryOwner.ReleaseForCache(cache->Owner);
        cache->Owner = number;
    }

    private static PageOptions PageOptionsOf(KernelMemoryOptions options) => new(options.MinFreeKilobytes, !options.GroupByMobility, options.NoPageSets)
    {
        AtomicReserve = options.NoPageSets ? ReservePopulation.Never : options.AtomicReserve,
        ChecksEachCall = options.DebugLevel >= DebugLevel.Sanity,
        GiveBackAfter = options.GiveBackAfter == Timeout.InfiniteTimeSpan ? null : options.GiveBackAfter,
        OutOfMemory = options.OutOfMemory,
        OutOfMemoryCallback = options.OutOfMemoryCallback,
    };
}

/// <summary>Bytes of a system's books, which its memory limit does not contain.</summary>
/// <param name="MemoryMap">The memory map: 32 bytes a page. Touched as far as memory is used.</param>
/// <param name="ClassMap">Two bytes a page. Touched as far as memory is used.</param>
/// <param name="Threads">Blocks of all threads and other small books, of the whole process.</param>
/// <param name="PageSets">The threads' page sets.</param>
public readonly record struct MemoryOverhead(ulong MemoryMap, ulong ClassMap, ulong Threads, ulong PageSets)
{
    /// <summary>All together.</summary>
    public ulong Total => MemoryMap + ClassMap + Threads + PageSets;
}
