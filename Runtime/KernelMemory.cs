// A booted memory system: what the layers below are put together into, and the .NET face of it.
//
//   Arena -> PhysicalMemory -> PageAllocator -> SlabAllocator -> KmallocCaches, VmallocSpace, HighMemoryMap, PerCpuSpace
//
// KernelMemory.Default boots on first use, lies at constant addresses and serves the kernel face. Further instances are independent machines for
// tests and tenants: same behaviour, no per-thread caches.
// Kernel concept: mm_init().

using System.Diagnostics.CodeAnalysis;

namespace KAlloc;

/// <summary>One memory system: physical memory with zones, buddy lists, caches and a vmalloc range.</summary>
/// <remarks>
/// The methods have .NET names and throw <see cref="OutOfMemoryException"/> where the kernel returns null; those named Try… return null.
/// Misuse is a <see cref="KernelBugException"/> (see <see cref="KernelReports.Policy"/>).
/// </remarks>
public sealed unsafe partial class KernelMemory : IDisposable
{
    private static readonly Lock s_bootLock = new();
    private static KernelMemory? s_default;
    private int _disposed;

    private KernelMemory(KernelMemoryOptions options, bool isDefault)
    {
        if (isDefault && options.Layout.PageSize != (int)DefaultMap.PageSize)
            throw new ArgumentException("The default system has pages of 4 KiB, a constant of its hit paths: boot a layout with others by KernelMemory.Boot.", nameof(options));
        Layout = options.Layout;
        DebugLevel = options.DebugLevel;
        nuint bytes = MemoryBytes(options, isDefault);
        if (OperatingSystem.IsLinux() && CgroupMemory.Limit() is var container && bytes > container)
            KernelReports.Info($"KAlloc: the memory size of {bytes} bytes is above the container's limit of {container}: memory may be out before the limit is reached");
        Memory = new PhysicalMemory(options.Backing, bytes, DirectBytes(options.Layout, bytes), isDefault, options.Layout.PageSize);
        try
        {
            Pages = new PageAllocator(Memory, options.Layout, PageOptionsOf(options));
            Pages.ReclaimMap = new ReclaimMap();
            Slab = new SlabAllocator(Pages, new RcuGracePeriods(), options.DebugLevel, options.MergeCaches, KmallocSizes.FirstOtherId);
            if (options.FailSlab is { } attributes) Slab.FailSlab.Parse(attributes);
            if (options.FailPageAlloc is { } pageAttributes) Pages.FailPages.Parse(pageAttributes);
            KmallocSystem = new KmallocCaches(Pages, Slab);
            VmallocSystem = new VmallocSpace(Pages, VmallocBytes(options, bytes), unmapAtOnce: options.DebugLevel >= DebugLevel.Sanity);
            KvmallocSystem = new KvmallocSystem(Memory, KmallocSystem, VmallocSystem);
            HighMemory = new HighMemoryMap(Pages, unmapAtOnce: options.DebugLevel >= DebugLevel.Sanity);
            PerCpu = new PerCpuSpace(Pages);
            PageTable = new KernelPageTable(Memory, VmallocSystem, HighMemory);
            StackMemory = new StackMemory(Pages, VmallocSystem);
            Proc = new ProcFs(Pages, Slab, VmallocSystem, PerCpu, StackMemory);
        }
        catch
        {
            // A failed boot leaves no trace: the next one must find its addresses free.
            Pages?.StopBackground();
            VmallocSystem?.Dispose();
            Slab?.Dispose();
            Pages?.Dispose();
            Memory.Dispose();
            throw;
        }
    }

    /// <summary>The system that the kernel face works on. Boots on first use, by <see cref="KernelMemoryOptions.FromRuntimeConfig"/>.</summary>
    /// <exception cref="InvalidOperationException">Its address range is taken.</exception>
    public static KernelMemory Default => Volatile.Read(ref s_default) ?? BootDefault(null);

    /// <summary>Whether <see cref="Default"/> is booted.</summary>
    public static bool IsDefaultBooted => Volatile.Read(ref s_default) is not null;

    /// <summary>The zones.</summary>
    public MemoryLayout Layout { get; }

    /// <summary>How much is checked.</summary>
    public DebugLevel DebugLevel { get; }

    /// <summary>Bytes of physical memory: the limit.</summary>
    public ulong TotalBytes => (ulong)Memory.Frames << Memory.PageShift;

    /// <summary>Bytes that nobody uses: in the buddy lists and in the threads' page sets. Memory that caches keep is not free in this sense.</summary>
    public ulong FreeBytes => (ulong)Pages.FreeFrames << Memory.PageShift;

    /// <summary>
    /// Makes allocations from caches fail (<c>failslab</c>): those of caches with <see cref="SlabFlags.FailSlab"/>, and where <see cref="DebugLevel"/> is
    /// <see cref="DebugLevel.Sanity"/> or higher those of all caches and of kmalloc up to 8 KiB. Objects that threads keep are handed out without asking.
    /// </summary>
    public FaultInjection FailSlab => Slab.FailSlab;

    /// <summary>
    /// Makes requests for pages fail (<c>fail_page_alloc</c>): by default those of order 1 and more that may not wait and do not ask for high memory. Single
    /// pages that threads keep are handed out without asking.
    /// </summary>
    public FaultInjection FailPageAlloc => Pages.FailPages;

    /// <summary>From addresses to frames.</summary>
    public KernelPageTable PageTable { get; }

    /// <summary>What the system holds, in the kernel's text formats.</summary>
    public ProcFs Proc { get; }

