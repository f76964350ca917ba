// Slabs of SLAB_TYPESAFE_BY_RCU caches: they go back to the buddy when every reader that may look at their objects has left.
//
//   emptied ──> Deferred ──> Waiting ── a grace period ──> buddy          one callback a cache is on its way at a time
//
// A deferred slab is on none of the cache's lists; its pages stay slab pages. Whoever destroys the cache waits for all of them.
// Kernel concept: free_slab's call_rcu, the rcu_barrier of kmem_cache_destroy.

namespace KAlloc;

/// <summary>Grace periods of RCU, which is a layer above.</summary>
internal unsafe interface IGracePeriods
{
    /// <summary>Calls a function once after a grace period. Never sleeps.</summary>
    /// <param name="link">Four words for the implementation, free again when the function is called.</param>
    /// <param name="function">What to call.</param>
    /// <param name="argument">With what.</param>
    void Call(void* link, delegate*<void*, void> function, void* argument);

    /// <summary>Waits until every function that was handed over before has returned.</summary>
    void Barrier();
}

internal sealed unsafe partial class SlabAllocator
{
    private void Defer(KmemCache* cache, uint first)
    {
        Page* last = _memory.PageOf(first);
        while (last->Next != Page.Nil) last = _memory.PageOf(last->Next);
        cache->Lock.Enter();
        last->Next = cache->Deferred;
        cache->Deferred = first;
        bool begin = cache->Waiting == Page.Nil && Begin(cache);
        cache->Lock.Leave();
        if (begin) WaitForReaders(cache);
    }

    private static bool Begin(KmemCache* cache)
    {
        Volatile.Write(ref cache->Waiting, cache->Deferred);
        cache->Deferred = Page.Nil;
        return cache->Waiting != Page.Nil;
    }

    private void WaitForReaders(KmemCache* cache)
    {
        _grace.Call(cache->Grace, &ReadersLeft, cache);

        static void ReadersLeft(void* argument)
        {
            var cache = (KmemCache*)argument;
            Volatile.Read(ref s_systems)[cache->System]!.GiveBackWaiting(cache);
        }
    }

    private void GiveBackWaiting(KmemCache* cache)
    {
        // Waiting says that a callback has the cache until all that it was queued for is done.
        GiveBack(cache, cache->Waiting);
        cache->Lock.Enter();
        bool more = Begin(cache);
        cache->Lock.Leave();
        if (more) WaitForReaders(cache);
    }

    /// <summary>Waits until the cache has no slab any more that readers may look at.</summary>
    private void WaitForDeferred(KmemCache* cache)
    {
        if (cache->Magic != KmemCache.Alive || (cache->Flags & SlabFlags.TypesafeByRcu) == 0) return;
        while (Volatile.Read(ref cache->Waiting) != Page.Nil) _grace.Barrier();

        // The callback that found nothing more may still be about to return.
        _grace.Barrier();
    }
}
