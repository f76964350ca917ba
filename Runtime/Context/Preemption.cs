// Preemption, counted per thread. A KAlloc CPU is a thread, so nothing is ever really preempted: the count says where code must not sleep, and
// when softirqs that were raised in the meantime get their turn.
//
//   preempt_count    31......24 23..20 19...16 15......8 7.......0
//                               NMI    hardirq softirq   preempt
//                                              └ bit 8: serving one; +2 for each local_bh_disable
//
// Invariant: a count never goes below 0 nor into the bits of the next; the call that would do it is a BUG and changes nothing. What preempt_disable and its kin
// count is counted a second time, apart from spin locks: a put_cpu too many is found also while a lock is held, and does not open the lock's section.
// Cost: two increments; two decrements with three tests. Kernel concept: include/linux/preempt.h.

using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>The preempt count of the running thread.</summary>
internal static unsafe class Preemption
{
    /// <summary><c>preempt_disable</c>, and what contains one; <see cref="EnableChecked"/> ends it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static CpuBlock* Disable()
    {
        CpuBlock* block = CpuBlocks.Current;
        if ((block->Execution.PreemptCount & ExecutionState.PreemptMask) == ExecutionState.PreemptMask)
        {
            ReportOverflow(block, "preempt_disable");
            return block;
        }

        block->Execution.PreemptCount += ExecutionState.PreemptOffset;
        block->Execution.PreemptSections++;
        PreemptionPlace.Note(block);
        return block;
    }

    /// <summary>Ends a section that the caller knows to be open.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Enable(CpuBlock* block)
    {
        int count = block->Execution.PreemptCount - ExecutionState.PreemptOffset;

        // A lock that an earlier function of this thread left behind: that was told, and its section closed, when the function ended.
        if (count < 0) return;
        block->Execution.PreemptCount = count;
        if (count == 0 && block->Execution.SoftIrqPending != 0) SoftIrqs.RunIfPreemptible(block);
    }

    /// <summary><c>preempt_enable</c> of a caller that may be wrong.</summary>
    internal static void EnableChecked(CpuBlock* block)
    {
        if (block->Execution.PreemptSections == 0 || (block->Execution.PreemptCount & ExecutionState.PreemptMask) == 0)
        {
            KernelReports.Bug($"BUG: preempt_enable without preempt_disable on CPU#{block->Execution.Cpu}, {ContextReport.Task}, preempt_count: 0x{block->Execution.PreemptCount:x8}");
            return;
        }

        block->Execution.PreemptSections--;
        Enable(block);
    }

    /// <summary>One more would change the meaning of the count: nothing is counted, so that the matching end is one too many.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void ReportOverflow(CpuBlock* block, string call) =>
        KernelReports.Bug($"BUG: {call} nested too deep on CPU#{block->Execution.Cpu}, {ContextReport.Task}, preempt_count: 0x{block->Execution.PreemptCount:x8}");

    /// <summary><c>rcu_read_lock</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void RcuLock(CpuBlock* block)
    {
        ushort depth = (ushort)(block->Execution.RcuDepth + 1);
        if (depth == 0) ReportOverflow(block, "rcu_read_lock");
        else block->Execution.RcuDepth = depth;
    }

    /// <summary><c>rcu_read_unlock</c> of a caller that may be wrong.</summary>
    internal static void RcuUnlockChecked(CpuBlock* block)
    {
        if (block->Execution.RcuDepth == 0)
        {
            KernelReports.Bug($"WARNING: bad unlock balance detected!\n{ContextReport.Task} is trying to release lock (rcu_read_lock)\nbut there are no more locks to release!");
            return;
        }

        // Whoever waits for readers sees the section end only after all that was read in it.
        if (block->Execution.RcuDepth == 1) block->Execution.RcuPasses++;
        Volatile.Write(ref block->Execution.RcuDepth, (ushort)(block->Execution.RcuDepth - 1));
    }

    /// <summary>The end of a function in process context: says what it left open, and closes it.</summary>
    internal static void CheckLeft(CpuBlock* block, string what)
    {
        if (!block->Execution.IsAtomic && block->Execution.HeldLockCount == 0) return;
        KernelReports.Warn($"BUG: {what} leaked atomic, lock or RCU: {ContextReport.Task}\n     preempt=0x{block->Execution.PreemptCount:x8} lock={block->Execution.HeldLockCount} RCU={block->Execution.RcuDepth}{ContextReport.HeldLocks(block)}");
        block->Execution.LeftLocks |= block->Execution.HeldLockCount != 0;
        block->Execution.AtomicWord = 0;
        block->Execution.PreemptSections = 0;
        block->Execution.HeldLockCount = 0;
    }

    /// <summary>Sets the count back to what it was before a handler ran, and says that the handler left it changed.</summary>
    internal static void RestoreAfterHandler(CpuBlock* block, int before, string handler)
    {
        int after = block->Execution.PreemptCount;
        if (after == before) return;
        block->Execution.PreemptCount = before;
        KernelReports.Warn($"huh, entered {handler} with preempt_count {before:x8}, exited with {after:x8}?");
    }
}