    internal PhysicalMemory Memory { get; }
    internal PageAllocator Pages { get; }
    internal SlabAllocator Slab { get; }
    internal KmallocCaches KmallocSystem { get; }
    internal VmallocSpace VmallocSystem { get; }
    internal KvmallocSystem KvmallocSystem { get; }
    internal HighMemoryMap HighMemory { get; }
    internal PerCpuSpace PerCpu { get; }

    /// <summary>Boots the default system with options of one's own, before anything uses it.</summary>
    /// <param name="options">The options.</param>
    /// <returns>The system.</returns>
    /// <exception cref="InvalidOperationException">It is booted already.</exception>
    public static KernelMemory BootDefault(KernelMemoryOptions? options)
    {
        lock (s_bootLock)
        {
            if (s_default is not null)
                return options is null ? s_default : throw new InvalidOperationException("The default system is booted already.");
            var memory = new KernelMemory(options ?? KernelMemoryOptions.FromRuntimeConfig(), isDefault: true);
            Volatile.Write(ref s_default, memory);
            return memory;
        }
    }

    /// <summary>Boots a system of its own.</summary>
    /// <param name="options">The options.</param>
    /// <returns>The system. Dispose it when nothing uses its memory any more.</returns>
    public static KernelMemory Boot(KernelMemoryOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new KernelMemory(options, isDefault: false);
    }

    /// <summary>Gives all memory of a system back, whether or not it is in use. The default system is never disposed.</summary>
    /// <exception cref="KernelBugException">Called from a shrinker or an out-of-memory callback of the system; it lives on.</exception>
    public void Dispose()
    {
        if (Memory.IsDefault || Volatile.Read(ref _disposed) != 0) return;
        if (Pages.IsInCallback)
        {
            KernelReports.Bug("BUG: KernelMemory.Dispose() from within a shrinker or an out-of-memory callback of the same system: the request that called it still needs the memory");
            return;
        }

        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        KmallocSystem.End();
        Pages.StopBackground();
        PerCpu.Dispose();
        HighMemory.Dispose();
        VmallocSystem.Dispose();
        Slab.Dispose();
        Pages.Dispose();
        Memory.Dispose();
    }

    /// <summary>Checks every list, count, flag and table.</summary>
    /// <returns>What is wrong; empty if all is well.</returns>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        foreach (Zone zone in Pages.Zones) zone.Validate(errors);
        Slab.Validate(errors);
        VmallocSystem.Validate(errors);
        PerCpu.Validate(errors);
        return errors;
    }

    /// <summary>
    /// Gives back to the buddy what is kept for later: empty slabs, free objects of this thread and of threads that ended, freed vmalloc areas, all
    /// threads' page sets, page blocks kept for atomic requests. Running threads are asked for their objects, and follow when they next run out of
    /// them. May sleep.
    /// </summary>
    /// <returns>Whether frames came back.</returns>
    [MightSleep]
    public bool Shrink()
    {
        MightSleep.Check();
        bool any = VmallocSystem.Purge() | Slab.ShrinkAll();
        Pages.Drain();
        return any;
    }

    /// <summary>
    /// Parks the running thread's block, with the free objects in it, for the next new thread. Otherwise that happens some time after the thread
    /// ended. The thread may go on using the system.
    /// </summary>
    /// <exception cref="KernelBugException">Called from a shrinker or another callback of a request that reclaims.</exception>
    public static void DetachThread()
    {
        if (ThisCpu.Block != null && ThisCpu.Block->MemAllocDepth > 0)
        {
            KernelReports.Bug("BUG: KernelMemory.DetachThread() from within a shrinker or an out-of-memory callback: the request that called it still needs the thread's block");
            return;
        }

        CpuBlocks.Detach();
    }

    [DoesNotReturn]
    private static void OutOfMemory(nuint bytes) => throw new OutOfMemoryException($"KAlloc has no {bytes} bytes.");

    private static nuint MemoryBytes(KernelMemoryOptions options, bool isDefault)
    {
        const ulong Window = 1UL << DefaultMap.WindowShift;
        ulong bytes = options.MemorySize;
        if (bytes == 0) bytes = Math.Min(MemoryOffered() / 2, Window);
        ulong block = (ulong)options.Layout.PageSize << PhysicalMemory.MaxOrder;
        if (bytes < block || (isDefault && bytes > Window))
            throw new ArgumentOutOfRangeException(nameof(options), bytes, $"The memory size must be between {block >> 20} MiB and 1 TiB.");
        return (nuint)(bytes & ~(block - 1));
    }

    /// <summary>What the container allows, or what the machine has.</summary>
    private static ulong MemoryOffered()
    {
        ulong machine = OperatingSystem.IsLinux() ? CgroupMemory.Machine() : 0;
        if (machine == 0) return (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return Math.Min(machine, CgroupMemory.Limit());
    }

    private static ulong VmallocBytes(KernelMemoryOptions options, nuint bytes)
    {
        if (options.VmallocSize != 0) return Math.Min(options.VmallocSize, DefaultMap.VmallocMaxBytes);
        return options.Layout.HasHighMemory ? 128UL << 20 : Math.Clamp(4UL * bytes, 1UL << 30, DefaultMap.VmallocMaxBytes);
    }

    private static nuint DirectBytes(MemoryLayout layout, nuint bytes)
    {
        ulong start = 0;
        foreach (ZoneBoundary zone in layout.Zones)
        {
            if (zone.Type == ZoneType.HighMem) return (nuint)Math.Min(start, bytes);
            start = zone.End;
        }

        return bytes;
    }
}
