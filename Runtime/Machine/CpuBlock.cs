// The native block of a thread. A KAlloc CPU is a thread: each thread that enters the allocator gets a block, and with it a CPU number.
//
//   +0     ExecutionState   preempt count, irq state, allocation scopes, room for the context layer
//   +256   header           links of the parked list, second-level cache slots, requests of other threads
//   +512   cc[256]          one CacheSlot (32 B) for each of the first 256 caches: top of the current sheaf, spare sheaf, statistics
//
// Invariant: only the owning thread writes execution state and slots; other threads write DrainRequested, which the owner reads in slow paths.
// A block is parked when its thread ends (a finalizer on a thread-static sentinel, or CpuBlocks.Detach) and adopted, cached objects and all, by
// the next new thread; so there are as many blocks as there were threads at one time, not as there were threads ever.
// Cost: about 8.5 KiB a thread. Kernel concept: the per-CPU area, struct array_cache / slub_percpu_sheaves.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

/// <summary>What a thread holds of one cache.</summary>
/// <remarks>
/// A sheaf is 1024 bytes, aligned to that: 128 words, of which the last links sheaves in the barn. The cache's capacity, at most 126, says how
/// many words below the last hold free objects; the word below those is null and stays so.
/// <c>Top</c> points above the last filled word. Empty: <c>Top[-1]</c> is null. Full: <c>Top</c> is the last word. A slot without a sheaf points
/// to the last word of <see cref="CpuBlocks.NullSheaf"/>, which is both, so allocation and free take the slow path without a test of their own.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct CacheSlot
{
    internal const int SheafBytes = 1024;

    /// <summary>Index of a sheaf's last word, the link.</summary>
    internal const int SheafLink = (SheafBytes / 8) - 1;

    /// <summary>The object to hand out next, or 0. It lies here and not in the sheaf, so that a free and the allocation after it wait for one store, not two.</summary>
    internal nint Newest;

    /// <summary>The word of the sheaf that <see cref="Newest"/> goes to when another object comes.</summary>
    internal nint* Home;
    internal nint* Spare;

    /// <summary>Bits that are 0 in the address of every object of the cache: one that has them points into an object.</summary>
    internal nuint InteriorMask;
}

/// <summary>The per-thread block; native memory, 128-aligned.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal unsafe struct CpuBlock
{
    internal const int SlotCount = 256;
    internal const int SlotOffset = 512;
    internal const int Bytes = SlotOffset + SlotCount * 32;

    [FieldOffset(0)] internal ExecutionState Execution;

    /// <summary>Next block in the parked list.</summary>
    [FieldOffset(256)] internal CpuBlock* NextParked;

    /// <summary>Slots of caches with an id of 256 and up: 256 chunks of 256 slots, made when first used.</summary>
    [FieldOffset(264)] internal CacheSlot** MoreSlots;

    /// <summary>Another thread asks the owner to give its sheaves back; read in slow paths.</summary>
    [FieldOffset(272)] internal int DrainRequested;

    /// <summary>1 while the block serves no thread.</summary>
    [FieldOffset(276)] internal int Parked;

    /// <summary>Above 0 while the thread reclaims memory: its own requests then may use all reserves and start no reclaim (the kernel's
    /// <c>PF_MEMALLOC</c>).</summary>
    [FieldOffset(320)] internal int MemAllocDepth;

    /// <summary>Address of the memory map of the system whose shrinker or callback the thread is in; 0: in none.</summary>
    [FieldOffset(360)] internal nuint CallbackOf;

    /// <summary>The shrinker that it is in; 0: none.</summary>
    [FieldOffset(368)] internal int RunningShrinker;

    /// <summary>Number of the <c>MemoryOwner</c> that accounted requests of the thread are charged to; 0: nobody.</summary>
    [FieldOffset(324)] internal ushort ActiveOwner;

    /// <summary>
    /// The page sets that the hit paths use: the thread's own of the default system, one for each zone; <see cref="CpuBlocks.NoPageSets"/> as long as it has
    /// none, where pages are checked at every call, and while its stack is watched, so that each of its calls is a look at the depth. Never null.
    /// </summary>
    [FieldOffset(328)] internal void* PageSets;

    /// <summary>The one among them of the zone that <c>GFP_KERNEL</c> prefers.</summary>
    [FieldOffset(336)] internal void* NormalPageSet;

    /// <summary>The thread's own sets; null: none yet.</summary>
    [FieldOffset(344)] internal void* OwnPageSets;
    [FieldOffset(352)] internal void* OwnNormalPageSet;

    [FieldOffset(SlotOffset)] internal CacheSlot FirstSlot;

    /// <summary>Shows the hit paths the thread's own page sets, or none while its stack is watched.</summary>
    internal static void ShowPageSets(CpuBlock* block)
    {
        bool own = block->OwnPageSets != null && block->Execution.StackLimit == 0;
        block->PageSets = own ? block->OwnPageSets : CpuBlocks.NoPageSets;
        block->NormalPageSet = own ? block->OwnNormalPageSet : CpuBlocks.NoPageSets;
    }

    /// <summary>The slot of one of the first 256 caches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static CacheSlot* Slot(CpuBlock* block, uint id) => (CacheSlot*)((byte*)block + SlotOffset + (nuint)id * 32);
}

