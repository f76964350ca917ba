// The .NET face of per-CPU memory.

namespace KAlloc;

public sealed unsafe partial class KernelMemory
{
    /// <summary>The numbers of all CPUs: threads that have entered KAlloc, those that have ended included.</summary>
    public static PossibleCpus PossibleCpus => default;

    /// <summary>Allocates zeroed bytes for each CPU (<c>__alloc_percpu</c>). May sleep.</summary>
    /// <param name="size">Bytes, 1 to 32 KiB.</param>
    /// <param name="alignment">A power of two up to a page.</param>
    /// <returns>A handle for <see cref="PerCpuPointer"/> and <see cref="ThisCpuPointer"/>, no pointer: using it as one faults.</returns>
    /// <exception cref="OutOfMemoryException">The size or alignment is out of range, or there is no room.</exception>
    [MightSleep]
    [return: Allocates("percpu", FreedBy = nameof(FreePerCpu), Size = nameof(size), Alignment = nameof(alignment), Zeroed = true)]
    public void* AllocPerCpu(nuint size, nuint alignment = 8)
    {
        void* handle = PerCpu.Allocate(size, alignment);
        if (handle == null) OutOfMemory(size);
        return handle;
    }

    /// <summary>Frees per-CPU memory (<c>free_percpu</c>). Never sleeps.</summary>
    /// <param name="handle">The handle; null is ignored.</param>
    /// <exception cref="KernelBugException">Not a handle.</exception>
    public void FreePerCpu([Frees("percpu")] void* handle) => PerCpu.Free(handle);

    /// <summary>The copy of a CPU (<c>per_cpu_ptr</c>).</summary>
    /// <param name="handle">The handle.</param>
    /// <param name="cpu">The CPU's number, below <see cref="PossibleCpus.Count"/>.</param>
    /// <returns>The copy.</returns>
    /// <exception cref="KernelBugException">There is no such CPU.</exception>
    [return: ViewOf(nameof(handle))]
    public void* PerCpuPointer(void* handle, int cpu) => PerCpu.PointerOf(handle, cpu);

    /// <summary>The copy of the running thread's CPU (<c>this_cpu_ptr</c>): nobody else writes it while the thread lives.</summary>
    /// <param name="handle">The handle.</param>
    /// <returns>The copy.</returns>
    [return: ViewOf(nameof(handle))]
    public void* ThisCpuPointer(void* handle) => PerCpu.PointerOf(handle, CpuBlocks.Current->Execution.Cpu);
}
