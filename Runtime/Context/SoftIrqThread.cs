// The thread ksoftirqd: runs the softirqs and tasklets of threads that would otherwise be kept busy by them for ever.
//
// In the kernel each CPU has one, which shares the CPU with the task it interrupted. A thread cannot be shared, so there is one for all, and what
// is pending moves to it. It starts when first needed.
// Cost: nothing as long as no softirq raises itself ten times in a row. Kernel concept: run_ksoftirqd.

namespace KAlloc;

/// <summary>Runs softirqs that raise themselves again and again.</summary>
internal static unsafe class SoftIrqThread
{
    private static readonly object s_gate = new();
    private static Thread? s_thread;
    private static uint s_pending;
    private static KernelTasklet* s_head;
    private static KernelTasklet* s_tail;

    /// <summary>Moves all that is pending on the thread here.</summary>
    internal static void TakeOver(CpuBlock* block)
    {
        lock (s_gate)
        {
            s_pending |= block->Execution.SoftIrqPending;
            Tasklets.TakeScheduled(block, ref s_head, ref s_tail);
            block->Execution.SoftIrqPending = 0;
            if (s_thread is null)
            {
                s_thread = new Thread(Loop) { IsBackground = true, Name = "ksoftirqd" };
                s_thread.Start();
            }

            Monitor.Pulse(s_gate);
        }
    }

    private static void Loop()
    {
        CpuBlock* block = CpuBlocks.Current;
        while (true)
        {
            KernelTasklet* head;
            KernelTasklet* tail;
            lock (s_gate)
            {
                while (s_pending == 0) Monitor.Wait(s_gate);
                block->Execution.SoftIrqPending |= s_pending;
                head = s_head;
                tail = s_tail;
                s_pending = 0;
                s_head = s_tail = null;
            }

            try
            {
                Tasklets.Append(block, head, tail);
                SoftIrqs.RunIfPreemptible(block);
            }
            catch (Exception e)
            {
                // As an oops in a kernel thread: it is reported, the system goes on.
                KernelReports.Warn($"WARNING: a softirq on ksoftirqd failed: {e.Message}");
            }

            // Others get the processor before the next ten rounds.
            Thread.Sleep(1);
        }
    }
}
