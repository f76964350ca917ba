using static KAlloc.Linux;
using static KAlloc.Runtime.Tests.TestSupport;

namespace KAlloc.Runtime.Tests;

/// <summary>vmalloc and vmap against callers that are wrong: whatever they ask, they get a clear answer and nothing is lost.</summary>
[Collection("alone")]
public unsafe class VmallocMisuseTests
{
    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 4094)]
    [InlineData(ulong.MaxValue - 4095)]
    [InlineData(ulong.MaxValue - 8191)]
    [InlineData(1UL << 63)]
    [InlineData((1UL << 63) - 1)]
    [InlineData(1UL << 48)]
    [InlineData((ulong)uint.MaxValue * 4096)]
    [InlineData(((ulong)uint.MaxValue + 2) * 4096)]
    public void SizeNearOverflow_IsNull_AndLosesNothing(ulong size)
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        ulong before = memory.FreeBytes;
        foreach (nuint alignment in (nuint[])[0, 4096, 1 << 21])
        {
            List<KernelReport> reports = Reports(() => Assert.True(memory.VmallocSystem.AllocateChecked((nuint)size, GfpFlags.Kernel, alignment) == null));
            Assert.Contains("exceeds total pages", Assert.Single(reports).Text);
        }

        Assert.Equal(before, memory.FreeBytes);
        Sound(memory);
    }

    [Fact]
    public void WrongCountOrPages_AreRefused()
    {
        if (!KernelMemory.Default.VmallocSystem.Aliases) return;
        page* page = alloc_page(GFP_KERNEL);
        page** pages = stackalloc page*[] { page, null, page };
        Assert.True(vmap(pages, 0, VM_MAP, PAGE_KERNEL) == null);
        Assert.True(vmap(pages, uint.MaxValue, VM_MAP, PAGE_KERNEL) == null);
        Assert.True(vm_map_ram(pages, uint.MaxValue, 0) == null);
        Bug("entry 1, 0x0", () => vmap((page**)pages, 3, VM_MAP, PAGE_KERNEL));

        // A free page is nobody's to show.
        __free_page(page);
        page* block = alloc_pages(GFP_KERNEL, 10);
        __free_pages(block, 10);
        pages[0] = block;
        Bug("entry 0", () => vmap((page**)pages, 1, VM_MAP, PAGE_KERNEL));
        Assert.Empty(KernelMemory.Default.Validate());
    }

    [Fact]
    public void SamePageTwice_IsShownTwice()
    {
        if (!KernelMemory.Default.VmallocSystem.Aliases) return;
        page* page = alloc_page(GFP_KERNEL | __GFP_ZERO);
        page** pages = stackalloc page*[] { page, page, page };
        var range = (int*)vmap(pages, 3, VM_MAP, PAGE_KERNEL);
        range[1024] = 7;
        Assert.Equal((7, 7, 7), (range[0], range[2048], *(int*)page_address(page)));
        Assert.Equal(page_to_pfn(page), vmalloc_to_pfn(range + 2048));
        vunmap(range);
        Assert.Equal(1, page_count(page));
        __free_page(page);
        Assert.Empty(KernelMemory.Default.Validate());
    }

    [Fact]
    public void WrongUndo_SaysWhichIsRight_AndChangesNothing()
    {
        if (!KernelMemory.Default.VmallocSystem.Aliases) return;
        page* page = alloc_page(GFP_KERNEL);
        void* mapped = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
        var area = (byte*)vmalloc(2 * PAGE_SIZE);
        void* small = kmalloc(64, GFP_KERNEL);
        int onStack = 0;
        int* stack = &onStack;
        Bug("made by vmalloc: use vfree", () => vunmap(area));
        Bug("made by vmalloc: use vfree", () => vm_unmap_ram(area, 2));
        Bug("made by vmap: use vunmap", () => vfree(mapped));
        Bug("made by vmap: use vunmap", () => vfree_atomic(mapped));
        Bug("is a kmalloc-64 object", () => vunmap(small));
        Bug("bad address", () => vunmap(area + 1));
        Bug("is inside the vmalloc area", () => vunmap(area + PAGE_SIZE));
        Bug("Trying to vfree()", () => vfree(stack));
        Bug("Trying to vfree()", () => vfree((void*)8));
        Bug("Trying to vfree()", () => vfree((void*)(nuint.MaxValue & ~(nuint)4095)));
        area[PAGE_SIZE] = 1;
        Assert.True(vmalloc_to_page(mapped) == page);
        kfree(small);
        vunmap(mapped);
        Bug("nonexistent vm area", () => vunmap(mapped));
        vfree_atomic(area);
        Bug("nonexistent vm area", () => vfree_atomic(area));
        KernelMemory.Default.VmallocSystem.RunDeferred();
        __free_page(page);
        Assert.Empty(KernelMemory.Default.Validate());
    }

    [Fact]
    public void TwoThreadsThatFreeTheSameArea_AreTold_OneOfThem()
    {
        using KernelMemory memory = Boot("Flat", BackingKind.Automatic);
        for (int i = 0; i < 300; i++)
        {
            void* area = memory.Vmalloc((nuint)(1 + (i % 5)) * PAGE_SIZE);
            int failures = 0;
            using var start = new Barrier(2);
            Thread other = Cpu.Start(Free);
            Free();
            other.Join();
            Assert.Equal(1, failures);

            void Free()
            {
                start.SignalAndWait();
                if (Record.Exception(() => memory.Vfree(area)) is KernelBugException) Interlocked.Increment(ref failures);
            }
        }

        Sound(memory);
    }

    [Fact]
    public void PerCpuMemoryFreedTwice_IsABug() => Cpu.Run(() =>
    {
        int* counters = alloc_percpu<int>();
        free_percpu(counters);
        Bug("nothing is allocated there: freed already?", () => free_percpu(counters));
        Bug("nothing is allocated there: freed already?", () => free_percpu(counters + 2));
        Assert.Empty(KernelMemory.Default.Validate());
    });

    [Fact]
    public void KunmapOfAPageThatIsNotMapped_IsABug()
    {
        using KernelMemory memory = Boot("X86_32", BackingKind.Automatic);
        Page* page = memory.AllocPages(GfpFlags.HighUser, 0);
        Bug("it is not mapped", () => memory.Kunmap(page));
        memory.Kmap(page);
        memory.Kunmap(page);
        Bug("it is not mapped", () => memory.Kunmap(page));
        void* local = memory.KmapLocal(page);
        Bug("it is not mapped", () => memory.Kunmap(page));
        memory.KunmapLocal(local);
        memory.FreePages(page, 0);
        Sound(memory);
    }

    /// <summary>The system itself refuses mappings: another library has used them up.</summary>
    [Fact]
    public void SystemWithoutMappings_IsNullWithAWarning_AndLosesNothing()
    {
        if (!OperatingSystem.IsLinux()) return;
        (int exitCode, string output) = Child.RunCompiled("vmalloc-refused");
        Assert.True(exitCode == 0, output);
    }
}