/// <summary>The running thread's block. Alone in its class: a thread-static next to other statics costs a helper call.</summary>
internal static unsafe class ThisCpu
{
    [ThreadStatic]
    internal static CpuBlock* Block;
}

/// <summary>All blocks, parked ones included: the possible CPUs.</summary>
internal static unsafe class CpuBlocks
{
    private static readonly Lock s_lock = new();
    private static CpuBlock*[] s_blocks = new CpuBlock*[64];

    /// <summary>Whom each block serves: tells at once that a thread has ended, which its sentinel does only at the next collection of garbage.</summary>
    private static Thread?[] s_owners = new Thread?[64];
    private static int s_count;
    private static CpuBlock* s_parked;

    /// <summary>A sheaf that is empty to allocations and full to frees; never written.</summary>
    internal static readonly nint* NullSheaf = (nint*)MetaMemory.AllocateZeroed(CacheSlot.SheafBytes, CacheSlot.SheafBytes);

    /// <summary>The page sets of a thread that has none: they know no page, and are claimed for ever, so that a hit path turns back without a test of its own.</summary>
    internal static readonly void* NoPageSets = MakeNoPageSets();

    /// <summary>The top of a slot without a sheaf.</summary>
    internal static nint* NullTop => NullSheaf + CacheSlot.SheafLink;

    /// <summary>Told of each block that is about to be parked: it serves no thread any more. Runs on the thread that ends or on the finalizer's.</summary>
    internal static event Action<nint>? Parking;

    /// <summary>Number of blocks ever made: CPU numbers run from 0 to one below it.</summary>
    internal static int Count => Volatile.Read(ref s_count);

    /// <summary>The block of a CPU number below <see cref="Count"/>.</summary>
    internal static CpuBlock* Get(int cpu) => Volatile.Read(ref s_blocks)[cpu];

    /// <summary>The running thread's block, made or adopted if it has none.</summary>
    internal static CpuBlock* Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            CpuBlock* block = ThisCpu.Block;
            if (block == null) return Attach();
            return block->Execution.StackLimit == 0 ? block : StackProbe.Check(block);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static CpuBlock* Attach()
    {
        CpuBlock* block;
        lock (s_lock)
        {
            block = s_parked;
            if (block != null)
            {
                s_parked = block->NextParked;
                block->NextParked = null;
            }
            else
            {
                block = Create();
            }

            s_owners[block->Execution.Cpu] = Thread.CurrentThread;
        }

        Volatile.Write(ref block->Parked, 0);
        ThisCpu.Block = block;
        CpuSentinel.Arm(block);
        return block;
    }

    /// <summary>
    /// Parks the running thread's block at once instead of some time after the thread's end. The thread may enter again and then gets a block.
    /// </summary>
    internal static void Detach()
    {
        CpuBlock* block = ThisCpu.Block;
        if (block == null) return;
        ThisCpu.Block = null;
        CpuSentinel.Disarm();
        Park(block);
    }

    internal static void Park(CpuBlock* block)
    {
        // Locks know their holder by its CPU: one that a thread took with it would belong to the next thread of that number.
        bool retired = block->Execution.HeldLockCount != 0 || block->Execution.LeftLocks;
        if (block->Execution.HeldLockCount != 0 || block->Execution.IsAtomic) ReportLeft(block);

        // A thread that ended inside an atomic section takes the section with it: the next one starts in process context.
        block->Execution = new ExecutionState { Cpu = block->Execution.Cpu, Task = block->Execution.Task };
        block->MemAllocDepth = 0;
        block->ActiveOwner = 0;
        block->CallbackOf = 0;
        block->RunningShrinker = 0;
        CpuBlock.ShowPageSets(block);
        Parking?.Invoke((nint)block);
        lock (s_lock)
        {
            Volatile.Write(ref block->Parked, 1);
            if (!retired)
            {
                block->NextParked = s_parked;
                s_parked = block;
            }

            s_owners[block->Execution.Cpu] = null;
        }
    }

