// What the driver allocated, and from which zone: the table that the program prints.

using KAlloc;
using static CharDriver.Daq;
using static KAlloc.Linux;

namespace CharDriver;

internal static unsafe class MemoryTable
{
    public static void Print(daq_device* dev)
    {
        Console.WriteLine($"  {"memory",-16} {"allocated by",-22} {"bytes",9}  {"frames",-30} why there");
        Row("device", "kzalloc", (nuint)sizeof(daq_device), Direct(dev), "GFP_KERNEL: what the kernel can address");
        Row("record cache", "kmem_cache_create", (nuint)sizeof(daq_record), OneRecord(dev->records), "GFP_ATOMIC in the handler; a slab holds many");
        Row("DMA ring", "__get_free_pages", (nuint)PAGE_SIZE << RING_ORDER, Direct(dev->ring), "GFP_DMA: the card drives 24 address lines");
        Row("command buffer", "dma_alloc_coherent", COMMAND_BYTES, Direct(dev->command), "whole pages, for the card too");
        Row("log", "vzalloc", dev->log_bytes, Mapped(dev->log, dev->log_bytes), "any frames, highest zone first, mapped in a row");
    }

    private static void Row(string memory, string call, nuint bytes, string frames, string why) =>
        Console.WriteLine($"  {memory,-16} {call,-22} {bytes,9:N0}  {frames,-30} {why}");

    /// <summary>Memory of the direct map: the frame follows from the address.</summary>
    private static string Direct(void* memory)
    {
        page* page = virt_to_page(memory);
        return $"{Name(page_zonenum(page))} from {page_to_pfn(page):N0}";
    }

    private static string OneRecord(kmem_cache* records)
    {
        void* record = kmem_cache_alloc(records, GFP_KERNEL);
        if (record == null) return "none left";
        string text = Direct(record);
        kmem_cache_free(records, record);
        return text;
    }

    /// <summary>Memory of vmalloc: any frame may be behind any page.</summary>
    private static string Mapped(byte* memory, nuint bytes)
    {
        int frames = 0, runs = 0;
        nuint expected = 0;
        for (nuint offset = 0; offset < bytes; offset += (nuint)PAGE_SIZE)
        {
            nuint frame = page_to_pfn(vmalloc_to_page(memory + offset));
            if (frame != expected) runs++;
            expected = frame + 1;
            frames++;
        }

        return $"{Name(page_zonenum(vmalloc_to_page(memory)))}, {frames} frames in {runs} {(runs == 1 ? "run" : "runs")}";
    }

    private static string Name(ZoneType zone) => zone switch
    {
        ZoneType.Dma => "DMA",
        ZoneType.Dma32 => "DMA32",
        _ => zone.ToString(),
    };
}
