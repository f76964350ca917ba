using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>The text is the kernel's to the blank.</summary>
public unsafe class ProcFsTests
{
    [Fact]
    public void BuddyInfo_CountsBlocksPerOrder()
    {
        using KernelMemory memory = Boot("X86_64", BackingKind.Automatic, megabytes: 32);
        Assert.Equal("""
            Node 0, zone      DMA      0      0      0      0      0      0      0      0      0      0      4 
            Node 0, zone    DMA32      0      0      0      0      0      0      0      0      0      0      4 

            """, memory.Proc.BuddyInfo());
        Page* page = memory.AllocPages(GfpFlags.Kernel, 0);
        Assert.Contains("DMA32      1      1      1      1      1      1      1      1      1      1      3 \n", memory.Proc.BuddyInfo());
        memory.FreePages(page, 0);
    }

    [Fact]
    public void SlabInfo_ListsTheNewestCacheFirst()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        KmemCache* tasks = memory.CreateCache("task_struct", 5824);
        void* task = memory.CacheAlloc(tasks);
        void* block = memory.Kmalloc(90);
        string[] lines = memory.Proc.SlabInfo().Split('\n');
        Assert.Equal("slabinfo - version: 2.1", lines[0]);
        Assert.Equal("task_struct            1      5   5824    5    8 : tunables    0    0    0 : slabdata      1      1      0", lines[2]);
        Assert.Contains("kmalloc-96             1     42     96   42    1 : tunables    0    0    0 : slabdata      1      1      0", lines);
        memory.Kfree(block);
        memory.CacheFree(tasks, task);
        memory.DestroyCache(tasks);
    }

    [Fact]
    public void VmallocInfo_CountsTheGuardPage()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        void* range = memory.Vmalloc(4 * 4096);
        Assert.Equal($"0x{(nuint)range:x16}-0x{(nuint)range + 20480:x16}   20480 pages=4 vmalloc N0=4\n", memory.Proc.VmallocInfo());
        memory.Vfree(range);
        Assert.Equal($"0x{(nuint)range:x16}-0x{(nuint)range + 20480:x16}   20480 unpurged vm_area\n", memory.Proc.VmallocInfo());
        memory.Shrink();
        Assert.Empty(memory.Proc.VmallocInfo());
    }
}
