// The kernel face: per-CPU data. A CPU is a thread, so its copy is its own while the thread does not sleep in between; get_cpu and put_cpu say where that is.

using System.Runtime.CompilerServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    private static PerCpuSpace PerCpuSystem => KernelMemory.Default.PerCpu;

    /// <summary>Allocates a zeroed copy of a type for each CPU (<c>alloc_percpu</c>). May sleep.</summary>
    /// <typeparam name="T">The type, up to 32 KiB.</typeparam>
    /// <returns>A handle for <see cref="per_cpu_ptr{T}"/> and <see cref="this_cpu_ptr{T}"/>, no pointer: using it as one faults. Or null.</returns>
    [MightSleep]
    [return: Allocates("percpu", FreedBy = nameof(free_percpu), Size = "sizeof(T)", MayReturnNull = true, Zeroed = true)]
    public static T* alloc_percpu<T>() where T : unmanaged => (T*)PerCpuSystem.Allocate((nuint)sizeof(T), (nuint)(sizeof(AlignmentProbe<T>) - sizeof(T)));

    /// <summary>Allocates zeroed bytes for each CPU (<c>__alloc_percpu</c>). May sleep.</summary>
    /// <param name="size">Bytes, up to 32 KiB; 0 and more are null with a WARN.</param>
    /// <param name="align">A power of two up to a page.</param>
    /// <returns>A handle, no pointer; or null.</returns>
    [MightSleep]
    [return: Allocates("percpu", FreedBy = nameof(free_percpu), Size = nameof(size), Alignment = nameof(align), MayReturnNull = true, Zeroed = true)]
    public static void* __alloc_percpu(size_t size, size_t align) => PerCpuSystem.Allocate(size, align);

    /// <summary>Frees per-CPU memory (<c>free_percpu</c>). Never sleeps; any context.</summary>
    /// <param name="ptr">The handle; null is ignored. A CPU's copy, or anything else, is a BUG.</param>
    public static void free_percpu([Frees("percpu")] void* ptr) => PerCpuSystem.Free(ptr);

    /// <summary>The copy of a CPU (<c>per_cpu_ptr</c>). Never sleeps. Another CPU's copy changes while it is read.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="ptr">The handle.</param>
    /// <param name="cpu">The CPU's number; one that no thread ever had is a BUG.</param>
    /// <returns>The copy.</returns>
    [return: ViewOf(nameof(ptr))]
    public static T* per_cpu_ptr<T>(T* ptr, int cpu) where T : unmanaged => (T*)PerCpuSystem.PointerOf(ptr, cpu);

    /// <inheritdoc cref="per_cpu_ptr{T}"/>
    [return: ViewOf(nameof(ptr))]
    public static void* per_cpu_ptr(void* ptr, int cpu) => PerCpuSystem.PointerOf(ptr, cpu);

    /// <summary>
    /// The copy of the running CPU (<c>this_cpu_ptr</c>). Never sleeps. Code that may be preempted must not use it: between <see cref="get_cpu"/> and
    /// <see cref="put_cpu"/>, or with interrupts or preemption off. At debug levels anything else is reported, as by the kernel's CONFIG_DEBUG_PREEMPT.
    /// </summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="ptr">The handle.</param>
    /// <returns>The copy.</returns>
    [return: ViewOf(nameof(ptr))]
    public static T* this_cpu_ptr<T>(T* ptr) where T : unmanaged => (T*)PerCpuSystem.PointerOf(ptr, smp_processor_id());

    /// <inheritdoc cref="this_cpu_ptr{T}"/>
    [return: ViewOf(nameof(ptr))]
    public static void* this_cpu_ptr(void* ptr) => PerCpuSystem.PointerOf(ptr, smp_processor_id());

    /// <summary>
    /// <c>get_cpu()</c>: turns preemption off and gives the running CPU's number. Until <see cref="put_cpu"/> the thread must not sleep. Nests. Any context.
    /// </summary>
    /// <returns>The number, from 0.</returns>
    [EntersAtomic(LockKind.Preempt, Nests = true, LeftBy = nameof(put_cpu))]
    public static int get_cpu() => Preemption.Disable()->Execution.Cpu;

    /// <summary><c>put_cpu()</c>: ends what <see cref="get_cpu"/> began. A call too many is a BUG.</summary>
    [LeavesAtomic(LockKind.Preempt)]
    public static void put_cpu() => Preemption.EnableChecked(CpuBlocks.Current);

    /// <summary><c>get_cpu_ptr(ptr)</c>: turns preemption off and gives the running CPU's copy. Until <see cref="put_cpu_ptr"/> the thread must not sleep.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="ptr">The handle.</param>
    /// <returns>The copy.</returns>
    [EntersAtomic(LockKind.Preempt, Nests = true, LeftBy = nameof(put_cpu_ptr))]
    [return: ViewOf(nameof(ptr))]
    public static T* get_cpu_ptr<T>(T* ptr) where T : unmanaged
    {
        // A CPU is a thread: nothing can move this code between the two.
        var copy = (T*)PerCpuSystem.PointerOf(ptr, raw_smp_processor_id());
        Preemption.Disable();
        return copy;
    }

    /// <summary><c>put_cpu_ptr(ptr)</c>: ends what <see cref="get_cpu_ptr{T}"/> began.</summary>
    /// <param name="ptr">The handle; not used, as in the kernel.</param>
    [LeavesAtomic(LockKind.Preempt)]
    public static void put_cpu_ptr([Borrows] void* ptr) => put_cpu();

    /// <summary>
    /// <c>smp_processor_id()</c>: the running CPU's number. Never sleeps. At debug levels a call from code that may be preempted is reported: the number may be
    /// stale at once. <see cref="raw_smp_processor_id"/> does not care.
    /// </summary>
    /// <returns>The number, from 0.</returns>
    public static int smp_processor_id()
    {
        CpuBlock* block = CpuBlocks.Current;
        if (block->Execution.PreemptCount == 0 && block->Execution.IrqDisabled == 0) ReportPreemptible(block);
        return block->Execution.Cpu;
    }

    /// <summary><c>raw_smp_processor_id()</c>: the running CPU's number, wherever the call stands.</summary>
    /// <returns>The number, from 0.</returns>
    public static int raw_smp_processor_id() => CpuBlocks.Current->Execution.Cpu;

    /// <summary><c>for_each_possible_cpu(cpu)</c>: <c>foreach (int cpu in for_each_possible_cpu())</c> runs over all CPUs, those of ended threads included.</summary>
    /// <returns>The CPUs.</returns>
    public static PossibleCpus for_each_possible_cpu() => default;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ReportPreemptible(CpuBlock* block)
    {
        if (KernelMemory.Default.DebugLevel < DebugLevel.Sanity) return;
        KernelReports.Bug($"BUG: using smp_processor_id() in preemptible [{block->Execution.PreemptCount:x8}] code: {ContextReport.Task}{ContextReport.CallTrace()}");
    }

    /// <summary>Its size is that of T and of T's alignment.</summary>
    private readonly struct AlignmentProbe<T>(byte first, T value) where T : unmanaged
    {
        internal readonly byte First = first;
        internal readonly T Value = value;
    }
}
