// Making room: registered shrinkers, what the slab layer keeps, page sets, blocks kept for atomic requests.
//
//   a round   priority 12 .. 0, until 32 objects are free: each shrinker gives 4/seeks of (its objects >> priority), then the slab layer
//
// The thread that reclaims counts as PF_MEMALLOC: what its shrinkers allocate comes out of the reserves and starts no further reclaim, so a thread is in
// one shrinker at most. Shrinkers run without any lock of ours: each counts who is in it, and who unregisters it waits for that one only.
// Nothing here allocates, managed or native. Invariant: only requests with __GFP_DIRECT_RECLAIM and kswapd come here.
// Kernel concept: try_to_free_pages, shrink_slab, do_shrink_slab, unregister_shrinker.

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    /// <summary>Rounds of a reclaim start with 1/4096 of a cache (DEF_PRIORITY).</summary>
    private const int DefaultPriority = 12;

    /// <summary>Objects that are enough for one reclaim (SWAP_CLUSTER_MAX).</summary>
    private const long EnoughObjects = 32;

    private readonly Lock _registerLock = new();
    private Shrinker[] _shrinkers = [];

    /// <summary>Asks caches for memory they do not need; true if some came back. Installed by the slab layer.</summary>
    internal Func<bool>? Reclaim { get; set; }

    /// <summary>Reclaim in the order of locks. Installed by the context layer.</summary>
    internal IReclaimMap? ReclaimMap { get; set; }

    /// <summary>Times that a request reclaimed, and objects that shrinkers freed.</summary>
    internal long DirectReclaims
    {
        get
        {
            long sum = 0;
            for (int type = 0; type < _stalls.Length; type++) sum += Stalls((ZoneType)type);
            return sum;
        }
    }

    internal long ObjectsFreed => Volatile.Read(ref _objectsFreed);

    /// <summary>Objects that shrinkers were made to look at.</summary>
    internal long ObjectsScanned => Volatile.Read(ref _objectsScanned);

    /// <summary>Times that a request for a zone reclaimed.</summary>
    internal long Stalls(ZoneType type) => Volatile.Read(ref _stalls[(int)type]);

    private readonly long[] _stalls = new long[5];
    private long _objectsFreed;
    private long _objectsScanned;

    /// <summary>Whether the running thread is in a shrinker of this system, or in its callback for no memory: then the system must not go away.</summary>
    internal bool IsInCallback => CpuBlocks.Current->CallbackOf == (nuint)_map;

    internal void Register(Shrinker shrinker)
    {
        lock (_registerLock)
        {
            if (Array.IndexOf(_shrinkers, shrinker) < 0)
            {
                Volatile.Write(ref _shrinkers, [.. _shrinkers, shrinker]);
                KswapdMayTryAgain();
                return;
            }
        }

        KernelReports.Bug($"BUG: register_shrinker({shrinker.Name}): it is registered already");
    }

    /// <summary>Returns when no thread runs the shrinker any more.</summary>
    internal void Unregister(Shrinker shrinker)
    {
        if (CpuBlocks.Current->RunningShrinker == shrinker.Id)
        {
            KernelReports.Bug($"BUG: unregister_shrinker({shrinker.Name}) from within the shrinker would wait for itself");
            return;
        }

        bool registered;
        lock (_registerLock)
        {
            int index = Array.IndexOf(_shrinkers, shrinker);
            registered = index >= 0;
            if (registered) Interlocked.Exchange(ref _shrinkers, [.. _shrinkers[..index], .. _shrinkers[(index + 1)..]]);
        }

        if (!registered) KernelReports.Bug($"BUG: unregister_shrinker({shrinker.Name}): it is not registered");
        SpinWait wait = default;
        while (Volatile.Read(ref shrinker.Users) != 0) wait.SpinOnce();
    }

    /// <summary>Reclaims for a request that may wait.</summary>
    /// <returns>Whether something was freed.</returns>
    private bool DirectReclaim(CpuBlock* block, GfpFlags flags, int order, int type, ref bool drained)
    {
        Interlocked.Increment(ref _stalls[type]);
        bool progress = RunReclaim(block, flags, order, type);
        if (drained) return progress;
        drained = true;
        progress |= UnreserveHighAtomic(Mobility.Of(flags), force: false);
        _sets.DrainAll();
        return progress;
    }

    /// <summary>One reclaim: rounds of growing effort until enough is free.</summary>
    private bool RunReclaim(CpuBlock* block, GfpFlags flags, int order, int type)
    {
        long freed = 0;
        block->MemAllocDepth++;
        try
        {
            for (int priority = DefaultPriority; priority >= 0 && freed < EnoughObjects && _shrinkers.Length != 0; priority--)
            {
                freed += ShrinkAll(flags, priority);
                if (freed > 0 && IsServed(order, type)) break;
            }

            // The slab layer gives back whole slabs, among them those that the shrinkers just emptied.
            if (Reclaim is { } reclaim && reclaim()) freed++;
        }
        finally
        {
            block->MemAllocDepth--;
        }

        return freed > 0;
    }

    private bool IsServed(int order, int type)
    {
        for (int i = _preferred[type]?.Index ?? -1; i >= 0; i--)
        {
            if (_zones[i].IsBalanced(order, (ZoneType)type)) return true;
        }

        return false;
    }

    private long ShrinkAll(GfpFlags flags, int priority)
    {
        long freed = 0, scanned = 0;
        IReclaimMap? map = ObeysLockOrder(flags) ? ReclaimMap : null;
        map?.Enter(CpuBlocks.Current);
        try
        {
            foreach (Shrinker shrinker in Volatile.Read(ref _shrinkers))
            {
                if (!shrinker.Allows(flags) || !Begin(shrinker)) continue;
                try
                {
                    freed += shrinker.Shrink(flags, priority, ref scanned);
                }
                finally
                {
                    End(shrinker);
                }
            }
        }
        finally
        {
            map?.Leave(CpuBlocks.Current);
        }

        Interlocked.Add(ref _objectsFreed, freed);
        Interlocked.Add(ref _objectsScanned, scanned);
        return freed;
    }

    /// <summary>Whether the order of locks is learned, and such a request is part of it.</summary>
    private static bool ObeysLockOrder(GfpFlags flags) =>
        (Watch.On & Watch.Locks) != 0 && (flags & (GfpFlags.DirectReclaim | GfpFlags.Fs)) == (GfpFlags.DirectReclaim | GfpFlags.Fs);

    private bool HasReclaimable(GfpFlags flags)
    {
        foreach (Shrinker shrinker in Volatile.Read(ref _shrinkers))
        {
            if (!shrinker.Allows(flags) || !Begin(shrinker)) continue;
            try
            {
                if (shrinker.HasObjects(flags)) return true;
            }
            finally
            {
                End(shrinker);
            }
        }

        return false;
    }

    /// <summary>The running thread enters a shrinker; false: it was unregistered a moment ago.</summary>
    private bool Begin(Shrinker shrinker)
    {
        Interlocked.Increment(ref shrinker.Users);
        if (Array.IndexOf(Volatile.Read(ref _shrinkers), shrinker) < 0)
        {
            Interlocked.Decrement(ref shrinker.Users);
            return false;
        }

        CpuBlock* block = CpuBlocks.Current;
        block->MemAllocDepth++;
        block->CallbackOf = (nuint)_map;
        block->RunningShrinker = shrinker.Id;
        return true;
    }

    private static void End(Shrinker shrinker)
    {
        CpuBlock* block = CpuBlocks.Current;
        block->MemAllocDepth--;
        block->CallbackOf = 0;
        block->RunningShrinker = 0;
        Interlocked.Decrement(ref shrinker.Users);
    }

    private bool UnreserveHighAtomic(MigrateType type, bool force)
    {
        bool any = false;
        foreach (Zone zone in _zones) any |= zone.UnreserveHighAtomic(type, force);
        return any;
    }

    /// <summary>Gives back what this layer keeps for later: pages in page sets, blocks kept for atomic requests.</summary>
    internal void Drain()
    {
        _sets.DrainAll();
        while (UnreserveHighAtomic(MigrateType.Movable, force: true))
        {
        }
    }
}
