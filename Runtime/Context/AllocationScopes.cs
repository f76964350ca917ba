// memalloc_nofs/noio/noreclaim scopes: bits that every allocation of the thread goes without while the scope is open.
//
//   state   0x80 __GFP_FS   0x40 __GFP_IO   0x400 __GFP_DIRECT_RECLAIM
//
// A save returns which of its bits were out already, so that scopes nest and the inner restore leaves the outer scope alone.
// Cost: a load and a store. Kernel concept: PF_MEMALLOC_NOFS, PF_MEMALLOC_NOIO, PF_MEMALLOC. Not done: PF_MEMALLOC's access to the reserves; an
// allocation asks for them with __GFP_MEMALLOC.

namespace KAlloc;

internal static unsafe class AllocationScopes
{
    internal static uint Enter(GfpFlags bits)
    {
        ref ExecutionState state = ref CpuBlocks.Current->Execution;
        uint before = (uint)(state.AllocationScopeBits & bits);
        state.AllocationScopeBits |= bits;
        return before;
    }

    internal static void Leave(GfpFlags bits, uint before)
    {
        ref ExecutionState state = ref CpuBlocks.Current->Execution;
        if ((before & ~(uint)bits) != 0 || (state.AllocationScopeBits & bits) != bits)
        {
            KernelReports.Bug($"BUG: memalloc scope restored with 0x{before:x}, which its save did not return, or restored twice: {ContextReport.Task}");
            return;
        }

        state.AllocationScopeBits = (state.AllocationScopeBits & ~bits) | (GfpFlags)before;
    }
}
