// The kernel face: kmalloc and its family.
//
// Allocation with GFP_KERNEL may sleep, with GFP_ATOMIC or GFP_NOWAIT it never does; kfree never sleeps. No memory, and a size over
// KMALLOC_MAX_SIZE, is null. kmalloc, kzalloc and kfree are inlined into the caller up to their hit path.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary>Largest size of kmalloc: 4 MiB.</summary>
    public const int KMALLOC_MAX_SIZE = (int)KmallocSizes.MaxSize;

    /// <summary>Largest size that kmalloc serves from a cache: 8192.</summary>
    public const int KMALLOC_MAX_CACHE_SIZE = (int)KmallocSizes.MaxCacheSize;

    /// <summary>What <c>kmalloc(0)</c> returns: not null, may be freed, faults when used.</summary>
    public static void* ZERO_SIZE_PTR => (void*)KmallocCaches.ZeroSizePointer;

    private static KmallocCaches KmallocSystem => KernelMemory.Default.KmallocSystem;

    /// <summary>Allocates physically contiguous memory (<c>kmalloc</c>).</summary>
    /// <param name="size">Bytes; 0 gives <see cref="ZERO_SIZE_PTR"/>; more than <see cref="KMALLOC_MAX_SIZE"/> null with a WARN.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> (as in <c>GFP_KERNEL</c>) the call may sleep.</param>
    /// <returns>The memory, aligned to the largest power of two that divides the size, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* kmalloc(size_t size, gfp_t flags)
    {
        CpuBlock* block = ThisCpu.Block;
        if (block != null && size - 1 < KmallocSizes.MaxCacheSize && FastPath.IsPlain(flags) && FastPath.MayRun(block, flags))
        {
            CacheSlot* slot = CpuBlock.Slot(block, 1 + KmallocSizes.IndexOf(size));
            nint obj = slot->Newest;
            if (obj != 0)
            {
                Sheaf.DropNewest(slot);
                return (void*)obj;
            }
        }

        return KmallocSlow(size, flags);
    }

    /// <summary><see cref="kmalloc(size_t, gfp_t)"/> near a memory node (<c>kmalloc_node</c>). There is one node: the number is not used.</summary>
    /// <param name="size">Bytes.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <param name="node">The node.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* kmalloc_node(size_t size, gfp_t flags, int node) => kmalloc(size, flags);

    /// <summary>Allocates zeroed memory (<c>kzalloc</c>).</summary>
    /// <param name="size">Bytes.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail, Zeroed = true)]
    public static void* kzalloc(size_t size, gfp_t flags)
    {
        nint obj = KmallocFast.TryAllocate(size, flags);
        if (obj == 0) return KmallocSlow(size, flags | __GFP_ZERO);
        Unsafe.InitBlockUnaligned((void*)obj, 0, KmallocSizes.BytesOf(KmallocSizes.IndexOf(size)));
        return (void*)obj;
    }

    /// <summary>Allocates an array of zeroed elements (<c>kcalloc</c>).</summary>
    /// <param name="n">Elements; a product that overflows is null.</param>
    /// <param name="size">Bytes of one.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = nameof(size), Count = nameof(n), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail, Zeroed = true)]
    public static void* kcalloc(size_t n, size_t size, gfp_t flags) => kzalloc(KmallocCaches.Multiply(n, size), flags);

    /// <summary>Allocates an array (<c>kmalloc_array</c>).</summary>
    /// <param name="n">Elements; a product that overflows is null.</param>
    /// <param name="size">Bytes of one.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = nameof(size), Count = nameof(n), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* kmalloc_array(size_t n, size_t size, gfp_t flags) => kmalloc(KmallocCaches.Multiply(n, size), flags);

    /// <summary>Resizes memory (<c>krealloc</c>). On null the old memory lives on.</summary>
    /// <param name="p">The memory; null allocates.</param>
    /// <param name="new_size">Bytes; 0 frees and gives <see cref="ZERO_SIZE_PTR"/>.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep. With <c>__GFP_ZERO</c> at every call, new bytes are 0.</param>
    /// <returns>The memory, moved only if it did not fit, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Reallocates("kmalloc", Pointer = nameof(p), FreedBy = nameof(kfree), Size = nameof(new_size), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* krealloc(void* p, size_t new_size, gfp_t flags) => KmallocSystem.Reallocate(p, new_size, flags);

    /// <summary>Resizes an array (<c>krealloc_array</c>).</summary>
    /// <param name="p">The memory; null allocates.</param>
    /// <param name="new_n">Elements; a product that overflows is null.</param>
    /// <param name="new_size">Bytes of one.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Reallocates("kmalloc", Pointer = nameof(p), FreedBy = nameof(kfree), Size = nameof(new_size), Count = nameof(new_n), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static void* krealloc_array(void* p, size_t new_n, size_t new_size, gfp_t flags) =>
        KmallocSystem.Reallocate(p, KmallocCaches.Multiply(new_n, new_size), flags);

    /// <summary>Frees memory (<c>kfree</c>). Never sleeps.</summary>
    /// <param name="obj">The memory; null and <see cref="ZERO_SIZE_PTR"/> are ignored. Anything else that kmalloc did not return is a BUG.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void kfree([Frees("kmalloc")] void* obj)
    {
        // Written out, not a call that says whether: the JIT keeps such an answer in a register and tests it once more.
        CpuBlock* block = ThisCpu.Block;
        uint id;
        if (block != null && DefaultMap.IsInWindow((nuint)obj) && (id = DefaultMap.ClassInWindow((nuint)obj)) < CpuBlock.SlotCount)
        {
            CacheSlot* slot = CpuBlock.Slot(block, id);
            if (Sheaf.Takes(slot, (nint)obj))
            {
                Sheaf.Push(slot, (nint)obj);
                return;
            }
        }

        KfreeSlow(obj);
    }

    /// <summary>Overwrites memory with zeros and frees it (<c>kfree_sensitive</c>). Never sleeps.</summary>
    /// <param name="obj">The memory; null is ignored.</param>
    public static void kfree_sensitive([Frees("kmalloc")] void* obj)
    {
        NativeMemory.Clear(obj, KmallocSystem.SizeOf(obj, nameof(kfree_sensitive)));
        kfree(obj);
    }

    /// <summary>The old name of <see cref="kfree_sensitive"/> (<c>kzfree</c>).</summary>
    /// <param name="obj">The memory; null is ignored.</param>
    public static void kzfree([Frees("kmalloc")] void* obj) => kfree_sensitive(obj);

    /// <summary>Frees many objects, of any sizes (<c>kfree_bulk</c>). Never sleeps.</summary>
    /// <param name="size">Length of the array.</param>
    /// <param name="p">The array; null entries are ignored.</param>
    public static void kfree_bulk(size_t size, void** p)
    {
        for (nuint i = 0; i < size; i++) kfree(p[i]);
    }

    /// <summary>Bytes that memory really has (<c>ksize</c>). Writing past the size asked for is still wrong.</summary>
    /// <param name="obj">The memory.</param>
    /// <returns>Bytes of its class or block; 0 for null and <see cref="ZERO_SIZE_PTR"/>.</returns>
    public static nuint ksize([Borrows] void* obj) => KmallocSystem.SizeOf(obj, nameof(ksize));

    /// <summary>Bytes that an allocation of a size would have (<c>kmalloc_size_roundup</c>).</summary>
    /// <param name="size">Bytes.</param>
    /// <returns>The bytes; the size itself if it is too large.</returns>
    public static nuint kmalloc_size_roundup(size_t size) => KmallocCaches.RoundUp(size, PAGE_SHIFT);

    /// <summary>Allocates a <typeparamref name="T"/>.</summary>
    /// <typeparam name="T">An unmanaged type.</typeparam>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = "sizeof(T)", Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public static T* kmalloc<T>(gfp_t flags) where T : unmanaged => (T*)kmalloc(sizeof(T), flags);

    /// <summary>Allocates a zeroed <typeparamref name="T"/>.</summary>
    /// <typeparam name="T">An unmanaged type.</typeparam>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = "sizeof(T)", Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail, Zeroed = true)]
    public static T* kzalloc<T>(gfp_t flags) where T : unmanaged => (T*)kzalloc(sizeof(T), flags);

    /// <summary>Allocates a zeroed array of <typeparamref name="T"/>.</summary>
    /// <typeparam name="T">An unmanaged type.</typeparam>
    /// <param name="n">Elements; a product that overflows is null.</param>
    /// <param name="flags">How; with <c>__GFP_DIRECT_RECLAIM</c> the call may sleep.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("kmalloc", FreedBy = nameof(kfree), Size = "sizeof(T)", Count = nameof(n), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail, Zeroed = true)]
    public static T* kcalloc<T>(size_t n, gfp_t flags) where T : unmanaged => (T*)kcalloc(n, sizeof(T), flags);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* KmallocSlow(nuint size, gfp_t flags) => KmallocSystem.Allocate(size, flags);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void KfreeSlow(void* obj)
    {
        if ((nuint)obj > (nuint)KmallocCaches.ZeroSizePointer) KmallocSystem.Free(obj);
    }
}