    /// <summary>
    /// Runs <paramref name="action"/> on each block that serves no thread: it is parked, or will be, its thread having ended. New threads cannot adopt
    /// one meanwhile.
    /// </summary>
    internal static void ForEachUnused(Action<nint> action)
    {
        lock (s_lock)
        {
            for (int cpu = 0; cpu < s_count; cpu++)
            {
                if (s_owners[cpu] is not { IsAlive: true }) action((nint)s_blocks[cpu]);
            }
        }
    }

    /// <summary>The slot of any cache; makes the second-level chunk if there is none.</summary>
    internal static CacheSlot* Slot(CpuBlock* block, uint id)
    {
        if (id < CpuBlock.SlotCount) return CpuBlock.Slot(block, id);
        if (block->MoreSlots == null) block->MoreSlots = (CacheSlot**)MetaMemory.AllocateZeroed(256 * 8, 64);
        CacheSlot* chunk = block->MoreSlots[id >> 8];
        if (chunk == null)
        {
            chunk = (CacheSlot*)MetaMemory.AllocateZeroed(256 * 32, 64);
            ClearSlots(chunk);
            Volatile.Write(ref *(nint*)&block->MoreSlots[id >> 8], (nint)chunk);
        }

        return chunk + (id & 255);
    }

    /// <summary>The slot of any cache, or null if the block never used it.</summary>
    internal static CacheSlot* SlotIfAny(CpuBlock* block, uint id)
    {
        if (id < CpuBlock.SlotCount) return CpuBlock.Slot(block, id);
        if (block->MoreSlots == null) return null;
        CacheSlot* chunk = block->MoreSlots[id >> 8];
        return chunk == null ? null : chunk + (id & 255);
    }

    private static void ReportLeft(CpuBlock* block)
    {
        Thread? owner = s_owners[block->Execution.Cpu];
        ref ExecutionState state = ref block->Execution;
        KernelReports.Warn($"WARNING: {owner?.Name ?? "a thread"}/{owner?.ManagedThreadId} exited on CPU#{state.Cpu} with preempt_count 0x{state.PreemptCount:x8}, "
            + $"irqs_disabled {state.IrqDisabled}, RCU nest depth {state.RcuDepth}, {state.HeldLockCount} locks held"
            + (state.HeldLockCount != 0 ? ": they stay locked, and the CPU's number is not used again" : ""));
    }

    private static CpuBlock* Create()
    {
        var block = (CpuBlock*)MetaMemory.AllocateZeroed(CpuBlock.Bytes, 128);
        ClearSlots(CpuBlock.Slot(block, 0));
        block->Execution.Cpu = s_count;
        CpuBlock.ShowPageSets(block);
        if (s_count == s_blocks.Length)
        {
            var larger = new CpuBlock*[s_count * 2];
            for (int i = 0; i < s_count; i++) larger[i] = s_blocks[i];
            Volatile.Write(ref s_blocks, larger);
            Array.Resize(ref s_owners, s_count * 2);
        }

        s_blocks[s_count] = block;
        Volatile.Write(ref s_count, s_count + 1);
        return block;
    }

    private static void* MakeNoPageSets()
    {
        const int Bytes = 256;
        var words = (int*)MetaMemory.AllocateZeroed(Bytes, Bytes);
        words[1] = 1;
        return words;
    }

    private static void ClearSlots(CacheSlot* slots)
    {
        for (int i = 0; i < 256; i++) slots[i].Home = NullTop - 1;
    }
}

/// <summary>Parks a thread's block when the thread is gone: the thread-static reference was the only one to this object.</summary>
internal sealed unsafe class CpuSentinel
{
    [ThreadStatic]
    private static CpuSentinel? t_sentinel;

    private readonly CpuBlock* _block;

    private CpuSentinel(CpuBlock* block) => _block = block;

    ~CpuSentinel() => CpuBlocks.Park(_block);

    internal static void Arm(CpuBlock* block) => t_sentinel = new CpuSentinel(block);

    internal static void Disarm()
    {
        if (t_sentinel is null) return;
        GC.SuppressFinalize(t_sentinel);
        t_sentinel = null;
    }
}
