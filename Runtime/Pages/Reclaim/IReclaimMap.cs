namespace KAlloc;

/// <summary>
/// Reclaim as a lock (lockdep's <c>fs_reclaim</c>): a request that may reclaim takes and leaves it, shrinkers run inside. Installed by the layer that learns
/// the order of locks; asked only while it does.
/// </summary>
internal unsafe interface IReclaimMap
{
    /// <summary>The thread may have to reclaim, with file systems.</summary>
    void Announce(CpuBlock* block);

    /// <summary>The thread begins to run shrinkers.</summary>
    void Enter(CpuBlock* block);

    /// <summary>It is done.</summary>
    void Leave(CpuBlock* block);
}
