using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>KAlloc's page tables against what the system says of the process.</summary>
public unsafe class PageTableTests
{
    [Fact]
    public void EveryMappedPageOfTheRange_ShowsTheFrameThatTheTableNames()
    {
        if (!OperatingSystem.IsLinux()) return;
        using KernelMemory memory = Boot("X86_32", BackingKind.Memfd);
        var random = new Random(1);
        var live = new List<nint>();
        for (int i = 0; i < 400; i++)
        {
            live.Add((nint)memory.Vmalloc((nuint)random.Next(1, 200_000)));
            if (i % 3 != 0) continue;
            int index = random.Next(live.Count);
            memory.Vfree((void*)live[index]);
            live.RemoveAt(index);
        }

        Page* low = memory.AllocPages(GfpFlags.Kernel, 1), high = memory.AllocPages(GfpFlags.HighUser, 0);
        void* mapped = memory.Vmap([low + 1, high, low]);
        Assert.NotEmpty(memory.VmallocSystem.LazyAreas());
        Assert.Empty(ProcessMaps.Compare(memory));
        memory.Vunmap(mapped);
        memory.Shrink();
        Assert.Empty(memory.VmallocSystem.LazyAreas());
        Assert.Empty(ProcessMaps.Compare(memory));
        foreach (nint range in live) memory.Vfree((void*)range);
        memory.Shrink();
        memory.FreePages(low, 1);
        memory.FreePages(high, 0);
        Assert.Single(ProcessMaps.Within(memory.VmallocSystem.Start, memory.VmallocSystem.Bytes));
        Sound(memory);
    }

    /// <summary>What vmalloc hands out is in the page tables, to be written through at once: the thread that writes every page takes no fault for it.</summary>
    [Fact]
    public void WritesToAFreshArea_DoNotFault()
    {
        if (!OperatingSystem.IsLinux()) return;
        using KernelMemory memory = Boot("Flat", BackingKind.Memfd);
        foreach (int pages in new[] { 8, 1024 })
        {
            var area = (byte*)memory.Vmalloc((nuint)pages * 4096);
            long before = Faults();
            for (int i = 0; i < pages; i++) area[i * 4096] = 1;
            Assert.InRange(Faults() - before, 0, pages / 2);
            memory.Vfree(area);
        }

        static long Faults()
        {
            string stat = File.ReadAllText("/proc/thread-self/stat");
            return long.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[7], System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    [Theory]
    [InlineData(BackingKind.Automatic)]
    [InlineData(BackingKind.Portable)]
    public void Translate_KnowsEachKindOfMapping(BackingKind backing)
    {
        using KernelMemory memory = Boot("X86_32", backing);
        Page* page = memory.AllocPages(GfpFlags.Kernel, 0);
        var direct = (byte*)memory.PageAddress(page);
        PageTranslation walk = memory.PageTable.Translate(direct + 123);
        Assert.Equal((MappingKind.Direct, (nuint)(page - memory.Memory.MemMap)), (walk.Kind, walk.FrameNumber));
        Assert.Equal(((ulong)walk.FrameNumber << 12) + 123, walk.PhysicalAddress);

        var area = (byte*)memory.Vmalloc(3 * 4096);
        walk = memory.PageTable.Translate(area + 4096 + 5);
        Assert.Equal((MappingKind.Vmalloc, (nuint)(memory.VmallocToPage(area + 4096) - memory.Memory.MemMap)), (walk.Kind, walk.FrameNumber));
        Assert.Equal(MappingKind.None, memory.PageTable.Translate(area + (3 * 4096)).Kind);
        Assert.Equal(MappingKind.None, memory.PageTable.Translate(&walk).Kind);
        memory.Vfree(area);
        if (memory.VmallocSystem.Aliases) Assert.Equal(MappingKind.None, memory.PageTable.Translate(area).Kind);

        Page* high = memory.AllocPages(GfpFlags.HighUser, 0);
        if (memory.VmallocSystem.Aliases)
        {
            Assert.Equal(MappingKind.Kmap, memory.PageTable.Translate(memory.Kmap(high)).Kind);
            memory.Kunmap(high);
            void* local = memory.KmapLocal(high);
            walk = memory.PageTable.Translate(local);
            Assert.Equal((MappingKind.KmapLocal, (nuint)(high - memory.Memory.MemMap)), (walk.Kind, walk.FrameNumber));
            memory.KunmapLocal(local);
            Assert.Equal(MappingKind.None, memory.PageTable.Translate(local).Kind);
        }

        memory.FreePages(high, 0);
        memory.FreePages(page, 0);
    }

    [Fact]
    public void Translation_PrintsTheWalk()
    {
        var walk = new PageTranslation(unchecked((nuint)0x1200_0040_3abc), MappingKind.Vmalloc, 0x1f);
        Assert.Equal((36, 0, 2, 3, 0xabc), (walk.Pgd, walk.Pud, walk.Pmd, walk.Pte, walk.Offset));
        Assert.Equal("0x120000403abc: pgd 36, pud 0, pmd 2, pte 3, offset 0xabc -> pfn 0x1f, physical 0x1fabc (Vmalloc)", walk.ToString());
        Assert.EndsWith("-> not mapped", (walk with { Kind = MappingKind.None }).ToString());
    }
}
