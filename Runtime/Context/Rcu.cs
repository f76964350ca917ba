// RCU: readers that never wait, and a way to wait until all who might still read the old version have finished.
//
//   reader:    rcu_read_lock ── reads p ── rcu_read_unlock          RcuDepth of its own block, no fence, no atomic
//   writer:    publishes the new p, synchronize_rcu(), frees the old one
//
//   grace period:  fence on every CPU ──> for each CPU inside a section: wait until it has left the outermost one (RcuPasses moved, or depth 0)
//
// The fence on every CPU (membarrier) stands in for the one that a reader would need: after it each section that began is seen, and each that
// begins sees the new version. So the price of a grace period is the writer's alone.
// Callbacks (call_rcu) wait in a list that is pushed to without a lock; the thread rcuc takes all, waits one grace period and runs them in
// softirq context, oldest first.
// A section left by the end of its thread, which is a mistake, ends when the runtime notices; after 21 s of waiting it is reported as a stall.
// A head that is queued says so in a word that depends on its address: one that is queued a second time would close the list to a ring.
// Invariant: a callback runs after every section that was open when it was queued. Cost: a reader one increment and one decrement; a
// grace period one system call and the longest section. Kernel concept: kernel/rcu. Not done: sections that only switch preemption or
// interrupts off do not count as readers; expedited and polled grace periods.

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace KAlloc;

/// <summary>What <c>call_rcu</c> links an object by: the kernel's <c>struct rcu_head</c>, a field of the object. Needs no initialisation.</summary>
public unsafe struct RcuHead
{
    internal RcuHead* Next;

    /// <summary>Called with the argument; null: the argument is a delegate's number.</summary>
    internal void* Function;
    internal nuint Argument;

    /// <summary><see cref="Rcu.MarkOf"/> while it is queued; anything else before, as the memory may be uninitialised.</summary>
    internal nuint Queued;
}

/// <summary>Grace periods and callbacks.</summary>
internal static unsafe class Rcu
{
    /// <summary>The kernel's RCU_CPU_STALL_TIMEOUT.</summary>
    private const long StallMilliseconds = 21_000;

    private static readonly SemaphoreSlim s_queued = new(0);
    private static readonly Lock s_startLock = new();
    private static nint s_newest;
    private static Thread? s_thread;

    /// <summary>Waits until every section that is open now has been left.</summary>
    internal static void Synchronize()
    {
        Interlocked.MemoryBarrierProcessWide();
        CpuBlock* self = ThisCpu.Block;
        int count = CpuBlocks.Count;
        long start = Environment.TickCount64;
        for (int cpu = 0; cpu < count; cpu++)
        {
            CpuBlock* block = CpuBlocks.Get(cpu);
            if (block == self) continue;
            uint passes = Volatile.Read(ref block->Execution.RcuPasses);
            if (Volatile.Read(ref block->Execution.RcuDepth) != 0) WaitForReader(block, passes, start);
        }

        Interlocked.MemoryBarrier();
    }

    /// <summary>Calls the function with the argument after a grace period.</summary>
    internal static void Call(RcuHead* head, delegate*<void*, void> function, void* argument)
    {
        if (!Mark(head)) return;
        head->Function = function;
        head->Argument = (nuint)argument;
        Push(head);
    }

    /// <summary>Calls the delegate with the head after a grace period.</summary>
    internal static void Call(RcuHead* head, RcuCallback callback)
    {
        if (!Mark(head)) return;
        head->Function = null;
        head->Argument = (nuint)HandlerTable.Add(callback);
        Push(head);
    }

    /// <summary>Waits until every callback that was queued before has run.</summary>
    internal static void Barrier()
    {
        if (Volatile.Read(ref s_thread) is null && Volatile.Read(ref s_newest) == 0) return;
        KernelCompletion done = default;
        RcuHead head;
        Call(&head, &Complete, &done);
        done.Wait(-1);

        static void Complete(void* done) => ((KernelCompletion*)done)->Complete(all: false);
    }

