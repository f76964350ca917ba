// The kernel face: vmalloc, vmap, and kvmalloc above both allocators.
//
// vmalloc may sleep, unless __vmalloc is told not to; none of it works in an interrupt. vfree in an interrupt is put off; under a spin lock it is a
// report, and vfree_atomic is the way.

using System.Runtime.InteropServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    private static VmallocSpace VmallocSystem => KernelMemory.Default.VmallocSystem;

    private static KvmallocSystem KvmallocSystem => KernelMemory.Default.KvmallocSystem;

    /// <summary>Allocates memory that is contiguous for the program only (<c>vmalloc</c>). May sleep.</summary>
    /// <param name="size">Bytes, rounded up to pages; 0 is null with a WARN.</param>
    /// <returns>The memory, on a page, with an unmapped page behind it; or null.</returns>
    [MightSleep]
    [return: Allocates("vmalloc", FreedBy = nameof(vfree), Size = nameof(size), MayReturnNull = true)]
    public static void* vmalloc(size_t size) => VmallocSystem.Allocate(size, GFP_KERNEL);

    /// <summary>Allocates zeroed memory (<c>vzalloc</c>). May sleep.</summary>
    /// <param name="size">Bytes, rounded up to pages.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleep]
    [return: Allocates("vmalloc", FreedBy = nameof(vfree), Size = nameof(size), MayReturnNull = true, Zeroed = true)]
    public static void* vzalloc(size_t size) => VmallocSystem.Allocate(size, GFP_KERNEL | __GFP_ZERO);

    /// <summary><see cref="vmalloc"/> with flags (<c>__vmalloc</c>). With <c>__GFP_DIRECT_RECLAIM</c> it may sleep. Not in interrupts.</summary>
    /// <param name="size">Bytes, rounded up to pages.</param>
    /// <param name="flags">How frames are taken. Zone modifiers and other bits that vmalloc cannot honour are refused with a WARN and ignored.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("vmalloc", FreedBy = nameof(vfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* __vmalloc(size_t size, gfp_t flags) => VmallocSystem.AllocateChecked(size, flags);

    /// <summary>Allocates zeroed memory that may be shown to user space (<c>vmalloc_user</c>). May sleep.</summary>
    /// <param name="size">Bytes, rounded up to pages.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleep]
    [return: Allocates("vmalloc", FreedBy = nameof(vfree), Size = nameof(size), MayReturnNull = true, Zeroed = true)]
    public static void* vmalloc_user(size_t size) => VmallocSystem.Allocate(size, GFP_KERNEL | __GFP_ZERO, user: true);

    /// <summary>Allocates memory whose frames 32-bit devices reach (<c>vmalloc_32</c>). May sleep.</summary>
    /// <param name="size">Bytes, rounded up to pages.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleep]
    [return: Allocates("vmalloc", FreedBy = nameof(vfree), Size = nameof(size), MayReturnNull = true)]
    public static void* vmalloc_32(size_t size) => VmallocSystem.Allocate(size, GFP_DMA32 | GFP_KERNEL);

    /// <summary>Allocates a zeroed array (<c>vcalloc</c>). May sleep.</summary>
    /// <param name="n">Elements; a product that overflows is null.</param>
    /// <param name="size">Bytes of one.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleep]
    [return: Allocates("vmalloc", FreedBy = nameof(vfree), Size = nameof(size), Count = nameof(n), MayReturnNull = true, Zeroed = true)]
    public static void* vcalloc(size_t n, size_t size) => VmallocSystem.Allocate(size_mul(n, size), GFP_KERNEL | __GFP_ZERO);

    /// <summary>
    /// <see cref="__vmalloc"/> that puts whole 2 MiB blocks on huge pages where the system has them (<c>vmalloc_huge</c>): random access misses the TLB less
    /// often. The call takes milliseconds for each block that is not yet on one.
    /// </summary>
    /// <param name="size">Bytes, rounded up to pages.</param>
    /// <param name="flags">As for <see cref="__vmalloc"/>.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("vmalloc", FreedBy = nameof(vfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* vmalloc_huge(size_t size, gfp_t flags) => VmallocSystem.AllocateChecked(size, flags, huge: true);

    /// <summary>Frees vmalloc memory (<c>vfree</c>). May sleep; in an interrupt a worker thread does it later.</summary>
    /// <param name="addr">The memory; null is ignored. Anything but the start of such memory is a BUG.</param>
    [MightSleep(OnlyInProcessContext = true)]
    public static void vfree([Frees("vmalloc")] void* addr) => VmallocSystem.Free(addr);

    /// <summary>Frees vmalloc memory from any context (<c>vfree_atomic</c>): a worker thread does it later. Never sleeps.</summary>
    /// <param name="addr">The memory; null is ignored.</param>
    public static void vfree_atomic([Frees("vmalloc")] void* addr) => VmallocSystem.FreeLater(addr);

    /// <summary>Maps frames next to each other (<c>vmap</c>). May sleep. The frames stay their owner's. Needs the memfd backing.</summary>
    /// <param name="pages">The frames.</param>
    /// <param name="count">Their number.</param>
    /// <param name="flags"><see cref="VM_MAP"/>; <see cref="VM_NO_GUARD"/> and what else there is are refused with a WARN and ignored.</param>
    /// <param name="prot"><see cref="PAGE_KERNEL"/>: all mappings are readable and writable.</param>
    /// <returns>The range, or null.</returns>
    [MightSleep]
    [return: Allocates("vmap", FreedBy = nameof(vunmap), MayReturnNull = true)]
    public static void* vmap([Borrows] page** pages, uint count, nuint flags, nuint prot)
    {
        if ((flags & ~VM_MAP) != 0) KernelReports.Warn($"WARNING: vmap: flags 0x{flags & ~VM_MAP:x} are not supported and ignored; an area always has its guard page");
        return VmallocSystem.Map(pages, count, AreaKind.Vmap);
    }

    /// <summary>Maps frames next to each other for a short time (<c>vm_map_ram</c>). May sleep. The frames stay their owner's. Needs the memfd backing.</summary>
    /// <param name="pages">The frames.</param>
    /// <param name="count">Their number.</param>
    /// <param name="node">The memory node; there is one.</param>
    /// <returns>The range, or null.</returns>
    [MightSleep]
    [return: Allocates("vm_map_ram", FreedBy = nameof(vm_unmap_ram), MayReturnNull = true)]
    public static void* vm_map_ram([Borrows] page** pages, uint count, int node) => VmallocSystem.Map(pages, count, AreaKind.Ram);

    /// <summary>Removes a mapping of <see cref="vm_map_ram"/> (<c>vm_unmap_ram</c>). Process context only; may sleep. The frames live on.</summary>
    /// <param name="mem">The range.</param>
    /// <param name="count">The number of frames it was made with; any other is a BUG.</param>
    [MightSleep]
    public static void vm_unmap_ram([Frees("vm_map_ram")] void* mem, uint count) => VmallocSystem.UnmapRam(mem, count);

    /// <summary><c>VM_MAP</c>: the flag of <see cref="vmap"/>.</summary>
    public const nuint VM_MAP = 4;

    /// <summary><c>VM_NO_GUARD</c>: an area without a guard page; <see cref="vmap"/> refuses it, as the kernel does.</summary>
    public const nuint VM_NO_GUARD = 0x40;

    /// <summary><c>PAGE_KERNEL</c>: readable and writable (x86: present, accessed, dirty, global).</summary>
    public const nuint PAGE_KERNEL = 0x163;

    /// <summary>Removes a mapping of <see cref="vmap"/> (<c>vunmap</c>). Process context only; may sleep. The frames live on.</summary>
    /// <param name="addr">The range; null is ignored.</param>
    [MightSleep]
    public static void vunmap([Frees("vmap")] void* addr) => VmallocSystem.Unmap(addr);

    /// <summary>Whether an address is in the range that vmalloc hands out (<c>is_vmalloc_addr</c>). Never sleeps.</summary>
    /// <param name="x">An address.</param>
    /// <returns>Whether it is.</returns>
    public static bool is_vmalloc_addr([Borrows] void* x) => VmallocSystem.Contains((nuint)x);

    /// <summary>The frame behind a vmalloc address (<c>vmalloc_to_page</c>). Never sleeps.</summary>
    /// <param name="addr">An address in a mapped range.</param>
    /// <returns>The frame, or null if nothing is mapped there.</returns>
    public static page* vmalloc_to_page([Borrows] void* addr) => VmallocSystem.PageOf((nuint)addr);

    /// <summary>The frame number behind a vmalloc address (<c>vmalloc_to_pfn</c>). Never sleeps.</summary>
    /// <param name="addr">An address in a mapped range; any other is a BUG.</param>
    /// <returns>The frame number.</returns>
    public static nuint vmalloc_to_pfn([Borrows] void* addr)
    {
        page* frame = vmalloc_to_page(addr);
        if (frame != null) return page_to_pfn(frame);
        KernelReports.Bug($"BUG: vmalloc_to_pfn(0x{(nuint)addr:x}): {KernelMemory.Default.Describe(addr)}", (nuint)addr);
        return 0;
    }

    /// <summary>Allocates contiguous memory if that is easy, else as vmalloc does (<c>kvmalloc</c>). Free it with <see cref="kvfree"/> only.</summary>
    /// <param name="size">Bytes, up to 2 GiB.</param>
    /// <param name="flags">How; without <c>__GFP_DIRECT_RECLAIM</c> only kmalloc is tried.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kvmalloc", FreedBy = nameof(kvfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* kvmalloc(size_t size, gfp_t flags) => KvmallocSystem.Allocate(size, flags);

    /// <summary>Zeroed <see cref="kvmalloc"/> (<c>kvzalloc</c>).</summary>
    /// <param name="size">Bytes, up to 2 GiB.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kvmalloc", FreedBy = nameof(kvfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail, Zeroed = true)]
    public static void* kvzalloc(size_t size, gfp_t flags) => KvmallocSystem.Allocate(size, flags | __GFP_ZERO);

    /// <summary>An array from <see cref="kvmalloc"/> (<c>kvmalloc_array</c>).</summary>
    /// <param name="n">Elements; a product that overflows is null.</param>
    /// <param name="size">Bytes of one.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kvmalloc", FreedBy = nameof(kvfree), Size = nameof(size), Count = nameof(n), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* kvmalloc_array(size_t n, size_t size, gfp_t flags) => KvmallocSystem.Allocate(size_mul(n, size), flags);

    /// <summary>A zeroed array from <see cref="kvmalloc"/> (<c>kvcalloc</c>).</summary>
    /// <param name="n">Elements; a product that overflows is null.</param>
    /// <param name="size">Bytes of one.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kvmalloc", FreedBy = nameof(kvfree), Size = nameof(size), Count = nameof(n), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail, Zeroed = true)]
    public static void* kvcalloc(size_t n, size_t size, gfp_t flags) => KvmallocSystem.Allocate(size_mul(n, size), flags | __GFP_ZERO);

    /// <summary>Resizes <see cref="kvmalloc"/> memory (<c>kvrealloc</c>). On null the old memory lives on.</summary>
    /// <param name="p">The memory; null allocates.</param>
    /// <param name="size">Bytes; 0 frees and gives <see cref="ZERO_SIZE_PTR"/>.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Reallocates("kvmalloc", Pointer = nameof(p), FreedBy = nameof(kvfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* kvrealloc(void* p, size_t size, gfp_t flags) => KvmallocSystem.Reallocate(p, size, flags);

    /// <summary>Frees memory of kvmalloc, kmalloc or vmalloc (<c>kvfree</c>). May sleep if it is vmalloc's; in an interrupt that is put off.</summary>
    /// <param name="addr">The memory; null is ignored.</param>
    [MightSleep(OnlyInProcessContext = true)]
    public static void kvfree([Frees("kvmalloc", "kmalloc", "vmalloc")] void* addr) => KvmallocSystem.Free(addr);

    /// <summary>Frees memory of kvmalloc, kmalloc or vmalloc after a grace period (<c>kvfree_rcu</c>): readers under <c>rcu_read_lock</c> may still look at it. Never sleeps.</summary>
    /// <param name="ptr">The memory; null is ignored.</param>
    /// <param name="rhf">A field of it, or other memory that lives as long.</param>
    public static void kvfree_rcu([Frees("kvmalloc", "kmalloc", "vmalloc")] void* ptr, rcu_head* rhf)
    {
        if (ptr == null) return;
        Rcu.Call(rhf, &Free, ptr);

        static void Free(void* memory) => kvfree(memory);
    }

    /// <summary>Waits for a grace period, then frees memory of kvmalloc, kmalloc or vmalloc that has no <see cref="RcuHead"/> (<c>kvfree_rcu_mightsleep</c>).</summary>
    /// <param name="ptr">The memory; null is ignored.</param>
    [MightSleep]
    public static void kvfree_rcu_mightsleep([Frees("kvmalloc", "kmalloc", "vmalloc")] void* ptr)
    {
        if (ptr == null) return;
        synchronize_rcu();
        kvfree(ptr);
    }

    /// <summary>Overwrites memory with zeros and frees it (<c>kvfree_sensitive</c>). May sleep if it is vmalloc's.</summary>
    /// <param name="addr">The memory; null is ignored.</param>
    /// <param name="len">Bytes to overwrite.</param>
    [MightSleep(OnlyInProcessContext = true)]
    public static void kvfree_sensitive([Frees("kvmalloc", "kmalloc", "vmalloc")] void* addr, size_t len)
    {
        nuint bytes = KvmallocSystem.SizeOf(addr, nameof(kvfree_sensitive));
        NativeMemory.Clear(addr, Math.Min(bytes, len));
        KvmallocSystem.Free(addr);
    }
}
