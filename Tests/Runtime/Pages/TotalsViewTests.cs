using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>meminfo and vmstat: the kernel's lines in the kernel's order, and figures that add up.</summary>
public unsafe class TotalsViewTests
{
    private static KernelMemory Boot(string layout = "Flat", bool sets = false) => KernelMemory.Boot(new KernelMemoryOptions
    {
        AtomicReserve = ReservePopulation.Never, Layout = Layout(layout), MemorySize = (layout == "X86_32" ? 960UL : 64UL) << 20,
        GiveBackAfter = Timeout.InfiniteTimeSpan, NoPageSets = !sets,
    });

    private static Dictionary<string, long> MemInfo(KernelMemory memory) => memory.Proc.MemInfo().Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(':')).ToDictionary(parts => parts[0], parts => long.Parse(parts[1].Replace("kB", "").Trim()));

    private static Dictionary<string, long> VmStat(KernelMemory memory) => memory.Proc.VmStat().Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(' ')).ToDictionary(parts => parts[0], parts => long.Parse(parts[1]));

    [Fact]
    public void MemInfo_IsTheKernelsToTheBlank()
    {
        using KernelMemory memory = Boot();
        string[] lines = memory.Proc.MemInfo().Split('\n');
        Assert.Equal("MemTotal:          65536 kB", lines[0]);
        Assert.Equal("Buffers:               0 kB", lines[3]);
        Assert.Equal("VmallocTotal:    1048576 kB", lines.Single(line => line.StartsWith("VmallocTotal", StringComparison.Ordinal)));
        Assert.Equal("HugePages_Total:       0", lines.Single(line => line.StartsWith("HugePages_Total", StringComparison.Ordinal)));
        Assert.Equal("", lines[^1]);
        Assert.DoesNotContain("HighTotal", memory.Proc.MemInfo());
    }

    [Fact]
    public void MemInfo_HasTheLinesOfThisMachinesKernel_InItsOrder()
    {
        if (!OperatingSystem.IsLinux()) return;
        using KernelMemory memory = Boot();
        string[] ours = [.. MemInfo(memory).Keys];

        // What only the processor's page tables and configured drivers have is the operating system's.
        string[] theirs = [.. File.ReadLines("/proc/meminfo").Select(line => line.Split(':')[0]).Where(ours.Contains)];
        Assert.Equal(ours.Where(theirs.Contains), theirs);
        Assert.True(theirs.Length > 40, $"{theirs.Length} lines");
    }

    [Fact]
    public void MemInfo_CountsWhatEachLayerHolds()
    {
        using KernelMemory memory = Boot();
        Dictionary<string, long> before = MemInfo(memory);
        KmemCache* plain = memory.CreateCache("plain", 4096), reclaimable = memory.CreateCache("reclaimable", 4096, flags: SlabFlags.ReclaimAccount);
        void* one = memory.CacheAlloc(plain), other = memory.CacheAlloc(reclaimable);
        void* area = memory.Vmalloc(3 * 4096);
        Page* mapped = memory.AllocPages(GfpFlags.Kernel, 0);
        memory.Pages.AddMapping(mapped);
        using (KernelTask task = memory.CreateTask())
        {
            Dictionary<string, long> now = MemInfo(memory);
            Assert.Equal((12, 4), (now["VmallocUsed"] - before["VmallocUsed"], now["Mapped"]));
            Assert.True(now["KernelStack"] >= 8, "a task has a stack");
            Assert.True(now["SReclaimable"] > before["SReclaimable"] && now["SUnreclaim"] > before["SUnreclaim"]);
            Assert.Equal((now["Slab"], now["SReclaimable"]), (now["SReclaimable"] + now["SUnreclaim"], now["KReclaimable"]));
            Assert.Equal(now["MemTotal"] - now["MemFree"], now["Committed_AS"]);
            Assert.True(now["MemAvailable"] < now["MemFree"] && now["MemAvailable"] > 0);
        }

        Assert.Equal(before["KernelStack"], MemInfo(memory)["KernelStack"]);
        memory.Pages.RemoveMapping(mapped);
        memory.FreePages(mapped, 0);
        memory.Vfree(area);
        memory.CacheFree(plain, one);
        memory.CacheFree(reclaimable, other);
        memory.DestroyCache(plain);
        memory.DestroyCache(reclaimable);
        Assert.Equal(0, MemInfo(memory)["Mapped"]);
    }

    [Fact]
    public void MemInfo_TellsHighFromLow()
    {
        using KernelMemory memory = Boot("X86_32");
        Dictionary<string, long> now = MemInfo(memory);
        Assert.Equal((896 << 10, 64 << 10), (now["LowTotal"], now["HighTotal"]));
        Assert.Equal(now["MemFree"], now["LowFree"] + now["HighFree"]);
    }

    [Fact]
    public void VmStat_HasTheNamesOfThisMachinesKernel_InItsOrder()
    {
        if (!OperatingSystem.IsLinux()) return;
        using KernelMemory memory = Boot();
        string[] ours = [.. VmStat(memory).Keys];
        string[] theirs = [.. File.ReadLines("/proc/vmstat").Select(line => line.Split(' ')[0]).Where(ours.Contains)];
        Assert.Equal(ours.Where(theirs.Contains), theirs);
        Assert.True(theirs.Length > 80, $"{theirs.Length} lines");
        Assert.Equal(("nr_free_pages", "nr_unstable"), (ours[0], ours[^1]));
    }

    [Fact]
    public void VmStat_CountsPagesAndReclaims()
    {
        using KernelMemory memory = Boot();
        Dictionary<string, long> before = VmStat(memory);
        Assert.Equal(memory.TotalBytes / 4096, (ulong)(before["nr_free_pages"] + before["pgalloc_normal"] - before["pgfree"]));
        Page* page = memory.AllocPages(GfpFlags.Kernel, 3);
        Dictionary<string, long> now = VmStat(memory);
        Assert.Equal((8, 8, 0), (now["pgalloc_normal"] - before["pgalloc_normal"], before["nr_free_pages"] - now["nr_free_pages"], now["pgfree"] - before["pgfree"]));
        memory.FreePages(page, 3);
        Assert.Equal(8, VmStat(memory)["pgfree"] - before["pgfree"]);

        var shrinker = new Shrinker((Shrinker _, ref ShrinkControl _) => 100, (Shrinker _, ref ShrinkControl _) => Shrinker.Stop, "vmstat");
        memory.RegisterShrinker(shrinker);
        var all = new List<nint>();
        for (Page* p; (p = memory.TryAllocPages(GfpFlags.MemAlloc | GfpFlags.NoWarn, 0)) != null;) all.Add((nint)p);
        Assert.True(memory.TryAllocPages(GfpFlags.Kernel | GfpFlags.NoWarn, 0) == null);
        now = VmStat(memory);
        Assert.True(now["allocstall_normal"] > 0 && now["oom_kill"] == 1);
        Assert.Equal(0, now["allocstall_dma"]);
        foreach (nint p in all) memory.FreePages((Page*)p, 0);
        memory.UnregisterShrinker(shrinker);
        now = VmStat(memory);
        Assert.Equal(memory.TotalBytes / 4096, (ulong)(now["nr_free_pages"] + now["pgalloc_normal"] - now["pgfree"]));
    }

    [Fact]
    public void VmStat_WithPageSets_CountsWhatLeavesTheLists()
    {
        using KernelMemory memory = Boot(sets: true);
        for (int i = 0; i < 1000; i++) memory.FreePages(memory.AllocPages(GfpFlags.Kernel, 0), 0);
        Assert.InRange(VmStat(memory)["pgalloc_normal"], 1, 200);
        memory.Shrink();
        Dictionary<string, long> now = VmStat(memory);
        Assert.Equal(now["pgalloc_normal"] - now["pgfree"], (long)(memory.TotalBytes / 4096) - now["nr_free_pages"]);
    }

    [Fact]
    public void VmStat_OfAMachineWithHighMemory_HasItsLines()
    {
        using KernelMemory memory = Boot("X86_32");
        Page* page = memory.AllocPages(GfpFlags.HighUser, 0);
        string[] names = [.. VmStat(memory).Keys];
        Assert.Equal(Array.IndexOf(names, "pgalloc_normal") + 1, Array.IndexOf(names, "pgalloc_high"));
        Assert.Equal(1, VmStat(memory)["pgalloc_high"]);
        memory.FreePages(page, 0);
    }
}

