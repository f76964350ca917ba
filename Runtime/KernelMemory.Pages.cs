// The .NET face of the page allocator.

using System.Runtime.CompilerServices;

namespace KAlloc;

public sealed unsafe partial class KernelMemory
{
    /// <summary>Allocates 2^<paramref name="order"/> contiguous frames (<c>alloc_pages</c>).</summary>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <param name="order">0..10.</param>
    /// <returns>The first frame.</returns>
    /// <exception cref="OutOfMemoryException">There is no such block.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("pages", FreedBy = nameof(FreePages), Order = nameof(order), Flags = nameof(flags))]
    public Page* AllocPages(GfpFlags flags, int order)
    {
        Page* page = Pages.Allocate(flags, order);
        if (page == null) OutOfMemory((nuint)1 << (Memory.PageShift + (order & 31)));
        return page;
    }

    /// <summary>Like <see cref="AllocPages"/>, but null when there is no such block.</summary>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <param name="order">0..10.</param>
    /// <returns>The first frame, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("pages", FreedBy = nameof(FreePages), Order = nameof(order), Flags = nameof(flags), MayReturnNull = true, NeverNullIf = (uint)GfpFlags.NoFail)]
    public Page* TryAllocPages(GfpFlags flags, int order) => Pages.Allocate(flags, order);

    /// <summary>Frees a block (<c>__free_pages</c>). Never sleeps.</summary>
    /// <param name="page">Its first frame; null is ignored.</param>
    /// <param name="order">The order it was allocated with.</param>
    /// <exception cref="KernelBugException">Not an allocated block of that order.</exception>
    public void FreePages([Frees("pages", Order = nameof(order))] Page* page, int order) => Pages.Free(page, order);

    /// <summary>Allocates 2^<paramref name="order"/> contiguous frames by address (<c>__get_free_pages</c>). Never from high memory.</summary>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <param name="order">0..10.</param>
    /// <returns>The address.</returns>
    /// <exception cref="OutOfMemoryException">There is no such block.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("get_free_pages", FreedBy = nameof(FreePagesAt), Order = nameof(order), Flags = nameof(flags))]
    public void* GetFreePages(GfpFlags flags, int order)
    {
        Page* page = Pages.Allocate(flags & ~GfpFlags.HighMem, order);
        if (page == null) OutOfMemory((nuint)1 << (Memory.PageShift + (order & 31)));
        return Memory.AddressOf(page);
    }

    /// <summary>Frees a block by its address (<c>free_pages</c>). Never sleeps.</summary>
    /// <param name="address">Its start; null is ignored.</param>
    /// <param name="order">The order it was allocated with.</param>
    /// <exception cref="KernelBugException">Not the start of an allocated block of that order.</exception>
    public void FreePagesAt([Frees("get_free_pages", Order = nameof(order))] void* address, int order) => Pages.FreeAddress((nuint)address, order);

    /// <summary>Allocates just as many contiguous pages as a size needs (<c>alloc_pages_exact</c>).</summary>
    /// <param name="size">Bytes, 1..4 MiB.</param>
    /// <param name="flags">How; with <see cref="GfpFlags.DirectReclaim"/> the call may sleep.</param>
    /// <returns>The address.</returns>
    /// <exception cref="OutOfMemoryException">There is no such block.</exception>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("pages_exact", FreedBy = nameof(FreePagesExact), Size = nameof(size), Flags = nameof(flags))]
    public void* AllocPagesExact(nuint size, GfpFlags flags)
    {
        void* address = Pages.AllocateExact(size, flags);
        if (address == null) OutOfMemory(size);
        return address;
    }

    /// <summary>Frees what <see cref="AllocPagesExact"/> allocated. Never sleeps.</summary>
    /// <param name="address">The address; null is ignored.</param>
    /// <param name="size">The size at allocation.</param>
    /// <exception cref="KernelBugException">Not such a range.</exception>
    public void FreePagesExact([Frees("pages_exact", Size = nameof(size))] void* address, nuint size) => Pages.FreeExact((nuint)address, size);

    /// <summary>The address of a frame (<c>page_address</c>): null for a high frame that is not mapped.</summary>
    /// <param name="page">The frame.</param>
    /// <returns>Its address, or null.</returns>
    [return: ViewOf(nameof(page), Family = "get_free_pages")]
    public void* PageAddress(Page* page) => Memory.AddressOf(page);

    /// <summary>The frame of a direct-map address (<c>virt_to_page</c>).</summary>
    /// <param name="address">The address.</param>
    /// <returns>The frame.</returns>
    /// <exception cref="KernelBugException">The address is not in the direct map.</exception>
    [return: ViewOf(nameof(address), Family = "pages")]
    public Page* VirtToPage(void* address)
    {
        if (!Memory.IsDirect((nuint)address))
            KernelReports.Bug($"BUG: virt_to_page(0x{(nuint)address:x}): not an address of the direct map: {Pages.Describe((nuint)address)}", (nuint)address);
        return Memory.PageOf(Memory.FrameOfAddress((nuint)address));
    }

    /// <summary>The zone of a frame.</summary>
    /// <param name="page">The frame.</param>
    /// <returns>The zone.</returns>
    public ZoneType PageZone([Borrows] Page* page) => Pages.ZoneOf(Memory.FrameOf(page)).Type;

    /// <summary>References to a block: 0 if the frame is free (<c>page_count</c>).</summary>
    /// <remarks>As stored: 0 free, 1 the first user. The book stores −1 for a free frame and adds 1 when asked, which comes to the same
    /// (see <see cref="Linux.page_count"/>).</remarks>
    /// <param name="page">A frame of the block.</param>
    /// <returns>The number of references.</returns>
    public int PageCount([Borrows] Page* page) => Volatile.Read(ref Memory.HeadOf(page)->RefCount);

    /// <summary>What an address is, as reports say it.</summary>
    /// <param name="address">Any address.</param>
    /// <returns>One line of text.</returns>
    public string Describe(void* address) => Pages.Describe((nuint)address);
}
