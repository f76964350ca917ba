// Interrupts of one CPU, that is, of one thread: whether they are on, and what waits until they are.
//
//   raise_irq(n) ── on ──> preempt_count += hardirq, interrupts off ──> the line's handlers ──> irq exit ──> softirqs
//        │                                                                                       │
//        └─ off ─> bit n pending ── local_irq_enable / irq exit ─────────────────────────────────┘
//
// There is no hardware: an interrupt is raised by a call and is served on the calling thread, at once if it can be. Handlers run with
// interrupts off, as the kernel has run them since 2.6.35.
// The saved state (nuint flags) tells a value that no save on this thread returned, one restored twice, and two restored in the wrong order:
//
//   63 ......... 32  31 ......... 16  9   1
//   CPU number + 1   number of saves  IF  1        (IF and the always-one bit as in x86's flags register)
//
// Invariant: IrqDisabled is 0 or 1. Cost: enabling is a store and one test.
// Kernel concept: local_irq_disable, irq_enter, irq_exit, include/linux/irqflags.h.

using System.Numerics;
using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>The interrupt state of the running thread.</summary>
internal static unsafe class Interrupts
{
    /// <summary>The interrupt bit of saved flags: interrupts were on.</summary>
    internal const nuint Flag = 0x200;
    private const nuint AlwaysOne = 0x2;
    private const int SavesShift = 16;
    private const int CpuShift = 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Disable(CpuBlock* block) => block->Execution.IrqDisabled = 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Enable(CpuBlock* block)
    {
        block->Execution.IrqDisabled = 0;
        if (block->Execution.PendingIrqCount != 0 || block->Execution.SoftIrqPending != 0) CatchUp(block);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nuint Save(CpuBlock* block)
    {
        block->Execution.IrqSaves++;
        nuint flags = Newest(block);
        if (block->Execution.IrqDisabled == 0) flags |= Flag;
        block->Execution.IrqDisabled = 1;
        return flags;
    }

    /// <summary>Whether the flags are the state that this thread saved last; reports if not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool CheckFlags(CpuBlock* block, nuint flags) => (flags & ~Flag) == Newest(block) || ReportWrongFlags(block, flags);

    /// <summary>Restores a state that <see cref="CheckFlags"/> accepted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Restore(CpuBlock* block, nuint flags)
    {
        if (block->Execution.IrqDisabled == 0) KernelReports.Warn("WARNING: raw_local_irq_restore() called with IRQs enabled\n" + ContextReport.Task);
        block->Execution.IrqSaves--;
        if ((flags & Flag) != 0) Enable(block);
        else block->Execution.IrqDisabled = 1;
    }

    /// <summary>Serves the line on this thread, now or when interrupts are enabled.</summary>
    internal static void Raise(CpuBlock* block, int irq)
    {
        if (block->Execution.IrqDisabled == 0)
        {
            Deliver(block, irq);
            return;
        }

        ref ulong word = ref block->Execution.PendingIrqs[irq >> 6];
        ulong bit = 1UL << (irq & 63);
        if ((word & bit) != 0) return;
        word |= bit;
        block->Execution.PendingIrqCount++;
    }

    /// <summary>Serves the interrupts and softirqs that waited; interrupts have just been enabled.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CatchUp(CpuBlock* block)
    {
        while (block->Execution.PendingIrqCount != 0 && block->Execution.IrqDisabled == 0) Deliver(block, TakePending(block));
        if (block->Execution.SoftIrqPending != 0) SoftIrqs.RunIfPreemptible(block);
    }

    /// <summary>The lowest pending line, the one that the interrupt controller would deliver first.</summary>
    private static int TakePending(CpuBlock* block)
    {
        for (int word = 0; ; word++)
        {
            ulong bits = block->Execution.PendingIrqs[word];
            if (bits == 0) continue;
            block->Execution.PendingIrqs[word] = bits & (bits - 1);
            block->Execution.PendingIrqCount--;
            return word << 6 | BitOperations.TrailingZeroCount(bits);
        }
    }

    private static void Deliver(CpuBlock* block, int irq)
    {
        int before = block->Execution.PreemptCount;
        if ((before & ExecutionState.HardIrqMask) == ExecutionState.HardIrqMask)
        {
            // Handlers that switched interrupts on, one inside the other. It is lost: kept, it would come again at once.
            Preemption.ReportOverflow(block, $"interrupt {irq}");
            return;
        }

        block->Execution.PreemptCount = before + ExecutionState.HardIrqOffset;
        block->Execution.IrqDisabled = 1;
        try
        {
            IrqLines.Handle(block, irq);
        }
        finally
        {
            Exit(block, before);
        }
    }

    /// <summary>The kernel's <c>irq_exit</c>: the outermost one runs the softirqs that handlers raised.</summary>
    private static void Exit(CpuBlock* block, int before)
    {
        block->Execution.PreemptCount = before;
        if (block->Execution.SoftIrqPending != 0 && !block->Execution.InInterrupt) SoftIrqs.Run(block);
        Enable(block);
    }

    /// <summary>The flags of the last save that is not restored, without the interrupt bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint Newest(CpuBlock* block) =>
        AlwaysOne | (nuint)block->Execution.IrqSaves << SavesShift | (nuint)(uint)(block->Execution.Cpu + 1) << CpuShift;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool ReportWrongFlags(CpuBlock* block, nuint flags)
    {
        nuint shape = ~Flag & ~((nuint)ushort.MaxValue << SavesShift);
        if ((flags & shape) != (Newest(block) & shape))
        {
            KernelReports.Bug($"BUG: interrupt flags 0x{flags:x} were not saved on CPU#{block->Execution.Cpu}, {ContextReport.Task}: restore what local_irq_save or spin_lock_irqsave returned on the same thread");
            return false;
        }

        int saved = (ushort)(flags >> SavesShift);
        string why = saved > block->Execution.IrqSaves ? "were restored before" : "are restored before those that were saved after them";
        KernelReports.Bug($"BUG: interrupt flags 0x{flags:x} {why} on CPU#{block->Execution.Cpu}, {ContextReport.Task}: each save is restored once, the last one first");
        return false;
    }
}
