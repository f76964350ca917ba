// Who pays for memory: a name with a limit. A server gives each tenant one.
//
//   using (tenant.Enter())  __GFP_ACCOUNT requests of this thread are charged to tenant, and to its parents
//   alloc  charge first, then the pages; the owner's number goes into struct page        free  uncharge whom the page names, whoever frees it
//
// Invariant: Bytes is the sum of the blocks that name the owner; it is never above Limit at the moment of a charge. A number belongs to its owner as long as
// anything names it: a page, a cache, the scope of a thread. Then it goes to the end of the queue of those to be given again.
// Cost: nothing for requests without the flag; one interlocked addition a level with it. Kernel concept: memcg, set_active_memcg, try_charge.

namespace KAlloc;

/// <summary>A name that memory is charged to, with a limit (the kernel's memory cgroup).</summary>
public sealed unsafe class MemoryOwner : IDisposable
{
    private static readonly Lock s_lock = new();
    private static readonly Queue<ushort> s_returned = new();
    private static MemoryOwner?[] s_owners = new MemoryOwner?[16];
    private static int s_nextNumber = 1;

    private long _bytes;
    private long _peak;
    private long _failures;
    private int _caches;
    private volatile bool _disposed;
    private volatile bool _released;

    /// <summary>A new owner that holds nothing.</summary>
    /// <param name="name">Its name in reports.</param>
    /// <param name="limit">The most bytes it may hold; <see cref="long.MaxValue"/>: no limit of its own.</param>
    /// <param name="parent">Who is charged too, and whose limit holds too.</param>
    /// <exception cref="InvalidOperationException">There are 65,535 owners already.</exception>
    public MemoryOwner(string name, long limit = long.MaxValue, MemoryOwner? parent = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        Name = name;
        Limit = limit;
        Parent = parent;
        lock (s_lock)
        {
            int number = TakeNumber();
            if (number >= s_owners.Length)
            {
                MemoryOwner?[] larger = new MemoryOwner?[Math.Min(number * 2, ushort.MaxValue + 1)];
                s_owners.CopyTo(larger, 0);
                Volatile.Write(ref s_owners, larger);
            }

            Number = (ushort)number;
            Volatile.Write(ref s_owners[number], this);
        }
    }

    /// <summary>Its name in reports.</summary>
    public string Name { get; }

    /// <summary>Who is charged too.</summary>
    public MemoryOwner? Parent { get; }

    /// <summary>The most bytes it may hold. A limit below what it holds takes nothing away; it lets nothing more in.</summary>
    public long Limit { get; set; }

    /// <summary>Bytes that it holds, those of its children included.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>The most bytes that it ever held.</summary>
    public long PeakBytes => Volatile.Read(ref _peak);

    /// <summary>Requests that failed because of its limit.</summary>
    public long Failures => Volatile.Read(ref _failures);

    /// <summary>
    /// Called when a request that may sleep would exceed the limit, without any lock held: frees memory of this owner and says whether it did; the
    /// request then tries once more.
    /// </summary>
    public Func<MemoryOwner, bool>? OverLimit { get; set; }

    internal ushort Number { get; }

    /// <summary>All owners there are.</summary>
    public static IReadOnlyList<MemoryOwner> All
    {
        get
        {
            var owners = new List<MemoryOwner>();
            foreach (MemoryOwner? owner in Volatile.Read(ref s_owners))
            {
                if (owner is not null) owners.Add(owner);
            }

            return owners;
        }
    }

    /// <summary>Charges this thread's <see cref="GfpFlags.Account"/> requests to the owner until the result is disposed. Nests.</summary>
    /// <returns>Restores the thread's owner.</returns>
    public Scope Enter()
    {
        CpuBlock* block = CpuBlocks.Current;
        ushort before = block->ActiveOwner;
        block->ActiveOwner = Number;

        // Whoever gives numbers again looks at the threads' scopes after the owner was disposed; one of the two sees the other.
        Interlocked.MemoryBarrier();
        if (_disposed)
        {
            block->ActiveOwner = before;
            throw new ObjectDisposedException(nameof(MemoryOwner));
        }

        return new(ByNumber(before));
    }

    /// <summary>Ends the owner. What it still holds is reported, and stays charged until it is freed.</summary>
    public void Dispose()
    {
        lock (s_lock)
        {
            if (_disposed) return;
            _disposed = true;
            TryRelease();
        }

        if (Bytes != 0) KernelReports.Warn($"WARNING: memory owner {Name} ends with {Bytes} bytes still charged to it");
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Bytes} of {(Limit == long.MaxValue ? "unlimited" : $"{Limit}")} bytes, peak {PeakBytes}";

    internal static MemoryOwner? ByNumber(ushort number) => Volatile.Read(ref s_owners)[number];

    /// <summary>Whether the number may be somebody else's already. Asked after a charge: then either this is seen, or the charge is seen by who releases.</summary>
    internal bool IsReleased => _released;

    /// <summary>A cache charges its slabs to the owner from now on, also once it is disposed.</summary>
    /// <returns>The number, or 0: the owner came to its end.</returns>
    internal static ushort HoldForCache(ushort number)
    {
        lock (s_lock)
        {
            if (s_owners[number] is not { } owner) return 0;
            owner._caches++;
            return number;
        }
    }

    /// <summary>Ends <see cref="HoldForCache"/>.</summary>
    internal static void ReleaseForCache(ushort number)
    {
        if (number == 0) return;
        lock (s_lock)
        {
            MemoryOwner owner = s_owners[number]!;
            owner._caches--;
            owner.TryRelease();
        }
    }

