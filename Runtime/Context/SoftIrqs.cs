// Softirqs: what an interrupt handler puts off until interrupts are on again. Tasklets are one of them.
//
//   raised in an interrupt          run at the outermost irq exit of that thread
//   raised with softirqs off        run at the local_bh_enable that ends the section
//   raised in process context       run at once, or when preemption and interrupts are enabled again
//
// The kernel wakes ksoftirqd in the third case; here the thread itself takes ksoftirqd's turn at the first point where it could be preempted.
// A softirq that keeps raising itself is run ten times, then what is pending moves to the thread ksoftirqd, so that its thread goes on.
// Invariant: softirqs of one thread never nest. Cost: nothing until one is raised.
// Kernel concept: kernel/softirq.c, __do_softirq, MAX_SOFTIRQ_RESTART.

using System.Numerics;

namespace KAlloc;

/// <summary>The softirqs of this process: actions are shared, pending bits belong to a thread.</summary>
internal static unsafe class SoftIrqs
{
    internal const int Count = 10;

    /// <summary>The kernel's number of the tasklets' softirq.</summary>
    internal const int Tasklet = 6;

    private const int MaxRestart = 10;

    private static readonly SoftIrqAction?[] s_actions = CreateActions();

    /// <summary>Sets what a softirq runs.</summary>
    internal static void Open(int number, SoftIrqAction action)
    {
        if ((uint)number >= Count || number == Tasklet)
        {
            KernelReports.Bug($"BUG: open_softirq({number}): numbers are 0 to {Count - 1}, and {Tasklet} serves the tasklets");
            return;
        }

        Volatile.Write(ref s_actions[number], action);
    }

    /// <summary>Marks a softirq of this thread pending and runs it if nothing stands in its way.</summary>
    internal static void Raise(CpuBlock* block, int number)
    {
        block->Execution.SoftIrqPending |= 1u << number;
        RunIfPreemptible(block);
    }

    /// <summary><c>raise_softirq</c> of a caller that may be wrong.</summary>
    internal static void RaiseChecked(CpuBlock* block, int number)
    {
        if ((uint)number < Count) Raise(block, number);
        else KernelReports.Bug($"BUG: raise_softirq({number}): numbers are 0 to {Count - 1}");
    }

    internal static void Disable(CpuBlock* block)
    {
        if ((block->Execution.PreemptCount & ExecutionState.SoftIrqMask) > ExecutionState.SoftIrqMask - ExecutionState.SoftIrqDisableOffset)
        {
            Preemption.ReportOverflow(block, "local_bh_disable");
            return;
        }

        block->Execution.PreemptCount += ExecutionState.SoftIrqDisableOffset;
        PreemptionPlace.Note(block);
    }

    /// <summary><c>local_bh_enable</c>; runs what was raised in the section.</summary>
    internal static void Enable(CpuBlock* block)
    {
        if (block->Execution.IrqDisabled != 0)
            KernelReports.Warn($"WARNING: local_bh_enable() called with IRQs disabled\n{ContextReport.Task}, preempt_count: 0x{block->Execution.PreemptCount:x8}");
        block->Execution.PreemptCount -= ExecutionState.SoftIrqDisableOffset;
        if (block->Execution.SoftIrqPending != 0 && block->Execution.IrqDisabled == 0 && !block->Execution.InInterrupt) Run(block);
    }

    /// <summary><c>local_bh_enable</c> of a caller that may be wrong.</summary>
    internal static void EnableChecked(CpuBlock* block)
    {
        if ((block->Execution.PreemptCount & ExecutionState.SoftIrqMask) < ExecutionState.SoftIrqDisableOffset)
        {
            KernelReports.Bug($"BUG: local_bh_enable without local_bh_disable on CPU#{block->Execution.Cpu}, {ContextReport.Task}, preempt_count: 0x{block->Execution.PreemptCount:x8}");
            return;
        }

        Enable(block);
    }

    /// <summary>Takes the turn that ksoftirqd would have now, unless the thread cannot be preempted.</summary>
    internal static void RunIfPreemptible(CpuBlock* block)
    {
        if (block->Execution.PreemptCount == 0 && block->Execution.IrqDisabled == 0) Run(block);
    }

    /// <summary>Runs what is pending. The caller has seen that the thread serves no interrupt or softirq.</summary>
    internal static void Run(CpuBlock* block)
    {
        int before = block->Execution.PreemptCount;
        ushort irqs = block->Execution.IrqDisabled;
        block->Execution.PreemptCount = before + ExecutionState.SoftIrqOffset;
        uint pending = 0;
        try
        {
            for (int round = 0; block->Execution.SoftIrqPending != 0; round++)
            {
                if (round == MaxRestart)
                {
                    SoftIrqThread.TakeOver(block);
                    break;
                }

                pending = block->Execution.SoftIrqPending;
                block->Execution.SoftIrqPending = 0;
                Interrupts.Enable(block);
                while (pending != 0)
                {
                    int number = BitOperations.TrailingZeroCount(pending);
                    pending &= pending - 1;
                    RunAction(block, number);
                }

                Interrupts.Disable(block);
            }
        }
        finally
        {
            // An action threw: those behind it keep their turn.
            block->Execution.SoftIrqPending |= pending;
            block->Execution.PreemptCount = before;
            block->Execution.IrqDisabled = irqs;
        }
    }

    private static void RunAction(CpuBlock* block, int number)
    {
        SoftIrqAction? action = Volatile.Read(ref s_actions[number]);
        if (action is null)
        {
            KernelReports.Warn($"WARNING: softirq {number} was raised, but open_softirq gave it no action");
            return;
        }

        int before = block->Execution.PreemptCount;
        action();
        Preemption.RestoreAfterHandler(block, before, $"softirq {number}");
    }

    private static SoftIrqAction?[] CreateActions()
    {
        var actions = new SoftIrqAction?[Count];
        actions[Tasklet] = Tasklets.RunScheduled;
        return actions;
    }
}
