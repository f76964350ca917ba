// The kernel face: memory shared with a device.
//
// There is no device here and no cache to keep coherent: what remains of the call is where the memory comes from, whole pages of ZONE_DMA, and that it
// has two addresses, one for the program and one for the bus (the physical one).

namespace KAlloc;

public static unsafe partial class Linux
{
    /// <summary><c>dma_alloc_coherent(dev, size, handle, gfp)</c>: zeroed pages that every device reaches. May sleep if the flags say so.</summary>
    /// <param name="dev">The device; kept by nobody, may be null.</param>
    /// <param name="size">Bytes, up to 4 MiB; rounded up to a power of two of pages.</param>
    /// <param name="dma_handle">Receives the bus address: frame number times page size; 0 on failure.</param>
    /// <param name="flags">How; zone modifiers are ignored, as in the kernel.</param>
    /// <returns>The memory, or null.</returns>
    [MightSleepIf(nameof(flags))]
    [return: Allocates("dma_coherent", FreedBy = nameof(dma_free_coherent), Size = nameof(size), Flags = nameof(flags), MayReturnNull = true, Zeroed = true)]
    public static void* dma_alloc_coherent([Borrows] void* dev, size_t size, [Borrows] out nuint dma_handle, gfp_t flags)
    {
        dma_handle = 0;
        nuint bytes = size;
        if (bytes == 0) return null;
        flags = (flags & ~(__GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE)) | GFP_DMA | __GFP_ZERO;
        page* pages = alloc_pages(flags, get_order(size));
        if (pages == null) return null;
        dma_handle = page_to_pfn(pages) << PAGE_SHIFT;
        return page_address(pages);
    }

    /// <summary><c>dma_free_coherent(dev, size, addr, handle)</c>. Never sleeps here; the kernel forbids it with interrupts off.</summary>
    /// <param name="dev">The device, as at allocation.</param>
    /// <param name="size">The size, as at allocation.</param>
    /// <param name="addr">The memory; null is ignored.</param>
    /// <param name="dma_handle">Its bus address; another one is a BUG and nothing is freed.</param>
    public static void dma_free_coherent([Borrows] void* dev, size_t size, [Frees("dma_coherent", Size = nameof(size))] void* addr, nuint dma_handle)
    {
        if (addr == null) return;
        page* pages = virt_to_page(addr);
        if (pages == null || page_to_pfn(pages) << PAGE_SHIFT != dma_handle)
        {
            KernelReports.Bug($"BUG: dma_free_coherent: 0x{(nuint)addr:x} is not the memory with bus address 0x{dma_handle:x}", (nuint)addr);
            return;
        }

        __free_pages(pages, get_order(size));
    }
}