/// <summary>page_mapcount: what user page tables would show, and that such a page is not freed.</summary>
public unsafe class PageMapCountTests
{
    [Fact]
    public void MappedPage_CannotBeFreed_UntilItIsMappedNowhere()
    {
        page* page = alloc_page(GFP_KERNEL);
        Assert.Equal((0, false), (page_mapcount(page), page_mapped(page)));
        page_add_file_rmap(page);
        page_add_file_rmap(page);
        Assert.Equal((2, true), (page_mapcount(page), page_mapped(page)));
        Assert.Equal(1, page_count(page));
        page_remove_rmap(page);
        Bug("page dumped because: nonzero mapcount", () => __free_page(page));
        Bug("page dumped because: nonzero mapcount", () => put_page(page));
        page_remove_rmap(page);
        Bug("page_remove_rmap", () => page_remove_rmap(page));
        __free_page(page);
    }

    [Fact]
    public void CompoundBlock_IsCountedAsOne_AndATailOfAPlainBlockIsNoPageToMap()
    {
        page* compound = alloc_pages(GFP_KERNEL | __GFP_COMP, 2), plain = alloc_pages(GFP_KERNEL, 2);
        page_add_file_rmap(compound + 3);
        Assert.Equal((1, 1), (page_mapcount(compound), page_mapcount(compound + 1)));
        page_remove_rmap(compound + 2);
        Bug("it is page 1 of an allocated block of order 2", () => page_add_file_rmap(plain + 1));
        __free_pages(compound, 2);
        __free_pages(plain, 2);
    }

    [Fact]
    public void MappingsOfTheKernel_DoNotCount()
    {
        page* page = alloc_page(GFP_KERNEL);
        void* address = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
        Assert.Equal(0, page_mapcount(page));
        vunmap(address);
        void* area = vmalloc(100), small = kmalloc(64, GFP_KERNEL);
        Assert.Equal((0, 0), (page_mapcount(vmalloc_to_page(area)), page_mapcount(virt_to_page(small))));
        Bug("belongs to a slab", () => page_add_file_rmap(virt_to_page(small)));
        vfree(area);
        kfree(small);
        __free_page(page);
    }
}