    /// <summary>Charges bytes to the owner and its parents, or to nobody.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="mayWait">Whether <see cref="OverLimit"/> may be called.</param>
    internal bool TryCharge(long bytes, bool mayWait)
    {
        for (MemoryOwner? owner = this; owner is not null; owner = owner.Parent)
        {
            if (owner.TryAdd(bytes) || (mayWait && owner.OverLimit is { } reclaim && reclaim(owner) && owner.TryAdd(bytes))) continue;
            Interlocked.Increment(ref owner._failures);
            for (MemoryOwner? charged = this; charged != owner; charged = charged!.Parent) charged!.Subtract(bytes);
            return false;
        }

        return true;
    }

    /// <summary>Charges whatever the limits say.</summary>
    internal void Force(long bytes)
    {
        for (MemoryOwner? owner = this; owner is not null; owner = owner.Parent) Interlocked.Add(ref owner._bytes, bytes);
    }

    internal void Uncharge(long bytes)
    {
        for (MemoryOwner? owner = this; owner is not null; owner = owner.Parent) owner.Subtract(bytes);
    }

    private bool TryAdd(long bytes)
    {
        long now = Interlocked.Add(ref _bytes, bytes);
        if (now > Limit)
        {
            Interlocked.Add(ref _bytes, -bytes);
            return false;
        }

        long peak = Volatile.Read(ref _peak);
        while (now > peak)
        {
            long seen = Interlocked.CompareExchange(ref _peak, now, peak);
            if (seen == peak) break;
            peak = seen;
        }

        return true;
    }

    private void Subtract(long bytes)
    {
        if (Interlocked.Add(ref _bytes, -bytes) != 0 || !_disposed) return;
        lock (s_lock) TryRelease();
    }

    /// <summary>Gives the number back if nothing names a disposed owner any more. Under the lock.</summary>
    private void TryRelease()
    {
        if (!_disposed || _released || _caches != 0 || Bytes != 0) return;
        _released = true;
        Interlocked.MemoryBarrier();
        if (Bytes != 0)
        {
            _released = false;
            return;
        }

        Volatile.Write(ref s_owners[Number], null);
        s_returned.Enqueue(Number);
    }

    /// <summary>A number that nothing names. One that was given back, but is still the scope of a thread, goes to the end of the queue.</summary>
    private static int TakeNumber()
    {
        if (s_returned.Count > 0)
        {
            HashSet<ushort> active = [];
            for (int cpu = 0; cpu < CpuBlocks.Count; cpu++) active.Add(Volatile.Read(ref CpuBlocks.Get(cpu)->ActiveOwner));
            for (int i = s_returned.Count; i > 0; i--)
            {
                ushort number = s_returned.Dequeue();
                if (!active.Contains(number)) return number;
                s_returned.Enqueue(number);
            }
        }

        return s_nextNumber <= ushort.MaxValue ? s_nextNumber++ : throw new InvalidOperationException("There are too many memory owners.");
    }

    /// <summary>Ends what <see cref="MemoryOwner.Enter"/> began. On the thread that began it.</summary>
    public readonly struct Scope : IDisposable
    {
        private readonly MemoryOwner? _before;

        internal Scope(MemoryOwner? before) => _before = before;

        /// <summary>Restores the thread's owner. One that came to its end meanwhile is nobody.</summary>
        public void Dispose()
        {
            CpuBlock* block = CpuBlocks.Current;
            block->ActiveOwner = _before?.Number ?? 0;
            Interlocked.MemoryBarrier();
            if (_before is { _released: true }) block->ActiveOwner = 0;
        }
    }
}

internal sealed unsafe partial class PageAllocator
{
    /// <summary>Some block was charged to somebody.</summary>
    private volatile bool _hasCharged;

    private Page* AllocateCharged(CpuBlock* block, GfpFlags flags, int order, int type)
    {
        long bytes = (long)_memory.PageSize << order;
        if (MemoryOwner.ByNumber(block->ActiveOwner) is not { } owner) return AllocateAnywhere(block, flags, order, type);
        if (!owner.TryCharge(bytes, (flags & GfpFlags.DirectReclaim) != 0))
        {
            if ((flags & GfpFlags.NoFail) == 0)
            {
                if ((flags & GfpFlags.NoWarn) == 0)
                    KernelReports.Warn($"Memory owner out of memory: {owner}; the request was order:{order}, mode:0x{(uint)flags:x}({flags.Format()})");
                return null;
            }

            // As in the kernel, a request that must not fail goes over the limit.
            owner.Force(bytes);
        }

        if (owner.IsReleased)
        {
            // Disposed meanwhile by another thread: nobody pays.
            owner.Uncharge(bytes);
            return AllocateAnywhere(block, flags, order, type);
        }

        Page* page = null;
        try
        {
            page = AllocateAnywhere(block, flags, order, type);
            if (page != null) page->Owner = owner.Number;
            _hasCharged = true;
            return page;
        }
        finally
        {
            // Also when the policy for no memory is to throw.
            if (page == null) owner.Uncharge(bytes);
        }
    }

    private void Uncharge(ushort owner, int frames) => MemoryOwner.ByNumber(owner)?.Uncharge((long)frames << _memory.PageShift);

    /// <summary>
    /// The blocks of a system that ends go with it: nobody pays for them any more. Those of slabs name their cache, which has let its owner go. Looks at every
    /// frame that was ever used, if one of them was charged.
    /// </summary>
    private void LetOwnersGo()
    {
        if (!_hasCharged) return;
        foreach (Zone zone in _zones)
        {
            for (uint frame = zone.Start, end = zone.Fresh; frame < end; frame++)
            {
                Page* page = _memory.PageOf(frame);
                if (page->RefCount > 0 && (page->Flags & PageFlags.Slab) == 0 && page->Owner != 0) Uncharge(page->Owner, 1 << page->Order);
            }
        }
    }
}
