// Making room: registered shrinkers, what the slab layer keeps, page sets, blocks kept for atomic requests.
//
//   a round   priority 12 .. 0, until 32 objects are free: each shrinker gives 4/seeks of (its objects >> priority), then the slab layer
//
// The thread that reclaims counts as PF_MEMALLOC: what its shrinkers allocate comes out of the reserves and starts no further reclaim. Shrinkers
// run without any lock of ours. Invariant: only requests with __GFP_DIRECT_RECLAIM and kswapd come here.
// Kernel concept: try_to_free_pages, shrink_slab, do_shrink_slab, unregister_shrinker.

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    /// <summary>Rounds of a reclaim start with 1/4096 of a cache (DEF_PRIORITY).</summary>
    private const int DefaultPriority = 12;

    /// <summary>Objects that are enough for one reclaim (SWAP_CLUSTER_MAX).</summary>
    private const long EnoughObjects = 32;

    private readonly ReaderWriterLockSlim _shrinkersInUse = new(LockRecursionPolicy.SupportsRecursion);
    private Shrinker[] _shrinkers = [];

    /// <summary>Asks caches for memory they do not need; true if some came back. Installed by the slab layer.</summary>
    internal Func<bool>? Reclaim { get; set; }

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

    internal void Register(Shrinker shrinker)
    {
        _shrinkersInUse.EnterWriteLock();
        try
        {
            if (Array.IndexOf(_shrinkers, shrinker) >= 0)
            {
                KernelReports.Bug($"BUG: register_shrinker({shrinker.Name}): it is registered already");
                return;
            }

            Volatile.Write(ref _shrinkers, [.. _shrinkers, shrinker]);
            KswapdMayTryAgain();
        }
        finally
        {
            _shrinkersInUse.ExitWriteLock();
        }
    }

    /// <summary>Returns when no thread runs the shrinker any more.</summary>
    internal void Unregister(Shrinker shrinker)
    {
        if (_shrinkersInUse.IsReadLockHeld)
        {
            KernelReports.Bug($"BUG: unregister_shrinker({shrinker.Name}) from within a shrinker would wait for itself");
            return;
        }

        _shrinkersInUse.EnterWriteLock();
        try
        {
            int index = Array.IndexOf(_shrinkers, shrinker);
            if (index < 0)
            {
                KernelReports.Bug($"BUG: unregister_shrinker({shrinker.Name}): it is not registered");
                return;
            }

            Volatile.Write(ref _shrinkers, [.. _shrinkers[..index], .. _shrinkers[(index + 1)..]]);
        }
        finally
        {
            _shrinkersInUse.ExitWriteLock();
        }
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
        _shrinkersInUse.EnterReadLock();
        try
        {
            foreach (Shrinker shrinker in Volatile.Read(ref _shrinkers))
            {
                if (shrinker.Allows(flags)) freed += shrinker.Shrink(flags, priority, ref scanned);
            }
        }
        finally
        {
            _shrinkersInUse.ExitReadLock();
        }

        Interlocked.Add(ref _objectsFreed, freed);
        Interlocked.Add(ref _objectsScanned, scanned);
        return freed;
    }

    private bool HasReclaimable(GfpFlags flags)
    {
        if (_shrinkers.Length == 0) return false;
        _shrinkersInUse.EnterReadLock();
        try
        {
            foreach (Shrinker shrinker in _shrinkers)
            {
                if (shrinker.Allows(flags) && shrinker.HasObjects(flags)) return true;
            }
        }
        finally
        {
            _shrinkersInUse.ExitReadLock();
        }

        return false;
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
