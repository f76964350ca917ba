namespace KAlloc.Runtime.Tests;

/// <summary>The views of the zones are the kernel's to the blank.</summary>
public unsafe class ZoneViewTests
{
    private static KernelMemory Boot() => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never,
        MemorySize = 32 << 20, Layout = MemoryLayout.X86_64, GiveBackAfter = Timeout.InfiniteTimeSpan, NoPageSets = true,
    });

    [Fact]
    public void PageTypeInfo_CountsByTypeAndOrder()
    {
        using KernelMemory memory = Boot();
        Page* page = memory.AllocPages(GfpFlags.Kernel, 0);
        string[] lines = memory.Proc.PageTypeInfo().Split('\n');
        Assert.Equal("Page block order: 9", lines[0]);
        Assert.Equal("Pages per block:  512", lines[1]);
        Assert.Equal("Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8      9     10 ", lines[3]);
        Assert.Equal("Node    0, zone      DMA, type    Unmovable      0      0      0      0      0      0      0      0      0      0      0 ", lines[4]);
        Assert.Equal("Node    0, zone      DMA, type      Movable      0      0      0      0      0      0      0      0      0      0      4 ", lines[5]);
        Assert.Equal("Node    0, zone    DMA32, type    Unmovable      1      1      1      1      1      1      1      1      1      1      0 ", lines[9]);
        Assert.Equal("Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Reserve ", lines[15]);
        Assert.Equal("Node 0, zone    DMA32            2            6            0            0            0 ", lines[17]);
        memory.FreePages(page, 0);
    }

    [Fact]
    public void ZoneInfo_HasTheMarksAndTheProtection()
    {
        using KernelMemory memory = Boot();
        Zone dma = memory.Pages.Zones[0];
        string text = memory.Proc.ZoneInfo();
        Assert.StartsWith($"""
            Node 0, zone      DMA
              pages free     4096
                    boost    0
                    min      {dma.Marks.Min}
                    low      {dma.Marks.Low}
                    high     {dma.Marks.High}
                    promo    {dma.Marks.Promo}
                    spanned  4096
                    present  4096
                    managed  4096
                    cma      0
                    protection: (0, 16, 16, 16, 16)
                  nr_free_pages 4096
              pagesets
            """, text);
        Assert.Contains("\n  node_unreclaimable:  0\n  start_pfn:           4096\n", text);
    }

    [Fact]
    public void ZoneMap_SaysWhyAZoneEnds()
    {
        using KernelMemory memory = Boot();
        Assert.Equal("""
                 DMA 0x000000000000-0x000001000000 ISA devices drive 24 address lines
               DMA32 0x000001000000-0x000002000000 32-bit devices reach 4 GiB

            """, memory.Proc.ZoneMap());
    }
}
