// The .NET face of vmalloc, kvmalloc and high memory.

namespace KAlloc;

public sealed unsafe partial class KernelMemory
{
    /// <summary>Allocates memory that is contiguous for the program only (<c>__vmalloc</c>). May sleep.</summary>
    /// <param name="size">Bytes, rounded up to pages.</param>
    /// <param name="flags">How frames are taken. Without <see cref="GfpFlags.DirectReclaim"/> the call never waits for memory. Zone modifiers are refused
    /// with a WARN and ignored.</param>
    /// <param name="alignment">A power of two in bytes; up to a page: a page.</param>
    /// <param name="huge">Puts whole 2 MiB blocks on huge pages where the system has them (<c>vmalloc_huge</c>): random access misses the TLB less often, the
    /// call takes milliseconds for each block that is not yet on one.</param>
    /// <returns>The memory, with an unmapped page behind it. All of it is mapped: no first touch faults.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory or no range.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("vmalloc", FreedBy = nameof(Vfree), Size = nameof(size), Flags = nameof(flags), Alignment = nameof(alignment))]
    public void* Vmalloc(nuint size, GfpFlags flags = GfpFlags.Kernel, nuint alignment = 0, bool huge = false)
    {
        void* memory = VmallocSystem.AllocateChecked(size, flags, alignment, huge);
        if (memory == null) OutOfMemory(size);
        return memory;
    }

    /// <summary>Allocates zeroed memory (<c>vzalloc</c>). May sleep.</summary>
    /// <param name="size">Bytes, rounded up to pages.</param>
    /// <returns>The memory.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory or no range.</exception>
    [MightSleep]
    [return: Allocates("vmalloc", FreedBy = nameof(Vfree), Size = nameof(size), Zeroed = true)]
    public void* Vzalloc(nuint size) => Vmalloc(size, GfpFlags.Kernel | GfpFlags.Zero);

    /// <summary>
    /// Frees memory of <see cref="Vmalloc"/> (<c>vfree</c>). May sleep; in an interrupt a worker thread does it later. The range is unmapped some time
    /// later, together with others; its frames are nobody else's before that. See <see cref="Shrink"/>.
    /// </summary>
    /// <param name="memory">The memory; null is ignored.</param>
    /// <exception cref="KernelBugException">Not the start of such memory.</exception>
    [MightSleep(OnlyInProcessContext = true)]
    public void Vfree([Frees("vmalloc")] void* memory) => VmallocSystem.Free(memory);

    /// <summary>Maps frames next to each other (<c>vmap</c>). May sleep. The frames stay their owner's.</summary>
    /// <param name="pages">The frames.</param>
    /// <returns>The range.</returns>
    /// <exception cref="OutOfMemoryException">There is no range, or the backing cannot map frames a second time.</exception>
    [MightSleep]
    [return: Allocates("vmap", FreedBy = nameof(Vunmap))]
    public void* Vmap(Page*[] pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        fixed (Page** first = pages)
        {
            void* range = VmallocSystem.Map(first, (uint)pages.Length, AreaKind.Vmap);
            if (range == null) OutOfMemory((nuint)pages.Length << Memory.PageShift);
            return range;
        }
    }

    /// <summary>Removes a mapping of <see cref="Vmap"/> (<c>vunmap</c>). May sleep.</summary>
    /// <param name="range">The range; null is ignored.</param>
    /// <exception cref="KernelBugException">Not the start of such a range.</exception>
    [MightSleep]
    public void Vunmap([Frees("vmap")] void* range) => VmallocSystem.Unmap(range);

    /// <summary>Whether an address is one that vmalloc hands out (<c>is_vmalloc_addr</c>).</summary>
    /// <param name="address">An address.</param>
    /// <returns>Whether it is.</returns>
    public bool IsVmallocAddress([Borrows] void* address) => VmallocSystem.Contains((nuint)address);

    /// <summary>The frame behind a vmalloc address (<c>vmalloc_to_page</c>).</summary>
    /// <param name="address">An address in a mapped range.</param>
    /// <returns>The frame, or null.</returns>
    public Page* VmallocToPage([Borrows] void* address) => VmallocSystem.PageOf((nuint)address);

    /// <summary>Allocates contiguous memory if that is easy, else as <see cref="Vmalloc"/> does (<c>kvmalloc</c>).</summary>
    /// <param name="size">Bytes, up to 2 GiB.</param>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The memory.</returns>
    /// <exception cref="OutOfMemoryException">There is no memory.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kvmalloc", FreedBy = nameof(Kvfree), Size = nameof(size), Flags = nameof(flags))]
    public void* Kvmalloc(nuint size, GfpFlags flags = GfpFlags.Kernel)
    {
        void* memory = KvmallocSystem.Allocate(size, flags);
        if (memory == null) OutOfMemory(size);
        return memory;
    }

    /// <summary>Frees memory of kvmalloc, kmalloc or vmalloc (<c>kvfree</c>). May sleep.</summary>
    /// <param name="memory">The memory; null is ignored.</param>
    /// <exception cref="KernelBugException">Not such memory.</exception>
    [MightSleep(OnlyInProcessContext = true)]
    public void Kvfree([Frees("kvmalloc", "kmalloc", "vmalloc")] void* memory) => KvmallocSystem.Free(memory);

    /// <summary>Gives a high frame an address until <see cref="Kunmap"/> (<c>kmap</c>). May sleep.</summary>
    /// <param name="page">The frame.</param>
    /// <returns>Its address.</returns>
    [MightSleep]
    [return: ViewOf(nameof(page))]
    public void* Kmap(Page* page) => HighMemory.Map(page);

    /// <summary>Ends a mapping of <see cref="Kmap"/> (<c>kunmap</c>).</summary>
    /// <param name="page">The frame.</param>
    /// <exception cref="KernelBugException">It is not mapped.</exception>
    public void Kunmap([Borrows] Page* page) => HighMemory.Unmap(page);

    /// <summary>Maps a frame for the running thread (<c>kmap_local_page</c>). Never waits; any context. At most 16 at one time.</summary>
    /// <param name="page">The frame.</param>
    /// <returns>Its address, for this thread only.</returns>
    /// <exception cref="KernelBugException">Not a frame, or 16 are open.</exception>
    [return: ViewOf(nameof(page))]
    public void* KmapLocal(Page* page) => HighMemory.Local.Map(page, "kmap_local_page");

    /// <summary>Ends the thread's last mapping of <see cref="KmapLocal"/> (<c>kunmap_local</c>). Another order is a WARN.</summary>
    /// <param name="address">The address, not the frame.</param>
    /// <exception cref="KernelBugException">It is no mapping of this thread.</exception>
    public void KunmapLocal([Borrows] void* address) => HighMemory.Local.Unmap(address, "kunmap_local");
}
