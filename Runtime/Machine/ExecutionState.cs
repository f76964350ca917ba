// In which context a thread (a KAlloc CPU) runs: part of its CpuBlock.
//
//   +0  int    PreemptCount    bits 0-7 preempt, 8-15 softirq, 16-19 hardirq, 20-23 NMI (the kernel's layout)
//   +4  ushort IrqDisabled     depth of local_irq_disable (0 or 1)          } read together as one 8-byte word:
//   +6  ushort RcuDepth        nesting of rcu_read_lock                     } AtomicWord != 0  <=>  must not sleep
//   +8  CPU number, allocation scopes
//   +16 softirqs and tasklets raised here and not yet run; interrupts that wait until they are enabled
//   +72 the ids of the locks that the thread holds, for reports and for read locks
//   +204 RCU sections left, the stack's limit, the task, interrupt states saved, preemption sections open
//
// Invariant: only the owning thread writes it. Cost: the allocation fast path tests AtomicWord with one compare.
// Kernel concept: preempt_count, current->rcu_read_lock_nesting, PF_MEMALLOC_NOFS/NOIO.

using System.Runtime.InteropServices;

namespace KAlloc;

/// <summary>The execution context of one thread; unmanaged, lives in its <see cref="CpuBlock"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct ExecutionState
{
    /// <summary>Room for the context layer: the cache slots of the CpuBlock start behind it.</summary>
    internal const int Bytes = 256;

    internal const int PreemptOffset = 1;
    internal const int SoftIrqOffset = 1 << 8;
    internal const int SoftIrqDisableOffset = 2 * SoftIrqOffset;
    internal const int HardIrqOffset = 1 << 16;
    internal const int NmiOffset = 1 << 20;
    internal const int PreemptMask = 0x0000FF;
    internal const int SoftIrqMask = 0x00FF00;
    internal const int HardIrqMask = 0x0F0000;
    internal const int NmiMask = 0xF00000;

    /// <summary>All of the below that forbids sleeping, in one word: 0 is process context.</summary>
    [FieldOffset(0)] internal ulong AtomicWord;
    [FieldOffset(0)] internal int PreemptCount;
    [FieldOffset(4)] internal ushort IrqDisabled;
    [FieldOffset(6)] internal ushort RcuDepth;

    /// <summary>The CPU's number: the index of its block.</summary>
    [FieldOffset(8)] internal int Cpu;

    /// <summary>Gfp bits that memalloc_nofs/noio scopes of this thread take out of every allocation.</summary>
    [FieldOffset(12)] internal GfpFlags AllocationScopeBits;

    /// <summary>Softirqs raised and not yet run, one bit each.</summary>
    [FieldOffset(16)] internal uint SoftIrqPending;

    /// <summary>Number of interrupt lines set in <see cref="PendingIrqs"/>.</summary>
    [FieldOffset(20)] internal int PendingIrqCount;

    /// <summary>First and last tasklet scheduled here and not yet run.</summary>
    [FieldOffset(24)] internal void* TaskletHead;
    [FieldOffset(32)] internal void* TaskletTail;

    /// <summary>Interrupt lines raised while interrupts were off, one bit each.</summary>
    [FieldOffset(40)] internal fixed ulong PendingIrqs[IrqWords];

    /// <summary>Locks held, counted also beyond the room in <see cref="HeldLocks"/>.</summary>
    [FieldOffset(72)] internal int HeldLockCount;

    /// <summary>Ids of the locks held, in the order taken; a read lock is negative.</summary>
    [FieldOffset(76)] internal fixed int HeldLocks[MaxHeldLocks];

    /// <summary>Outermost RCU sections left: who waits for a grace period sees by it that a reader has moved on.</summary>
    [FieldOffset(204)] internal uint RcuPasses;

    /// <summary>Below this stack address a check has something to note, see <see cref="StackProbe"/>; 0: the thread is in no window.</summary>
    [FieldOffset(208)] internal nuint StackLimit;

    /// <summary>The task_struct of the thread that the block serves; kept when the block is parked.</summary>
    [FieldOffset(216)] internal void* Task;

    /// <summary>Interrupt states saved and not yet restored: they are restored last in, first out.</summary>
    [FieldOffset(224)] internal ushort IrqSaves;

    /// <summary>How much of the preempt count is preempt_disable's and its kin's; the rest is that of spin locks.</summary>
    [FieldOffset(226)] internal ushort PreemptSections;

    /// <summary>Whether a function on this thread ended with locks held: they are this CPU's for ever.</summary>
    [FieldOffset(228)] internal bool LeftLocks;

    /// <summary>256 interrupt lines.</summary>
    internal const int IrqWords = 4;

    /// <summary>As many as fit before the fields at 204; the kernel's lockdep remembers 48.</summary>
    internal const int MaxHeldLocks = 32;

    /// <summary>Whether the thread must not sleep.</summary>
    internal readonly bool IsAtomic => AtomicWord != 0;

    /// <summary>Whether it serves an interrupt or softirq, or has softirqs off (the kernel's in_interrupt).</summary>
    internal readonly bool InInterrupt => (PreemptCount & (SoftIrqMask | HardIrqMask | NmiMask)) != 0;
}
