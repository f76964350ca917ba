// Reclaim in the order of locks: a lock that a shrinker takes must not be held over a request that may call shrinkers.
//
//   shrinker:  fs_reclaim, then L          request:  L, then fs_reclaim          a circle: reported at whichever comes second
//
// Only requests with __GFP_FS count, as in the kernel: that is what NOFS is for. A single page that the hit path serves is not seen; the next refill is.
// Kernel concept: fs_reclaim_acquire, __fs_reclaim_map.

namespace KAlloc;

internal sealed unsafe class ReclaimMap : IReclaimMap
{
    public void Announce(CpuBlock* block) => LockOrder.Note(block, LockClasses.Reclaim, tried: false);

    public void Enter(CpuBlock* block)
    {
        LockOrder.Note(block, LockClasses.Reclaim, tried: false);
        HeldLocks.Push(block, LockClasses.Reclaim);
    }

    public void Leave(CpuBlock* block) => HeldLocks.Pop(block, LockClasses.Reclaim);
}