    /// <summary>What no memory holds at this address by accident.</summary>
    private static nuint MarkOf(RcuHead* head) => (nuint)head ^ unchecked((nuint)0x5CA1_AB1E_C0DE_D00D);

    /// <summary>Marks a head as queued; false, with a report, if it is queued already.</summary>
    private static bool Mark(RcuHead* head)
    {
        if ((nuint)Interlocked.Exchange(ref head->Queued, MarkOf(head)) != MarkOf(head)) return true;
        KernelReports.Bug($"BUG: call_rcu(): Double-freed CB 0x{(nuint)head:x}: the head waits for its grace period already: {ContextReport.Task}{ContextReport.CallTrace()}", (nuint)head);
        return false;
    }

    private static void Push(RcuHead* head)
    {
        nint before = Volatile.Read(ref s_newest);
        while (true)
        {
            head->Next = (RcuHead*)before;
            nint seen = Interlocked.CompareExchange(ref s_newest, (nint)head, before);
            if (seen == before) break;
            before = seen;
        }

        if (before != 0) return;
        if (Volatile.Read(ref s_thread) is null) StartThread();
        s_queued.Release();
    }

    private static void StartThread()
    {
        lock (s_startLock)
        {
            if (s_thread is not null) return;
            var thread = new Thread(Loop) { IsBackground = true, Name = "rcuc" };
            Volatile.Write(ref s_thread, thread);
            thread.Start();
        }
    }

    private static void Loop()
    {
        CpuBlock* block = CpuBlocks.Current;
        while (true)
        {
            s_queued.Wait();
            RcuHead* head = Reverse((RcuHead*)Interlocked.Exchange(ref s_newest, 0));
            Synchronize();
            while (head != null)
            {
                // The callback frees the memory that the head is in.
                RcuHead* next = head->Next;
                Run(block, head);
                head = next;
            }
        }
    }

    /// <summary>A frame of its own, so that the idle thread does not keep the last delegate alive.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run(CpuBlock* block, RcuHead* head)
    {
        block->Execution.PreemptCount += ExecutionState.SoftIrqOffset;
        int before = block->Execution.PreemptCount;

        // The callback may queue the head again.
        head->Queued = 0;
        try
        {
            if (head->Function != null)
            {
                ((delegate*<void*, void>)head->Function)((void*)head->Argument);
            }
            else
            {
                int handler = (int)head->Argument;
                var callback = (RcuCallback)HandlerTable.Get(handler);
                HandlerTable.Release(handler);
                callback(head);
            }

            Preemption.RestoreAfterHandler(block, before, "rcu callback");
        }
        catch (Exception e)
        {
            KernelReports.Warn($"WARNING: an RCU callback failed: {e.Message}");
        }

        block->Execution.PreemptCount = 0;
        Interrupts.Enable(block);
        Preemption.CheckLeft(block, "rcu callback");
    }

    private static RcuHead* Reverse(RcuHead* head)
    {
        RcuHead* oldest = null;
        while (head != null)
        {
            RcuHead* next = head->Next;
            head->Next = oldest;
            oldest = head;
            head = next;
        }

        return oldest;
    }

    private static void WaitForReader(CpuBlock* block, uint passes, long start)
    {
        var spin = new SpinWait();
        bool stalled = false;
        while (Volatile.Read(ref block->Execution.RcuDepth) != 0 && Volatile.Read(ref block->Execution.RcuPasses) == passes)
        {
            spin.SpinOnce(sleep1Threshold: 20);
            if (stalled || Environment.TickCount64 - start < StallMilliseconds) continue;
            stalled = true;
            KernelReports.Warn($"INFO: rcu_preempt detected stall on CPU#{block->Execution.Cpu}: {(Environment.TickCount64 - start) / 1000} s in an RCU read section");

            // A thread that ended in the section is noticed when its block is parked, which is a finalizer's work.
            GC.Collect();
        }
    }
}
