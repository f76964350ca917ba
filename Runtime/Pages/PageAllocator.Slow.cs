// What happens when the fast path finds nothing.
//
//   the zonelist down to the low marks
//   wake the background reclaimer, once more down to the min marks with the reserves that the flags allow
//   loop   PF_MEMALLOC / __GFP_MEMALLOC: no marks          may not wait, or reclaims already: fail
//          direct reclaim, then the zonelist; once per request also page sets and blocks kept for atomic requests
//          NORETRY: fail      order > 3 without RETRY_MAYFAIL: fail
//          progress, or less than 16 rounds without and something to reclaim: again
//          out of memory: the event and the policy decide
//   NOFAIL goes on for ever; it wins over all of these
//
// A request that may not wait never reclaims, sleeps or takes a lock that somebody holds for long; it makes no system call but the one that wakes
// the background reclaimer, which does not wait. Cost of a failure: no memory, unless somebody listens to the report.
// Not done: compaction (content cannot be moved under its user). Kernel concept: __alloc_pages_slowpath, gfp_to_alloc_flags, should_reclaim_retry.

using System.Runtime.CompilerServices;

namespace KAlloc;

internal sealed unsafe partial class PageAllocator
{
    /// <summary>Largest order that is retried without being asked for (PAGE_ALLOC_COSTLY_ORDER).</summary>
    private const int CostlyOrder = 3;

    /// <summary>Rounds without progress after which reclaim is given up (MAX_RECLAIM_RETRIES).</summary>
    private const int MaxReclaimRetries = 16;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Page* AllocateMore(CpuBlock* block, GfpFlags flags, int order, int type)
    {
        if (type == BadMobility)
        {
            KernelReports.Warn($"WARNING: mode:0x{(uint)flags:x}({flags.Format()}) is movable and reclaimable at once: __GFP_RECLAIMABLE is ignored");
            flags &= ~GfpFlags.Reclaimable;
            type = ZoneTable[(int)(flags & ZoneBits)];
        }

        if ((uint)order > PhysicalMemory.MaxOrder || type > (int)ZoneType.Movable) return Refuse(flags, order);
        if ((flags & GfpFlags.Account) != 0 && block->ActiveOwner != 0) return AllocateCharged(block, flags, order, type);
        return AllocateAnywhere(block, flags, order, type);
    }

    private Page* AllocateAnywhere(CpuBlock* block, GfpFlags flags, int order, int type)
    {
        Page* page = FromZones(block, flags, order, type, AllocFlags.LowMark | PopulatedOf(flags) | ((flags & GfpFlags.KswapdReclaim) != 0 ? AllocFlags.Kswapd : 0));
        return page != null ? page : AllocateSlow(block, flags, order, type);
    }

    /// <summary>The reserves that a request may use (gfp_to_alloc_flags).</summary>
    internal static AllocFlags AllocFlagsOf(GfpFlags flags, int order)
    {
        AllocFlags alloc = AllocFlags.MinMark | PopulatedOf(flags);
        if ((flags & GfpFlags.High) != 0) alloc |= AllocFlags.MinReserve;
        if ((flags & GfpFlags.KswapdReclaim) != 0) alloc |= AllocFlags.Kswapd;
        if ((flags & (GfpFlags.DirectReclaim | GfpFlags.NoMemAlloc)) == 0)
        {
            alloc |= AllocFlags.NonBlock;
            if (order > 0 && (flags & GfpFlags.High) != 0) alloc |= AllocFlags.HighAtomic;
        }

        return alloc;
    }

    /// <summary>Requests of high priority that may not wait get frames with memory behind them, as long as there are any.</summary>
    private static AllocFlags PopulatedOf(GfpFlags flags) =>
        (flags & (GfpFlags.High | GfpFlags.DirectReclaim | GfpFlags.NoMemAlloc)) == GfpFlags.High ? AllocFlags.Populated : 0;

    private Page* AllocateSlow(CpuBlock* block, GfpFlags flags, int order, int type)
    {
        bool mayWait = (flags & GfpFlags.DirectReclaim) != 0;
        bool noFail = (flags & GfpFlags.NoFail) != 0;
        if (noFail) CheckNoFail(block, flags, order);
        AllocFlags alloc = AllocFlagsOf(flags, order);
        bool drained = false, failed = false;
        for (int idle = 0; ;)
        {
            if ((flags & GfpFlags.KswapdReclaim) != 0) WakeBackground(order, type);
            bool entitled = (flags & GfpFlags.NoMemAlloc) == 0 && ((flags & GfpFlags.MemAlloc) != 0 || block->MemAllocDepth > 0);
            AllocFlags reserves = entitled ? alloc | AllocFlags.NoWatermarks : alloc;
            Page* page = FromZones(block, flags, order, type, reserves);
            if (page != null) return page;
            if (!mayWait) break;
            if (block->MemAllocDepth == 0)
            {
                bool progress = DirectReclaim(block, flags, order, type, ref drained);
                page = FromZones(block, flags, order, type, reserves);
                if (page != null) return page;
                if (progress) KswapdMayTryAgain();
                bool givesUp = (flags & GfpFlags.NoRetry) != 0 || (order > CostlyOrder && (flags & GfpFlags.RetryMayFail) == 0);
                idle = progress && order <= CostlyOrder ? 0 : idle + 1;
                if (!givesUp && idle <= MaxReclaimRetries && (progress || HasReclaimable(flags))) continue;
                if (!givesUp && UnreserveHighAtomic(Mobility.Of(flags), force: true)) continue;
                if (!givesUp && !failed && OutOfMemory(block, flags, order, type))
                {
                    idle = 0;
                    continue;
                }
            }

            if (!noFail) break;

            // Once with half of the reserve: whoever waits for this request may hold what others wait for.
            failed = true;
            page = FromZones(block, flags, order, type, alloc | AllocFlags.MinReserve);
            if (page != null) return page;
            idle = 0;
            drained = false;
            Thread.Sleep(1);
        }

        ReportFailure(flags, order);
        return null;
    }

    private static void CheckNoFail(CpuBlock* block, GfpFlags flags, int order)
    {
        string? wrong =
            (flags & GfpFlags.DirectReclaim) == 0 ? "__GFP_NOFAIL without __GFP_DIRECT_RECLAIM cannot be kept"
            : order > 1 ? $"__GFP_NOFAIL with order {order}: orders above 1 may take for ever"
            : block->MemAllocDepth > 0 ? "__GFP_NOFAIL while the thread reclaims memory may take for ever"
            : null;
        if (wrong is not null) KernelReports.Warn($"WARNING: {wrong}: mode:0x{(uint)flags:x}({flags.Format()})");
    }

    private Page* Refuse(GfpFlags flags, int order)
    {
        if ((uint)order > PhysicalMemory.MaxOrder)
        {
            if ((flags & GfpFlags.NoWarn) == 0)
                KernelReports.Warn($"WARNING: page order {order} is not in 0..{PhysicalMemory.MaxOrder}, the request fails: mode:0x{(uint)flags:x}({flags.Format()})");
        }
        else
        {
            KernelReports.Bug($"BUG: mode:0x{(uint)flags:x}({flags.Format()}) names more than one zone: use at most one of __GFP_DMA, __GFP_DMA32 and __GFP_HIGHMEM");
        }

        return null;
    }
}
